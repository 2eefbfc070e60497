// Checklist point 58: the gateway connects to nothing that only its own network can reach unless that was allowed – not as an upstream, not
// because an upstream sends it elsewhere, not for a picture.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { combinedOf, register } from './combined-doors.ts';
import { modern, openSession, post, request } from './doors.ts';
import { json, startScriptedUpstream } from './scripted-upstream.ts';

let gateway: StartedGateway;
let allowing: StartedGateway;
/** Stands for what only the gateway can reach: it must never hear of anything. */
let inner: Server;
let innerUrl: string;
const heard: string[] = [];

beforeAll(async () => {
  gateway = await startGateway();
  allowing = await startGateway({ env: { SSRF_ALLOWED_NETWORKS: '10.1.0.0/16' } });
  inner = createServer((req, res) => {
    heard.push(`${req.method} ${req.url}`);
    res.writeHead(200).end();
  });
  await new Promise<void>((resolve) => inner.listen(0, '127.0.0.1', resolve));
  innerUrl = `http://127.0.0.1:${(inner.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await gateway?.stop();
  await allowing?.stop();
  inner?.close();
});

const REFUSED = [
  'http://10.0.0.1/mcp',
  'http://172.16.3.4/mcp',
  'https://192.168.1.1/mcp',
  'http://100.64.0.1/mcp',
  'http://169.254.169.254/latest/meta-data',
  'http://2852039166/latest',
  'http://0xa9.0xfe.0xa9.0xfe/latest',
  'http://[::ffff:169.254.169.254]/latest',
  'http://metadata.google.internal/computeMetadata/v1',
  'http://[fd00::1]/mcp',
  'http://[fe80::1]/mcp',
  'http://0.0.0.0:1/mcp',
];

describe('point 58', () => {
  test.each(REFUSED)('point 58: %s is refused as an upstream, at registration, deferred or not, and by a change', async (url) => {
    for (const more of [{}, { deferred: true }, { transport: 'SSE', deferred: true }]) {
      const { status, body } = await gateway.api('POST', '/gateways', { name: 'inner', url, transport: 'STREAMABLEHTTP', ...more });
      expect([status, body.message]).toEqual([400, expect.stringContaining('may not connect')]);
    }
    const upstream = await startScriptedUpstream();
    try {
      const id = await register(gateway, 'fine', upstream.url);
      const changed = await gateway.api('PUT', `/gateways/${id}`, { url });
      expect([changed.status, changed.body.message]).toEqual([400, expect.stringContaining('may not connect')]);
      expect((await gateway.api('GET', `/gateways/${id}`)).body.url).toBe(upstream.url);
      await gateway.api('DELETE', `/gateways/${id}`);
    } finally {
      await upstream.close();
    }
  });

  test('point 58: a network that was allowed is allowed, and no more than that', async () => {
    const deferred = { transport: 'STREAMABLEHTTP', deferred: true };
    expect((await allowing.api('POST', '/gateways', { name: 'allowed', url: 'http://10.1.2.3/mcp', ...deferred })).status).toBe(200);
    expect((await allowing.api('POST', '/gateways', { name: 'beside', url: 'http://10.2.2.3/mcp', ...deferred })).status).toBe(400);
  });

  test('point 58: a redirect is followed nowhere, at registration or in a call, and its target is told to nobody', async () => {
    const upstream = await startScriptedUpstream();
    try {
      const door = await combinedOf(gateway, [{ name: 'turns', url: upstream.url }]);
      const session = await openSession(door);
      upstream.play(({ message, res }) => {
        if (message.method !== 'tools/call') return false;
        res.writeHead(307, { location: `${innerUrl}/redirected` }).end();
        return true;
      });
      for (const answer of [
        await modern(door, 'tools/call', { name: 'one', arguments: {} }),
        await post(session, request(1, 'tools/call', { name: 'one', arguments: {} })),
      ]) {
        expect(answer.headers['location']).toBeUndefined();
        const text = await answer.answerText();
        expect(JSON.parse(text)).toMatchObject({ error: { code: expect.any(Number) } });
        expect(text).not.toContain(innerUrl);
      }
      upstream.play(({ res }) => void res.writeHead(302, { location: `${innerUrl}/at-registration` }).end());
      const { status } = await gateway.api('POST', '/gateways', { name: 'turns at once', url: `${upstream.url}?once`, transport: 'STREAMABLEHTTP' });
      expect(status).toBe(502);
      expect(heard).toEqual([]);
    } finally {
      await upstream.close();
    }
  });

  test('point 58: nobody is asked for an icon: addresses of pictures go to clients and no further', async () => {
    const upstream = await startScriptedUpstream({
      about: `"capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1","icons":[{"src":"${innerUrl}/server.png"}]}`,
    });
    try {
      upstream.play(({ message, res }) => {
        if (message.method !== 'tools/list') return false;
        const tool = { name: 'drawn', inputSchema: { type: 'object' }, icons: [{ src: `${innerUrl}/tool.png`, mimeType: 'image/png' }] };
        json(res, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', tools: [tool] } }));
        return true;
      });
      const door = await combinedOf(gateway, [{ name: 'pictures', url: upstream.url }], { icon: `${innerUrl}/combined.png` });
      expect(await (await modern(door, 'tools/list')).answerText()).toContain('/tool.png');
      expect((await modern(door, 'server/discover')).status).toBe(200);
      expect((await gateway.api('GET', `/servers/${door.serverId}`)).body.icon).toContain('/combined.png');
      expect(heard).toEqual([]);
    } finally {
      await upstream.close();
    }
  });

  test.each(['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', 'ftp://h/x'])('point 58: %s is no icon', async (icon) => {
    expect((await gateway.api('POST', '/servers', { server: { name: 'icon', icon } })).status).toBe(422);
  });
});
