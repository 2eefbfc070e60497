import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AppError } from '#base/kernel';
import { createOutbound, type Outbound } from '#base/net';
import type { UpstreamTarget } from '#base/protocol';
import type { MessageChannel } from '../channel/message-channel.ts';
import { createSseOpener } from './sse-channel.ts';

/** An HTTP+SSE server whose every answer a test decides. */
class SseServer {
  readonly posts: { url: string; headers: IncomingMessage['headers']; body: string }[] = [];
  readonly gets: IncomingMessage[] = [];
  streams: ServerResponse[] = [];
  get: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => this.stream(response, 'endpoint', '/messages?id=1');
  post: (body: string, response: ServerResponse) => void = (_body, response) => void response.writeHead(202).end('Accepted');
  readonly server: Server = createServer((request, response) => {
    if (request.method === 'GET') {
      this.gets.push(request);
      this.get(request, response);
      return;
    }
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString();
      this.posts.push({ url: request.url ?? '', headers: request.headers, body });
      this.post(body, response);
    });
  });

  stream(response: ServerResponse, event?: string, data?: string): void {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.flushHeaders();
    this.streams.push(response);
    if (event !== undefined) response.write(`event: ${event}\r\ndata: ${data}\r\n\r\n`);
  }

  say(text: string, event = 'message'): void {
    this.streams.at(-1)?.write(`event: ${event}\ndata: ${text}\n\n`);
  }

  bodies(): string[] {
    return this.posts.map(({ body }) => body);
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }
}

interface Line {
  channel: MessageChannel;
  messages: string[];
  closed: AppError[];
  refused: AppError[];
  send(message: string | object): void;
}

const rejections: unknown[] = [];
const onRejection = (error: unknown): void => void rejections.push(error);
let server: SseServer;
let outbound: Outbound;
let lines: Line[];

beforeEach(async () => {
  rejections.length = 0;
  process.on('unhandledRejection', onRejection);
  server = new SseServer();
  lines = [];
  outbound = createOutbound({
    guard: { enabled: true, allowLocalhost: true, allowPrivateNetworks: false, allowedNetworks: [], blockedNetworks: [], blockedHosts: [] },
    connectTimeoutMs: 2_000,
    dnsFailClosed: false,
    verifyTls: true,
  });
  await new Promise<void>((resolve) => server.server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await Promise.all(lines.map(({ channel }) => channel.close()));
  expect(lines.map(({ closed }) => closed.length)).toEqual(lines.map(() => 1));
  await outbound.close();
  server.server.closeAllConnections();
  await new Promise((resolve) => server.server.close(resolve));
  process.off('unhandledRejection', onRejection);
  expect(rejections).toEqual([]);
});

function open({ url = `http://127.0.0.1:${server.port}/sse`, headers = [] as string[], endpointTimeoutMs = 5_000 } = {}): Line {
  const target: UpstreamTarget = {
    id: 'u',
    name: 'old one',
    transport: 'SSE',
    url,
    process: undefined,
    headers: [['authorization', 'Bearer s3cret']],
  };
  const line: Omit<Line, 'channel'> = {
    messages: [],
    closed: [],
    refused: [],
    send: (message) =>
      channel.send(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)), (error) => void line.refused.push(error)),
  };
  const channel = createSseOpener(outbound, { endpointTimeoutMs }).open(target, headers, {
    message: (text) => {
      expect(line.closed).toEqual([]);
      line.messages.push(text);
    },
    closed: (error) => void line.closed.push(error),
  });
  expect(line.closed).toEqual([]);
  lines.push({ ...line, channel });
  return { ...line, channel };
}

const call = (id: number, method = 'tools/call', params: object = { name: 't' }): object => ({ jsonrpc: '2.0', id, method, params });
const note = (method: string, params: object = {}): object => ({ jsonrpc: '2.0', method, params });
const answer = (id: number): string => `{"jsonrpc":"2.0","id":${id},"result":{}}`;
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
const connections = (): Promise<number> =>
  new Promise((resolve, reject) => {
    server.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
const methodsPosted = (): string[] => server.bodies().map((body) => (JSON.parse(body) as { method?: string }).method ?? 'response');

test('messages go to the endpoint the stream names, on another path too, with the credentials; answers come over the stream', async () => {
  server.post = (body, response) => {
    response.writeHead(202).end('Accepted');
    server.say(answer((JSON.parse(body) as { id: number }).id));
  };
  const line = open({ headers: ['x-request', 'r1', 'accept', 'text/html', 'mcp-session-id', 'foreign'] });
  line.send(call(7));
  await vi.waitFor(() => expect(line.messages).toEqual([answer(7)]));
  expect(server.gets[0]).toMatchObject({ url: '/sse', headers: { accept: 'text/event-stream', authorization: 'Bearer s3cret', 'x-request': 'r1' } });
  expect(server.gets[0]?.headers['mcp-session-id']).toBeUndefined();
  expect(server.posts[0]).toMatchObject({
    url: '/messages?id=1',
    headers: { 'content-type': 'application/json', authorization: 'Bearer s3cret', 'x-request': 'r1' },
  });
  expect(line.refused).toEqual([]);
});

test.each([
  ['relative to the stream', '../post?a=b', '/post?a=b'],
  ['a bare query', '?session=5', '/sse?session=5'],
  ['absolute', 'ORIGIN/far/away', '/far/away'],
  ['without a scheme', '//HOST/here', '/here'],
  ['letters beyond ASCII', '/grüße', '/gr%C3%BC%C3%9Fe'],
])('an endpoint may be given %s', async (_how, endpoint, expected) => {
  const host = `127.0.0.1:${server.port}`;
  server.get = (_request, response) => server.stream(response, 'endpoint', endpoint.replace('ORIGIN', `http://${host}`).replace('HOST', host));
  open().send(note('notifications/x'));
  await vi.waitFor(() => expect(server.posts.map(({ url }) => url)).toEqual([expected]));
});

test('nothing is posted before the endpoint is known, and then in order; a second endpoint changes nothing', async () => {
  server.get = (_request, response) => server.stream(response);
  const line = open();
  for (const id of [1, 2, 3]) line.send(call(id));
  await vi.waitFor(() => expect(server.streams).toHaveLength(1));
  expect(server.posts).toEqual([]);
  server.say('/first', 'endpoint');
  server.say('/second', 'endpoint');
  await vi.waitFor(() => expect(server.posts).toHaveLength(3));
  line.send(call(4));
  await vi.waitFor(() => expect(server.posts).toHaveLength(4));
  expect(new Set(server.posts.map(({ url }) => url))).toEqual(new Set(['/first']));
});

test('an event without a name is a message, an event with another name is none, and bytes arrive as they were', async () => {
  const line = open();
  await vi.waitFor(() => expect(server.streams).toHaveLength(1));
  server.say('{"not":"for us"}', 'ping');
  server.streams[0]?.write(': keep-alive\n\ndata: {"text":"é€😀"}\n\n');
  server.say('', 'message');
  server.say('{"last":1}');
  await vi.waitFor(() => expect(line.messages).toHaveLength(2));
  expect(line.messages.map((text) => Buffer.from(text, 'latin1').toString())).toEqual(['{"text":"é€😀"}', '{"last":1}']);
});

test('a message of megabytes passes both ways', async () => {
  const big = 'x'.repeat(10 * 1024 * 1024);
  server.post = (body, response) => {
    response.writeHead(202).end();
    server.say(body);
  };
  const line = open();
  line.send(call(1, 'tools/call', { big }));
  await vi.waitFor(() => expect(line.messages).toEqual([JSON.stringify(call(1, 'tools/call', { big }))]), { timeout: 10_000 });
});

test('a held POST holds up neither answers to the server nor other calls', async () => {
  const held: ServerResponse[] = [];
  server.post = (body, response) => {
    const { id, method } = JSON.parse(body) as { id?: number; method?: string };
    if (method !== 'tools/call') {
      response.writeHead(202).end();
      for (const call of held.splice(0)) call.writeHead(202).end();
      server.say(answer(1));
    } else if (id === 1) {
      held.push(response);
      server.say('{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{}}');
    } else response.writeHead(202).end();
  };
  const line = open();
  line.send(call(1));
  await vi.waitFor(() => expect(line.messages).toHaveLength(1));
  line.send(call(2));
  await vi.waitFor(() => expect(server.posts).toHaveLength(2));
  expect(held).toHaveLength(1);
  line.send('{"jsonrpc":"2.0","id":"q","result":{"action":"accept"}}');
  await vi.waitFor(() => expect(line.messages[1]).toBe(answer(1)));
});

test('what follows notifications/initialized waits until it was taken', async () => {
  let initialized: ServerResponse | undefined;
  server.post = (body, response) => {
    if (body.includes('notifications/initialized')) initialized = response;
    else response.writeHead(202).end();
  };
  const line = open();
  line.send(note('notifications/initialized'));
  line.send(call(1));
  line.send('{"jsonrpc":"2.0","id":"q","result":{}}');
  line.send(note('notifications/cancelled', { requestId: 1 }));
  await vi.waitFor(() => expect(initialized).toBeDefined());
  await delay(50);
  expect(methodsPosted()).toEqual(['notifications/initialized']);
  initialized?.writeHead(202).end();
  await vi.waitFor(() => expect(methodsPosted()).toHaveLength(4));
  // Side by side: only a notification keeps its place.
  expect(methodsPosted().at(-1)).toBe('notifications/cancelled');
});

test('a notification follows the messages before it, but is not held for ever by a POST that stays open', async () => {
  const held: ServerResponse[] = [];
  server.post = (body, response) => {
    if (body.includes('tools/call')) held.push(response);
    else response.writeHead(202).end();
  };
  const line = open();
  line.send(call(1));
  line.send(note('notifications/cancelled', { requestId: 1 }));
  line.send(call(2));
  await vi.waitFor(() => expect(held).toHaveLength(2));
  expect(methodsPosted()).toEqual(['tools/call', 'tools/call']);
  await vi.waitFor(() => expect(methodsPosted()).toEqual(['tools/call', 'tools/call', 'notifications/cancelled']), { timeout: 5_000 });
});

test('a POST that stays open after its call was answered is given up, quietly', async () => {
  const aborted: string[] = [];
  server.post = (body, response) => {
    response.on('close', () => aborted.push(body));
    server.say(answer(1));
  };
  const line = open();
  line.send(call(1));
  await vi.waitFor(() => expect(line.messages).toEqual([answer(1)]));
  await vi.waitFor(() => expect(aborted).toHaveLength(1), { timeout: 10_000 });
  expect([line.refused, line.closed]).toEqual([[], []]);
});

test('an answer in the body of the POST is an answer, whatever its status', async () => {
  server.post = (body, response) => {
    const { id } = JSON.parse(body) as { id: number };
    response.writeHead(id === 1 ? 200 : 404, { 'content-type': 'application/json' }).end(answer(id));
  };
  const line = open();
  line.send(call(1));
  line.send(call(2));
  await vi.waitFor(() => expect(line.messages.toSorted()).toEqual([answer(1), answer(2)]));
  expect([line.refused, line.closed]).toEqual([[], []]);
});

test('other bodies of a POST are let go: words, JSON that is not the answer, streams without end', async () => {
  server.post = (body, response) => {
    const { id } = JSON.parse(body) as { id: number };
    if (id === 1) response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
    else if (id === 2) response.writeHead(200, { 'content-type': 'application/json' }).end(answer(99));
    else {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const timer = setInterval(() => response.write('y'.repeat(65_536)), 5);
      response.on('close', () => {
        clearInterval(timer);
        server.say(answer(3));
      });
    }
  };
  const line = open();
  for (const id of [1, 2, 3]) line.send(call(id));
  await vi.waitFor(() => expect(line.messages).toEqual([answer(3)]));
  expect([line.refused, line.closed]).toEqual([[], []]);
});

test.each<[number, string, string, RegExp]>([
  [400, '{"error":"Invalid content-type"}', 'upstream.bad_answer', /^Gateway "old one" refused the message with HTTP 400: Invalid content-type$/],
  [400, 'Invalid message: {"a":"session"}', 'upstream.bad_answer', /HTTP 400: Invalid message/],
  [413, '<html>too large</html>', 'upstream.bad_answer', /with HTTP 413$/],
  [429, 'slow\u0000down\n', 'upstream.bad_answer', /HTTP 429: slow down$/],
  [500, `{"detail":"${'z'.repeat(500)}"}`, 'upstream.bad_answer', /HTTP 500: z{200}$/],
  [503, 'x'.repeat(100_000), 'upstream.bad_answer', /HTTP 503: x{200}$/],
  [401, '', 'upstream.needs_auth', /refused the credentials/],
  [403, '', 'upstream.needs_auth', /refused the credentials/],
  [307, '', 'upstream.bad_answer', /answered with a redirect/],
])('HTTP %i refuses one message only', async (status, body, code, words) => {
  server.post = (sent, response) =>
    void (sent.includes('"id":1,')
      ? response.writeHead(status, { location: `http://127.0.0.1:${server.port}/elsewhere` }).end(body)
      : response.writeHead(202).end());
  const line = open();
  line.send(call(1));
  await vi.waitFor(() => expect(line.refused).toMatchObject([{ code, message: expect.stringMatching(words) as string }]));
  line.send(call(2));
  await vi.waitFor(() => expect(server.posts).toHaveLength(2));
  expect(server.posts.map(({ url }) => url)).not.toContain('/elsewhere');
  server.say(answer(2));
  await vi.waitFor(() => expect(line.messages).toEqual([answer(2)]));
  expect(line.closed).toEqual([]);
});

test.each<[number, string]>([
  [404, 'Could not find session'],
  [410, ''],
  [400, 'No transport found for sessionId'],
])('HTTP %i "%s" ends the session', async (status, body) => {
  server.post = (_sent, response) => void response.writeHead(status).end(body);
  const line = open();
  line.send(call(1));
  await vi.waitFor(() =>
    expect(line.closed).toMatchObject([{ code: 'upstream.session_lost', message: expect.stringContaining(`HTTP ${status}`) as string }]),
  );
  expect(line.refused).toMatchObject([{ code: 'upstream.session_lost' }]);
});

test('a POST whose connection breaks is refused, a call is not sent twice, and the session stays', async () => {
  server.post = (body, response) => void (body.includes('tools/call') ? response.destroy() : response.writeHead(202).end());
  const line = open();
  line.send(call(1));
  await vi.waitFor(() => expect(line.refused).toMatchObject([{ code: 'upstream.unreachable', message: expect.stringContaining('broke') as string }]));
  expect(server.posts).toHaveLength(1);
  line.send(call(2, 'ping'));
  await vi.waitFor(() => expect(server.posts).toHaveLength(2));
  expect(line.closed).toEqual([]);
});

test('what is safe to repeat is sent once more when its connection breaks, and only once', async () => {
  server.post = (body, response) =>
    void (body.includes('tools/list') || server.posts.length === 1 ? response.destroy() : response.writeHead(202).end());
  const line = open();
  line.send('{"jsonrpc":"2.0","id":"q","result":{}}');
  await vi.waitFor(() => expect(server.posts).toHaveLength(2));
  line.send(call(1, 'tools/list'));
  await vi.waitFor(() => expect(line.refused).toHaveLength(1));
  expect(server.posts).toHaveLength(4);
});

test.each<[string, (response: ServerResponse) => void, string, RegExp]>([
  ['401', (r) => r.writeHead(401, { 'www-authenticate': 'Bearer' }).end(), 'upstream.needs_auth', /refused the credentials.*401/],
  ['403', (r) => r.writeHead(403).end('no'), 'upstream.needs_auth', /refused the credentials.*403/],
  ['404', (r) => r.writeHead(404, { 'content-type': 'text/html' }).end('<p>'), 'upstream.bad_answer', /HTTP 404\. Is the URL an HTTP\+SSE endpoint/],
  ['405', (r) => r.writeHead(405).end(), 'upstream.bad_answer', /HTTP 405\. Is the URL/],
  ['500', (r) => r.writeHead(500).end(), 'upstream.bad_answer', /HTTP 500/],
  ['a redirect', (r) => r.writeHead(302, { location: '/sse2' }).end(), 'upstream.bad_answer', /redirect.*final URL/],
  ['a page', (r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<p>'), 'upstream.bad_answer', /text\/html/],
  ['JSON', (r) => r.writeHead(200, { 'content-type': 'application/json' }).end('{}'), 'upstream.bad_answer', /with JSON/],
  ['nothing', (r) => r.writeHead(204).end(), 'upstream.bad_answer', /HTTP 204/],
  ['a broken connection', (r) => void r.destroy(), 'upstream.unreachable', /closed the connection before its event stream had begun/],
  [
    'a stream that ends',
    (r) => r.writeHead(200, { 'content-type': 'text/event-stream' }).end(),
    'upstream.bad_answer',
    /before it had named an endpoint/,
  ],
])('a GET answered with %s says so', async (_what, respond, code, words) => {
  server.get = (_request, response) => {
    respond(response);
  };
  const line = open();
  line.send(call(1));
  await vi.waitFor(() => expect(line.closed).toMatchObject([{ code, message: expect.stringMatching(words) as string }]));
  expect([server.gets.length, server.posts.length]).toEqual([1, 0]);
});

test.each([
  ['http://localhost:PORT/messages', /points to another host \(http:\/\/localhost:\d+\)/],
  ['http://127.0.0.1:1/messages', /another host/],
  ['//evil.example/x', /another host \(http:\/\/evil\.example\)/],
  ['https://127.0.0.1:PORT/messages', /another host/],
  ['file:///etc/passwd', /another host/],
  ['http://[::', /no URL/],
  ['', /no URL/],
])('an endpoint %j is refused and nothing sent to it', async (endpoint, words) => {
  server.get = (_request, response) => server.stream(response, 'endpoint', endpoint.replace('PORT', String(server.port)));
  const line = open();
  line.send(call(1));
  await vi.waitFor(() => expect(line.closed).toMatchObject([{ code: 'upstream.bad_answer', message: expect.stringMatching(words) as string }]));
  expect(line.closed[0]?.message).not.toContain('s3cret');
  expect(server.posts).toEqual([]);
});

test('a stream that names no endpoint, and a server that does not answer, are given up in time', async () => {
  server.get = (request, response) => {
    if (request.url === '/silent') return;
    server.stream(response);
    server.say('{}', 'hello');
  };
  const url = `http://127.0.0.1:${server.port}`;
  const [mute, silent] = [open({ url: `${url}/mute`, endpointTimeoutMs: 300 }), open({ url: `${url}/silent`, endpointTimeoutMs: 300 })];
  await vi.waitFor(() => expect([mute.closed.length, silent.closed.length]).toEqual([1, 1]));
  expect(mute.closed).toMatchObject([
    { code: 'upstream.timeout', message: 'Gateway "old one" opened an event stream but named no endpoint within 0.3 s.' },
  ]);
  expect(silent.closed).toMatchObject([
    { code: 'upstream.timeout', message: 'Gateway "old one" did not answer the GET of its event stream within 0.3 s.' },
  ]);
});

test.each([
  ['http://127.0.0.1:1/sse', /connection refused/],
  ['http://169.254.169.254/sse', /guard refuses its address/],
  ['no url', /error/],
])('%s cannot be connected to, and that is told, not thrown', async (url, words) => {
  const line = open({ url });
  line.send(call(1));
  await vi.waitFor(() => expect(line.closed).toMatchObject([{ message: expect.stringMatching(words) as string }]));
});

test.each<[string, (stream: ServerResponse) => void, RegExp]>([
  ['ends', (stream) => void stream.end(), /ended its event stream, and with it the session/],
  ['breaks', (stream) => void stream.destroy(), /broke, and with it the session/],
])('a stream that %s in the middle of a call loses the session, and nothing is sent any more', async (_how, end, words) => {
  const line = open();
  line.send(call(1));
  await vi.waitFor(() => expect(server.posts).toHaveLength(1));
  for (const stream of server.streams) end(stream);
  await vi.waitFor(() => expect(line.closed).toMatchObject([{ code: 'upstream.session_lost', message: expect.stringMatching(words) as string }]));
  line.send(call(2));
  await delay(20);
  expect(server.posts).toHaveLength(1);
});

test('an event of more than 64 MiB ends the session in words', async () => {
  const line = open();
  await vi.waitFor(() => expect(server.streams).toHaveLength(1));
  const [stream] = server.streams;
  stream?.write('data: ');
  for (let sent = 0; sent <= 64; sent++) stream?.write('x'.repeat(1024 * 1024));
  await vi.waitFor(() => expect(line.closed).toMatchObject([{ code: 'upstream.too_large' }]), { timeout: 15_000 });
});

test('more than 64 MiB are not kept for an endpoint that does not come', async () => {
  server.get = (_request, response) => server.stream(response);
  const line = open();
  const big = call(1, 'tools/call', { big: 'x'.repeat(33 * 1024 * 1024) });
  line.send(big);
  line.send(big);
  expect(line.refused).toEqual([]);
  await vi.waitFor(() =>
    expect(line.refused).toMatchObject([{ code: 'upstream.unreachable', message: expect.stringContaining('does not take messages') as string }]),
  );
});

test('a paused line reads no more than what is on the way, and goes on where it stopped', async () => {
  const line = open();
  await vi.waitFor(() => expect(server.streams).toHaveLength(1));
  server.say('{"first":1}');
  await vi.waitFor(() => expect(line.messages).toHaveLength(1));
  line.channel.pause();
  const text = JSON.stringify({ text: 'x'.repeat(256 * 1024) });
  for (let i = 0; i < 200; i++) server.say(text);
  await vi.waitFor(() => expect(server.streams[0]?.writableNeedDrain).toBe(true));
  await delay(100);
  const seen = line.messages.length;
  expect(seen).toBeLessThan(50);
  line.channel.resume();
  await vi.waitFor(() => expect(line.messages).toHaveLength(201), { timeout: 10_000 });
  expect(new Set(line.messages.slice(1))).toEqual(new Set([text]));
});

test('a line that is paused before its endpoint came still learns the endpoint', async () => {
  const line = open();
  line.channel.pause();
  line.send(call(1));
  await vi.waitFor(() => expect(server.posts).toHaveLength(1));
});

test('close ends the stream and every open POST, at any time', async () => {
  const ended = { gets: 0, posts: 0 };
  server.get = (_request, response) => {
    response.on('close', () => ended.gets++);
    server.stream(response, 'endpoint', '/messages');
  };
  server.post = (_body, response) => void response.on('close', () => ended.posts++);
  const line = open();
  line.send(call(1));
  line.send(note('notifications/cancelled', { requestId: 1 }));
  await vi.waitFor(() => expect(server.posts).toHaveLength(1));
  const early = open();
  early.send(call(2));
  await Promise.all([line.channel.close(), line.channel.close(), early.channel.close()]);
  expect(line.closed).toMatchObject([{ code: 'upstream.session_lost' }]);
  expect(early.closed).toHaveLength(1);
  await vi.waitFor(() => expect(ended).toEqual({ gets: server.gets.length, posts: 1 }));
  expect([line.refused, early.refused]).toEqual([[], []]);
});

test('200 lines opened and closed leave no socket and no timer', async () => {
  const before = await vi.waitFor(() => timers());
  for (let round = 0; round < 10; round++) {
    const batch = Array.from({ length: 20 }, () => open());
    for (const line of batch) line.send(call(1));
    await vi.waitFor(() => expect(server.posts).toHaveLength((round + 1) * 20));
    await Promise.all(batch.map(({ channel }) => channel.close()));
  }
  await outbound.close();
  await vi.waitFor(async () => expect(await connections()).toBe(0));
  await vi.waitFor(() => expect(timers()).toBeLessThanOrEqual(before));
});
