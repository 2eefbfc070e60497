// Upstreams whose names, schemas, cursors and pages are hostile: at registration and, which is worse, later, when they are listed
// already. The server next door goes on, the reason is shown at the hostile one, and the gateway stays the size it was.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { http, result, startLyingUpstream, type Answer, type LyingUpstream, type WireRequest } from '../kit/lying-upstream.ts';

const MEGABYTE = 1024 * 1024;
const INITIALIZE =
  '{"protocolVersion":"2025-06-18","capabilities":{"tools":{},"resources":{},"prompts":{}},"serverInfo":{"name":"liar","version":"1"}}';

let gateway: StartedGateway;
let honest: Fixture;
let honestTools: number;
let names = 0;

beforeAll(async () => {
  gateway = await startGateway({ env: { FEDERATION_TIMEOUT: '5', HEALTH_CHECK_INTERVAL: '3600' } });
  honest = await startFixture();
  expect((await gateway.api('POST', '/gateways', { name: 'honest', url: honest.url })).status).toBe(200);
  honestTools = (await listed('tools/list', 'tools')).length;
  expect(honestTools).toBeGreaterThan(5);
});

afterAll(async () => {
  expect(gateway.output()).not.toMatch(/could not be handled|internal/);
  await gateway.stop();
  await honest.close();
});

interface Reply {
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

async function ask(method: string, params: Record<string, unknown> = {}): Promise<Reply> {
  const response = await fetch(`${gateway.url}/mcp`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  expect(response.status).toBeLessThan(500);
  const text = await response.text();
  return JSON.parse(text.startsWith('{') ? text : (text.split('\n').findLast((line) => line.startsWith('data: {')) ?? '').slice(6)) as Reply;
}

interface Listed {
  readonly name?: string;
  readonly uri?: string;
  readonly description?: string;
}

async function listed(method: string, key: string): Promise<Listed[]> {
  const all: Listed[] = [];
  let cursor: string | undefined;
  do {
    const { result: page } = await ask(method, cursor === undefined ? {} : { cursor });
    all.push(...((page?.[key] ?? []) as Listed[]));
    cursor = page?.['nextCursor'] as string | undefined;
  } while (cursor !== undefined);
  return all;
}

async function nextDoor(): Promise<void> {
  expect((await listed('tools/list', 'tools')).filter(({ name }) => name?.startsWith('honest-'))).toHaveLength(honestTools);
  const reply = await ask('tools/call', { name: 'honest-echo-arguments', arguments: { marker: 'next door' } });
  expect(JSON.stringify(reply.result)).toContain('next door');
}

const residentBytes = (): number => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${gateway.process.pid}/status`, 'utf8'))?.[1]) * 1024;
const tools = (list: unknown[], more: object = {}): string => JSON.stringify({ tools: list, ...more });
const tool = (name: unknown, more: object = {}): object => ({ name, inputSchema: { type: 'object' }, ...more });
const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

/** An upstream with one good tool that can be made to answer lists otherwise. */
async function withLiar(use: (liar: LyingUpstream, id: string) => Promise<void>): Promise<void> {
  const liar = await startLyingUpstream();
  liar.initialize = INITIALIZE;
  liar.answer = byMethod({});
  try {
    const { status, body } = await gateway.api('POST', '/gateways', { name: `liar ${++names}`, url: liar.url });
    expect(status, JSON.stringify(body)).toBe(200);
    await use(liar, body.id);
    await nextDoor();
    expect((await gateway.api('DELETE', `/gateways/${body.id}`)).status).toBe(200);
  } finally {
    await liar.close();
  }
}

/** Answers lists by method; those not named are honest and small. */
function byMethod(lists: Record<string, ((request: WireRequest) => string) | undefined>): Answer {
  const small: Record<string, string> = {
    'tools/list': tools([tool('answer')]),
    'resources/list': '{"resources":[]}',
    'resources/templates/list': '{"resourceTemplates":[]}',
    'prompts/list': '{"prompts":[]}',
  };
  return (socket, request) => {
    const method = request.message?.method ?? '';
    const text = lists[method]?.(request) ?? small[method] ?? '{"content":[{"type":"text","text":"honest"}]}';
    socket.write(http(200, result(request, text)));
  };
}

const cursorOf = (request: WireRequest): unknown => request.message?.params?.['cursor'];

describe('lists that cannot be read to their end', () => {
  test.each<[string, Answer, RegExp]>([
    ['a cursor that leads back to itself', byMethod({ 'tools/list': () => tools([tool('a')], { nextCursor: 'again' }) }), /circle/],
    [
      'cursors in a circle',
      byMethod({ 'prompts/list': (request) => JSON.stringify({ prompts: [], nextCursor: cursorOf(request) === 'a' ? 'b' : 'a' }) }),
      /prompts\/list.*circle/,
    ],
    [
      'pages without end',
      byMethod({ 'resources/list': () => JSON.stringify({ resources: [], nextCursor: String(Math.random()) }) }),
      /more than 200 pages/,
    ],
    ['a cursor that is no text', byMethod({ 'tools/list': () => tools([tool('a')], { nextCursor: { page: 2 } }) }), /nextCursor is no text/],
    ['a cursor of 5 MB', byMethod({ 'tools/list': () => tools([tool('a')], { nextCursor: 'x'.repeat(5 * MEGABYTE) }) }), /nextCursor/],
    ['schemas nested 10,000 deep', byMethod({ 'tools/list': () => `{"tools":[{"name":"a","inputSchema":${nested(10_000)}}]}` }), /nested deeper/],
    ['100,000 tools', byMethod({ 'tools/list': () => tools(Array.from({ length: 100_000 }, (_, i) => tool(`t${i}`))) }), /more than 10000/],
    ['100,000 times the same tool', byMethod({ 'tools/list': () => tools(Array.from({ length: 100_000 }, () => tool('a'))) }), /more than 10000/],
    [
      'pages of megabytes',
      byMethod({
        'tools/list': () => tools([tool(Math.random(), { description: 'x'.repeat(8 * MEGABYTE) })], { nextCursor: String(Math.random()) }),
      }),
      /larger than/,
    ],
    ['no list at all', byMethod({ 'tools/list': () => '{"tools":{"answer":{}}}' }), /tools is no list/],
    [
      'an error',
      (socket, request) =>
        void socket.write(http(200, `{"jsonrpc":"2.0","id":${String(request.message?.id)},"error":{"code":-1,"message":"a\\u202eb"}}`)),
      /error -1/,
    ],
    ['JSON that breaks off', (socket) => void socket.write(http(200, '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"')), /no MCP result/],
    ['silence', () => {}, /in time|did not answer/],
    [
      'an answer without end',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"jsonrpc":"2.0","id":1,"result":{"tools":[');
        const more = (): void => {
          while (!socket.destroyed && socket.write(`{"name":"${'x'.repeat(100_000)}"},`));
        };
        socket.on('drain', more);
        more();
      },
      /larger than|in time/,
    ],
  ])('%s: nothing of it is taken over, what there was stays, and the reason is shown', async (_what, hostile, reason) => {
    await withLiar(async (liar, id) => {
      const before = residentBytes();
      const known = await listed('tools/list', 'tools');
      liar.answer = hostile;
      const report = await gateway.api('POST', `/gateways/${id}/refresh`);
      expect(report).toMatchObject({ status: 200, body: { success: false, toolsRemoved: 0, error: expect.stringMatching(reason) as string } });
      const { body } = await gateway.api('GET', `/gateways/${id}`);
      expect(body.lastError.message).toMatch(reason);
      expect(body.lastError.message).not.toMatch(/[\u202a-\u202e]/);
      expect(Date.parse(body.staleSince)).not.toBeNaN();
      expect(await listed('tools/list', 'tools')).toEqual(known);
      expect((await gateway.api('POST', '/gateways', { name: `second ${names}`, url: liar.url, visibility: 'private' })).status).toBeOneOf([
        502, 504,
      ]);
      expect(residentBytes() - before).toBeLessThan(400 * MEGABYTE);
      liar.answer = byMethod({});
      // It is read again without being asked as well, which may be under way.
      await expect.poll(async () => (await gateway.api('POST', `/gateways/${id}/refresh`)).body.success, { timeout: 20_000 }).toBe(true);
      expect(await listed('tools/list', 'tools')).toEqual(known);
      expect((await gateway.api('GET', `/gateways/${id}`)).body).toMatchObject({ staleSince: null, lastError: null });
    });
  });
});

test('entries that are none, hide something, come twice or are too large are left out, each with its reason', async () => {
  await withLiar(async (liar, id) => {
    liar.answer = byMethod({
      'tools/list': () =>
        `{"tools":[${[
          tool('good', { description: '\u202edesrever \u0007', title: { not: 'a text' }, inputSchema: 'none', _meta: [] }),
          tool('good', { description: 'again' }),
          tool('__proto__'),
          tool('constructor'),
          tool('a\u202eb'),
          tool('a\u200bb'),
          tool('a\u0000b'),
          tool(7),
          tool({ toString: 1 }),
          tool('big', { description: 'x'.repeat(5 * MEGABYTE) }),
          null,
          [],
          'text',
          1,
        ]
          .map((entry) => JSON.stringify(entry))
          .join(',')},{"name":"two","name":"faces"}]}`,
      'resources/list': () =>
        JSON.stringify({
          resources: [
            { uri: 'javascript:alert(1)', name: 'script' },
            { uri: 'file:///ok', name: 'ok' },
            { uri: 'file:///turned', name: 'a\u202eb' },
            { uri: 'x y', name: 'blank' },
          ],
        }),
      'resources/templates/list': () =>
        JSON.stringify({ resourceTemplates: [{ uriTemplate: `${'{a}'.repeat(600)}x:`, name: 't' }, { uriTemplate: 1 }] }),
      'prompts/list': () =>
        JSON.stringify({
          prompts: [{ name: 'ask', arguments: 'none' }, { name: 'ask\u2066' }, { name: 'hasOwnProperty', arguments: [1, null, {}] }],
        }),
    });
    const report = await gateway.api('POST', `/gateways/${id}/refresh`);
    expect(report).toMatchObject({ status: 200, body: { success: true, error: null } });
    const { body } = await gateway.api('GET', `/gateways/${id}`);
    const skipped = body.skippedItems as { kind: string; name: string; reason: string }[];
    expect(skipped.filter(({ kind }) => kind === 'tool').length, 'those that look alike are told once').toBe(7);
    expect(
      skipped
        .filter(({ kind }) => kind === 'resource')
        .map(({ reason }) => reason)
        .toSorted(),
    ).toEqual([
      'its URI has blanks, quotes or other characters that no URI has',
      'its URI is a script',
      'its name has control or direction characters',
    ]);
    expect(skipped.some(({ kind, reason }) => kind === 'prompt' && /direction/.test(reason))).toBe(true);
    for (const { name, reason } of skipped) {
      expect(name + reason).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(name.length).toBeLessThan(200);
      expect(reason).not.toBe('');
    }
    const prefix = `liar-${names}-`;
    const shown = (await listed('tools/list', 'tools')).flatMap(({ name }) => (name?.startsWith(prefix) === true ? [name.slice(prefix.length)] : []));
    expect(shown.toSorted()).toEqual(['constructor', 'good', 'proto']);
    for (const name of shown) expect(JSON.stringify((await ask('tools/call', { name: prefix + name })).result)).toContain('honest');
    expect((await listed('prompts/list', 'prompts')).filter(({ name }) => name?.startsWith(prefix))).toHaveLength(2);
    expect((await listed('resources/list', 'resources')).some(({ uri }) => uri === 'file:///ok')).toBe(true);
    for (const path of ['/tools', '/resources', '/prompts', '/resources/templates/list', `/gateways/${id}`]) {
      const { status, body: rows } = await gateway.api('GET', `${path}${path.includes('list') || path.includes(id) ? '' : '?limit=0'}`);
      expect(status, path).toBe(200);
      expect(JSON.stringify(rows), path).not.toMatch(/\\u0007|\\u0000/);
    }
  });
});

test('a hostile list that comes by itself, again and again, is read ever less often', async () => {
  const liar = await startLyingUpstream();
  liar.initialize = INITIALIZE.replace('"tools":{}', '"tools":{"listChanged":true}');
  liar.sessionId = 's';
  let hear: (() => void) | undefined;
  liar.get = (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n');
    hear = () => void socket.write('data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n');
  };
  let readings = 0;
  liar.answer = byMethod({});
  const { body } = await gateway.api('POST', '/gateways', { name: 'chatty', url: liar.url });
  liar.answer = byMethod({
    'tools/list': () => {
      readings++;
      return tools([], { nextCursor: 7 });
    },
  });
  await expect.poll(() => hear, { timeout: 20_000 }).toBeDefined();
  for (let i = 0; i < 1000; i++) hear?.();
  await expect.poll(async () => (await gateway.api('GET', `/gateways/${body.id}`)).body.staleSince, { timeout: 20_000 }).not.toBeNull();
  for (let i = 0; i < 1000; i++) hear?.();
  await nextDoor();
  expect(readings, 'two thousand words of it').toBeLessThan(4);
  expect((await listed('tools/list', 'tools')).some(({ name }) => name === 'chatty-answer')).toBe(true);
  await liar.close();
});
