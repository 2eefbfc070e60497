import type { Socket } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { EventReader, post } from '../fixture/test-client.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { http, INITIALIZE, result, startLyingUpstream, type LyingUpstream } from '../kit/lying-upstream.ts';

let gateway: StartedGateway;
let fixture: Fixture;
let liar: LyingUpstream;
let liarUrl: string;
let honestUrl: string;
let auth: Record<string, string>;

beforeAll(async () => {
  gateway = await startGateway({ env: { TOOL_TIMEOUT: '3', UNHEALTHY_THRESHOLD: '1000', HEALTH_CHECK_INTERVAL: '3600' } });
  auth = { authorization: `Bearer ${gateway.token}` };
  fixture = await startFixture();
  liar = await startLyingUpstream();
  liarUrl = (await gateway.registerMirror(liar.url)).mcpUrl;
  honestUrl = (await gateway.registerMirror(fixture.url)).mcpUrl;
});

afterAll(async () => {
  expect(gateway.output()).not.toMatch(/"code":"internal"|could not be handled/);
  await gateway.stop();
  await Promise.all([fixture.close(), liar.close()]);
});

const call = (id: number): string => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"answer"}}`;
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n';

async function openSession(): Promise<Record<string, string>> {
  liar.sessionId = `upstream-session-${Math.random()}`;
  const response = await post(
    liarUrl,
    '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}',
    auth,
  );
  const headers = { ...auth, 'mcp-session-id': response.headers.get('mcp-session-id') ?? '', 'mcp-protocol-version': '2025-06-18' };
  expect(await response.text()).toContain('liar');
  expect(headers['mcp-session-id']).not.toBe('');
  expect(headers['mcp-session-id']).not.toContain('upstream');
  return headers;
}

/** Comes back with the last event's id until the answer to request 7 is there. */
async function answerOf(headers: Record<string, string>, first: Response): Promise<{ error?: { data?: { code?: string } }; result?: unknown }> {
  let response = first;
  let lastId: string | undefined;
  for (let attempt = 0; attempt < 40; attempt++) {
    for (const event of await new EventReader(response).rest()) {
      lastId = event.id ?? lastId;
      const message = event.data === '' ? {} : (JSON.parse(event.data) as { id?: unknown; result?: unknown });
      if (message.id === 7) return message;
    }
    if (lastId === undefined) throw new Error('nothing to come back with');
    response = await fetch(liarUrl, { headers: { ...headers, accept: 'text/event-stream', 'last-event-id': lastId } });
    expect(response.status).toBe(200);
  }
  throw new Error('no answer');
}

const PRIMING = 'retry: 20\nid: e1\ndata: \n\n';

test.each<[string, (socket: Socket) => void]>([
  ['refuses to resume', (socket) => void socket.write(http(404, '{}'))],
  ['resumes with HTML', (socket) => void socket.write(http(200, '<html>', { 'content-type': 'text/html' }))],
  ['resumes with JSON', (socket) => void socket.write(http(200, '{}'))],
  ['resumes and ends again and again', (socket) => void socket.end(HEAD)],
  ['resumes and repeats itself', (socket) => void socket.end(`${HEAD}${PRIMING}`)],
  ['is gone when it is resumed', (socket) => socket.destroy()],
])('an upstream that ends a stream with an answer owing and then %s: the client learns of it', async (_what, resume) => {
  const headers = await openSession();
  liar.answer = (socket) => void socket.end(HEAD + PRIMING);
  liar.get = resume;
  const answer = await answerOf(headers, await post(liarUrl, call(7), headers));
  expect(answer.error?.data?.code).toMatch(/^upstream\./);
});

test('event ids that no header can carry do not stop the answer', async () => {
  const headers = await openSession();
  liar.answer = (socket, request) =>
    void socket.end(`${HEAD}id: \u0001\u00e9 ${'x'.repeat(20_000)}\ndata: \n\nid: b\ndata: ${result(request, '{"content":[]}')}\n\n`);
  expect((await answerOf(headers, await post(liarUrl, call(7), headers))).result).toEqual({ content: [] });
});

test('an upstream that asks without end is cut off, and its call ends in an error', async () => {
  const headers = await openSession();
  let asked = 0;
  liar.answer = (socket) => {
    socket.write(HEAD);
    for (asked = 0; asked < 1500; asked++)
      socket.write(`data: {"jsonrpc":"2.0","id":"ask-${asked}","method":"sampling/createMessage","params":{}}\n\n`);
  };
  const messages = (await new EventReader(await post(liarUrl, call(7), headers)).rest()).map(
    (event) => JSON.parse(event.data) as { id: unknown; error?: unknown },
  );
  expect(messages.at(-1)).toMatchObject({ id: 7, error: { data: { code: 'upstream.bad_answer' } } });
  expect(messages.length).toBeLessThan(1100);
});

test('an upstream that forgets its session every time is not asked for ever', async () => {
  const headers = await openSession();
  let calls = 0;
  liar.answer = (socket) => {
    calls++;
    socket.write(http(404, '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}'));
  };
  const { status } = await post(liarUrl, call(7), headers);
  expect([404, 502]).toContain(status);
  expect(calls).toBeLessThanOrEqual(2);
});

test('any bytes at all from an upstream: an answer comes, none is a 500, and the gateway lives', async () => {
  const headLine = fc.constantFrom(
    HEAD,
    'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    'HTTP/1.1 500 X\r\ncontent-type: application/json\r\ncontent-length: 40\r\n\r\n',
    'HTTP/1.1 200 OK\r\n\r\n',
    '',
  );
  const piece = fc.oneof(
    fc.constantFrom(
      'data: ',
      '\n\n',
      '\r\n',
      '\r',
      'id: 1\n',
      'event: x\n',
      '5\r\nhello\r\n',
      '0\r\n\r\n',
      result({ verb: '', headers: '', body: '', message: { id: 7 } }, '{}'),
      INITIALIZE,
      '{"jsonrpc":"2.0","method":"x"}',
      '{"jsonrpc":"2.0","id":7,"id":8}',
      '[',
      ': c',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
  );
  await fc.assert(
    fc.asyncProperty(headLine, fc.array(piece, { maxLength: 12 }), async (head, pieces) => {
      liar.answer = (socket) => void socket.end(head + pieces.join(''));
      const response = await post(liarUrl, call(7), auth);
      // Half an answer is told by a broken connection.
      await response.text().catch(() => undefined);
      expect([200, 502]).toContain(response.status);
    }),
    { numRuns: 150 },
  );
});

test('any message at all from a client: a JSON-RPC answer, never a 500', async () => {
  const key = fc.constantFrom('jsonrpc', 'id', 'method', 'params', 'result', 'error', 'METHOD', 'x');
  const value = fc.oneof(
    fc.constantFrom(
      '"2.0"',
      '"tools/call"',
      '"initialize"',
      '"ping"',
      '7',
      '"a"',
      'null',
      '{}',
      '{"name":"echo_arguments"}',
      '{"name":["a"],"_meta":{"progressToken":1}}',
    ),
    fc.json({ maxDepth: 2 }),
  );
  const object = fc
    .array(fc.tuple(key, value), { maxLength: 6 })
    .map((members) => `{"jsonrpc":"2.0",${members.map(([name, text]) => `"${name}":${text}`).join(',')}}`);
  const body = fc.oneof(
    object,
    fc.array(object, { maxLength: 3 }).map((parts) => `[${parts.join(',')}]`),
    fc.json(),
  );
  const headers = fc.record({
    'mcp-protocol-version': fc.constantFrom('', '2025-03-26', '2025-11-25', '2026-07-28', 'x'),
    'mcp-method': fc.constantFrom('tools/call', 'x'),
  });
  await fc.assert(
    fc.asyncProperty(body, headers, async (text, odd) => {
      const response = await post(honestUrl, text, { ...auth, ...odd });
      await response.text();
      expect(response.status).toBeLessThan(500);
    }),
    { numRuns: 300 },
  );
});
