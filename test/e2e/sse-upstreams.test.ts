import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { startGateway, type RestAnswer, type StartedGateway } from '../kit/gateway.ts';
import { event, sseResult, startSseUpstream, type SseUpstream } from '../kit/sse-upstream.ts';

let gateway: StartedGateway;
let neighbour: SseUpstream;
let neighbourUrl: string;
let upstream: SseUpstream;
let names = 0;

beforeAll(async () => {
  gateway = await startGateway({ env: { TOOL_TIMEOUT: '20', FEDERATION_TIMEOUT: '20', HEALTH_CHECK_INTERVAL: '3600' } });
  neighbour = await startSseUpstream();
  neighbourUrl = (await gateway.registerMirror(neighbour.url, { gateway: { transport: 'SSE' } })).mcpUrl;
});

beforeEach(async () => {
  upstream = await startSseUpstream();
});

// Whatever an upstream did, the server next door is as it was.
afterEach(async () => {
  await upstream.close();
  const next = await open(neighbourUrl);
  expect(await next.call()).toMatchObject({ result: { content: [{ text: 'honest' }] } });
  await next.end();
});

afterAll(async () => {
  expect(gateway.output()).not.toMatch(/could not be handled|internal/);
  expect(await gateway.stop()).toBe(0);
  await vi.waitFor(() => expect(neighbour.streams.size).toBe(0));
  await neighbour.close();
});

const register = (more: object = {}): Promise<RestAnswer> =>
  gateway.api('POST', '/gateways', { name: `old ${++names}`, url: upstream.url, transport: 'SSE', ...more });

interface RpcAnswer {
  readonly id?: unknown;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Record<string, unknown> };
}

interface Client {
  call(params?: object): Promise<RpcAnswer>;
  end(): Promise<void>;
}

/** A session of a client of 2025-06-18. */
async function open(mcpUrl: string): Promise<Client> {
  let sessionId = '';
  let id = 0;
  async function post(method: string, params: object): Promise<RpcAnswer> {
    const isNotification = method.startsWith('notifications/');
    const response = await fetch(mcpUrl, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${gateway.token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-06-18',
        ...(sessionId === '' ? {} : { 'mcp-session-id': sessionId }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...(isNotification ? {} : { id: ++id }), method, params }),
      signal: AbortSignal.timeout(30_000),
    });
    sessionId ||= response.headers.get('mcp-session-id') ?? '';
    const text = await response.text();
    if (isNotification) return {};
    if (response.headers.get('content-type')?.includes('event-stream') !== true) return JSON.parse(text) as RpcAnswer;
    const data = text.split('\n').filter((line) => line.startsWith('data: {'));
    return JSON.parse(data.at(-1)?.slice(6) ?? '{}') as RpcAnswer;
  }
  const initialize = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  expect(await post('initialize', initialize)).toMatchObject({ result: { serverInfo: { name: 'old' } } });
  await post('notifications/initialized', {});
  return {
    call: (params = {}) => post('tools/call', { name: 'answer', arguments: {}, ...params }),
    async end() {
      const headers = { authorization: `Bearer ${gateway.token}`, 'mcp-session-id': sessionId };
      expect((await fetch(mcpUrl, { method: 'DELETE', headers })).status).toBeLessThan(300);
    },
  };
}

const openMirror = async (): Promise<Client> => open((await gateway.registerMirror(upstream.url, { gateway: { transport: 'SSE' } })).mcpUrl);

/** The next call on the same session is answered, over another stream when the first is gone. */
async function expectNextWorks(client: Client, streams: number): Promise<void> {
  upstream.call = undefined;
  expect(await client.call()).toMatchObject({ result: { content: [{ text: 'honest' }] } });
  expect(upstream.opened).toBe(streams);
}

describe('registration', () => {
  test('an HTTP+SSE server is registered, found out when no transport is given, and leaves no stream behind', async () => {
    expect(await register()).toMatchObject({ status: 200, body: { transport: 'SSE' } });
    expect(await register({ transport: undefined, url: `${upstream.url}?again` })).toMatchObject({ status: 200, body: { transport: 'SSE' } });
    // Each is read twice: as a client that can do everything, and as one that can do nothing.
    expect(upstream.posts.filter(({ body }) => body.includes('tools/list'))).toHaveLength(4);
    await vi.waitFor(() => expect(upstream.streams.size).toBe(0));
  });

  const stream = (response: ServerResponse, ...events: string[]): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write([': hello\n\n', ...events].join(''));
  };
  test.each<[string, (response: ServerResponse) => void, number, RegExp]>([
    [
      'points to another host',
      (response) => stream(response, event('http://192.0.2.1/messages', 'endpoint')),
      502,
      /another host \(http:\/\/192\.0\.2\.1\)/,
    ],
    ['names nonsense', (response) => stream(response, event('http://[', 'endpoint')), 502, /no URL/],
    ['names an endpoint that is not there', (response) => stream(response, event('/nowhere', 'endpoint')), 502, /404/],
    ['ends its stream at once', (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(), 502, /ended its event stream/],
    ['is a page', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'), 502, /text\/html/],
    ['redirects', (response) => response.writeHead(307, { location: '/other' }).end(), 502, /redirect/],
    [
      'sends noise',
      (response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(Buffer.alloc(65_536, 0xff)),
      502,
      /ended its event stream/,
    ],
  ])('a server that %s is refused in words', async (_what, respond, status, words) => {
    upstream.get = (_request, response) => {
      respond(response);
    };
    const refused = await register();
    expect(refused, JSON.stringify(refused.body)).toMatchObject({ status });
    expect(refused.body.message).toMatch(words);
    expect(refused.body.message).toContain(`old ${names}`);
  });

  test('a server that keeps silent and one that names no endpoint are given up in words, in time', async () => {
    upstream.get = (request, response) => {
      if (request.url !== '/mute') return;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event('{}', 'hello'));
    };
    const { origin } = new URL(upstream.url);
    const [silent, mute] = await Promise.all([register({ url: `${origin}/silent` }), register({ url: `${origin}/mute` })]);
    expect(silent).toMatchObject({ status: 504, body: { message: expect.stringContaining('did not answer the GET') as string } });
    expect(mute).toMatchObject({ status: 504, body: { message: expect.stringContaining('named no endpoint within 10 s') as string } });
  });

  test('a server that wants other credentials is registered, and says that it needs them', async () => {
    upstream.get = (_request, response) => void response.writeHead(401).end();
    expect(await register()).toMatchObject({
      status: 200,
      body: { state: 'needs_auth', reachable: false, lastError: { message: expect.stringContaining('HTTP 401') as string } },
    });
  });
});

describe('calls', () => {
  test.each<[string, NonNullable<SseUpstream['call']>]>([
    ['ends', (_message, post, stream) => void (post.writeHead(202).end(), stream.end())],
    ['breaks', (_message, post, stream) => void (post.writeHead(202).end(), stream.destroy())],
    [
      'breaks in the middle of the answer',
      (_message, post, stream) => void (post.writeHead(202).end(), stream.write('data: {"jsonrpc"', () => stream.destroy())),
    ],
    ['ends with the POST still open', (_message, _post, stream) => void stream.end()],
    ['is forgotten by the server (404)', (_message, post) => void post.writeHead(404).end('Could not find session')],
    ['is forgotten by the server (400)', (_message, post) => void post.writeHead(400).end('No transport found for sessionId')],
  ])('a stream that %s gives the running call a clear error, and the next call works over another', async (_how, call) => {
    const client = await openMirror();
    const streamsBefore = upstream.opened;
    upstream.call = call;
    const failed = await client.call();
    expect(failed).toMatchObject({ id: 2, error: { code: -31502, data: { code: 'upstream.session_lost' } } });
    expect(failed.error?.message).toMatch(/^Gateway "|^The event stream of gateway "/);
    await expectNextWorks(client, streamsBefore + 1);
    await client.end();
    await vi.waitFor(() => expect(upstream.streams.size).toBe(0));
  });

  test('a server that was restarted gets a new session with the next call', async () => {
    const client = await openMirror();
    expect(await client.call()).toMatchObject({ result: { content: [{ text: 'honest' }] } });
    await upstream.close();
    const failed = await client.call();
    // Depends on whether the gateway has noticed yet that the stream is gone.
    expect(failed.error?.message).toMatch(/connection refused|with it the session/);
    upstream = await startSseUpstream(Number(new URL(upstream.url).port));
    await expectNextWorks(client, 1);
  });

  test.each<[string, NonNullable<SseUpstream['call']>, string, RegExp]>([
    ['500', (_message, post) => void post.writeHead(500).end('out of memory'), 'upstream.bad_answer', /HTTP 500: out of memory/],
    ['413', (_message, post) => void post.writeHead(413).end(), 'upstream.bad_answer', /HTTP 413/],
    ['401', (_message, post) => void post.writeHead(401).end(), 'upstream.needs_auth', /credentials/],
    ['a redirect', (_message, post) => void post.writeHead(307, { location: 'http://192.0.2.1/' }).end(), 'upstream.bad_answer', /redirect/],
    ['a broken connection', (_message, post) => void post.destroy(), 'upstream.unreachable', /broke while a message was sent/],
  ])('a call whose POST is answered with %s fails alone, on the same session', async (_what, call, code, words) => {
    const client = await openMirror();
    const streamsBefore = upstream.opened;
    upstream.call = call;
    const failed = await client.call();
    expect(failed).toMatchObject({ error: { data: { code }, message: expect.stringMatching(words) as string } });
    await expectNextWorks(client, streamsBefore);
  });

  test('noise, foreign events and answers to nobody on the stream change nothing', async () => {
    const client = await openMirror();
    upstream.call = (message, post, stream) => {
      post.writeHead(202).end();
      stream.write(
        ': ping\n\nretry: 1\n\n' +
          event('/else', 'endpoint') +
          event('not json') +
          event('{"jsonrpc":"2.0","id":999,"result":{}}') +
          event('{"half":'),
      );
      stream.write(Buffer.concat([Buffer.from('data: '), Buffer.from([0, 0xff, 0xfe]), Buffer.from('\n\n')]));
      stream.write(sseResult(message, { content: [{ type: 'text', text: 'after the noise' }] }));
    };
    expect(await client.call()).toMatchObject({ result: { content: [{ text: 'after the noise' }] } });
    expect(await client.call()).toMatchObject({ result: { content: [{ text: 'after the noise' }] } });
  });

  test('an answer of 10 MB arrives', async () => {
    const client = await openMirror();
    const text = 'x'.repeat(10 * 1024 * 1024);
    upstream.call = (message, post, stream) => {
      post.writeHead(202).end();
      stream.write(sseResult(message, { content: [{ type: 'text', text }] }));
    };
    expect(await client.call()).toMatchObject({ result: { content: [{ text }] } });
  });

  test('calls of many sessions never get each other’s answers', async () => {
    const { mcpUrl } = await gateway.registerMirror(upstream.url, { gateway: { transport: 'SSE' } });
    const held: (() => void)[] = [];
    upstream.call = (message, post, stream) => {
      post.writeHead(202).end();
      const { arguments: given } = message.params as { arguments: { n: number } };
      held.push(() => stream.write(sseResult(message, { content: [{ type: 'text', text: String(given.n) }] })));
      if (held.length === 40) for (const answer of held.toReversed()) answer();
    };
    const clients = await Promise.all(Array.from({ length: 20 }, () => open(mcpUrl)));
    const answers = await Promise.all(
      clients.flatMap((client, n) => [client.call({ arguments: { n } }), client.call({ arguments: { n: n + 100 } })]),
    );
    const texts = answers.map((answer) => (answer.result?.['content'] as { text: string }[] | undefined)?.[0]?.text);
    expect(texts).toEqual(clients.flatMap((_, n) => [String(n), String(n + 100)]));
    await Promise.all(clients.map((client) => client.end()));
    await vi.waitFor(() => expect(upstream.streams.size).toBe(0));
  });

  test('200 sessions opened and ended leave no stream behind', async () => {
    const { mcpUrl } = await gateway.registerMirror(upstream.url, { gateway: { transport: 'SSE' } });
    for (let round = 0; round < 10; round++) {
      const clients = await Promise.all(Array.from({ length: 20 }, () => open(mcpUrl)));
      await Promise.all(clients.map((client) => client.call()));
      expect(upstream.streams.size).toBe(20);
      await Promise.all(clients.map((client) => client.end()));
      await vi.waitFor(() => expect(upstream.streams.size).toBe(0));
    }
    expect(upstream.opened).toBeGreaterThanOrEqual(200);
  });
});

test('a server that stalls in a call is a timeout for that call alone, and its session is told', async () => {
  const impatient = await startGateway({ env: { TOOL_TIMEOUT: '1', HEALTH_CHECK_INTERVAL: '3600' } });
  const { mcpUrl } = await impatient.registerMirror(upstream.url, { gateway: { transport: 'SSE' } });
  const patient = gateway;
  gateway = impatient;
  try {
    const client = await open(mcpUrl);
    const streamsBefore = upstream.opened;
    upstream.call = () => {};
    expect(await client.call()).toMatchObject({ error: { code: -31504, data: { code: 'upstream.timeout' } } });
    await expectNextWorks(client, streamsBefore);
  } finally {
    gateway = patient;
    await impatient.stop();
  }
});
