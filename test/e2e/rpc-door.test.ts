// POST /rpc from outside: what a script without any MCP client gets from servers of both eras, with and without sessions of their own.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { startEverythingServer, type EverythingServer } from '../sessions/everything-server.ts';
import { toolRow } from './checklist/doors.ts';
import { startScriptedUpstream } from './checklist/scripted-upstream.ts';

let gateway: StartedGateway;
let legacy: Fixture;
let modern: Fixture;
let sse: Fixture;
let everything: EverythingServer;
const ids = { legacy: '', legacyGateway: '', modern: '', everything: '', sse: '', stdio: '', 'modern stdio': '' };
const FIXTURE_PROGRAM = fileURLToPath(new URL('../fixture/main.ts', import.meta.url));

beforeAll(async () => {
  [gateway, legacy, modern, sse, everything] = await Promise.all([
    startGateway(),
    startFixture({ eras: 'legacy' }),
    startFixture({ eras: 'modern' }),
    startFixture(),
    startEverythingServer(),
  ]);
  ({ serverId: ids.legacy, gatewayId: ids.legacyGateway } = await gateway.registerMirror(legacy.url));
  ({ serverId: ids.modern } = await gateway.registerMirror(modern.url));
  ({ serverId: ids.everything } = await gateway.registerMirror(everything.url));
  ({ serverId: ids.sse } = await gateway.registerMirror(`${sse.origin}/sse`, { gateway: { transport: 'SSE' } }));
  for (const [kind, era] of [
    ['stdio', 'legacy'],
    ['modern stdio', 'modern'],
  ] as const) {
    const args = ['--conditions=source', FIXTURE_PROGRAM, '--stdio', '--era', era];
    ({ serverId: ids[kind] } = await gateway.registerMirror('', { gateway: { transport: 'STDIO', url: undefined, command: 'node', args } }));
  }
});

afterAll(async () => {
  expect(gateway.output()).not.toMatch(/could not be (handled|answered)|internal/);
  await gateway.stop();
  await Promise.all([legacy.close(), modern.close(), sse.close(), everything.stop()]);
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // eslint-disable-next-line -- bodies of many shapes
  readonly body: any;
}

interface Sending {
  readonly token?: string;
  readonly headers?: Record<string, string>;
  readonly path?: string;
}

async function send(body: string, { token = gateway.token, headers = {}, path = '/rpc' }: Sending = {}): Promise<Answer> {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...headers },
    body,
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: text === '' ? undefined : JSON.parse(text) };
}

function rpc(method: string, params?: object, id: unknown = 1): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params });
}

function call(server: string, name: string, args: object = {}, id: unknown = 1): string {
  return rpc('tools/call', { server_id: server, name, arguments: args }, id);
}

describe.each(['legacy', 'modern', 'everything', 'sse', 'stdio', 'modern stdio'] as const)('a server (%s)', (kind) => {
  const tool = kind === 'everything' ? 'echo' : 'echo_arguments';
  const args = { message: 'grüße' };

  test('is called with one request and answers with one document', async () => {
    const answer = await send(call(ids[kind], tool, args, 'a'));
    expect([answer.status, answer.headers.get('content-type'), answer.body.id]).toEqual([200, 'application/json', 'a']);
    expect(answer.body.result.content[0].text).toContain('grüße');
    expect(answer.headers.get('mcp-session-id')).toBeNull();
  });

  test('lists its tools, also by the older name and below /v1', async () => {
    for (const [method, path] of [
      ['tools/list', '/rpc'],
      ['list_tools', '/rpc/'],
      ['tools/list', '/v1/rpc'],
    ] as const) {
      const { body } = await send(rpc(method, { server_id: ids[kind] }), { path });
      expect(body.result.tools.map(({ name }: { name: string }) => name)).toContain(tool);
    }
  });

  test('has its tools called by their names as methods', async () => {
    const { body } = await send(rpc(tool, { server_id: ids[kind], ...args }));
    expect(body.result.content[0].text).toContain('grüße');
    expect(body.result.content[0].text).not.toContain('server_id');
  });

  test('refuses what it does not know in its own words', async () => {
    const unknown = await send(rpc('no/such-method', { server_id: ids[kind] }, 'x'));
    expect([unknown.status, unknown.body.id, unknown.body.error.code]).toEqual([200, 'x', -32601]);
  });

  test('answers a batch element by element, and notifications with nothing', async () => {
    const batch = [
      call(ids[kind], tool, { message: 'one' }, 1),
      JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 99, server_id: ids[kind] } }),
      call(ids[kind], tool, { message: 'two' }, 1),
      '{"jsonrpc":"1.0","id":"bad","method":"x"}',
      '7',
    ];
    const { status, body } = await send(`[${batch.join(',')}]`);
    expect(status).toBe(200);
    expect(body.map((one: Answer['body']) => one.error?.code ?? one.result.content[0].text.match(/one|two/)[0]).toSorted()).toEqual(
      ['one', 'two', -32600, -32600].toSorted(),
    );
    expect(body.map((one: Answer['body']) => one.id)).toEqual([1, 1, 'bad', null]);
  });
});

test('callers of one session never get each other’s answers, though all of them count from 1', async () => {
  const plainSessions = (): number => [...legacy.hub.sessions.values()].filter(({ capabilities }) => Object.keys(capabilities).length === 0).length;
  const before = plainSessions();
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, n) =>
      send(call(n % 2 === 0 ? ids.everything : ids.legacy, n % 2 === 0 ? 'echo' : 'echo_arguments', { message: `m${n}.` })),
    ),
  );
  for (const [n, { body }] of answers.entries()) {
    expect(body.id).toBe(1);
    expect(body.result.content[0].text).toContain(`m${n}.`);
  }
  // One for all of them, whoever came first, or one that stood already.
  expect(plainSessions()).toBeLessThanOrEqual(before + 1);
});

test('what passes is byte for byte the caller’s and the server’s', async () => {
  const exact = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"server_id":"${ids.legacy}","name":"echo_arguments","arguments":{"n":1.0,"e":1E+2,"s":"\\u00e9\\/"}}}`;
  expect((await send(exact)).body.result.content[0].text).toBe('{"n":1.0,"e":1E+2,"s":"\\u00e9\\/"}');
  expect((await send(call(ids.legacy, 'exact_values'))).text).toContain('"big":9007199254740993,"float":1.0,"exponent":1E+2,"negativeZero":-0');
});

test('large answers pass whole', async () => {
  const { body } = await send(call(ids.legacy, 'big_result', { bytes: 5_000_000 }));
  expect(body.result.content[0].text).toHaveLength(5_000_000);
});

test('a request without an id is carried out and answered with one', async () => {
  const { body } = await send(JSON.stringify({ jsonrpc: '2.0', method: 'ping', params: { server_id: ids.legacy } }));
  expect(body).toEqual({ jsonrpc: '2.0', id: expect.stringMatching(/.{16,}/), result: {} });
});

test('a notification alone is answered with an empty result, a batch of them with nothing', async () => {
  const initialized = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized', params: { server_id: ids.legacy } });
  const alone = await send(initialized);
  expect([alone.status, alone.body.result]).toEqual([200, {}]);
  const withId = await send(
    JSON.stringify({ jsonrpc: '2.0', id: 5, method: 'notifications/cancelled', params: { server_id: ids.legacy, requestId: 99 } }),
  );
  expect([withId.status, withId.body]).toEqual([200, { jsonrpc: '2.0', id: 5, result: {} }]);
  const batch = await send(`[${initialized}]`);
  expect([batch.status, batch.text]).toEqual([202, '']);
});

describe('which server', () => {
  test('need not be said: then it is all that the caller may see', async () => {
    const { status, body } = await send(rpc('tools/list'));
    expect(status).toBe(200);
    const names = body.result.tools.map(({ name }: { name: string }) => name);
    const echoes = names.filter((name: string) => name.endsWith('echo-arguments'));
    expect(echoes.length).toBeGreaterThan(1);
    for (const name of echoes) expect((await send(rpc('tools/call', { name, arguments: { n: 1 } }))).body.result.content[0].text).toBe('{"n":1}');
  });

  test('is the one that a token is bound to, and no other', async () => {
    const token = await gateway.tokenFor({ sub: 'one@example.com', scopes: { server_id: ids.legacy } });
    expect((await send(call(ids.legacy, 'echo_arguments', { n: 1 }), { token })).body.result.content[0].text).toBe('{"n":1}');
    expect((await send(call(ids.everything, 'echo', {}), { token })).status).toBe(403);
    expect((await send(rpc('tools/list'), { token })).status).toBe(403);
  });

  test('that does not exist is 404, with the words of any server one may not see', async () => {
    const { status, body } = await send(call('0'.repeat(32), 'echo'));
    expect([status, body.error.message, body.id]).toEqual([404, 'Server not found', 1]);
  });

  test('must be a string', async () => {
    const { status, body } = await send(rpc('tools/list', { server_id: 7 }));
    expect([status, body.error.code]).toEqual([200, -32602]);
  });
});

describe('who', () => {
  test('without a token is told to log in, alone and in a batch', async () => {
    for (const body of [call(ids.legacy, 'echo_arguments'), rpc('tools/list'), `[${call(ids.legacy, 'echo_arguments')}]`]) {
      const answer = await send(body, { token: '' });
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      expect([answer.body].flat()[0]).toMatchObject({ id: 1, error: { code: -31401 } });
    }
  });

  test('has a revoked token is refused, though a session was open with it', async () => {
    const token = await gateway.tokenFor({ sub: 'gone@example.com', jti: 'rpc-revoked' });
    expect((await send(call(ids.legacy, 'echo_arguments'), { token })).status).toBe(200);
    const { spawnSync } = await import('node:child_process');
    const main = new URL('../../src/main.ts', import.meta.url).pathname;
    const revoked = spawnSync(process.execPath, ['--conditions=source', main, 'token', 'revoke', 'rpc-revoked'], {
      cwd: gateway.folder,
      env: {
        PATH: process.env['PATH'] ?? '',
        DATABASE_URL: `sqlite:///${gateway.folder}/gateway.db`,
        JWT_SECRET_KEY: 'x'.repeat(40),
        LOG_LEVEL: 'ERROR',
      },
      encoding: 'utf8',
    });
    expect(revoked.status, revoked.stderr).toBe(0);
    await expect.poll(async () => (await send(call(ids.legacy, 'echo_arguments'), { token })).status, { timeout: 10_000 }).toBe(401);
  });
});

test('a tool that is switched off is unknown, by either way of calling it', async () => {
  const row = await toolRow(gateway, ids.legacyGateway, 'test_simple_text');
  const token = await gateway.tokenFor({ sub: 'ann@example.com' });
  expect((await send(rpc('test_simple_text', { server_id: ids.legacy }), { token })).body.result.content).toHaveLength(1);
  await gateway.api('POST', `/tools/${row}/state?activate=false`);
  const called = await send(call(ids.legacy, 'test_simple_text'), { token });
  expect([called.status, called.body.error.message]).toEqual([200, 'Unknown tool: test_simple_text']);
  // As any method that is the name of no tool.
  const named = await send(rpc('test_simple_text', { server_id: ids.legacy }), { token });
  const unknown = await send(rpc('test_simple_texts', { server_id: ids.legacy }), { token });
  expect(named.body.error.code).toBe(unknown.body.error.code);
  expect(named.body.error.message.replaceAll('texts', 'text')).toBe(unknown.body.error.message.replaceAll('texts', 'text'));
  await gateway.api('POST', `/tools/${row}/state?activate=true`);
});

test('limits hold: 429 with Retry-After, and the session that the door opens is no call', async () => {
  const { serverId } = await gateway.registerMirror(legacy.url, {
    gateway: { name: 'limited', visibility: 'private', auth_type: 'bearer', auth_token: 'x' },
    server: { name: 'limited', limits: { callsPerMinute: 2, concurrent: null } },
  });
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push(await send(call(serverId, 'echo_arguments')));
  expect(statuses.map(({ status }) => status)).toEqual([200, 200, 429]);
  expect(Number(statuses[2]?.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(statuses[2]?.body).toMatchObject({ id: 1, error: { code: -31429 } });
});

test('a session that the server has forgotten is opened again, unnoticed', async () => {
  expect((await send(call(ids.legacy, 'echo_arguments', { n: 1 }))).status).toBe(200);
  expect(legacy.hub.dropSessions()).toBeGreaterThan(0);
  expect((await send(call(ids.legacy, 'echo_arguments', { n: 2 }))).body.result.content[0].text).toBe('{"n":2}');
});

test('a server knows that it can ask nothing over this door, and says so', async () => {
  const { body } = await send(call(ids.legacy, 'test_sampling', { prompt: 'hello' }));
  expect(body.result).toEqual({ content: [{ type: 'text', text: 'The client does not support sampling' }], isError: true });
});

test('an answer whose stream the server closes on purpose is fetched', async () => {
  const { body } = await send(call(ids.legacy, 'test_reconnection'));
  expect(body.result.content[0].text).toBe('Reconnection test completed successfully');
});

test('an answer whose connection the server loses is fetched', async () => {
  const { body } = await send(call(ids.legacy, 'cut_connection'));
  expect(body.result.content[0].text).toBe('answered after the break');
});

test('a server without sessions is called without one', async () => {
  const bare = await startScriptedUpstream({ eras: 'legacy' });
  try {
    const { serverId } = await gateway.registerMirror(bare.url);
    const seen: string[] = [];
    bare.play(({ verb, headers, message, res }) => {
      seen.push(`${verb} ${message.method} ${String(headers['mcp-session-id'] ?? '-')}`);
      if (message.id === undefined) return void res.writeHead(202).end();
      const result =
        message.method === 'initialize'
          ? '{"protocolVersion":"2025-03-26","capabilities":{},"serverInfo":{"name":"b","version":"1"}}'
          : '{"tools":[]}';
      res.writeHead(200, { 'content-type': 'application/json' }).end(`{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":${result}}`);
    });
    for (let i = 0; i < 2; i++)
      expect((await send(rpc('tools/list', { server_id: serverId }, 3))).body).toEqual({ jsonrpc: '2.0', id: 3, result: { tools: [] } });
    // The gateway itself listens for news of the catalogue.
    const calls = seen.filter((line) => line.startsWith('POST'));
    expect(calls).toEqual(['POST initialize -', 'POST notifications/initialized -', 'POST tools/list -', 'POST tools/list -']);
  } finally {
    await bare.close();
  }
});

test('a client’s own session is used as it is', async () => {
  const opened = await send(
    rpc('initialize', { server_id: ids.legacy, protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'own', version: '1' } }),
  );
  expect(opened.body.result.protocolVersion).toBe('2025-06-18');
  const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '', 'mcp-protocol-version': '2025-06-18' };
  expect(session['mcp-session-id']).not.toBe('');
  const { body } = await send(call(ids.legacy, 'echo_params'), { headers: session });
  expect(body.result.content[0].text).not.toContain('server_id');
  const foreign = await send(call(ids.legacy, 'echo_params'), { headers: session, token: await gateway.tokenFor({ sub: 'eve@example.com' }) });
  expect([foreign.status, foreign.body.error.code]).toEqual([404, -32001]);
});

describe('malformed', () => {
  test.each([
    ['{"jsonrpc":"2.0","id":1', 400, -32700],
    ['', 400, -32700],
    ['[{"jsonrpc":"2.0","id":1,"method":"ping"}', 400, -32700],
    ['"ping"', 200, -32600],
    ['[]', 200, -32600],
    ['{"id":1,"method":"ping"}', 200, -32600],
    ['{"jsonrpc":"2.0","id":1,"method":7}', 200, -32600],
    ['{"jsonrpc":"2.0","id":{},"method":"ping"}', 200, -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/list"}', 200, -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}', 200, -32600],
    ['{"jsonrpc":"2.0","id":1,"result":{}}', 200, -32600],
  ])('%s', async (body, status, code) => {
    const answer = await send(body);
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
    if (code === -32700) expect(answer.body.id).toBeNull();
  });

  test('a batch of more than a hundred is refused whole', async () => {
    const { status, body } = await send(`[${Array.from({ length: 101 }, () => rpc('ping')).join(',')}]`);
    expect([status, body.error.code, body.error.message]).toEqual([200, -32600, expect.stringContaining('101')]);
  });

  test('other methods, other media and too much are refused by their status', async () => {
    const got = await fetch(`${gateway.url}/rpc`, { headers: { authorization: `Bearer ${gateway.token}` } });
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await send('{}', { headers: { 'content-type': 'text/plain' } })).status).toBe(415);
    expect((await send(call(ids.legacy, 'echo_arguments', { x: 'y'.repeat(20_000_000) }))).status).toBe(413);
  });
});
