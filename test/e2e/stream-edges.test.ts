// What the wire shows of moments between a client, the gateway and its upstream: who has gone, what has changed, what is not said twice.
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { envelope, getStream, mirrorOf, notification, openSession, post, request, toolCall, type Door } from './checklist/doors.ts';
import { event, json, startScriptedUpstream, stream, type ScriptedUpstream } from './checklist/scripted-upstream.ts';
import { eventually } from './checklist/wire.ts';

let gateway: StartedGateway;
let upstream: ScriptedUpstream;
let door: Door;

beforeAll(async () => {
  gateway = await startGateway();
  upstream = await startScriptedUpstream();
  door = await mirrorOf(gateway, upstream.url);
});
beforeEach(() => upstream.play(() => false));
afterAll(async () => {
  await gateway?.stop();
  await upstream?.close();
});

const LOST = '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}';

test('a stream without a session is closed upstream when its client goes', async () => {
  let isClosed = false;
  upstream.play(({ res, verb }) => {
    if (verb !== 'GET') return false;
    stream(res);
    res.on('close', () => (isClosed = true));
    return true;
  });
  const client = await getStream(door);
  expect(client.isStream).toBe(true);
  client.close();
  await eventually(() => isClosed);
});

test('a 409 of the upstream is asked again, and the client sees one answer', async () => {
  const session = await openSession(door);
  let gets = 0;
  upstream.play(({ res, verb }) => {
    if (verb !== 'GET') return false;
    if (++gets === 1) return json(res, '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Conflict"}}', 409);
    stream(res);
    res.write(event(notification('notifications/message', { n: 1 })));
  });
  const client = await getStream(session);
  expect([client.status, client.isStream, gets]).toEqual([200, true, 2]);
  expect(await client.message()).toBe(notification('notifications/message', { n: 1 }));
  client.close();
});

test('a session that is lost after its gateway was given another URL and other credentials is opened there, not at the old one', async () => {
  const [before, after] = [await startScriptedUpstream(), await startScriptedUpstream()];
  try {
    const registered = await gateway.registerMirror(before.url, { gateway: { auth_type: 'bearer', auth_token: 'old-secret' } });
    const session = await openSession({ url: registered.mcpUrl, headers: { authorization: `Bearer ${gateway.token}` } });
    const changed = await gateway.api('PUT', `/gateways/${registered.gatewayId}`, { url: after.url, auth_type: 'bearer', auth_token: 'new-secret' });
    expect(changed.status).toBe(200);
    before.play(() => false);
    after.play(({ res, headers, message }) => {
      if (message.method !== 'tools/call') return false;
      const known = after.sessions.has(String(headers['mcp-session-id'])) && headers['mcp-session-id'] !== 'upstream-session-1';
      json(res, known ? JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { at: 'the new one' } }) : LOST, known ? 200 : 404);
      return true;
    });
    const answer = await post(session, toolCall(1, 'one'));
    expect([answer.status, await answer.answer()]).toEqual([200, { jsonrpc: '2.0', id: 1, result: { at: 'the new one' } }]);
    expect(before.seen).toEqual([]);
    expect(after.seen.map(({ headers }) => headers.authorization)).toEqual(after.seen.map(() => 'Bearer new-secret'));
  } finally {
    await before.close();
    await after.close();
  }
});

test('a session that is opened again is opened with the client’s own credentials for the upstream', async () => {
  const session = await openSession(door);
  const seen: (string | undefined)[] = [];
  upstream.play(({ res, headers, message }) => {
    seen.push(headers.authorization);
    if (message.method !== 'tools/call') return false;
    if (seen.length === 1) return json(res, LOST, 404);
    json(res, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: {} }));
  });
  expect((await post(session, toolCall(1, 'one'), { 'x-upstream-authorization': 'Bearer theirs' })).status).toBe(200);
  expect(seen).toEqual(['Bearer theirs', 'Bearer theirs', 'Bearer theirs', 'Bearer theirs']);
});

test('what a session keeps for the day it is lost is bounded', async () => {
  const huge = 'x'.repeat(400_000);
  const session = await openSession(door);
  for (let i = 0; i < 4; i++) await (await post(session, request(i, 'resources/subscribe', { uri: `test://${i}`, huge }))).bytes();
  await (await post(session, request(9, 'logging/setLevel', { level: 'error' }))).bytes();
  let isLost = false;
  upstream.play(({ res, message }) => {
    if (message.method !== 'tools/call') return false;
    if (isLost) return json(res, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: {} }));
    isLost = true;
    json(res, LOST, 404);
  });
  expect((await post(session, toolCall(1, 'one'))).status).toBe(200);
  const subscribed = upstream.seen.filter(({ message }) => message.method === 'resources/subscribe').map(({ message }) => message.params?.['uri']);
  expect([subscribed, upstream.seen.some(({ message }) => message.method === 'logging/setLevel')]).toEqual([['test://0', 'test://1'], true]);
  const large = await openSession(door, '2025-11-25', {}, { huge });
  isLost = false;
  const refused = await post(large, toolCall(2, 'one'));
  expect([refused.status, await refused.answer()]).toMatchObject([502, { error: { data: { code: 'upstream.session_lost' } } }]);
});

test('a compressed answer nobody asked for is refused, not passed on as if it were plain', async () => {
  const session = await openSession(door);
  upstream.play(({ res, message }) => {
    const body = gzipSync(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { text: 'x'.repeat(200_000) } }));
    res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(body);
  });
  const answer = await post(session, toolCall(1, 'one'));
  expect([answer.status, await answer.answer()]).toMatchObject([502, { id: 1, error: { data: { code: 'upstream.bad_answer' } } }]);
});

test('a 204 has no length, and the next message on the connection is answered', async () => {
  const session = await openSession(door);
  upstream.play(({ res, message }) => {
    if (message.id === undefined) {
      res.writeHead(204).end();
      return true;
    }
    json(res, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: {} }));
    return true;
  });
  const noted = await post(session, notification('notifications/vendor'));
  expect([noted.status, noted.headers['content-length']]).toEqual([204, undefined]);
  expect((await post(session, toolCall(1, 'one'))).status).toBe(200);
});

test('a request that describes itself is not hidden in a batch', async () => {
  upstream.play(() => false);
  const refused = await post(door, `[${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: envelope() } })}]`);
  expect([refused.status, await refused.answer()]).toMatchObject([400, { error: { code: -32600 } }]);
  expect(upstream.seen).toEqual([]);
});

test('thousands of events for a client that does not read are waited for once, without a warning', async () => {
  const session = await openSession(door);
  const count = 20_000;
  let hasWritten = false;
  upstream.play(({ res, message }) => {
    if (message.id === undefined) return false;
    stream(res);
    let text = '';
    for (let i = 0; i < count; i++) text += event(notification('notifications/message', { i, fill: 'x'.repeat(400) }));
    res.end(text + event(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: {} })));
    hasWritten = true;
    return true;
  });
  const body = toolCall(1, 'one');
  const { pathname } = new URL(session.url);
  const head = Object.entries({
    ...session.headers,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'content-length': String(body.length),
  });
  const socket = connect(gateway.port, '127.0.0.1');
  socket.pause();
  socket.write(`POST ${pathname} HTTP/1.1\r\nHost: 127.0.0.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`);
  await eventually(() => hasWritten);
  // The gateway goes on serving others while this one is stuck.
  expect((await gateway.api('GET', '/health')).status).toBe(200);
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  socket.resume();
  await eventually(() => received.includes('"result":{}'));
  socket.destroy();
  expect(received.match(/"i":\d+/g)).toHaveLength(count);
  expect(gateway.output()).not.toContain('MaxListenersExceededWarning');
});
