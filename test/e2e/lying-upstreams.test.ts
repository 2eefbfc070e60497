import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { http, result, startLyingUpstream, type Answer, type LyingUpstream, type WireRequest } from '../kit/lying-upstream.ts';

let gateway: StartedGateway;
let fixture: Fixture;
let liar: LyingUpstream;
let liarUrl: string;
let honestUrl: string;

beforeAll(async () => {
  // UNHEALTHY_THRESHOLD: each case must meet the upstream itself, not the memory of the one before.
  gateway = await startGateway({ env: { TOOL_TIMEOUT: '3', FEDERATION_TIMEOUT: '3', UNHEALTHY_THRESHOLD: '1000', HEALTH_CHECK_INTERVAL: '3600' } });
  fixture = await startFixture();
  liar = await startLyingUpstream();
  liarUrl = (await gateway.registerMirror(liar.url)).mcpUrl;
  honestUrl = (await gateway.registerMirror(fixture.url)).mcpUrl;
});

afterEach(async () => {
  liar.answer = undefined;
  const answer = await send(honestUrl, MODERN_CALL, MODERN_HEADERS);
  expect(answer.status, 'the server next door').toBe(200);
  expect(answer.text).toContain('"result"');
});

afterAll(async () => {
  expect(gateway.output()).not.toContain('could not be handled');
  await gateway.stop();
  await Promise.all([fixture.close(), liar.close()]);
});

const CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"answer","arguments":{}}}';
const MODERN_CALL =
  '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo_arguments","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}';
const MODERN_HEADERS = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo_arguments' };

interface Received {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** The JSON-RPC message, of the body or of the only event. */
  readonly message: { id?: unknown; result?: unknown; error?: { code: number; message: string; data?: { code?: string } } } | undefined;
}

async function send(url: string, body: string, headers: Record<string, string> = {}): Promise<Received> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body,
    redirect: 'manual',
    signal: AbortSignal.timeout(15_000),
  });
  const text = await response.text();
  const data = (response.headers.get('content-type') ?? '').startsWith('text/event-stream') ? (/^data: (.*)$/m.exec(text)?.[1] ?? '') : text;
  return { status: response.status, text, headers: response.headers, message: data.startsWith('{') ? JSON.parse(data) : undefined };
}

const write =
  (make: (request: WireRequest) => string | Buffer): Answer =>
  (socket, request) =>
    void socket.write(make(request));
const writeAndClose =
  (make: (request: WireRequest) => string | Buffer): Answer =>
  (socket, request) =>
    void socket.end(make(request));
function flood(socket: Socket, head: string): void {
  const go = (): void => {
    while (!socket.destroyed && socket.write('x'.repeat(65_536)));
  };
  socket.on('drain', go);
  socket.write(head);
  go();
}

const RESULT = '{"content":[]}';

/** Each with the code the client is told; all of them 502 or 504. */
const LIES: Record<string, [Answer, string]> = {
  'an answer to another request': [write(() => http(200, `{"jsonrpc":"2.0","id":8,"result":${RESULT}}`)), 'upstream.bad_answer'],
  'an answer whose id is the right number as text': [write(() => http(200, `{"jsonrpc":"2.0","id":"7","result":${RESULT}}`)), 'upstream.bad_answer'],
  'a result for nobody': [write(() => http(200, `{"jsonrpc":"2.0","id":null,"result":${RESULT}}`)), 'upstream.bad_answer'],
  'a request instead of an answer': [write(() => http(200, '{"jsonrpc":"2.0","id":7,"method":"tools/call"}')), 'upstream.bad_answer'],
  'both a result and an error': [
    write(() => http(200, '{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":"x"}}')),
    'upstream.bad_answer',
  ],
  'two ids': [write(() => http(200, `{"jsonrpc":"2.0","id":7,"id":8,"result":${RESULT}}`)), 'upstream.bad_answer'],
  'JSON that is no JSON-RPC': [write(() => http(200, '{"ok":true}')), 'upstream.bad_answer'],
  'a bare number': [write(() => http(200, '42')), 'upstream.bad_answer'],
  'broken JSON': [write(() => http(200, '{"jsonrpc":"2.0","id":7,"result":{')), 'upstream.bad_answer'],
  'JSON nested without end': [write(() => http(200, `{"jsonrpc":"2.0","id":7,"result":${'['.repeat(20_000)}`)), 'upstream.bad_answer'],
  'an empty body': [write(() => http(200, '')), 'upstream.bad_answer'],
  'no body at all': [write(() => http(202, '', { 'content-type': 'text/plain' })), 'upstream.bad_answer'],
  HTML: [write(() => http(200, '<html>welcome</html>', { 'content-type': 'text/html' })), 'upstream.bad_answer'],
  'HTML that says it is JSON': [write(() => http(200, '<html>welcome</html>')), 'upstream.bad_answer'],
  'a redirect': [write(() => http(302, '', { location: 'http://169.254.169.254/latest/meta-data/' })), 'upstream.bad_answer'],
  'a permanent redirect that keeps the method': [write(() => http(308, '', { location: 'https://evil.example/' })), 'upstream.bad_answer'],
  '401 with a challenge and a cookie': [
    write(() => http(401, '{}', { 'www-authenticate': 'Bearer realm="upstream"', 'set-cookie': 'a=b' })),
    'upstream.needs_auth',
  ],
  '403': [write(() => http(403, '{"error":"no"}')), 'upstream.needs_auth'],
  '500 with HTML': [write(() => http(500, '<html>oops</html>', { 'content-type': 'text/html' })), 'upstream.bad_answer'],
  '500 with HTML that says it is JSON': [write(() => http(500, '<html>oops</html>')), 'upstream.bad_answer'],
  '500 with JSON that is no JSON-RPC': [write(() => http(500, '{"detail":"Internal Server Error"}')), 'upstream.bad_answer'],
  '400 with JSON of 2 MB': [write(() => http(400, `"${'x'.repeat(2_000_000)}"`)), 'upstream.too_large'],
  '500 with a body without end': [(socket) => flood(socket, 'HTTP/1.1 500 X\r\ncontent-type: application/json\r\n\r\n'), 'upstream.too_large'],
  'an answer compressed unasked': [write(() => http(200, 'x'.repeat(100_000), { 'content-encoding': 'gzip' })), 'upstream.bad_answer'],
  'an unknown status': [write(() => http(799, 'x', { 'content-type': 'text/plain' })), 'upstream.bad_answer'],
  'a switch of protocols': [
    write(() => 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
    'upstream.connection_lost',
  ],
  'no HTTP': [writeAndClose(() => 'SSH-2.0-OpenSSH_9.9\r\n'), 'upstream.connection_lost'],
  'headers without end': [write(() => `HTTP/1.1 200 OK\r\n${`x-filler: ${'x'.repeat(1000)}\r\n`.repeat(100)}`), 'upstream.bad_answer'],
  'a contradictory length': [
    write(() => 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\ncontent-length: 20\r\n\r\n{}'),
    'upstream.bad_answer',
  ],
  'a connection closed at once': [(socket) => socket.destroy(), 'upstream.connection_lost'],
  'a connection closed behind the headers': [
    writeAndClose(() => 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n'),
    'upstream.connection_lost',
  ],
  'a truncated body': [
    writeAndClose(() => 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"jsonrpc":"2.0","id":7,'),
    'upstream.connection_lost',
  ],
  silence: [() => {}, 'upstream.timeout'],
  'half a line of headers and then silence': [write(() => 'HTTP/1.1 200 OK\r\ncontent-ty'), 'upstream.timeout'],
  'half a body and then silence': [
    write(() => 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"jsonrpc":"2.0"'),
    'upstream.timeout',
  ],
};

test.each(Object.entries(LIES))('%s from an upstream is a clear 502 or 504 for the client', async (_what, [answer, code]) => {
  liar.answer = answer;
  const received = await send(liarUrl, CALL);
  expect(received.message, received.text).toMatchObject({ jsonrpc: '2.0', id: 7, error: { data: { code } } });
  expect(received.status).toBe(code === 'upstream.timeout' ? 504 : 502);
  for (const name of ['location', 'www-authenticate', 'set-cookie']) expect(received.headers.has(name)).toBe(false);
});

const stream = (...events: string[]): string => `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${events.join('')}`;
const STREAM_LIES: Record<string, [Answer, string]> = {
  'half an event and the end': [writeAndClose(() => stream('data: {"jsonrpc":"2.0",')), 'upstream.connection_lost'],
  'an empty stream': [writeAndClose(() => stream()), 'upstream.connection_lost'],
  'notifications and no answer': [
    writeAndClose(() => stream('data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n')),
    'upstream.connection_lost',
  ],
  silence: [write(() => stream(': hello\n\n')), 'upstream.timeout'],
};

test.each(Object.entries(STREAM_LIES))('a stream with %s ends in a JSON-RPC error for the request', async (_what, [answer, code]) => {
  liar.answer = answer;
  const { text } = await send(liarUrl, CALL);
  const messages = [...text.matchAll(/^data: (.*)$/gm)].flatMap(([, data]) => (data?.endsWith('}') ? [JSON.parse(data)] : []));
  expect(messages.at(-1), text).toMatchObject({ id: 7, error: { data: { code } } });
});

test('what an upstream says in JSON-RPC with a 5xx reaches the client word for word, as a 502', async () => {
  const body = '{"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"sorry","data":{"n":1.0}}}';
  liar.answer = write(() => http(500, body));
  expect(await send(liarUrl, CALL)).toMatchObject({ status: 502, text: body });
});

test('an upstream’s own 4xx stays what it is', async () => {
  const body = '{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no such tool"}}';
  liar.answer = write(() => http(400, body));
  expect(await send(liarUrl, CALL)).toMatchObject({ status: 400, text: body });
  liar.answer = write(() => http(404, '<html>', { 'content-type': 'text/html' }));
  const missing = await send(liarUrl, CALL);
  expect(missing.status).toBe(404);
  expect(missing.text).not.toContain('html');
});

test.each([
  'cache-control: caf\u00e9\u20ac',
  'retry-after: \u0001',
  'allow: a\tb',
  'mcp-protocol-version: \u00ff\u00fe',
  'content-type: application/json; charset=\u00ff',
  'mcp-session-id: \u00e9',
])('a header with odd bytes (%j) does no harm', async (header) => {
  liar.answer = write((request) => {
    const body = result(request, RESULT);
    return Buffer.concat([
      Buffer.from('HTTP/1.1 200 OK\r\n'),
      Buffer.from(header),
      Buffer.from(
        `\r\n${header.startsWith('content-type') ? '' : 'content-type: application/json\r\n'}content-length: ${body.length}\r\n\r\n${body}`,
      ),
    ]);
  });
  const received = await send(liarUrl, CALL);
  expect([200, 502]).toContain(received.status);
  expect(received.message?.id).toBe(7);
});

test.each(['notifications/cancelled', 'notifications/vendor'])('a notification (%s) to a silent upstream does not hang', async (method) => {
  liar.answer = () => {};
  expect((await send(liarUrl, `{"jsonrpc":"2.0","method":"${method}","params":{"requestId":1}}`)).status).toBe(504);
});

test('an upstream that cannot be reached any more is a 502, and one that comes back answers again', async () => {
  const other = await startLyingUpstream();
  const { mcpUrl, gatewayId } = await gateway.registerMirror(other.url);
  await other.close();
  const refused = await send(mcpUrl, CALL);
  expect(refused).toMatchObject({ status: 502, message: { id: 7, error: { data: { code: 'upstream.unreachable' } } } });
  await gateway.api('PUT', `/gateways/${gatewayId}`, { url: `${liar.url}?again` });
  expect((await send(mcpUrl, CALL)).text).toContain('honest');
});

test('in a batch the lie is told about one element, and the others are answered', async () => {
  liar.answer = (socket, request) =>
    void socket.write(
      request.message?.id === 1
        ? http(200, '<html>')
        : request.message?.id === 3
          ? http(202, '', { 'content-type': 'text/plain' })
          : http(200, result(request, RESULT)),
    );
  const call = (id: number): string => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"answer"}}`;
  const { status, text } = await send(liarUrl, `[${call(1)},${call(2)},${call(3)}]`, { 'mcp-protocol-version': '2025-03-26' });
  expect(status).toBe(200);
  const answers = JSON.parse(text) as { id: number; error?: { data: { code: string } }; result?: unknown }[];
  const of = (id: number) => answers.find((answer) => answer.id === id);
  expect(of(1)?.error?.data.code).toBe('upstream.bad_answer');
  expect(of(2)?.result).toEqual({ content: [] });
  expect(of(3)?.error?.data.code).toBe('upstream.bad_answer');
});
