// Checklist point 53, and the views of several callers: what one lists is what one may call, read, get, complete and subscribe to, no more and no
// less; a change is told to those whose own lists it changes, and holds for open sessions at once.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { everythingAt, items, register, type ItemShown, type Noun } from './combined-doors.ts';
import { getStream, modern, openSession, post, request, type ClientSession, type Door } from './doors.ts';
import { json, startScriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts';
import { eventually } from './wire.ts';

type Json = Record<string, unknown>;

const ABOUT = '"capabilities":{"tools":{},"resources":{"subscribe":true},"prompts":{},"completions":{}}';
const EMPTY_SCHEMA = { type: 'object' };

/** Two items of each kind, under URIs of its own. */
function listsOf(name: string): Record<string, Json> {
  return {
    'tools/list': { tools: [1, 2].map((at) => ({ name: `t${at}`, inputSchema: EMPTY_SCHEMA })) },
    'resources/list': { resources: [1, 2].map((at) => ({ uri: `${name}://r${at}`, name: `r${at}` })) },
    'resources/templates/list': { resourceTemplates: [{ uriTemplate: `${name}://made/{id}`, name: 'made' }] },
    'prompts/list': { prompts: [1, 2].map((at) => ({ name: `p${at}` })) },
  };
}
const ANSWERS: Record<string, Json> = {
  'tools/call': { content: [{ type: 'text', text: 'called' }] },
  'resources/read': { contents: [{ uri: 'x://y', text: 'read' }] },
  'prompts/get': { messages: [] },
  'completion/complete': { completion: { values: ['a'] } },
  'resources/subscribe': {},
};

const upstreams: Record<string, ScriptedUpstream> = {};
const gatewayIds: Record<string, string> = {};
let gateway: StartedGateway;
let rows: Record<Noun, ItemShown[]>;
const doors: Record<string, Door> = {};

beforeAll(async () => {
  gateway = await startGateway();
  const who = (sub: string, more: Json = {}): Promise<string> => gateway.tokenFor({ sub, teams: ['red'], ...more });
  const owner = await who('owner@example.com');
  for (const name of ['open', 'team', 'own', 'off'] as const) {
    const upstream = await startScriptedUpstream({ about: ABOUT });
    upstreams[name] = upstream;
    const lists = listsOf(name);
    upstream.play(({ message, res }) => {
      const result = { ...lists, ...ANSWERS }[message.method ?? ''];
      if (result === undefined) return false;
      json(res, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', ...result } }));
      return true;
    });
    const body = { name, url: upstream.url, transport: 'STREAMABLEHTTP' };
    const seenBy = name === 'team' ? { visibility: 'team', team_id: 'red' } : name === 'own' ? { visibility: 'private' } : {};
    const { status, body: answer } = await gateway.api('POST', '/gateways', { ...body, ...seenBy }, name === 'own' ? { token: owner } : {});
    expect([status, answer.detail, answer.message]).toEqual([200, undefined, undefined]);
    gatewayIds[name] = answer.id;
  }
  await gateway.api('POST', `/gateways/${gatewayIds['off']}/state?activate=false`);
  const all = async (noun: Noun): Promise<ItemShown[]> => (await Promise.all(Object.values(gatewayIds).map((id) => items(gateway, noun, id)))).flat();
  rows = { tools: await all('tools'), resources: await all('resources'), prompts: await all('prompts') };
  // One of each kind is not for everybody although its upstream is.
  const change = async (noun: Noun, own: string, visibility: string): Promise<void> => {
    const row = rows[noun].find(({ gatewayId, originalName, uri }) => gatewayId === gatewayIds['open'] && (originalName === own || uri === own));
    expect((await gateway.api('PUT', `/${noun}/${row?.id}`, { visibility })).status).toBe(200);
  };
  await change('tools', 't2', 'private');
  await change('resources', 'open://r2', 'private');
  await change('prompts', 'p2', 'private');
  const tokens: Record<string, string> = {
    admin: gateway.token,
    owner,
    member: await who('member@example.com'),
    stranger: await who('stranger@example.com', { teams: ['blue'] }),
    public: await who('owner@example.com', { teams: [] }),
    'tools only': await who('member@example.com', { scopes: { permissions: ['tools.execute'] } }),
    'tools to look at': await who('member@example.com', { scopes: { permissions: ['tools.read'] } }),
    'resources only': await who('member@example.com', { scopes: { permissions: ['resources.*'] } }),
    'prompts only': await who('member@example.com', { scopes: { permissions: ['prompts.read'] } }),
    'another server': await who('member@example.com', { scopes: { server_id: 'x'.repeat(32), permissions: [] } }),
  };
  for (const [name, token] of Object.entries(tokens)) doors[name] = everythingAt(gateway, '/mcp', token);
});
afterAll(async () => {
  await gateway?.stop();
  for (const upstream of Object.values(upstreams)) await upstream.close();
});

type Ask = (method: string, params?: Json) => Promise<Json>;
const CONNECT: Record<string, (door: Door) => Promise<Ask>> = {
  legacy: async (door) => {
    const session = await openSession(door);
    return async (method, params = {}) => (await post(session, request(1, method, params))).answer();
  },
  modern: (door) => Promise.resolve(async (method, params = {}) => (await modern(door, method, params)).answer()),
};

/** Names and URIs in all four lists; nothing where the caller is not even let in. */
async function listed(ask: Ask): Promise<string[]> {
  const lists = await Promise.all(['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list'].map((method) => ask(method)));
  return lists
    .flatMap(({ result }) => Object.values((result ?? {}) as Json).filter(Array.isArray) as Record<string, string>[][])
    .flatMap((each) => each.map(({ uri, uriTemplate, name }) => uri ?? uriTemplate ?? name ?? ''))
    .toSorted();
}

/** Everything there is, each with what one does with it. */
function uses(): (readonly [shown: string, method: string, params: Json])[] {
  const tools = rows.tools.map(({ name }) => [name, 'tools/call', { name, arguments: {} }] as const);
  const resources = rows.resources.flatMap(({ uri = '', uriTemplate }) =>
    uriTemplate == null
      ? [[uri, 'resources/read', { uri }] as const]
      : [[uriTemplate, 'resources/read', { uri: uriTemplate.replace('{id}', '7') }] as const],
  );
  const completions = rows.resources.flatMap(({ uriTemplate }) =>
    uriTemplate == null
      ? []
      : [[uriTemplate, 'completion/complete', { ref: { type: 'ref/resource', uri: uriTemplate }, argument: { name: 'id', value: '' } }] as const],
  );
  const prompts = rows.prompts.flatMap(({ name }) => [
    [name, 'prompts/get', { name }] as const,
    [name, 'completion/complete', { ref: { type: 'ref/prompt', name }, argument: { name: 'x', value: '' } }] as const,
  ]);
  return [...tools, ...resources, ...completions, ...prompts];
}

const EXPECTED: Record<string, (shown: string, kind: 'tool' | 'resource' | 'prompt') => boolean> = {
  admin: (shown) => !shown.startsWith('off'),
  owner: (shown) => /^(open|team|own)/.test(shown) && !/^open(-|:\/\/)[trp]2$/.test(shown),
  member: (shown) => /^(open|team)/.test(shown) && !/^open(-|:\/\/)[trp]2$/.test(shown),
  stranger: (shown) => shown.startsWith('open') && !/^open(-|:\/\/)[trp]2$/.test(shown),
  public: (shown) => shown.startsWith('open') && !/^open(-|:\/\/)[trp]2$/.test(shown),
  'tools only': (shown, kind) => kind === 'tool' && /^(open|team)/.test(shown) && shown !== 'open-t2',
  'tools to look at': () => false,
  'resources only': (shown, kind) => kind === 'resource' && /^(open|team)/.test(shown) && shown !== 'open://r2',
  'prompts only': (shown, kind) => kind === 'prompt' && /^(open|team)/.test(shown) && shown !== 'open-p2',
  'another server': () => false,
};
const cases = Object.keys(EXPECTED).flatMap((caller) => Object.keys(CONNECT).map((era) => [caller, era] as const));

describe('views', () => {
  test.each(cases)('point 53: %s with a client of the %s era lists what it should, and uses exactly what it lists', async (caller, era) => {
    const door = doors[caller] as Door;
    const ask = await (CONNECT[era] as (at: Door) => Promise<Ask>)(door).catch((error: unknown) => {
      // Not let in at all.
      if (caller !== 'another server') throw error;
      return (): Promise<Json> => Promise.resolve({ error: String(error) });
    });
    const kindOf = (shown: string): 'tool' | 'resource' | 'prompt' => (shown.includes('://') ? 'resource' : shown.includes('-t') ? 'tool' : 'prompt');
    const everything = [...new Set(uses().map(([shown]) => shown))];
    const shown = await listed(ask);
    expect(shown).toEqual(everything.filter((each) => EXPECTED[caller]?.(each, kindOf(each))).toSorted());
    for (const upstream of Object.values(upstreams)) upstream.seen.length = 0;
    const all = uses();
    const usable = new Map<string, boolean[]>();
    for (const [name, method, params] of all) usable.set(name, [...(usable.get(name) ?? []), 'result' in (await ask(method, params))]);
    if (era === 'legacy') {
      for (const name of everything.filter((each) => /:\/\/r\d$/.test(each))) {
        usable.get(name)?.push('result' in (await ask('resources/subscribe', { uri: name })));
      }
    }
    const wanted = new Map(everything.map((name) => [name, (usable.get(name) ?? []).map(() => shown.includes(name))]));
    expect(Object.fromEntries(usable)).toEqual(Object.fromEntries(wanted));
    // What is refused never leaves the gateway.
    const reached = Object.values(upstreams).flatMap(({ seen }) => seen.filter(({ message }) => (message.method ?? '') in ANSWERS));
    expect(reached).toHaveLength([...usable.values()].flat().filter(Boolean).length);
  });

  test('point 53: lists that differ from caller to caller are private', async () => {
    for (const method of ['tools/list', 'resources/list', 'prompts/list', 'server/discover']) {
      const { result } = await (await modern(doors['member'] as Door, method)).answer();
      expect(result, method).toMatchObject({ cacheScope: 'private' });
    }
  });

  test('point 53: a hidden thing and one that is not there get the same answer', async () => {
    const ask = await (CONNECT['legacy'] as (at: Door) => Promise<Ask>)(doors['stranger'] as Door);
    const pairs: [string, Json, Json][] = [
      ['tools/call', { name: 'team-t1', arguments: {} }, { name: 'none-t1', arguments: {} }],
      ['prompts/get', { name: 'team-p1' }, { name: 'none-p1' }],
      ['resources/read', { uri: 'team://r1' }, { uri: 'none://r1' }],
    ];
    for (const [method, hidden, absent] of pairs) {
      const text = JSON.stringify(await ask(method, hidden)).replaceAll('team', 'none');
      const uuids = /[0-9a-f]{8}-[0-9a-f-]{27}/g;
      expect(text.replaceAll(uuids, '')).toBe(JSON.stringify(await ask(method, absent)).replaceAll(uuids, ''));
    }
  });
});

describe('point 53: changes', () => {
  let fixture: Fixture;
  let gatewayId: string;
  let tools: ItemShown[];
  const sessions: Record<string, ClientSession> = {};
  const heard: Record<string, string[]> = {};
  const CALLERS = ['member', 'stranger'] as const;

  async function collect(name: string, stream: { message(): Promise<string | undefined> }): Promise<void> {
    const own: string[] = (heard[name] = []);
    void (async () => {
      for (let text = await stream.message(); text !== undefined; text = await stream.message()) {
        own.push((JSON.parse(text) as { method: string }).method);
      }
    })().catch(() => undefined);
  }
  const news = (name: string): number => (heard[name] ?? []).filter((method) => method === 'notifications/tools/list_changed').length;

  beforeAll(async () => {
    fixture = await startFixture();
    gatewayId = await register(gateway, 'news', fixture.url);
    tools = await items(gateway, 'tools', gatewayId);
    for (const caller of CALLERS) {
      const session = await openSession(doors[caller] as Door);
      sessions[caller] = session;
      await collect(caller, await getStream(session));
      const listening = await modern(doors[caller] as Door, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 'l' });
      expect(await listening.message()).toContain('acknowledged');
      await collect(`${caller} listening`, listening);
    }
  });
  afterAll(async () => {
    await fixture?.close();
  });

  const row = (own: string): ItemShown => tools.find(({ originalName }) => originalName === own) as ItemShown;
  const teamTool = (): ItemShown => rows.tools.find(({ name }) => name === 'team-t1') as ItemShown;
  const turn = async (id: string, isOn: boolean): Promise<void> => {
    expect((await gateway.api('POST', `/tools/${id}/state?activate=${isOn}`)).status).toBe(200);
  };
  const LISTENERS = CALLERS.flatMap((caller) => [caller, `${caller} listening`]);
  const until = (counts: Record<string, number>): Promise<boolean> =>
    eventually(() => Object.entries(counts).every(([name, count]) => news(name) >= count));

  test('point 53: are told to those who see what has changed, and to nobody else', async () => {
    const before = Object.fromEntries(LISTENERS.map((name) => [name, news(name)]));
    await turn(teamTool().id, false);
    await until({ member: (before['member'] ?? 0) + 1, 'member listening': (before['member listening'] ?? 0) + 1 });
    await turn(row('test_simple_text').id, false);
    await until(Object.fromEntries(LISTENERS.map((name) => [name, (before[name] ?? 0) + (name.startsWith('member') ? 2 : 1)])));
    expect(LISTENERS.map((name) => news(name) - (before[name] ?? 0))).toEqual([2, 2, 1, 1]);
    await turn(teamTool().id, true);
    await turn(row('test_simple_text').id, true);
    await until(Object.fromEntries(LISTENERS.map((name) => [name, (before[name] ?? 0) + (name.startsWith('member') ? 4 : 2)])));
  });

  test('point 53: of an upstream’s own list are told once it has been read again', async () => {
    const before = Object.fromEntries(LISTENERS.map((name) => [name, news(name)]));
    fixture.hub.changeList('tools');
    expect((await gateway.api('POST', `/gateways/${gatewayId}/refresh`)).body).toMatchObject({ success: true });
    await until(Object.fromEntries(LISTENERS.map((name) => [name, (before[name] ?? 0) + 1])));
  });

  test('point 53: of who may see a tool or a whole gateway hold for open sessions at once', async () => {
    const names = async (caller: string): Promise<string[]> => {
      const answer = await (await post(sessions[caller] as Door, request(1, 'tools/list'))).answer();
      return (answer['result'] as { tools: { name: string }[] }).tools.map(({ name }) => name);
    };
    const call = async (caller: string, name: string): Promise<boolean> =>
      'result' in (await (await post(sessions[caller] as Door, request(2, 'tools/call', { name, arguments: {} }))).answer());
    const { id, name } = row('test_simple_text');
    const expectSeen = async (isSeen: boolean): Promise<void> => {
      for (const caller of CALLERS) {
        expect([caller, (await names(caller)).includes(name), await call(caller, name)]).toEqual([caller, isSeen, isSeen]);
        const answer = await modern(doors[caller] as Door, 'tools/call', { name, arguments: {} });
        expect('result' in (await answer.answer())).toBe(isSeen);
      }
    };
    await expectSeen(true);
    await gateway.api('PUT', `/tools/${id}`, { visibility: 'private' });
    await expectSeen(false);
    await gateway.api('PUT', `/tools/${id}`, { visibility: 'public' });
    await expectSeen(true);
    await gateway.api('PUT', `/gateways/${gatewayId}`, { visibility: 'private' });
    await expectSeen(false);
    await gateway.api('PUT', `/gateways/${gatewayId}`, { visibility: 'public' });
    await expectSeen(true);
    await gateway.api('POST', `/gateways/${gatewayId}/state?activate=false`);
    await expectSeen(false);
    await gateway.api('POST', `/gateways/${gatewayId}/state?activate=true`);
    await expectSeen(true);
  });

  test('point 53: news of a resource end for who may not see it any more, and go on for others', async () => {
    const resource = (await items(gateway, 'resources', gatewayId)).find(({ uri }) => uri === 'test://watched-resource') as ItemShown;
    const uri = 'test://watched-resource';
    for (const caller of CALLERS)
      expect(await (await post(sessions[caller] as Door, request(3, 'resources/subscribe', { uri }))).answer()).toHaveProperty('result');
    const updates = (caller: string): number => (heard[caller] ?? []).filter((method) => method === 'notifications/resources/updated').length;
    await eventually(async () => {
      fixture.hub.updateResource(uri);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return CALLERS.every((caller) => updates(caller) > 0);
    });
    expect((await gateway.api('PUT', `/resources/${resource.id}`, { visibility: 'private' })).status).toBe(200);
    const admin = await openSession(doors['admin'] as Door);
    await collect('admin', await getStream(admin));
    expect(await (await post(admin, request(1, 'resources/subscribe', { uri }))).answer()).toHaveProperty('result');
    const more = (count: number): Promise<boolean> =>
      eventually(async () => {
        fixture.hub.updateResource(uri);
        await new Promise((resolve) => setTimeout(resolve, 20));
        return updates('admin') >= count;
      });
    // By then what was on its way before the change has come.
    await more(1);
    const after = Object.fromEntries(CALLERS.map((caller) => [caller, updates(caller)]));
    await more(updates('admin') + 3);
    expect(Object.fromEntries(CALLERS.map((caller) => [caller, updates(caller)]))).toEqual(after);
  });
});
