// Clients come and go through every door to every kind of upstream, politely or not: afterwards the gateway holds what it held
// before – no child, descriptor, timer or session more – and the upstream has no session left of those that are over.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, TEST_SECRET, type StartedGateway } from '../kit/gateway.ts';
import { heldResources, resourceReportFlags, type HeldResources } from '../kit/held-resources.ts';
import { processesWith } from '../kit/running-processes.ts';
import { mirrorOf, openSession, post, request, textOf, toolCall, type Door } from './checklist/doors.ts';
import { eventually, open, type OpenAnswer } from './checklist/wire.ts';

const HOSTILE = fileURLToPath(new URL('../fixture/children/hostile.mjs', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const CONNECTS = 200;
/** Each is a gateway of its own, which takes a second to start. */
const STDIO_CONNECTS = 20;
const WARM_CONNECTS = 20;
const AT_ONCE = 8;
/** Every second client just goes; its session lives on until it is idle for too long. */
const SESSION_TTL_S = 2;
/** Longer than a session may be idle, and than the gateway takes to notice. */
const UNSEEN_MS = 18_000;
const SETTLE_MS = 60_000;
/** What lists, caches and statistics may grow by in 200 connects; a leaked session with its streams is more than this. */
const GROWTH_MAX_BYTES = 4 * 1024 * 1024;

/** Timers come and go by themselves; 200 connects that each leave one are far more. */
const TIMERS_MORE_MAX = 20;

const folder = mkdtempSync(join(tmpdir(), 'mcpgateway-leaks-'));
const reportPath = join(folder, 'report');
let gateway: StartedGateway;
let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture({ eras: 'legacy' });
  gateway = await startGateway({
    nodeFlags: resourceReportFlags(reportPath),
    env: {
      MCPGATEWAY_STDIO_COMMANDS: process.execPath,
      MCPGATEWAY_STDIO_IDLE_SECONDS: '1',
      SESSION_TTL: String(SESSION_TTL_S),
      HEALTH_CHECK_INTERVAL: '3600',
    },
  });
});

afterAll(async () => {
  expect(await gateway.stop()).toBe(0);
  await fixture.close();
  rmSync(folder, { recursive: true, force: true });
});

const UPSTREAMS: Record<string, { body: () => object; capabilities: object; tool: string }> = {
  'streamable HTTP': { body: () => ({ url: fixture.url }), capabilities: {}, tool: 'test_simple_text' },
  'HTTP+SSE': { body: () => ({ url: fixture.sseUrl, transport: 'SSE' }), capabilities: {}, tool: 'test_simple_text' },
  'stdio, one process for all': {
    body: () => ({ url: undefined, transport: 'STDIO', command: process.execPath, args: [HOSTILE] }),
    capabilities: {},
    tool: 'pid',
  },
  'stdio, a process a session': {
    body: () => ({ url: undefined, transport: 'STDIO', command: process.execPath, args: [HOSTILE] }),
    capabilities: { elicitation: {} },
    tool: 'pid',
  },
};

/** @returns where the session was spoken to */
type Visit = (door: Door, capabilities: object, tool: string, isPolite: boolean) => Promise<Door>;

async function visitHttp(door: Door, capabilities: object, tool: string, isPolite: boolean): Promise<Door> {
  const session = await openSession(door, '2025-06-18', capabilities);
  const stream = await open(session.url, { method: 'GET', headers: { accept: 'text/event-stream', ...session.headers } });
  expect(textOf(await (await post(session, toolCall(1, tool))).answer())).not.toBe('');
  if (isPolite) expect((await open(session.url, { method: 'DELETE', headers: session.headers })).status).toBe(200);
  stream.close();
  return session;
}

/** The next message on an SSE stream that has this id. */
async function answerOn(stream: OpenAnswer, id: unknown): Promise<Record<string, unknown>> {
  for (;;) {
    const text = await stream.message();
    if (text === undefined) throw new Error('the stream has ended');
    const message = JSON.parse(text) as Record<string, unknown>;
    if (message['id'] === id) return message;
  }
}

async function visitSse(door: Door, capabilities: object, tool: string): Promise<Door> {
  const stream = await open(door.url.replace(/mcp$/, 'sse'), { method: 'GET', headers: { accept: 'text/event-stream', ...door.headers } });
  const endpoint = await stream.block();
  expect(endpoint?.event).toBe('endpoint');
  const to: Door = { url: new URL(endpoint?.data ?? '', door.url).href, headers: door.headers };
  const say = async (body: string): Promise<void> => expect((await post(to, body)).status).toBe(202);
  await say(request(0, 'initialize', { protocolVersion: '2024-11-05', capabilities, clientInfo: { name: 'leaks', version: '1' } }));
  await answerOn(stream, 0);
  await say('{"jsonrpc":"2.0","method":"notifications/initialized"}');
  await say(toolCall(1, tool));
  expect(textOf(await answerOn(stream, 1))).not.toBe('');
  stream.close();
  return to;
}

const DOORS: Record<string, Visit> = { 'streamable HTTP': visitHttp, SSE: visitSse };

/** A session through `mcpgateway stdio`, which then loses its client or is ended in one of three ways. */
async function visitStdio(serverId: string, end: 'stdin' | NodeJS.Signals): Promise<void> {
  const child = spawn(process.execPath, ['--conditions=source', MAIN, 'stdio', '--server', serverId], {
    cwd: gateway.folder,
    env: {
      PATH: process.env['PATH'] ?? '',
      DATABASE_URL: `sqlite:///${gateway.folder}/gateway.db`,
      JWT_SECRET_KEY: TEST_SECRET,
      AUTH_ENCRYPTION_SECRET: `${TEST_SECRET}-encryption`,
      LOG_LEVEL: 'ERROR',
      MCPGATEWAY_STDIO_COMMANDS: process.execPath,
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const say = (line: string): void => void child.stdin.write(`${line}\n`);
  say(request(0, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'leaks', version: '1' } }));
  await lines.next();
  say('{"jsonrpc":"2.0","method":"notifications/initialized"}');
  say(toolCall(1, 'pid'));
  const { value } = (await lines.next()) as { value: string };
  expect(processesWith(serverId)).toContain(child.pid);
  expect(Number(textOf(JSON.parse(value) as Record<string, unknown>))).toBeGreaterThan(0);
  if (end === 'stdin') child.stdin.end();
  else child.kill(end);
  await exited;
}

async function visitAll(visit: () => Promise<void>, count: number): Promise<void> {
  let left = count;
  const line = async (): Promise<void> => {
    while (left-- > 0) await visit();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, line));
}

/** What must not differ at all. */
function countsOf({ descriptors, children, active }: HeldResources): object {
  return { descriptors, children, active };
}

/** Without the one in which the gateway itself listens for changed lists. */
function clientSessions(): number {
  return [...fixture.hub.sessions.values()].filter(({ clientInfo }) => (clientInfo as { name?: unknown } | undefined)?.name !== 'mcpgateway').length;
}

/** Nobody is there, nothing is open to an upstream but idle pooled connections. */
async function settled(): Promise<HeldResources> {
  let last = '';
  let calm = 0;
  return eventually(async () => {
    const held = await heldResources(gateway.process.pid ?? 0, reportPath);
    const now = JSON.stringify(countsOf(held));
    calm = now === last && held.children === 0 && clientSessions() === 0 ? calm + 1 : 0;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 500));
    return calm >= 6 ? held : undefined;
  }, SETTLE_MS);
}

describe.each(Object.entries(DOORS))('through the %s door', (_door, visit) => {
  test.each(Object.entries(UPSTREAMS))(`${CONNECTS} connects to an upstream of %s leave nothing`, async (_upstream, { body, capabilities, tool }) => {
    const mirror = await mirrorOf(gateway, '', { gateway: body() });
    let visits = 0;
    const once = async (): Promise<void> => void (await visit(mirror, capabilities, tool, ++visits % 2 === 0));
    await visitAll(once, WARM_CONNECTS);
    const before = await settled();
    await visitAll(once, CONNECTS);
    const after = await settled();
    expect(countsOf(after)).toEqual(countsOf(before));
    // A counter that counts nothing would never object.
    expect(before.timers).toBeGreaterThan(0);
    expect(after.timers).toBeLessThan(before.timers + TIMERS_MORE_MAX);
    expect(after.heapBytes - before.heapBytes).toBeLessThan(GROWTH_MAX_BYTES);
    expect((await gateway.api('DELETE', `/servers/${mirror.serverId}`)).status).toBe(200);
    expect((await gateway.api('DELETE', `/gateways/${mirror.gatewayId}`)).status).toBe(200);
  });
});

test(`${STDIO_CONNECTS} runs of mcpgateway stdio leave no process, however they ended`, async () => {
  const mark = `leaks-${randomUUID()}`;
  const mirror = await mirrorOf(gateway, '', {
    gateway: { url: undefined, transport: 'STDIO', command: process.execPath, args: [HOSTILE, mark] },
  });
  const ends = ['stdin', 'SIGTERM', 'SIGKILL'] as const;
  let visits = 0;
  await visitAll(() => visitStdio(mirror.serverId, ends[++visits % ends.length] ?? 'stdin'), STDIO_CONNECTS);
  expect(visits).toBe(STDIO_CONNECTS);
  expect(processesWith(mirror.serverId)).toEqual([]);
  await eventually(() => processesWith(mark).length === 0);
});

test('a session that is over, ended or only left, is unknown', async () => {
  const mirror = await mirrorOf(gateway, '', { gateway: { url: fixture.url } });
  const visited: Door[] = [];
  for (const isPolite of [true, false]) visited.push(await visitHttp(mirror, {}, 'test_simple_text', isPolite));
  visited.push(await visitSse(mirror, {}, 'test_simple_text'));
  const isUnknown = async (door: Door): Promise<boolean> => {
    // Speaking to a session keeps it alive, so it is left alone for longer than it may be idle.
    await new Promise((resolve) => setTimeout(resolve, UNSEEN_MS));
    return (await post(door, request(9, 'ping'))).status === 404;
  };
  const found = await Promise.all(visited.map((door) => eventually(() => isUnknown(door), 4 * UNSEEN_MS)));
  expect(found).toEqual([true, true, true]);
});
