import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';

const MEGABYTE = 1024 * 1024;
const CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo_arguments","arguments":{"a":1}}}';

let gateway: StartedGateway;
let fixture: Fixture;
let session: Record<string, string>;
let mcpUrl: string;
let mcpPath: string;

beforeAll(async () => {
  gateway = await startGateway();
  fixture = await startFixture();
  ({ mcpUrl } = await gateway.registerMirror(fixture.url));
  mcpPath = new URL(mcpUrl).pathname;
  const opened = await send({
    body: '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}',
  });
  session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '', 'mcp-protocol-version': '2025-06-18' };
});

afterEach(async () => {
  const answer = await send({ body: CALL, headers: session });
  expect(answer.status, 'a good call afterwards').toBe(200);
  expect(answer.text).toContain('\\"a\\":1');
});

afterAll(async () => {
  expect(gateway.output()).not.toMatch(/could not be handled|internal/);
  await gateway.stop();
  await fixture.close();
});

interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly error: { code: number; data?: { code?: string } } | undefined;
}

async function send(request: {
  method?: string;
  url?: string;
  body?: string | Uint8Array<ArrayBuffer> | ReadableStream;
  headers?: Record<string, string>;
}): Promise<Sent> {
  const response = await fetch(request.url ?? mcpUrl, {
    method: request.method ?? 'POST',
    headers: {
      authorization: `Bearer ${gateway.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...request.headers,
    },
    ...(request.body === undefined ? {} : { body: request.body, duplex: 'half' as const }),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    error: text.startsWith('{') ? (JSON.parse(text) as { error?: Sent['error'] }).error : undefined,
  };
}

/** Sends bytes as they are, and reads until the other side closes. */
async function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(gateway.port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    socket.setTimeout(15_000, () => socket.destroy(new Error(`still open, having said: ${received}`)));
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve(received));
  });
}

describe('messages that are refused before anybody acts on them', () => {
  test.each<[string, string, number, string]>([
    ['nothing', '', -32700, 'request.malformed_json'],
    ['half a document', CALL.slice(0, -1), -32700, 'request.malformed_json'],
    ['two documents', CALL + CALL, -32700, 'request.malformed_json'],
    ['a comment', `/* */${CALL}`, -32700, 'request.malformed_json'],
    ['a byte order mark', `\ufeff${CALL}`, -32700, 'request.malformed_json'],
    ['NaN', '{"jsonrpc":"2.0","id":NaN,"method":"ping"}', -32700, 'request.malformed_json'],
    [
      'nesting without end',
      `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","arguments":${'['.repeat(100_000)}`,
      -32700,
      'request.malformed_json',
    ],
    [
      'deep nesting that does end',
      `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","arguments":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}}`,
      -32700,
      'request.malformed_json',
    ],
    ['a number', '42', -32600, 'request.invalid'],
    ['null', 'null', -32600, 'request.invalid'],
    ['a text', '"tools/call"', -32600, 'request.invalid'],
    ['an empty object', '{}', -32600, 'request.invalid'],
    ['no version', '{"id":7,"method":"ping"}', -32600, 'request.invalid'],
    ['an id that is an object', '{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600, 'request.invalid'],
    ['an id that is null', '{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, 'request.invalid'],
    ['a method that is a list', '{"jsonrpc":"2.0","id":7,"method":["tools/call"]}', -32600, 'request.invalid'],
    ['two methods', '{"jsonrpc":"2.0","id":7,"method":"ping","method":"tools/call"}', -32600, 'request.ambiguous'],
    ['two methods, one escaped', '{"jsonrpc":"2.0","id":7,"method":"ping","\\u006dethod":"tools/call"}', -32600, 'request.ambiguous'],
    ['a method in capitals', '{"jsonrpc":"2.0","id":7,"method":"ping","METHOD":"tools/call"}', -32600, 'request.ambiguous'],
    [
      'params with a long s',
      '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a"},"param\u017f":{"name":"b"}}',
      -32600,
      'request.ambiguous',
    ],
    ['two names', '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","name":"b"}}', -32600, 'request.ambiguous'],
    ['a name in capitals', '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","Name":"b"}}', -32600, 'request.ambiguous'],
    ['an empty batch', '[]', -32600, 'request.invalid'],
    ['a batch of numbers', '[1,2]', -32600, 'request.invalid'],
    ['a batch with initialize', '[{"jsonrpc":"2.0","id":7,"method":"initialize"}]', -32600, 'request.invalid'],
    ['a batch of a thousand', `[${Array(1000).fill('{"jsonrpc":"2.0","method":"x"}').join(',')}]`, -32600, 'request.invalid'],
    ['half a batch', `[${CALL}`, -32700, 'request.malformed_json'],
  ])('%s', async (_what, body, rpcCode, code) => {
    const seenBefore = fixture.stats().requests;
    expect(await send({ body, headers: session })).toMatchObject({ status: 400, error: { code: rpcCode, data: { code } } });
    expect(fixture.stats().requests).toBe(seenBefore);
  });

  test.each([[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xc0, 0xaf]])('bytes that are no UTF-8: %j', async (...bytes) => {
    const body = Uint8Array.from([
      ...Buffer.from('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"'),
      ...bytes,
      ...Buffer.from('"}}'),
    ]);
    expect(await send({ body, headers: session })).toMatchObject({ status: 400, error: { code: -32700 } });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx', 'text/json', ''])(
    'a body of type %j',
    async (type) => {
      expect(await send({ body: CALL, headers: { ...session, 'content-type': type } })).toMatchObject({
        status: 415,
        error: { data: { code: 'request.unsupported_media_type' } },
      });
    },
  );

  test.each(['gzip', 'br', 'deflate', 'x'])('a body compressed with %s', async (encoding) => {
    expect((await send({ body: CALL, headers: { ...session, 'content-encoding': encoding } })).status).toBe(415);
  });

  test.each(['PUT', 'PATCH', 'HEAD'])('the method %s', async (method) => {
    const answer = await send({ method, ...(method === 'HEAD' ? {} : { body: CALL }), headers: session });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toContain('POST');
  });
});

test.each([
  '',
  'Bearer',
  'Bearer ',
  'Bearer x',
  'Bearer a.b.c',
  'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbkBleGFtcGxlLmNvbSJ9.',
  'bearer  x',
  'Basic',
  'Basic !!!',
  'Basic YWRtaW46Y2hhbmdlbWU=',
  'Digest x',
  '\u00e9',
  `Bearer ${'x'.repeat(8000)}`,
  `Bearer ${'.'.repeat(5000)}`,
  'Bearer e30.e30.e30',
])('the credential %j is a 401 at both doors', async (authorization) => {
  for (const url of [mcpUrl, `${gateway.url}/gateways`, `${gateway.url}/openapi.json`]) {
    const answer = await send({ url, headers: { ...session, authorization }, ...(url === mcpUrl ? { body: CALL } : { method: 'GET' }) });
    expect(answer.status, url).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
  }
});

describe('names of things that are not there', () => {
  test.each([
    '/servers/00000000000000000000000000000000/mcp',
    '/servers/%00/mcp',
    '/servers/../nowhere/mcp',
    '/servers/a%2fb/mcp',
    `/servers/${'x'.repeat(5000)}/mcp`,
    '/servers//mcp',
    '/servers/\u00e9/mcp',
    '/servers/%ff/mcp',
    '/nothing',
    '/%',
    '/%c0%af',
    '/gateways/%00',
    '/gateways/x%ff',
    '/.env',
    '/v1',
    '/v1/v1/gateways',
    '/__proto__',
    '/constructor',
  ])('%s', async (path) => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const { status } = await send({ method, url: gateway.url + path, ...(method === 'POST' ? { body: CALL } : {}) });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    }
  });

  test.each(['unknown', '', 'a b', 'x'.repeat(4000), '../..', '\u00e9'])('the session %j', async (id) => {
    for (const method of ['POST', 'GET', 'DELETE']) {
      const { status } = await send({
        method,
        headers: { 'mcp-session-id': id, 'mcp-protocol-version': '2025-06-18' },
        ...(method === 'POST' ? { body: CALL } : {}),
      });
      expect(id === '' ? [400, 404, 405] : [404]).toContain(status);
    }
  });

  test.each(['unknown', 'x.1', '', `${'a'.repeat(12)}.999`, '\u00e9', '9'.repeat(3000)])('the event %j', async (id) => {
    const { status } = await send({ method: 'GET', headers: { ...session, 'last-event-id': id } });
    expect(status).toBe(400);
  });
});

describe('too much', () => {
  const eleven = (): Uint8Array<ArrayBuffer> => new Uint8Array(11 * MEGABYTE).fill(0x20);
  const inChunks = (): ReadableStream =>
    new ReadableStream({
      start(controller) {
        for (let i = 0; i < 11; i++) controller.enqueue(new Uint8Array(MEGABYTE).fill(0x20));
        controller.close();
      },
    });

  test.each([
    ['announced', eleven],
    ['in chunks', inChunks],
  ])('11 MB %s are an honest 413 on both doors', async (_what, body) => {
    expect(await send({ body: body(), headers: session })).toMatchObject({ status: 413, error: { data: { code: 'request.too_large' } } });
    const rest = await send({ url: `${gateway.url}/gateways`, body: body() });
    expect(rest.status).toBe(413);
    expect(rest.text).toContain('MCPGATEWAY_MAX_BODY_BYTES');
  });

  test('a body just below the limit is taken', async () => {
    const padded = CALL.replace('{"a":1}', `{"a":"${'x'.repeat(10 * MEGABYTE - CALL.length - 10)}"}`);
    expect((await send({ body: padded, headers: session })).status).toBe(200);
  });

  test('a huge header is a 431', async () => {
    expect(await raw(`GET /health HTTP/1.1\r\nHost: localhost\r\nX-Filler: ${'x'.repeat(100_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });
});

describe('what is no HTTP', () => {
  const head = (lines: string): string =>
    `POST ${mcpPath} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n${lines}\r\n\r\n`;

  test.each<[string, () => string]>([
    ['garbage', () => '\u0000\u0001\u0002 garbage\r\n\r\n'],
    ['TLS', () => '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n\r\n'],
    ['no version', () => 'GET /health\r\n\r\n'],
    ['a negative length', () => head('Content-Length: -1')],
    ['two lengths', () => head('Content-Length: 5\r\nContent-Length: 6')],
    ['a length and chunks at once', () => `${head('Content-Length: 5\r\nTransfer-Encoding: chunked')}0\r\n\r\n`],
    ['a chunk size that is no number', () => `${head('Transfer-Encoding: chunked')}zz\r\n\r\n`],
    ['an unknown transfer coding', () => `${head('Transfer-Encoding: gzip')}x`],
    ['a space before the colon', () => head('Content-Length : 5')],
    ['a header with a NUL', () => head('X-A: a\u0000b')],
    ['a missing Host', () => 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['a foreign Host', () => 'GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n'],
  ])('%s is a 4xx and the end of the connection', async (_what, bytes) => {
    expect(await raw(bytes())).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  test('a good request and garbage behind it: the first is answered, the connection ends', async () => {
    const answer = await raw('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n\u0000\u0001garbage\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 (200|400) /);
  });

  test.each([
    'CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    'GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    'TRACE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  ])('forms that other servers take (%s) open nothing', async (bytes) => {
    expect(await raw(bytes)).not.toMatch(/^HTTP\/1\.1 (5\d\d|101)/);
  });
});
