// What `/rpc` does with sessions, ids and streams, at moments that no two processes can be timed to meet.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Collected, Waiting } from '../../src/data-plane/transports/rpc/collected-answer.ts';
import { RpcCalls } from '../../src/data-plane/transports/rpc/rpc-calls.ts';
import { readRpcMessage } from '../../src/data-plane/transports/rpc/rpc-message.ts';
import { startRig, UPSTREAM, type DataPlaneRig, type PlayedCall } from './data-plane-rig.ts';

let rig: DataPlaneRig;
let calls: RpcCalls;

beforeEach(() => {
  vi.useFakeTimers();
  rig = startRig();
  calls = new RpcCalls(rig.gateway, '{"name":"mcpgateway","version":"1"}');
});
afterEach(() => {
  calls.close();
  vi.useRealTimers();
});

interface Sent {
  readonly answer: Promise<Collected>;
  readonly waiting: Waiting & { isGone: boolean };
}

function send(message: { params?: object; [member: string]: unknown }, token = 'ann', headers: Record<string, string> = {}): Sent {
  const waiting = { isGone: false, answers: new Set<never>(), heldBytes: 0 };
  const text = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message, params: { server_id: 's', ...message.params } })).toString('latin1');
  const answer = calls.call(readRpcMessage(text), { headers: { authorization: token, ...headers }, clientAddress: '127.0.0.1', waiting });
  return { answer, waiting };
}

const CALL = { id: 1, method: 'tools/call', params: { name: 'x' } };

/** All that waits for nothing but its turn happens. */
async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

function sent(method: string): PlayedCall[] {
  return rig.calls.filter(({ request }) => (request.message?.method ?? request.method) === method);
}

function idOf({ request }: PlayedCall): string {
  return request.message?.id ?? '';
}

function answers(call: PlayedCall, result = '{}', head = {}): void {
  const text = Buffer.from(`{"jsonrpc":"2.0","id":${idOf(call)},"result":${result}}`);
  call.sink.head({ status: 200, kind: 'json', headers: [], contentLength: text.length, ...head });
  call.sink.chunk(text);
  call.sink.end();
}

/** The upstream opens the session that the door asks for. */
async function open(): Promise<void> {
  const initialize = sent('initialize').at(-1) as PlayedCall;
  initialize.observer?.session({ remember() {}, forget() {} });
  answers(initialize, '{"protocolVersion":"2025-06-18","capabilities":{}}', { namesSession: true });
  await settle();
  const initialized = sent('notifications/initialized').at(-1) as PlayedCall;
  initialized.sink.head({ status: 202, kind: 'empty', headers: [], contentLength: 0 });
  initialized.sink.end();
  await settle();
}

function textOf({ body }: Collected): string {
  return body?.toString() ?? '';
}

test('callers that come at once share one opening, and each has an id of its own in the session', async () => {
  const [first, second] = [send(CALL), send(CALL)];
  await settle();
  expect(sent('initialize')).toHaveLength(1);
  await open();
  const [one, two] = sent('tools/call') as [PlayedCall, PlayedCall];
  expect(idOf(one)).not.toBe(idOf(two));
  expect(one.request.session).toBe(two.request.session);
  expect(one.request.headers).toEqual(expect.arrayContaining(['mcp-protocol-version', '2025-06-18']));
  answers(two, '{"n":2}');
  answers(one, '{"n":1}');
  expect([textOf(await first.answer), textOf(await second.answer)]).toEqual([expect.stringContaining('"n":1'), expect.stringContaining('"n":2')]);
  expect((await first.answer).headers).not.toContain('mcp-session-id');
});

test('each caller has a session of its own, and so has each credential for the upstream', async () => {
  for (const [token, headers] of [['ann'], ['ben'], ['ann', { 'x-upstream-authorization': 'Bearer a' }], ['ann/2']] as const) {
    const before = sent('initialize').length;
    send(CALL, token, headers ?? {});
    await settle();
    expect(sent('initialize')).toHaveLength(before + 1);
    await open();
  }
});

test('an opening that is refused is the answer of everyone who waits for it, and the next caller tries again', async () => {
  const both = [send(CALL), send(CALL)];
  await settle();
  rig.last().refuses(400, '{"jsonrpc":"2.0","id":"rpc","error":{"code":-32602,"message":"not now"}}');
  for (const { answer } of both) expect(textOf(await answer)).toContain('not now');
  send(CALL);
  await settle();
  expect(sent('initialize')).toHaveLength(2);
});

test('a session that is not used for ten minutes is ended, one with a running call is not', async () => {
  const first = send(CALL);
  await settle();
  await open();
  await vi.advanceTimersByTimeAsync(50_000);
  expect(sent('DELETE')).toHaveLength(0);
  answers(sent('tools/call')[0] as PlayedCall);
  await first.answer;
  await vi.advanceTimersByTimeAsync(9 * 60_000);
  expect(sent('DELETE')).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(2 * 60_000);
  expect(sent('DELETE')).toHaveLength(1);
  send(CALL);
  await settle();
  expect(sent('initialize')).toHaveLength(2);
});

test('a session that the gateway has ended is opened once more, and the call sent once', async () => {
  rig = startRig({ sessionIdleMs: 1000 });
  calls = new RpcCalls(rig.gateway, '{"name":"mcpgateway","version":"1"}');
  const first = send(CALL);
  await settle();
  await open();
  answers(sent('tools/call')[0] as PlayedCall);
  await first.answer;
  await vi.advanceTimersByTimeAsync(20_000);
  const second = send(CALL);
  await settle();
  await open();
  expect(sent('tools/call')).toHaveLength(2);
  answers(sent('tools/call')[1] as PlayedCall, '{"again":true}');
  expect(textOf(await second.answer)).toContain('again');
});

test('a cancel names the request by the caller’s id, and reaches the upstream with the one it knows', async () => {
  const running = send({ ...CALL, id: 7 });
  await settle();
  await open();
  send({ method: 'notifications/cancelled', params: { requestId: 7, reason: 'enough' } });
  await settle();
  const [call] = sent('tools/call') as [PlayedCall];
  const [cancel] = sent('notifications/cancelled') as [PlayedCall];
  expect(cancel.request.message?.requestId).toBe(idOf(call));
  expect(cancel.request.body?.toString()).toContain('"reason":"enough"');
  answers(call);
  await running.answer;
});

test('of a stream only the response is the answer; a ping is answered, a question refused', async () => {
  const running = send(CALL);
  await settle();
  await open();
  const [call] = sent('tools/call') as [PlayedCall];
  call.opensStream().says('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}');
  call.says('{"jsonrpc":"2.0","id":"p","method":"ping"}').says('{"jsonrpc":"2.0","id":9,"method":"sampling/createMessage","params":{}}');
  await settle();
  const replies = rig.calls.filter(({ request }) => request.message?.kind === 'response').map(({ request }) => request.body?.toString());
  expect(replies).toEqual(['{"jsonrpc":"2.0","id":"p","result":{}}', expect.stringMatching(/"id":9,"error":\{"code":-32601/)]);
  call.says(`{"jsonrpc":"2.0","id":${idOf(call)},"result":{"done":true}}`);
  expect(textOf(await running.answer)).toContain('"done":true');
});

test('a stream that ends on purpose is taken up behind the last event that came', async () => {
  const running = send(CALL);
  await settle();
  await open();
  const [call] = sent('tools/call') as [PlayedCall];
  call.opensStream().sink.event({ id: 'e1', event: undefined, retry: '100', data: '', comment: undefined });
  call.sink.end();
  await vi.advanceTimersByTimeAsync(2000);
  const resumed = sent('GET').at(-1) as PlayedCall;
  expect(resumed.request.lastEventId).toBe('e1');
  resumed.opensStream().says(`{"jsonrpc":"2.0","id":${idOf(call)},"result":{"late":true}}`, 'e2');
  await vi.advanceTimersByTimeAsync(2000);
  expect(textOf(await running.answer)).toContain('"late":true');
});

test('a caller that goes away leaves nothing waiting, and the session can end', async () => {
  const running = send(CALL);
  await settle();
  await open();
  (sent('tools/call')[0] as PlayedCall).opensStream().says('{"jsonrpc":"2.0","method":"notifications/message","params":{}}');
  running.waiting.isGone = true;
  for (const answer of running.waiting.answers) answer.abandon();
  expect((await running.answer).error?.code).toBe('request.timeout');
  expect(running.waiting.answers.size).toBe(0);
  await vi.advanceTimersByTimeAsync(11 * 60_000);
  expect(sent('DELETE')).toHaveLength(1);
});

test('answers are held up to a limit', async () => {
  const running = send(CALL);
  await settle();
  await open();
  const [call] = sent('tools/call') as [PlayedCall];
  call.sink.head({ status: 200, kind: 'json', headers: [], contentLength: undefined });
  const piece = Buffer.alloc(16 * 1024 * 1024, 0x20);
  for (let i = 0; i < 5; i++) call.sink.chunk(piece);
  expect((await running.answer).error?.code).toBe('upstream.too_large');
  expect(call.isCancelled).toBe(true);
});

test('an upstream of the newest revision only is sent requests that describe themselves, without a session', async () => {
  rig.change({ upstreams: [{ ...UPSTREAM, legacy: false }] });
  send({ id: 1, method: 'tools/call', params: { name: 'grüße', arguments: {} } }, 'ann', { 'mcp-name': 'stale' });
  await settle();
  const { request } = rig.last();
  expect(sent('initialize')).toHaveLength(0);
  expect(JSON.parse(request.body?.toString() ?? '').params._meta).toEqual({
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'mcpgateway', version: '1' },
  });
  const header = (name: string) => request.headers[request.headers.indexOf(name) + 1];
  expect(['mcp-protocol-version', 'mcp-method', 'mcp-name'].map(header)).toEqual(['2026-07-28', 'tools/call', '=?base64?Z3LDvMOfZQ==?=']);
});

test('without a server it is for the one that combines everything, which needs no session', async () => {
  send({ ...CALL, params: { server_id: '', name: 'x' } });
  await settle();
  expect(sent('initialize')).toHaveLength(0);
  expect(rig.last().request.upstream.isCombined).toBe(true);
  expect(sent('tools/call')).toHaveLength(1);
});

