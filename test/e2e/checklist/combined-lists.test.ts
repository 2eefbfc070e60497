// Checklist points 49 to 51: names in merged lists, what a bad upstream does to them, and their pages.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { combinedOf, everythingAt, items, register } from './combined-doors.ts';
import { modern, openSession, post, request, toolCall, type Door } from './doors.ts';
import { json, startScriptedUpstream, toolList, type ScriptedUpstream } from './scripted-upstream.ts';
import { eventually } from './wire.ts';

type Json = Record<string, unknown>;
interface Page {
  readonly tools: { readonly name: string }[];
  readonly nextCursor?: string;
}

const running: { close(): Promise<void> }[] = [];
async function started<T extends { close(): Promise<void> }>(thing: Promise<T>): Promise<T> {
  const one = await thing;
  running.push(one);
  return one;
}
const gateways: StartedGateway[] = [];
async function startedGateway(env: Record<string, string> = {}): Promise<StartedGateway> {
  const gateway = await startGateway({ env });
  gateways.push(gateway);
  return gateway;
}
afterAll(async () => {
  for (const gateway of gateways) await gateway.stop();
  for (const one of running) await one.close();
});

/** Answers tools/call with the message and headers it got. */
function echo(upstream: ScriptedUpstream, names: readonly string[]): void {
  upstream.play(({ message, res, headers }) => {
    const id = JSON.stringify(message.id);
    if (message.method === 'tools/list') json(res, toolList(id, names));
    else if (message.method === 'tools/call') {
      const said = JSON.stringify({ by: upstream.port, name: message.params?.['name'], header: headers['mcp-name'] });
      json(res, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', content: [{ type: 'text', text: said }] } }));
    } else return false;
    return true;
  });
}

const decoded = (header: string): string =>
  header.startsWith('=?base64?') ? Buffer.from(header.slice('=?base64?'.length, -2), 'base64').toString() : header;

describe('point 49: names', () => {
  const NAMES = ['now', 'eu_now', 'eu-now', 'EU.Now', 'a/b', 'a.b', 'a b', `${'long'.repeat(28)}-one`, `${'long'.repeat(28)}-two`];
  let gateway: StartedGateway;
  let door: Door;
  const ports = new Map<number, string>();

  beforeAll(async () => {
    gateway = await startedGateway();
    // `weather` + `eu-now` and `weather-eu` + `now` would be one name.
    for (const name of ['Weather', 'Weather EU']) {
      const upstream = await started(startScriptedUpstream());
      ports.set(upstream.port, name);
      echo(upstream, NAMES);
      await register(gateway, name, upstream.url);
    }
    door = everythingAt(gateway);
  });

  const listed = async (): Promise<string[]> => {
    const { result } = (await (await modern(door, 'tools/list')).answer()) as unknown as { result: Page };
    return result.tools.map(({ name }) => name);
  };

  test('point 49: are legal, at most 64 characters long, and each stands for one tool', async () => {
    const names = await listed();
    expect(names).toHaveLength(NAMES.length * ports.size);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_.-]{1,64}$/);
  });

  test('point 49: lead back to the upstream and its own name, which is what Mcp-Name says there', async () => {
    const reached = new Set<string>();
    for (const name of await listed()) {
      const answer = (await (await modern(door, 'tools/call', { name, arguments: {} })).answer()) as { result: { content: [{ text: string }] } };
      const said = JSON.parse(answer.result.content[0].text) as { by: number; name: string; header: string };
      expect(decoded(said.header)).toBe(said.name);
      reached.add(`${ports.get(said.by)} ${said.name}`);
    }
    expect([...reached].toSorted()).toEqual([...ports.values()].flatMap((port) => NAMES.map((name) => `${port} ${name}`)).toSorted());
  });

  test('point 49: are the same with a session, and after a refresh', async () => {
    const before = await listed();
    const session = await openSession(door);
    const { result } = (await (await post(session, request(1, 'tools/list'))).answer()) as unknown as { result: Page };
    expect(result.tools.map(({ name }) => name)).toEqual(before);
    for (const { id } of (await gateway.api('GET', '/gateways')).body as { id: string }[]) await gateway.api('POST', `/gateways/${id}/refresh`);
    expect(await listed()).toEqual(before);
  });

  test('point 49: a claim that the header names another tool is refused', async () => {
    const [one = '', two = ''] = await listed();
    const answer = await modern(door, 'tools/call', { name: one, arguments: {} }, { headers: { 'mcp-name': two } });
    expect([answer.status, await answer.answer()]).toMatchObject([400, { error: { code: -32020 } }]);
  });
});

describe('point 50: an upstream that is dead or hangs', () => {
  let gateway: StartedGateway;
  let door: Door;
  let fine: ScriptedUpstream;
  let dead: ScriptedUpstream;
  let hung: ScriptedUpstream;
  let ids: Record<string, string>;

  beforeAll(async () => {
    gateway = await startedGateway({ FEDERATION_TIMEOUT: '2' });
    fine = await started(startScriptedUpstream());
    dead = await startScriptedUpstream();
    hung = await started(startScriptedUpstream());
    for (const one of [fine, dead, hung]) echo(one, ['one', 'two']);
    const combined = await combinedOf(gateway, [
      { name: 'fine', url: fine.url },
      { name: 'dead', url: dead.url },
      { name: 'hung', url: hung.url },
    ]);
    ids = combined.gatewayIds;
    door = combined;
    await dead.close();
    hung.play(() => true);
  });

  test('point 50: delays neither initialize, nor a list, nor a call of another', async () => {
    const waiting = modern(door, 'tools/call', { name: 'hung-one', arguments: {} });
    await eventually(() => hung.seen.some(({ message }) => message.method === 'tools/call'));
    const session = await openSession(door);
    const { result } = (await (await post(session, request(1, 'tools/list'))).answer()) as unknown as { result: Page };
    expect(result.tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['fine-one', 'fine-two']));
    const answer = await post(session, toolCall(2, 'fine-one'));
    expect(await answer.answerText()).toContain(String(fine.port));
    for (const { message, res } of hung.seen)
      json(res, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', content: [] } }));
    expect((await waiting).status).toBe(200);
  });

  test('point 50: says so itself when it is called, and nobody else does', async () => {
    const answer = await modern(door, 'tools/call', { name: 'dead-one', arguments: {} });
    expect(await answer.answer()).toMatchObject({ error: { message: expect.stringContaining('dead') } });
    expect(await (await modern(door, 'tools/call', { name: 'fine-two', arguments: {} })).answerText()).toContain(String(fine.port));
  });

  test('point 50: keeps what it had in the lists, marked as old; a refresh of another goes on', async () => {
    echo(fine, ['one', 'two', 'three']);
    const [refreshed] = await Promise.all(['fine', 'dead', 'hung'].map((name) => gateway.api('POST', `/gateways/${ids[name]}/refresh`)));
    expect(refreshed?.body).toMatchObject({ success: true, toolsAdded: 1 });
    for (const name of ['dead', 'hung']) {
      const { body } = await gateway.api('GET', `/gateways/${ids[name]}`);
      expect([name, body.staleSince, body.toolCount]).toEqual([name, expect.any(String), 2]);
      expect(await items(gateway, 'tools', ids[name] ?? '')).toHaveLength(2);
    }
    expect((await gateway.api('GET', `/gateways/${ids['fine']}`)).body.staleSince).toBeNull();
  });
});

describe('point 51: pages', () => {
  let gateway: StartedGateway;
  let door: Door;
  let fixtures: Fixture[];
  let names: string[];

  beforeAll(async () => {
    gateway = await startedGateway({ MCPGATEWAY_LIST_PAGE_SIZE: '7' });
    fixtures = await Promise.all([1, 2, 3].map(() => started(startFixture({ pageSize: 5 }))));
    for (const [at, { url }] of fixtures.entries()) await register(gateway, `part ${at}`, url);
    door = everythingAt(gateway);
    const rows = (await gateway.api('GET', '/tools?limit=0')).body as { name: string; needs: string[] }[];
    names = rows.filter(({ needs }) => needs.length === 0).map(({ name }) => name);
  });

  async function pages(ask: (cursor: string | undefined) => Promise<Json>): Promise<Page[]> {
    const all: Page[] = [];
    let cursor: string | undefined;
    do {
      const page = (await ask(cursor))['result'] as Page;
      all.push(page);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return all;
  }
  const ofModern = async (cursor?: string): Promise<Json> => (await modern(door, 'tools/list', cursor === undefined ? {} : { cursor })).answer();

  test('point 51: together hold every item of every upstream once, in both eras and without a session', async () => {
    const session = await openSession(door);
    const ofLegacy = (at: Door) => async (cursor?: string) =>
      (await post(at, request(1, 'tools/list', cursor === undefined ? {} : { cursor }))).answer();
    for (const ask of [ofModern, ofLegacy(session), ofLegacy(door)]) {
      const all = await pages(ask);
      expect(all.length).toBe(Math.ceil(names.length / 7));
      expect(all.flatMap(({ tools }) => tools.map(({ name }) => name)).toSorted()).toEqual(names.toSorted());
    }
  });

  test('point 51: a cursor of a list that has changed, of another list and of nobody is -32602', async () => {
    const { result } = (await ofModern()) as unknown as { result: Page };
    const rows = (await gateway.api('GET', '/tools?limit=0')).body as { id: string }[];
    expect((await ofModern(result.nextCursor))['result']).toBeDefined();
    await gateway.api('POST', `/tools/${rows[0]?.id}/state?activate=false`);
    const session = await openSession(door);
    for (const cursor of [result.nextCursor ?? '', '', 'x', `${'0'.repeat(16)}.1`, '1'.repeat(5000)]) {
      expect(await ofModern(cursor), cursor).toMatchObject({ error: { code: -32602 } });
      expect(await (await post(session, request(1, 'tools/list', { cursor }))).answer(), cursor).toMatchObject({ error: { code: -32602 } });
    }
    const fresh = (await ofModern()) as unknown as { result: Page };
    expect(await (await modern(door, 'prompts/list', { cursor: fresh.result.nextCursor ?? '' })).answer()).toMatchObject({ error: { code: -32602 } });
    const again = await pages(ofModern);
    expect(again.flatMap(({ tools }) => tools)).toHaveLength(names.length - 1);
  });
});
