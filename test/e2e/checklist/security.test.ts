// Checklist point 54: who may knock is settled before any work is done, and what a client proves itself with stays at the gateway, as
// what an upstream proves itself with stays behind it.
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import {
  getStream,
  mirrorOf,
  modern,
  modernBody,
  modernHeaders,
  notification,
  openSession,
  post,
  request,
  toolCall,
  type ClientSession,
  type Door,
} from './doors.ts';
import { event, json, startScriptedUpstream, stream, type ScriptedUpstream } from './scripted-upstream.ts';
import { open } from './wire.ts';

let gateway: StartedGateway;
let upstream: ScriptedUpstream;
let door: Door & { gatewayId: string };
let session: ClientSession;

beforeAll(async () => {
  gateway = await startGateway({ env: { ALLOWED_ORIGINS: 'https://app.example.com', ALLOWED_HOSTS: 'gateway.example.com' } });
  upstream = await startScriptedUpstream();
  door = await mirrorOf(gateway, upstream.url);
  session = await openSession(door);
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.close();
});
beforeEach(() => {
  upstream.play(() => false);
});

const LIST = modernBody('tools/list', {});

describe('point 54', () => {
  const refused: readonly Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost.evil.example' },
    { origin: 'http://app.example.com' },
    { origin: 'https://app.example.com.evil.example' },
    { origin: 'https://app.example.com:8443' },
    { host: 'evil.example' },
    { host: 'localhost.evil.example' },
    { host: '127.0.0.1.evil.example:4444' },
    { host: 'evil.example#localhost' },
    { host: 'gateway.example.com.evil.example' },
  ];
  test.each(refused)(
    'point 54: %j is refused with 403 on every method, before the token is looked at or the upstream hears of it',
    async (headers) => {
      const nobody: Door = { url: door.url, headers: {} };
      for (const at of [door, nobody, session]) {
        expect((await post(at, LIST, { ...modernHeaders('tools/list'), ...headers })).status).toBe(403);
        expect((await getStream(at, headers)).status).toBe(403);
        expect((await open(at.url, { method: 'DELETE', headers: { ...at.headers, ...headers } })).status).toBe(403);
        expect((await open(at.url, { method: 'OPTIONS', headers: { ...headers, 'access-control-request-method': 'POST' } })).status).toBe(403);
        expect((await open(`${gateway.url}/gateways`, { method: 'GET', headers: { ...at.headers, ...headers } })).status).toBe(403);
      }
      expect(upstream.seen).toEqual([]);
      expect((await post(session, request(1, 'tools/list'))).status).toBe(200);
    },
  );

  test('point 54: a bad origin is refused before the body has been sent', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(gateway.port, '127.0.0.1', () => {
        socket.write(
          `POST ${new URL(door.url).pathname} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{`,
        );
      });
      socket.once('data', (bytes: Buffer) => {
        resolve(bytes.toString('latin1'));
        socket.destroy();
      });
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  });

  test('point 54: local names, configured hosts and allowed origins are served', async () => {
    for (const headers of [
      { host: 'localhost:9999' },
      { host: '[::1]:1' },
      { host: 'gateway.example.com' },
      { origin: 'https://app.example.com' },
      { origin: gateway.url },
    ] as Record<string, string>[]) {
      expect((await post(door, LIST, { ...modernHeaders('tools/list'), ...headers })).status, JSON.stringify(headers)).toBe(200);
    }
  });

  test('point 54: credentials, cookies, Host, Origin and session ids of the client never reach the upstream', async () => {
    const secrets = {
      cookie: 'session=secret-cookie',
      origin: 'https://app.example.com',
      'proxy-authorization': 'Basic secret-proxy',
      'x-forwarded-for': 'secret-address',
      forwarded: 'for=secret-forwarded',
      'x-api-key': 'secret-key',
      'user-agent': 'secret-agent',
      referer: 'https://secret.example/',
    };
    const standalone = getStream(session, secrets);
    await post(session, toolCall(1, 'one'), secrets);
    await post(session, notification('notifications/vendor'), secrets);
    await post(session, '{"jsonrpc":"2.0","id":5,"result":{}}', secrets);
    await post(session, `[${request(1, 'ping')},${request(2, 'ping')}]`, secrets);
    await modern(door, 'tools/list', {}, { headers: { ...secrets, 'mcp-session-id': 'secret-session' } });
    await openSession({ ...door, headers: { ...door.headers, ...secrets } });
    (await standalone).close();
    await open(session.url, { method: 'DELETE', headers: { ...session.headers, ...secrets } });
    session = await openSession(door);
    expect(upstream.seen.length).toBeGreaterThanOrEqual(10);
    for (const { rawHeaders, headers, text } of upstream.seen) {
      const seen = rawHeaders.join('\n');
      expect(seen).not.toMatch(/secret/);
      expect(seen + text).not.toContain(gateway.token);
      expect(seen).not.toContain(door.headers['authorization']);
      expect(seen).not.toContain(session.id);
      expect([headers.authorization, headers.cookie, headers.origin]).toEqual([undefined, undefined, undefined]);
      expect(headers.host).toBe(new URL(upstream.url).host);
      expect([undefined, ...upstream.sessions]).toContain(headers['mcp-session-id']);
    }
  });

  test('point 54: X-Upstream-Authorization becomes Authorization upstream, and the gateway’s own credentials are sent when there are some', async () => {
    await post(session, toolCall(1, 'one'), { 'x-upstream-authorization': 'Bearer for-upstream' });
    expect([upstream.seen[0]?.headers.authorization, upstream.seen[0]?.headers['x-upstream-authorization']]).toEqual([
      'Bearer for-upstream',
      undefined,
    ]);
    const own = await mirrorOf(gateway, `${upstream.url}?own`, { gateway: { auth_type: 'bearer', auth_token: 'stored-by-the-gateway' } });
    upstream.play(() => false);
    await modern(own, 'tools/list');
    expect(upstream.seen[0]?.headers.authorization).toBe('Bearer stored-by-the-gateway');
    expect(upstream.seen[0]?.rawHeaders.filter((name) => name.toLowerCase() === 'authorization')).toHaveLength(1);
  });

  test('point 54: an upstream’s cookies, challenges, redirects and session ids never reach a client', async () => {
    const leaks = {
      'set-cookie': 'a=leak',
      'www-authenticate': 'Bearer realm="leak"',
      location: 'https://leak.example/',
      'x-powered-by': 'leak',
      'access-control-allow-origin': '*',
      server: 'leak',
      'mcp-session-id': 'leak',
    };
    const ok = (id: unknown) => JSON.stringify({ jsonrpc: '2.0', id, result: {} });
    const upstreamAnswers: readonly (readonly [number, number])[] = [
      [200, 200],
      [400, 400],
      [401, 502],
      [403, 502],
      [301, 502],
      [307, 502],
      [500, 502],
      [503, 502],
    ];
    for (const [sent, received] of upstreamAnswers) {
      upstream.play(({ res, message }) => json(res, ok(message.id), sent, leaks));
      for (const answer of [await post(session, toolCall(1, 'one')), await modern(door, 'tools/call', { name: 'one' })]) {
        expect([sent, answer.status]).toEqual([sent, received]);
        expect(JSON.stringify(answer.response.rawHeaders) + (await answer.answerText())).not.toContain('leak');
      }
    }
    upstream.play(({ res, message }) => {
      stream(res, leaks);
      res.end(event(ok(message.id), 'leak'));
    });
    for (const answer of [await post(session, toolCall(1, 'one')), await modern(door, 'tools/call', { name: 'one' })]) {
      expect(answer.status).toBe(200);
      expect(JSON.stringify(answer.response.rawHeaders) + JSON.stringify(await answer.blocks())).not.toContain('leak');
    }
    // The credentials are the gateway's to mend: once they are accepted again, so is the upstream.
    upstream.play(() => false);
    expect((await post(session, request(1, 'tools/list'))).status).toBe(200);
  });

  test('point 54: an upstream’s 5xx is a 502 with its JSON-RPC body untouched', async () => {
    const body = '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"é","data":{"n":1.0}}}';
    upstream.play(({ res }) => json(res, body, 500));
    for (const answer of [await post(session, toolCall(1, 'one')), await modern(door, 'tools/call', { name: 'one' })]) {
      expect([answer.status, await answer.answerText()]).toEqual([502, body]);
    }
  });
});
