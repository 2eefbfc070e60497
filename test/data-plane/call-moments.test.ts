// A running call, at the moments in which something else happens to it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RECORD_COLUMNS, RECORD_DIRECTIONS, RECORD_OUTCOMES } from '../../src/data-plane/gateway/index.ts';
import { answerTo, news, PlayedClient, SERVER, startRig, UPSTREAM, type DataPlaneRig, type PlayedCall } from './data-plane-rig.ts';

let rig: DataPlaneRig;
let session: string;

beforeEach(() => {
  vi.useFakeTimers();
  rig = startRig();
  session = rig.openSession();
});
afterEach(() => vi.useRealTimers());

function call(id = 1, token = 'ann'): { client: PlayedClient; asked: PlayedCall } {
  return { client: rig.post({ id, method: 'tools/call', params: { name: 'x' } }, { session, token }), asked: rig.last() };
}

function question(id: number | string): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method: 'elicitation/create', params: {} });
}

/** Records of one direction as [method, outcome]. */
function records(direction: (typeof RECORD_DIRECTIONS)[number]): [string, string][] {
  rig.gateway.flushRecords();
  const dictionary = new Map<number, string>();
  const found: [string, string][] = [];
  const column = (name: (typeof RECORD_COLUMNS)[number]): number => RECORD_COLUMNS.indexOf(name);
  for (const { rows, count, dictionary: added } of rig.records) {
    for (const [number, text] of added) dictionary.set(number, text);
    for (let at = 0; at < count; at++) {
      const row = rows.slice(at * RECORD_COLUMNS.length, (at + 1) * RECORD_COLUMNS.length);
      if (RECORD_DIRECTIONS[row[column('direction')] as number] !== direction) continue;
      found.push([dictionary.get(row[column('method')] as number) ?? '', RECORD_OUTCOMES[row[column('outcome')] as number] as string]);
    }
  }
  return found;
}

test('an upstream that refuses to resume is asked again one time after the other, and nothing arrives twice', () => {
  const { client, asked } = call();
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
  const { client, asked } = call();
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
  const { asked } = call();
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
  const { client, asked } = call(1, 'ann/1');
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
  const { client, asked } = call(1);
  asked.opensStream().says(news(1));
  rig.revoked.add('ann');
  asked.says(news(2));
  expect([client.data.length, JSON.parse(client.data[1] ?? '').error.data.code, asked.isCancelled]).toEqual([2, 'auth.invalid', true]);
});

test('a call is resumed and taken back upstream with what its client sends there', () => {
  const headers = { 'mcp-protocol-version': '2025-11-25', 'x-upstream-authorization': 'Bearer theirs', 'mcp-name': 'x', 'content-type': 'application/json' };
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
  const { client, asked } = call(1);
  asked.opensStream().says(news(1), 'a');
  client.leave();
  const closed = rig.gateway.close(1000);
  const back = rig.get({ session, headers: { 'last-event-id': client.lastEventId } });
  expect(call(2).client.error?.code).toBe('gateway.stopping');
  expect(rig.get({ session }).error?.code).toBe('gateway.stopping');
  asked.says(answerTo(1), 'b').sink.end();
  await vi.advanceTimersByTimeAsync(1000);
  await closed;
  expect([back.data, back.isEnded]).toEqual([[answerTo(1)], true]);
});

test('a question holds the time of its own call, and only until that call is over', () => {
  const asking = call(1);
  const other = call(2);
  asking.asked.opensStream().says(question(1));
  vi.advanceTimersByTime(61_000);
  expect(other.client.error?.code).toBe('upstream.timeout');
  expect(asking.client.isEnded).toBe(false);
  asking.asked.says(answerTo(1)).sink.end();
  expect(records('ask')).toEqual([['elicitation/create', 'cancelled']]);
  const later = call(3);
  vi.advanceTimersByTime(61_000);
  expect(later.client.error?.code).toBe('upstream.timeout');
});

test('unanswered questions do not add up over calls, and one that is taken back is over', () => {
  for (let id = 1; id <= 1200; id++) {
    const { client, asked } = call(id);
    asked.opensStream().says(question(id)).says(answerTo(id)).sink.end();
    expect(client.data).toHaveLength(2);
  }
  const { client, asked } = call(1);
  asked.opensStream();
  for (let id = 1; id <= 1200; id++) {
    asked.says(question(`q${id}`)).says(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: `q${id}` } }));
  }
  expect([client.data.length, asked.isCancelled]).toEqual([2400, false]);
});

test('an upstream that asks without end, or with ids without end, is stopped', () => {
  const flood = call(1);
  flood.asked.opensStream();
  for (let id = 1; id <= 1100 && !flood.asked.isCancelled; id++) flood.asked.says(question(id));
  expect([flood.client.data.length < 1100, flood.asked.isCancelled]).toEqual([true, true]);
  const huge = call(2);
  huge.asked.opensStream().says(question('x'.repeat(100_000)));
  expect([huge.client.data.length, huge.asked.isCancelled]).toEqual([1, true]);
});

test('what was switched off under a running call asks and tells nothing more, but may still answer', () => {
  const telling = call(1);
  const answering = call(2);
  for (const { asked } of [telling, answering]) asked.opensStream();
  rig.change({ upstreams: [{ ...UPSTREAM, enabled: false }] });
  telling.asked.says(question(1));
  answering.asked.says(answerTo(2));
  expect([telling.client.data.includes(question(1)), telling.asked.isCancelled]).toEqual([false, true]);
  expect(answering.client.data).toEqual([answerTo(2)]);
});

test('a change that leaves the server usable disturbs nothing', () => {
  const { client, asked } = call(1);
  asked.opensStream();
  rig.change({ servers: [{ ...SERVER, name: 'renamed' }] });
  asked.says(news(1)).says(answerTo(1));
  expect(client.data).toEqual([news(1), answerTo(1)]);
});

test.each([
  ['"error": null beside the result', '{"jsonrpc":"2.0","id":1,"result":{},"error":null}'],
  ['no version', '{"id":1,"result":{}}'],
  ['a key that looks like one of ours', '{"jsonrpc":"2.0","id":1,"result":{},"Id":2}'],
])('an answer with %s is an answer: no error follows it', (_what, text) => {
  const streamed = call(1);
  streamed.asked.opensStream().says(text).sink.end();
  expect(streamed.client.data).toEqual([text]);
  const whole = call(1);
  whole.asked.refuses(200, text);
  expect([whole.client.status, whole.client.body]).toEqual([200, text]);
});

test('hidden tools are left out of lists that come as an array or as lines too', () => {
  const tool = { id: 't', upstreamId: 'g', originalName: 'hidden', enabled: false, visibility: 'public', ownerEmail: null, teamId: null } as const;
  rig.change({ tools: [tool] });
  const list = '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"shown"},{"name":"hidden"}]}}';
  for (const [text, expected] of [
    [`[${list}]`, `[${list.replace(',{"name":"hidden"}', '')}]`],
    [`${news(1)}\n${list}\n`, `${news(1)}\n${list.replace(',{"name":"hidden"}', '')}\n`],
    [JSON.stringify(JSON.parse(list), null, 1), JSON.stringify(JSON.parse(list), null, 1).replace(/,\s*\{\s*"name": "hidden"\s*\}/, '').replace(/\[\s*\{/, '[{').replace(/\}\s*\]/, '}]')],
  ] as const) {
    const client = rig.post({ id: 1, method: 'tools/list' }, { session });
    rig.last().refuses(200, text);
    expect(client.body).toBe(expected);
  }
});

test.each([
  ['two results', '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"shown"}]},"result":{"tools":[{"name":"hidden"}]}}'],
  ['two lists', '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"shown"}],"tools":[{"name":"hidden"}]}}'],
  ['an empty list and another', '{"jsonrpc":"2.0","id":1,"result":{"tools":[],"tools":[{"name":"hidden"}]}}'],
  ['no list, then one', '{"jsonrpc":"2.0","id":1,"result":{"tools":1,"tools":[{"name":"hidden"}]}}'],
])('a hidden tool does not come through behind %s', (_what, text) => {
  rig.change({ tools: [{ id: 't', upstreamId: 'g', originalName: 'hidden', enabled: false, visibility: 'public', ownerEmail: null, teamId: null }] });
  const whole = rig.post({ id: 1, method: 'tools/list' }, { session });
  rig.last().refuses(200, text);
  expect([whole.error?.code, whole.body]).toEqual(['upstream.bad_answer', '']);
  const streamed = rig.post({ id: 1, method: 'tools/list' }, { session });
  rig.last().opensStream().says(text);
  expect(streamed.data.join('')).toContain('upstream.bad_answer');
  expect(streamed.data.join('')).not.toContain('hidden');
});

test('an id of any text is taken back upstream in the very same bytes', () => {
  rig.post(`{"jsonrpc":"2.0","id":"${Buffer.from('é😀').toString('latin1')}","method":"tools/call","params":{"name":"x"}}`, { session });
  vi.advanceTimersByTime(61_000);
  const told = JSON.parse(rig.last().request.body?.toString('utf8') ?? '') as { method: string; params: { requestId: string } };
  expect([told.method, told.params.requestId]).toEqual(['notifications/cancelled', 'é😀']);
});

test('an upstream that never answers what it was told does not keep the connection', () => {
  call(1);
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
  expect(call(2).client.error).toBeUndefined();
});

test('a client that has gone while its token was looked at cancels a modern call and a stream, but no legacy call', async () => {
  const gone = (): PlayedClient => Object.assign(new PlayedClient(), { isGone: true, isEnded: true });
  const before = rig.calls.length;
  rig.post({ id: 1, method: 'tools/call', params: { name: 'x', _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } } }, { client: gone() });
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
  const { client, asked } = call(1);
  asked.opensStream().says(news(1), 'a');
  rig.post({ method: 'notifications/cancelled', params: { requestId: 1 } }, { session });
  expect(asked.isCancelled).toBe(false);
  client.leave();
  expect(asked.isCancelled).toBe(true);
});

test('a client that has left before it takes its call back keeps nothing open either', () => {
  const { client, asked } = call(1);
  asked.opensStream().says(news(1), 'a');
  client.leave();
  rig.post({ method: 'notifications/cancelled', params: { requestId: 1 } }, { session });
  vi.advanceTimersByTime(5000);
  expect(asked.isCancelled).toBe(true);
});

test('a call that was taken back does not keep a session that nobody uses', () => {
  const { client, asked } = call(1);
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
  const { client, asked } = call(1);
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
  const { client, asked } = call(1);
  asked.sink.head({ status: 404, kind: 'empty', headers: [], contentLength: 0 });
  asked.sink.end();
  expect(client.status).toBe(404);
  expect(records('call').at(-1)).toEqual(['tools/call', 'rpc_error']);
});

test('records keep no more of a text than they show', () => {
  for (const end of ['a', 'b']) rig.post({ id: 1, method: 'tools/call', params: { name: `${'x'.repeat(100_000)}${end}` } }, { session });
  vi.advanceTimersByTime(61_000);
  rig.gateway.flushRecords();
  const texts = rig.records.flatMap(({ dictionary }) => dictionary.map(([, text]) => text)).filter((text) => text.startsWith('xxx'));
  expect(texts.map((text) => text.length)).toEqual([513]);
});
