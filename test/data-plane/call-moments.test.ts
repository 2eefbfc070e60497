// A running call, at the moments in which something else happens to it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { answerTo, news, PlayedClient, SERVER, startRig, UPSTREAM, type DataPlaneRig } from './data-plane-rig.ts';

let rig: DataPlaneRig;
let session: string;

beforeEach(() => {
  vi.useFakeTimers();
  rig = startRig();
  session = rig.openSession();
});
afterEach(() => vi.useRealTimers());

test('an upstream that refuses to resume is asked again one time after the other, and nothing arrives twice', () => {
  const { client, asked } = rig.call(session);
  asked.opensStream().says(news(1), 'a').sink.end();
  expect(client.isEnded).toBe(true);
  vi.advanceTimersByTime(1000);
  const before = rig.calls.length;
  rig.last().refuses(503);
  vi.advanceTimersByTime(1000);
  expect(rig.calls).toHaveLength(before + 1);
  rig.last().opensStream().says(news(2), 'b').says(answerTo(1), 'c');
  vi.advanceTimersByTime(5000);
  expect(rig.calls).toHaveLength(before + 1);
  const back = rig.get({ session, headers: { 'last-event-id': client.lastEventId } });
  expect([back.data, back.isEnded]).toEqual([[news(2), answerTo(1)], true]);
});

test('an upstream that never resumes ends in one error, kept for the client that comes back', () => {
  const { client, asked } = rig.call(session);
  asked.opensStream().says(news(1), 'a').sink.end();
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(1000);
    if (rig.last() !== asked && !rig.last().isCancelled) rig.last().refuses(404);
  }
  const back = rig.get({ session, headers: { 'last-event-id': client.lastEventId } });
  expect(back.data.map((data) => JSON.parse(data ?? '').error.data.code)).toEqual(['upstream.connection_lost']);
  expect(rig.calls.length).toBeLessThan(10);
});

test('`retry: 0` is heeded without hammering', () => {
  const { asked } = rig.call(session);
  asked.opensStream();
  asked.sink.event({ id: 'a', event: undefined, retry: '0', data: '', comment: undefined });
  asked.sink.end();
  const before = rig.calls.length;
  vi.advanceTimersByTime(10);
  expect(rig.calls).toHaveLength(before);
  vi.advanceTimersByTime(90);
  expect(rig.calls).toHaveLength(before + 1);
});

test('an answer is given to the token that comes for it, not to the one that asked', () => {
  const { client, asked } = rig.call(session, 1, 'ann/1');
  asked.opensStream().says(news(1), 'a');
  client.leave();
  rig.revoked.add('ann/1');
  asked.says(news(2), 'b');
  const back = rig.get({ session, token: 'ann/2', headers: { 'last-event-id': client.lastEventId } });
  asked.says(news(3), 'c');
  expect(back.data).toEqual([news(2), news(3)]);
  rig.revoked.add('ann/2');
  asked.says(answerTo(1), 'd');
  expect([back.data, back.isEnded]).toEqual([[news(2), news(3)], true]);
  const last = rig.get({ session, token: 'ann/3', headers: { 'last-event-id': back.lastEventId } });
  expect([last.data, last.isEnded]).toEqual([[answerTo(1)], false]);
});

test('where nobody could come back, a token that is no longer good ends the call', () => {
  const { client, asked } = rig.call(session, 1);
  asked.opensStream().says(news(1));
  rig.revoked.add('ann');
  asked.says(news(2));
  expect([client.data.length, JSON.parse(client.data[1] ?? '').error.data.code, asked.isCancelled]).toEqual([2, 'auth.invalid', true]);
});

test('a call is resumed and taken back upstream with what its client sends there', () => {
  const headers = {
    'mcp-protocol-version': '2025-11-25',
    'x-upstream-authorization': 'Bearer theirs',
    'mcp-name': 'x',
    'content-type': 'application/json',
  };
  rig.post({ id: 1, method: 'tools/call', params: { name: 'x' } }, { session, headers });
  rig.last().opensStream().says(news(1), 'a').sink.end();
  vi.advanceTimersByTime(1000);
  expect(rig.last().request.headers).toEqual(['mcp-protocol-version', '2025-11-25', 'accept', 'text/event-stream', 'authorization', 'Bearer theirs']);
  rig.last().opensStream();
  vi.advanceTimersByTime(61_000);
  const { method, headers: told } = rig.last().request;
  expect([method, told.includes('Bearer theirs'), told.includes('mcp-name')]).toEqual(['POST', true, false]);
});

test('while the gateway drains, the answer of a running call can still be fetched, and nothing new is begun', async () => {
  const { client, asked } = rig.call(session, 1);
  asked.opensStream().says(news(1), 'a');
  client.leave();
  const closed = rig.gateway.close(1000);
  const back = rig.get({ session, headers: { 'last-event-id': client.lastEventId } });
  expect(rig.call(session, 2).client.error?.code).toBe('gateway.stopping');
  expect(rig.get({ session }).error?.code).toBe('gateway.stopping');
  asked.says(answerTo(1), 'b').sink.end();
  await vi.advanceTimersByTimeAsync(1000);
  await closed;
  expect([back.data, back.isEnded]).toEqual([[answerTo(1)], true]);
});

test('an id of any text is taken back upstream in the very same bytes', () => {
  rig.post(`{"jsonrpc":"2.0","id":"${Buffer.from('é😀').toString('latin1')}","method":"tools/call","params":{"name":"x"}}`, { session });
  vi.advanceTimersByTime(61_000);
  const told = JSON.parse(rig.last().request.body?.toString('utf8') ?? '') as { method: string; params: { requestId: string } };
  expect([told.method, told.params.requestId]).toEqual(['notifications/cancelled', 'é😀']);
});

test('an upstream that never answers what it was told does not keep the connection', () => {
  rig.call(session, 1);
  vi.advanceTimersByTime(61_000);
  const told = rig.last();
  expect(told.request.lane).toBe('reply');
  vi.advanceTimersByTime(20_000);
  expect(told.isCancelled).toBe(true);
});

test('a cancel finds its call however the id is written', () => {
  rig.change({ servers: [{ ...SERVER, limits: { callsPerMinute: null, concurrent: 1 } }] });
  rig.post('{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"x"}}', { session });
  rig.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"\\u0061"}}', { session });
  expect(rig.call(session, 2).client.error).toBeUndefined();
});

test('a client that has gone while its token was looked at cancels a modern call and a stream, but no legacy call', async () => {
  const gone = (): PlayedClient => Object.assign(new PlayedClient(), { isGone: true, isEnded: true });
  const before = rig.calls.length;
  rig.post(
    { id: 1, method: 'tools/call', params: { name: 'x', _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } } },
    { client: gone() },
  );
  rig.get({ session, client: gone() });
  expect(rig.calls).toHaveLength(before);
  rig.post({ id: 1, method: 'tools/call', params: { name: 'x' } }, { session, client: gone() });
  expect(rig.calls).toHaveLength(before + 1);
});

test('a session nobody has heard of is ended upstream at once', () => {
  const client = new PlayedClient();
  rig.post({ id: 0, method: 'initialize', params: {} }, { client });
  const asked = rig.last();
  client.leave();
  asked.observer?.session({ remember() {}, forget() {} });
  expect([rig.last().request.method, rig.last().request.session]).toEqual(['DELETE', expect.anything()]);
});

test('a client that has taken its call back and left keeps nothing open', () => {
  const { client, asked } = rig.call(session, 1);
  asked.opensStream().says(news(1), 'a');
  rig.post({ method: 'notifications/cancelled', params: { requestId: 1 } }, { session });
  expect(asked.isCancelled).toBe(false);
  client.leave();
  expect(asked.isCancelled).toBe(true);
});

test('a client that has left before it takes its call back keeps nothing open either', () => {
  const { client, asked } = rig.call(session, 1);
  asked.opensStream().says(news(1), 'a');
  client.leave();
  rig.post({ method: 'notifications/cancelled', params: { requestId: 1 } }, { session });
  vi.advanceTimersByTime(5000);
  expect(asked.isCancelled).toBe(true);
});

test('a call that was taken back does not keep a session that nobody uses', () => {
  const { client, asked } = rig.call(session, 1);
  asked.opensStream().says(news(1), 'a');
  const back = rig.get({ session, headers: { 'last-event-id': client.lastEventId } });
  rig.post({ method: 'notifications/cancelled', params: { requestId: 1 } }, { session });
  vi.advanceTimersByTime(10_000);
  expect(asked.isCancelled).toBe(false);
  back.leave();
  vi.advanceTimersByTime(2 * 3_600_000);
  expect(asked.isCancelled).toBe(true);
});

test('on shutdown the call’s end is told to whoever waits for it now, also on another connection', async () => {
  const { client, asked } = rig.call(session, 1);
  asked.opensStream().says(news(1), 'a');
  client.leave();
  const back = rig.get({ session, headers: { 'last-event-id': client.lastEventId } });
  const closed = rig.gateway.close(100);
  await vi.advanceTimersByTimeAsync(200);
  await closed;
  expect(back.data.map((data) => JSON.parse(data ?? '').error.data.code)).toEqual(['gateway.stopping']);
  expect([back.isEnded, asked.isCancelled]).toEqual([true, true]);
});

test('an upstream’s bare refusal is recorded as one', () => {
  const { client, asked } = rig.call(session, 1);
  asked.sink.head({ status: 404, kind: 'empty', headers: [], contentLength: 0 });
  asked.sink.end();
  expect(client.status).toBe(404);
  expect(rig.recorded('call').at(-1)).toEqual(['tools/call', 'rpc_error']);
});

test('records keep no more of a text than they show', () => {
  for (const end of ['a', 'b']) rig.post({ id: 1, method: 'tools/call', params: { name: `${'x'.repeat(100_000)}${end}` } }, { session });
  vi.advanceTimersByTime(61_000);
  const texts = rig.recordedTexts().filter((text) => text.startsWith('xxx'));
  expect(texts.map((text) => text.length)).toEqual([513]);
});

test('the sessions of a deleted server are ended with their upstream, also while their clients listen', () => {
  const { client, asked } = rig.call(session);
  asked.opensStream().says(news(1), 'a');
  rig.change({ servers: [] });
  vi.advanceTimersByTime(20_000);
  expect(client.isEnded).toBe(true);
  expect(rig.calls.filter(({ request }) => request.method === 'DELETE')).toHaveLength(1);
});

test('a session with an upstream ends when its server becomes the mirror of another', () => {
  const other = { ...UPSTREAM, id: 'h', name: 'other' };
  rig.change({ upstreams: [UPSTREAM, other], servers: [{ ...SERVER, mirrorGatewayId: 'h' }] });
  expect(rig.post({ jsonrpc: '2.0', id: 5, method: 'ping' }, { session }).error?.code).toBe('session.not_found');
  vi.advanceTimersByTime(20_000);
  expect(rig.last().request).toMatchObject({ method: 'DELETE', upstream: { id: 'g' } });
});
