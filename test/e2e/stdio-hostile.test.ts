// Stdio servers that are broken, rude or dying, behind the real gateway: whoever registers or calls one is told what is wrong, the
// server next door does not notice, and nothing of them outlives the gateway.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type RestAnswer, type StartedGateway } from '../kit/gateway.ts';
import { processesWith } from '../kit/running-processes.ts';
import { mirrorOf, modern, openSession, post, request, textOf, toolCall, type Door } from './checklist/doors.ts';
import { eventually } from './checklist/wire.ts';

const HOSTILE = fileURLToPath(new URL('../fixture/children/hostile.mjs', import.meta.url));
const FIXTURE = fileURLToPath(new URL('../fixture/main.ts', import.meta.url));
const TEN_MEGABYTES = 10 * 1024 * 1024;
/** A call that broke is answered long before anything times out, on the busiest of machines. */
const AT_ONCE_MS = 10_000;
const SESSIONS = 50;

const mark = `mark-${randomUUID()}`;
const ENV = {
  MCPGATEWAY_STDIO_COMMANDS: ['node', 'no-such-program', process.execPath].join(','),
  FEDERATION_TIMEOUT: '8',
  TOOL_TIMEOUT: '20',
  HEALTH_CHECK_INTERVAL: '3600',
  MCPGATEWAY_MAX_BODY_BYTES: String(16 * 1024 * 1024),
};

let gateway: StartedGateway;
let neighbour: Door;
let names = 0;

const stdio = (flags: readonly string[] = [], more: object = {}): object => ({
  url: undefined,
  transport: 'STDIO',
  command: process.execPath,
  args: [HOSTILE, mark, ...flags],
  ...more,
});
const mirror = (flags: readonly string[] = [], more: object = {}) => mirrorOf(gateway, '', { gateway: stdio(flags, more) });
const register = (body: object): Promise<RestAnswer> => gateway.api('POST', '/gateways', { name: `hostile ${++names}`, ...body });

async function callTool(door: Door, name: string, args: object = {}, id: unknown = 1): Promise<Record<string, unknown>> {
  return (await post(door, toolCall(id, name, args))).answer();
}

const errorOf = (answer: Record<string, unknown>): string => String((answer['error'] as { message?: string } | undefined)?.message);

beforeAll(async () => {
  gateway = await startGateway({ env: ENV });
  neighbour = await openSession(await mirror());
});

afterEach(async () => {
  expect(textOf(await callTool(neighbour, 'echo', { text: 'as ever' }))).toBe('as ever');
});

afterAll(async () => {
  expect(gateway.output()).not.toMatch(/could not be handled|internal/);
  expect(processesWith(mark)).not.toEqual([]);
  expect(await gateway.stop()).toBe(0);
  expect(processesWith(mark)).toEqual([]);
});

describe('registration says what is wrong with', () => {
  test.each<[what: string, body: object, status: number, words: RegExp[]]>([
    ['a program that exits at once', stdio(['--exit-at-once']), 502, [/exit code 3/, /cannot read its settings/]],
    ['a program that writes no message and exits', stdio(['--noise-and-exit']), 502, [/exit code 0/, /Welcome to the server!/]],
    ['a program that does not exist', stdio([], { command: 'no-such-program' }), 502, [/no-such-program/]],
    ['a folder that does not exist', stdio([], { cwd: '/no/such/folder' }), 502, [/working directory does not exist/]],
    ['a command that is not allowed', stdio([], { command: 'sh' }), 400, [/sh/, /MCPGATEWAY_STDIO_COMMANDS/]],
    ['a program that never answers', stdio(['--never']), 504, [/did not answer in time|no answer/]],
  ])('%s', async (_what, body, status, words) => {
    const answer = await register(body);
    const text = JSON.stringify(answer.body);
    expect(answer.status, text).toBe(status);
    for (const word of words) expect(text).toMatch(word);
    expect(JSON.stringify((await gateway.api('GET', '/gateways?include_inactive=true')).body)).not.toContain(`"hostile ${names}"`);
  });

  test('leaves no process of what it refused', async () => {
    const own = `refused-${randomUUID()}`;
    expect((await register(stdio(['--never', '--stubborn', own]))).status).toBe(504);
    await eventually(() => processesWith(own).length === 0);
  });
});

describe('a server is served in spite of', () => {
  test.each([
    ['lines that come in pieces', ['--half-lines']],
    ['lines that end as on Windows', ['--crlf', '--half-lines']],
    ['binary noise between its messages', ['--noise']],
    ['megabytes on stderr before every message', ['--flood']],
  ])('%s', async (_what, flags) => {
    const session = await openSession(await mirror(flags));
    for (let i = 0; i < 3; i++) expect(textOf(await callTool(session, 'echo', { text: `${i} ünï ✓` }, i))).toBe(`${i} ünï ✓`);
  });

  test('lines of 10 MB, each way', async () => {
    const session = await openSession(await mirror());
    expect(textOf(await callTool(session, 'big', { bytes: TEN_MEGABYTES }))).toHaveLength(TEN_MEGABYTES);
    const answer = await callTool(session, 'length', { text: 'y'.repeat(TEN_MEGABYTES) });
    expect(textOf(answer)).toBe(String(TEN_MEGABYTES));
  });

  test('lines of 10 MB in pieces, while others call', async () => {
    const session = await openSession(await mirror(['--half-lines']));
    const big = callTool(session, 'big', { bytes: TEN_MEGABYTES });
    for (let i = 0; i < 20; i++) expect(textOf(await callTool(neighbour, 'echo', { text: String(i) }, i))).toBe(String(i));
    expect(textOf(await big)).toHaveLength(TEN_MEGABYTES);
  });
});

describe('a process that ends in the middle of a call', () => {
  const CLIENTS: readonly [who: string, capabilities: object][] = [
    ['of all clients', {}],
    ['of one session', { elicitation: {} }],
  ];

  test.each(CLIENTS)('%s: its last words are the answer, and the next call has a new process', async (_who, capabilities) => {
    const session = await openSession(await mirror(), '2025-06-18', capabilities);
    expect(errorOf(await callTool(session, 'die'))).toMatch(/exit code 9.*out of luck/);
    expect(textOf(await callTool(session, 'echo', { text: 'again' }))).toBe('again');
  });

  test.each(CLIENTS)('%s: half an answer is no answer', async (_who, capabilities) => {
    const session = await openSession(await mirror(), '2025-06-18', capabilities);
    const first = textOf(await callTool(session, 'pid'));
    expect(errorOf(await callTool(session, 'half'))).toMatch(/exit code 8/);
    expect(textOf(await callTool(session, 'pid'))).not.toBe(first);
  });

  test.each(CLIENTS)('%s: killed from outside, every waiting caller is told at once', async (_who, capabilities) => {
    const session = await openSession(await mirror(), '2025-06-18', capabilities);
    const pid = Number(textOf(await callTool(session, 'pid')));
    const waiting = [1, 2, 3].map((id) => callTool(session, 'mute', {}, id));
    // All three are with the process once it has answered a later one.
    await callTool(session, 'pid', {}, 4);
    const tooLate = new Promise<'too late'>((resolve) => setTimeout(resolve, AT_ONCE_MS, 'too late'));
    process.kill(pid, 'SIGKILL');
    const answers = await Promise.race([Promise.all(waiting), tooLate]);
    if (answers === 'too late') throw new Error('The callers were not told.');
    for (const answer of answers) expect(errorOf(answer)).toMatch(/SIGKILL/);
    expect(textOf(await callTool(session, 'echo', { text: 'again' }, 5))).toBe('again');
  });

  test('in the modern era too', async () => {
    const door = await mirrorOf(gateway, '', { gateway: stdio([], { args: [FIXTURE, '--stdio', '--era', 'modern', mark] }) });
    const cut = await (await modern(door, 'tools/call', { name: 'cut_connection', arguments: {} })).answer();
    expect(errorOf(cut)).toMatch(/exit code 70/);
    const next = await (await modern(door, 'tools/call', { name: 'greet', arguments: { name: 'x' } })).answer();
    expect(textOf(next)).toContain('x');
  });
});

describe('a server that says nothing', () => {
  test('holds up nobody else, and its caller is told after the time for calls', async () => {
    const impatient = await startGateway({ env: { ...ENV, TOOL_TIMEOUT: '1' } });
    try {
      const session = await openSession(await mirrorOf(impatient, '', { gateway: stdio() }));
      const muted = callTool(session, 'mute');
      expect(textOf(await callTool(session, 'echo', { text: 'meanwhile' }, 2))).toBe('meanwhile');
      expect(errorOf(await muted)).toMatch(/in time|time/);
      expect(textOf(await callTool(session, 'echo', { text: 'afterwards' }, 3))).toBe('afterwards');
    } finally {
      expect(await impatient.stop()).toBe(0);
    }
  });
});

describe('processes end with the gateway', () => {
  test('also those that ignore their stdin and SIGTERM', async () => {
    const own = `stubborn-${randomUUID()}`;
    const other = await startGateway({ env: ENV });
    const session = await openSession(await mirrorOf(other, '', { gateway: stdio(['--stubborn', own]) }));
    await callTool(session, 'pid');
    expect(processesWith(own)).not.toEqual([]);
    expect(await other.stop()).toBe(0);
    expect(processesWith(own)).toEqual([]);
  });

  test('after its kill -9 the next start ends what is left, and what belongs to others stays', async () => {
    const own = `orphan-${randomUUID()}`;
    const folder = mkdtempSync(join(tmpdir(), 'mcpgateway-orphans-'));
    try {
      const killed = await startGateway({ env: ENV, folder });
      const session = await openSession(await mirrorOf(killed, '', { gateway: stdio(['--stubborn', own]) }));
      const pid = Number(textOf(await callTool(session, 'pid')));
      await killed.stop('SIGKILL');
      expect(processesWith(own)).toContain(pid);
      const next = await startGateway({ env: ENV, folder });
      expect(processesWith(own)).not.toContain(pid);
      expect(processesWith(mark).length).toBeGreaterThan(0);
      expect(await next.stop()).toBe(0);
      expect(processesWith(own)).toEqual([]);
    } finally {
      for (const pid of processesWith(own)) process.kill(pid, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test(`${SESSIONS} sessions to one server that asks its user never cross their answers`, async () => {
  const door = await mirror();
  const one = async (word: string): Promise<string[]> => {
    const session = await openSession(door, '2025-06-18', { elicitation: {} });
    const texts: string[] = [];
    for (let round = 0; round < 3; round++) {
      const message = `${word} ${round}`;
      const stream = await post(session, toolCall(round, 'ask', { message }));
      const asked = JSON.parse((await stream.message()) ?? '{}') as { id: unknown; params: { message: string } };
      expect(asked.params.message).toBe(message);
      const answer = { jsonrpc: '2.0', id: asked.id, result: { action: 'accept', content: { word: `for ${message}` } } };
      expect((await post(session, JSON.stringify(answer))).status).toBe(202);
      texts.push(textOf(await stream.answer()));
    }
    return texts;
  };
  const words = Array.from({ length: SESSIONS }, (_, i) => `caller ${i}`);
  const all = await Promise.all(words.map(one));
  expect(all).toEqual(words.map((word) => [0, 1, 2].map((round) => `${word} ${round} -> for ${word} ${round}`)));
  expect((await post(neighbour, request(9, 'ping'))).status).toBe(200);
});
