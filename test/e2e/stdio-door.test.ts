// `mcpgateway stdio` from outside: the real SDK client, and lines written by hand for what no SDK would write.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, TEST_SECRET, type StartedGateway } from '../kit/gateway.ts';
import { envelope } from './checklist/doors.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Waits for as long as a loaded machine may take. */
const patiently = (isSo: () => unknown): Promise<unknown> => vi.waitFor(isSo, { timeout: 30_000 });

let fixture: Fixture;
/** Serves the same database all the while: two processes on one file. */
let gateway: StartedGateway;
let serverId: string;
let gatewayId: string;

beforeAll(async () => {
  fixture = await startFixture();
  gateway = await startGateway();
  ({ serverId, gatewayId } = await gateway.registerMirror(fixture.url));
});
afterAll(async () => {
  await gateway.stop();
  await fixture.close();
});

const WORDS = ['--conditions=source', MAIN, 'stdio'];
function environment(): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: `sqlite:///${gateway.folder}/gateway.db`,
    JWT_SECRET_KEY: TEST_SECRET,
    AUTH_ENCRYPTION_SECRET: `${TEST_SECRET}-encryption`,
    LOG_LEVEL: 'WARNING',
  };
}

async function connect(words: string[] = []): Promise<{ client: Client; transport: StdioClientTransport }> {
  const transport = new StdioClientTransport({ command: process.execPath, args: [...WORDS, ...words], env: environment(), cwd: gateway.folder });
  const client = new Client({ name: 'stdio', version: '1' }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { username: 'ann', email: 'a@b.c' } }));
  await client.connect(transport);
  return { client, transport };
}

interface Raw {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  write(line: string | object): void;
  /** The next line of stdout, parsed; undefined at its end. */
  next(): Promise<Record<string, unknown> | undefined>;
  errors(): string;
}

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

function start(words: string[] = [], env: Record<string, string> = {}): Raw {
  const child = spawn(process.execPath, [...WORDS, ...words], { env: { ...environment(), ...env }, cwd: gateway.folder });
  started.push(child);
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    exited: new Promise((resolve) => child.once('exit', (code) => resolve(code))),
    write: (line) => void child.stdin.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`),
    async next() {
      const { value, done } = await lines.next();
      return done === true ? undefined : (JSON.parse(value) as Record<string, unknown>);
    },
    errors: () => errors,
  };
}

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};
const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' };
const ping = (id: number) => ({ jsonrpc: '2.0', id, method: 'ping' });
const call = (id: number, name: string, args: object = {}) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } });

test('a client of the SDK lists, calls, answers questions and hears news, and leaves no session behind', async () => {
  const { client, transport } = await connect(['--server', serverId]);
  const { pid } = transport;
  const heard = vi.fn();
  client.setNotificationHandler(ToolListChangedNotificationSchema, heard);
  expect((await client.listTools()).tools.length).toBeGreaterThan(10);
  expect(await client.callTool({ name: 'test_simple_text' })).toMatchObject({ content: [{ type: 'text' }] });
  expect(JSON.stringify(await client.callTool({ name: 'test_elicitation', arguments: { message: 'who?' } }))).toContain('accept');
  await patiently(async () => {
    await fetch(`${fixture.origin}/control/list-changed`, { method: 'POST', body: '{"kind":"tools"}' });
    expect(heard).toHaveBeenCalled();
  });
  await client.close();
  await patiently(() => expect(fixture.stats().sessions).toBe(0));
  expect(() => process.kill(pid ?? 0, 0)).toThrow(/ESRCH/);
});

describe('without a server', () => {
  test('all that the caller may see is there; a call made there is in the audit trail of the gateway that serves beside it', async () => {
    const { client } = await connect();
    const { tools } = await client.listTools();
    const name = tools.find((tool) => tool.name.endsWith('echo-arguments'))?.name ?? '';
    await client.callTool({ name, arguments: { text: 'from stdio' } });
    await client.close();
    await patiently(async () => {
      const { body } = await gateway.api('GET', '/audit-trails');
      expect(JSON.stringify(body)).toContain('echo-arguments');
    });
  });
});

describe('who calls', () => {
  test('is who the token says, in the flag or in MCP_AUTH, and nobody with a bad one', async () => {
    const ann = await gateway.tokenFor({ sub: 'ann@example.com', is_admin: true, teams: null });
    for (const raw of [start(['--auth', ann]), start([], { MCP_AUTH: `Bearer ${ann}` })]) {
      raw.write({ ...INITIALIZE });
      expect(await raw.next()).toMatchObject({ id: 0, result: {} });
      raw.child.stdin?.end();
      expect(await raw.exited).toBe(0);
    }
    await patiently(async () => expect(JSON.stringify((await gateway.api('GET', '/audit-trails')).body)).toContain('ann@example.com'));
    const bad = start(['--auth', 'bad']);
    expect(await bad.exited).toBe(2);
  });

  test('is told in words when there is no such server', async () => {
    const raw = start(['--server', '0'.repeat(32)]);
    expect(await raw.exited).toBe(2);
    expect(raw.errors()).toContain('Server not found');
  });
});

describe('lines', () => {
  test('written all at once are answered in full before the end, in the order the handshake needs', async () => {
    const before = fixture.stats().sessions;
    const raw = start(['--server', serverId]);
    raw.child.stdin?.end([INITIALIZE, INITIALIZED, call(1, 'test_simple_text'), ping(2)].map((line) => `${JSON.stringify(line)}\n`).join(''));
    expect(await raw.next()).toMatchObject({ id: 0, result: { protocolVersion: '2025-11-25' } });
    const rest = [await raw.next(), await raw.next()];
    expect(rest.map((message) => message?.['id']).toSorted()).toEqual([1, 2]);
    expect(await raw.next()).toBeUndefined();
    expect(await raw.exited).toBe(0);
    expect(fixture.stats().sessions).toBe(before);
  });

  test('that are no messages are told so, with the id where there is one, and the next is read', async () => {
    const raw = start([], { MCPGATEWAY_MAX_BODY_BYTES: '2000' });
    raw.write('{');
    expect(await raw.next()).toMatchObject({ id: null, error: { code: -32700 } });
    raw.write('\u0000\u0001 noise');
    expect(await raw.next()).toMatchObject({ id: null, error: { code: -32700 } });
    raw.write('{"jsonrpc":"2.0","id":7,"method":""}');
    expect(await raw.next()).toMatchObject({ id: 7, error: { code: -32600 } });
    raw.write(call(8, 'x'.repeat(3000)));
    expect(await raw.next()).toMatchObject({ id: null, error: { code: -31413 } });
    raw.write(INITIALIZE);
    expect(await raw.next()).toMatchObject({ id: 0, result: {} });
  });

  test('of the stateless revision need no handshake, and a cancel among them reaches the upstream', async () => {
    const raw = start();
    const modern = (id: number, name: string, args: object = {}) => ({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name, arguments: args, _meta: envelope() },
    });
    const before = fixture.stats().cancelled;
    raw.write(modern(1, 'wait_for_release', { key: 'never' }));
    await patiently(async () => {
      const state = (await (await fetch(`${fixture.origin}/control/state`)).json()) as { waiting: string[] };
      expect(state.waiting).toContain('never');
    });
    raw.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await patiently(() => expect(fixture.stats().cancelled).toBe(before + 1));
    raw.write(modern(2, 'test_simple_text'));
    expect(await raw.next()).toMatchObject({ id: 2, result: { resultType: 'complete' } });
  });
});

describe('the end', () => {
  test('of stdin lets a running call be answered', async () => {
    const raw = start();
    raw.write(INITIALIZE);
    await raw.next();
    raw.write(INITIALIZED);
    raw.write(call(1, 'wait_for_release', { key: 'last' }));
    raw.child.stdin?.end();
    await patiently(async () =>
      expect(
        (await fetch(`${fixture.origin}/control/release`, { method: 'POST', body: '{"key":"last"}' }).then((r) => r.json())) as { released: unknown },
      ).toMatchObject({ released: true }),
    );
    expect(await raw.next()).toMatchObject({ id: 1 });
    expect(await raw.exited).toBe(0);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('by %s is orderly', async (signal) => {
    const before = fixture.stats().sessions;
    const raw = start(['--server', serverId]);
    raw.write(INITIALIZE);
    await raw.next();
    expect(fixture.stats().sessions).toBeGreaterThan(before);
    raw.child.kill(signal);
    expect(await raw.exited).toBe(0);
    expect(fixture.stats().sessions).toBe(before);
    expect(raw.errors()).toBe('');
  });

  test('comes when nobody reads stdout any more', async () => {
    const raw = start();
    raw.write(INITIALIZE);
    await raw.next();
    raw.child.stdout?.destroy();
    await patiently(() => {
      raw.write(ping(1));
      expect(raw.child.exitCode).toBe(0);
    });
  });
});

test('a mirror that is made while the process runs is not needed for it, and one that is switched off is refused', async () => {
  const raw = start(['--server', serverId]);
  raw.write(INITIALIZE);
  await raw.next();
  await gateway.api('POST', `/gateways/${gatewayId}/state?activate=false`);
  await patiently(async () => {
    raw.write(ping(1));
    expect(await raw.next()).toMatchObject({ id: 1, error: { data: { code: 'server.disabled' } } });
  });
  await gateway.api('POST', `/gateways/${gatewayId}/state?activate=true`);
});
