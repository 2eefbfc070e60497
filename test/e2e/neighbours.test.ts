// One of ten upstreams hung, one killed, one flapping, one whose 2,000 tools change all the time: lists and calls of the others keep
// coming, with their content. Nothing here is measured by the clock; the bad ones go on being bad until the others have answered.
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, type RestAnswer, type StartedGateway } from '../kit/gateway.ts';
import { http, INITIALIZE, result, startLyingUpstream, type LyingUpstream, type WireRequest } from '../kit/lying-upstream.ts';

const CALLS = 200;
const GOOD = ['good 1', 'good 2', 'good 3', 'good 4', 'good 5', 'good 6'] as const;
const MANY = 2000;
const SAYS_CHANGES = INITIALIZE.replace('"tools":{}', '"tools":{"listChanged":true}');

let gateway: StartedGateway;
const fixtures: Fixture[] = [];
let killed: Fixture;
let hung: LyingUpstream;
let flapping: LyingUpstream;
let changing: LyingUpstream;
const ids: Record<string, string> = {};
let generation = 0;
/** Where it is listened for changes. */
const listening = new Set<Socket>();

beforeAll(async () => {
  // No probes and no readings but those that a test causes.
  gateway = await startGateway({ env: { HEALTH_CHECK_INTERVAL: '3600', TOOL_TIMEOUT: '120', FEDERATION_TIMEOUT: '120' } });
  for (const name of GOOD) {
    const fixture = await startFixture();
    fixtures.push(fixture);
    await register(name, fixture.url);
  }
  killed = await startFixture();
  await register('killed', killed.url);
  hung = await startLyingUpstream();
  hung.initialize = SAYS_CHANGES;
  await register('hung', hung.url);
  flapping = await startLyingUpstream();
  await register('flapping', flapping.url);
  changing = await startLyingUpstream();
  changing.initialize = SAYS_CHANGES;
  changing.sessionId = 'changing';
  changing.list = () =>
    JSON.stringify({
      tools: Array.from({ length: MANY }, (_, i) => ({
        name: `tool_${i}${i % 2 === 0 ? '' : `_of_${generation}`}`,
        description: `of ${generation}`,
        inputSchema: { type: 'object' },
      })),
    });
  changing.get = (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n');
    listening.add(socket);
    socket.on('close', () => listening.delete(socket));
  };
  await register('changing', changing.url);
}, 120_000);

afterAll(async () => {
  await gateway.stop();
  for (const each of [...fixtures, hung, flapping, changing]) await each.close();
});

async function register(name: string, url: string): Promise<void> {
  const { status, body } = await gateway.api('POST', '/gateways', { name, url });
  expect(status, JSON.stringify(body)).toBe(200);
  ids[name] = body.id;
}

const entity = async (name: string): Promise<RestAnswer['body']> => (await gateway.api('GET', `/gateways/${ids[name]}`)).body;
const published = (name: string, tool: string): string => `${name.replaceAll(' ', '-')}-${tool}`;

interface Reply {
  readonly result?: { readonly content?: { readonly text: string }[]; readonly tools?: { readonly name: string }[]; readonly nextCursor?: string };
  readonly error?: { readonly code: number; readonly message: string };
}

async function ask(method: string, params: Record<string, unknown>, era: 'modern' | 'legacy' = 'modern'): Promise<Reply> {
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
  const isModern = era === 'modern';
  const response = await fetch(`${gateway.url}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': isModern ? '2026-07-28' : '2025-11-25',
      ...(isModern ? { 'mcp-method': method } : {}),
      ...(isModern && typeof params['name'] === 'string' ? { 'mcp-name': params['name'] } : {}),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: isModern ? { ...params, _meta: meta } : params }),
  });
  const text = await response.text();
  const data = text.startsWith('{')
    ? text
    : text
        .split('\n')
        .findLast((line) => line.startsWith('data: {'))
        ?.slice(6);
  return JSON.parse(data ?? '{}') as Reply;
}

const call = (name: string, tool: string, args: Record<string, unknown> = {}, era?: 'modern' | 'legacy'): Promise<Reply> =>
  ask('tools/call', { name: published(name, tool), arguments: args }, era);

/** Every tool's name, all pages. */
async function list(): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const { result: page, error } = await ask('tools/list', cursor === undefined ? {} : { cursor });
    // The list was another one before the next page was asked for.
    if (error !== undefined) return await list();
    names.push(...(page?.tools ?? []).map((tool) => tool.name));
    cursor = page?.nextCursor;
  } while (cursor !== undefined);
  return names;
}

const of = (names: readonly string[], name: string): string[] => names.filter((each) => each.startsWith(published(name, '')));

/** Calls of all the good ones, each with its own content, and lists between them. */
async function othersAnswer(): Promise<void> {
  const answered = new Map<string, number>();
  const goodTools = fixtures[0] === undefined ? [] : of(await list(), GOOD[0]).length;
  for (let start = 0; start < CALLS; start += 20) {
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const name = GOOD[(start + i) % GOOD.length] as string;
        const marker = `${name} ${start + i}`;
        const reply = await call(name, 'echo-arguments', { marker }, i % 2 === 0 ? 'modern' : 'legacy');
        expect(JSON.stringify(reply.result?.content), JSON.stringify(reply)).toContain(marker);
        answered.set(name, (answered.get(name) ?? 0) + 1);
      }),
    );
    const names = await list();
    for (const name of GOOD) expect(of(names, name)).toHaveLength(goodTools as number);
    expect(new Set(names).size).toBe(names.length);
  }
  expect([...answered.values()].reduce((sum, count) => sum + count, 0)).toBe(CALLS);
  expect(answered.size).toBe(GOOD.length);
}

test('all ten are listed, and no list asks an upstream anything', async () => {
  const names = await list();
  for (const name of [...GOOD, 'killed', 'hung', 'flapping', 'changing']) expect(of(names, name), name).not.toEqual([]);
  expect(of(names, 'changing')).toHaveLength(MANY);
  const before = fixtures.map((fixture) => fixture.stats().requests);
  for (let i = 0; i < 20; i++) {
    await list();
    for (const method of ['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list', 'server/discover'])
      expect((await ask(method, {})).error, method).toBeUndefined();
    await ask('prompts/list', {}, 'legacy');
  }
  expect(fixtures.map((fixture) => fixture.stats().requests)).toEqual(before);
});

describe('one that hangs', () => {
  test('keeps its own callers waiting and nobody else; its items stay, old since it could not be read', async () => {
    const held: { readonly request: WireRequest; readonly answer: () => void }[] = [];
    hung.everything = (socket, request) => {
      held.push({ request, answer: () => void socket.write(http(200, result(request, '{"content":[{"type":"text","text":"at last"}]}'))) });
    };
    let settled = 0;
    const waiting = [call('hung', 'answer'), call('hung', 'answer'), gateway.api('POST', `/gateways/${ids['hung']}/refresh`)];
    for (const one of waiting) void one.then(() => settled++);
    await expect.poll(() => held.length, { timeout: 20_000 }).toBeGreaterThan(0);
    await othersAnswer();
    expect((await gateway.api('POST', `/gateways/${ids[GOOD[0]]}/refresh`)).body).toMatchObject({ success: true });
    expect(settled, 'the hung one hung all the while').toBe(0);
    expect(of(await list(), 'hung')).toEqual(['hung-answer']);
    hung.everything = (socket, request) => void socket.write(http(200, result(request, '{"content":[{"type":"text","text":"at last"}]}')));
    for (const { answer } of held) answer();
    await Promise.all(waiting);
    hung.everything = undefined;
    const report = (await gateway.api('POST', `/gateways/${ids['hung']}/refresh`)).body;
    expect(report).toMatchObject({ success: true, toolsAdded: 0, toolsRemoved: 0 });
    expect((await entity('hung')).staleSince).toBeNull();
  });
});

describe('one that was killed', () => {
  test('has its items listed, marked old; calls of them fail at once, and it is well again when it is back', async () => {
    const tools = of(await list(), 'killed');
    const { port } = killed;
    await killed.close();
    expect((await gateway.api('POST', `/gateways/${ids['killed']}/refresh`)).body).toMatchObject({ success: false, error: expect.any(String) });
    const { staleSince, lastError } = await entity('killed');
    expect(Date.parse(staleSince)).not.toBeNaN();
    expect(lastError).toMatchObject({ code: 'upstream.unreachable' });
    const rows = (await gateway.api('GET', `/tools?gateway_id=${ids['killed']}&limit=0`)).body as { staleSince: string; reachable: boolean }[];
    expect(rows).toHaveLength(tools.length);
    expect(new Set(rows.map((row) => row.staleSince))).toEqual(new Set([staleSince]));
    expect((await entity(GOOD[0])).staleSince).toBeNull();
    // TOOL_TIMEOUT is two minutes: were one of them waited for, the test would not end.
    const failures = await Promise.all(Array.from({ length: 20 }, () => call('killed', 'echo-arguments')));
    for (const { error } of failures) expect(error?.message).toMatch(/killed/);
    expect(of(await list(), 'killed')).toEqual(tools);
    await othersAnswer();
    killed = await startFixture({ port });
    fixtures.push(killed);
    // Nobody has to ask: it is knocked at, and read when it answers.
    await expect.poll(async () => (await entity('killed')).staleSince, { timeout: 60_000, interval: 500 }).toBeNull();
    expect(JSON.stringify((await call('killed', 'echo-arguments', { marker: 'alive' })).result)).toContain('alive');
  }, 120_000);
});

describe('one that comes and goes', () => {
  test('is always listed, answers or fails, and the others never notice', async () => {
    let isUp = false;
    const flip = setInterval(() => {
      isUp = !isUp;
      flapping.everything = isUp ? undefined : (socket) => socket.destroy();
    }, 20);
    try {
      const ends: string[] = [];
      const until = { isOver: false };
      const caller = (async () => {
        while (!until.isOver) {
          const reply = await call('flapping', 'answer');
          ends.push(reply.error === undefined ? (reply.result?.content?.[0]?.text ?? '') : 'error');
          expect(of(await list(), 'flapping')).toEqual(['flapping-answer']);
        }
      })();
      const reader = (async () => {
        while (!until.isOver) expect((await gateway.api('POST', `/gateways/${ids['flapping']}/refresh`)).status).toBe(200);
      })();
      await othersAnswer();
      until.isOver = true;
      await Promise.all([caller, reader]);
      expect(ends.length).toBeGreaterThan(0);
      for (const end of ends) expect(['honest', 'error']).toContain(end);
    } finally {
      clearInterval(flip);
      flapping.everything = undefined;
    }
  }, 120_000);
});

describe('one whose 2,000 tools change all the time', () => {
  test('is read again and again at a measured pace, its tools as of one reading, and the others keep answering', async () => {
    await expect.poll(() => listening.size, { timeout: 20_000 }).toBeGreaterThan(0);
    let readings = 0;
    const { list: honest } = changing;
    changing.list = (request) => {
      readings++;
      return honest(request);
    };
    const kept = (await gateway.api('GET', `/tools?gateway_id=${ids['changing']}&limit=0`)).body as {
      id: string;
      name: string;
      originalName: string;
    }[];
    const { id } = kept.find((row) => row.originalName === 'tool_0') as { id: string };
    await gateway.api('PUT', `/tools/${id}`, { title: 'Ours' });
    await gateway.api('POST', `/tools/${kept.find((row) => row.originalName === 'tool_2')?.id}/state?activate=false`);
    const change = setInterval(() => {
      generation++;
      for (const socket of listening) socket.write('data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n');
    }, 100);
    try {
      let seen = 0;
      let last = '';
      while (seen < 3) {
        await othersAnswer();
        const names = of(await list(), 'changing');
        expect(names, 'but for the one that is switched off').toHaveLength(MANY - 1);
        const generations = new Set(names.flatMap((name) => /-of-(\d+)$/.exec(name)?.[1] ?? []));
        expect(generations.size, 'of one reading').toBe(1);
        const [now = ''] = generations;
        if (now !== last) seen++;
        last = now;
      }
    } finally {
      clearInterval(change);
    }
    expect(readings, `${generation} changes were told`).toBeLessThan(generation);
    expect((await gateway.api('GET', `/tools/${id}`)).body).toMatchObject({ id, title: 'Ours', originalName: 'tool_0' });
    expect(JSON.stringify((await call('changing', 'tool-0')).result)).toContain('honest');
    expect((await call('changing', 'tool-2')).error, 'it was switched off').toBeDefined();
  }, 180_000);
});
