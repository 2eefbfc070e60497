// Checklist points 26 and 53: what clients may keep, for how long and for whom – as the upstream says where it says it, from what the gateway
// knows where it does not, and never for more people than see the same.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { combinedOf, everythingAt, items, register } from './combined-doors.ts';
import { as, mirrorOf, modern, openSession, post, request, type Door } from './doors.ts';
import { json, startScriptedUpstream, toolList } from './scripted-upstream.ts';

interface Result {
  readonly resultType?: string;
  readonly ttlMs?: number;
  readonly cacheScope?: string;
  readonly requestState?: string;
  readonly inputRequests?: Record<string, { readonly method: string }>;
  readonly nextCursor?: string;
  readonly tools?: { readonly name: string }[];
}

const INTERVAL_SECONDS = 600;
const TTL_MAX_MS = 300_000;
const LISTS = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];
const STATIC = { uri: 'test://static-text' };

let gateway: StartedGateway;
const fixtures: Fixture[] = [];

beforeAll(async () => {
  gateway = await startGateway({ env: { GATEWAY_AUTO_REFRESH_INTERVAL: String(INTERVAL_SECONDS), MCPGATEWAY_LIST_PAGE_SIZE: '5' } });
});
afterAll(async () => {
  await gateway.stop();
  for (const fixture of fixtures) await fixture.close();
});

async function fixtureOf(eras: 'legacy' | 'modern' | 'both'): Promise<Fixture> {
  const fixture = await startFixture({ eras });
  fixtures.push(fixture);
  return fixture;
}

async function ask(door: Door, method: string, params: Record<string, unknown> = {}, options: Parameters<typeof modern>[3] = {}): Promise<Result> {
  const answer = (await (await modern(door, method, params, options)).answer()) as { result?: Result };
  if (answer.result === undefined) throw new Error(`${method}: ${JSON.stringify(answer)}`);
  return answer.result;
}
const hintsOf = ({ ttlMs, cacheScope }: Result): unknown[] => [ttlMs, cacheScope];

describe('point 26: a mirror of a modern upstream', () => {
  test('passes the hints of its upstream', async () => {
    const fixture = await fixtureOf('modern');
    const door = await mirrorOf(gateway, fixture.url);
    for (const method of [...LISTS, 'server/discover']) expect(hintsOf(await ask(door, method)), method).toEqual([60_000, 'public']);
    expect(hintsOf(await ask(door, 'resources/read', STATIC))).toEqual([60_000, 'public']);
    expect(hintsOf(await ask(door, 'tools/call', { name: 'test_simple_text', arguments: {} }))).toEqual([undefined, undefined]);
  });

  test('makes them private for a server, a gateway or an item that is not for everybody', async () => {
    const fixture = await fixtureOf('modern');
    const own = await mirrorOf(gateway, fixture.url, { server: { visibility: 'private' } });
    expect(hintsOf(await ask(own, 'tools/list'))).toEqual([60_000, 'private']);
    const door = await mirrorOf(gateway, (await fixtureOf('modern')).url);
    const [row] = await items(gateway, 'prompts', door.gatewayId);
    await gateway.api('PUT', `/prompts/${row?.id}`, { visibility: 'private' });
    expect(hintsOf(await ask(door, 'prompts/list'))).toEqual([60_000, 'private']);
    expect(hintsOf(await ask(door, 'resources/list'))).toEqual([60_000, 'public']);
  });
});

describe('point 26: a mirror of a legacy upstream', () => {
  let door: Door & { readonly gatewayId: string };
  beforeAll(async () => {
    door = await mirrorOf(gateway, (await fixtureOf('legacy')).url);
  });

  test('says of lists until when the gateway reads them again, and public only where everybody is shown the same', async () => {
    const tools = (await gateway.api('GET', `/tools?limit=0&gateway_id=${door.gatewayId}`)).body as { readonly needs: string[] }[];
    for (const method of [...LISTS, 'server/discover']) {
      const { ttlMs, cacheScope } = await ask(door, method);
      expect(ttlMs, method).toBeGreaterThan(0);
      expect(ttlMs, method).toBeLessThanOrEqual(TTL_MAX_MS);
      const varies = method === 'tools/list' && tools.some(({ needs }) => needs.length > 0);
      expect(cacheScope, method).toBe(varies ? 'private' : 'public');
    }
  });

  test('promises nothing of a content it does not know, and nothing of what is not to be kept', async () => {
    expect(hintsOf(await ask(door, 'resources/read', STATIC))).toEqual([0, 'private']);
    expect(hintsOf(await ask(door, 'tools/call', { name: 'test_simple_text', arguments: {} }))).toEqual([undefined, undefined]);
    expect(hintsOf(await ask(door, 'prompts/get', { name: 'test_simple_prompt' }))).toEqual([undefined, undefined]);
  });

  test('lets nobody keep a question, nor what came of its answers', async () => {
    const capabilities = { elicitation: { form: {} } };
    const asked = await ask(door, 'resources/read', { uri: 'test://asking-resource' }, { capabilities });
    expect([asked.resultType, ...hintsOf(asked)]).toEqual(['input_required', undefined, undefined]);
    const inputResponses = Object.fromEntries(
      Object.keys(asked.inputRequests ?? {}).map((key) => [key, { action: 'accept', content: { name: 'Ada' } }]),
    );
    const answered = await ask(
      door,
      'resources/read',
      { uri: 'test://asking-resource', inputResponses, requestState: asked.requestState },
      { capabilities, id: 2 },
    );
    expect([answered.resultType, ...hintsOf(answered)]).toEqual(['complete', 0, 'private']);
  });

  test('is private where the upstream answers by what the caller sends along', async () => {
    const upstream = await startScriptedUpstream({ eras: 'legacy' });
    const passing = await mirrorOf(gateway, upstream.url, { gateway: { passthroughHeaders: ['X-Tenant'] } });
    expect((await ask(passing, 'tools/list')).cacheScope).toBe('private');
    await upstream.close();
  });
});

describe('point 26: a combined server', () => {
  test('says of all pages of a list alike until when the gateway reads again, and for whom', async () => {
    const door = await combinedOf(gateway, [{ name: 'paged', url: (await fixtureOf('both')).url }]);
    const pages: Result[] = [];
    do pages.push(await ask(door, 'resources/list', pages.length === 0 ? {} : { cursor: pages.at(-1)?.nextCursor ?? '' }));
    while (pages.at(-1)?.nextCursor !== undefined);
    const tools: Result[] = [];
    do tools.push(await ask(door, 'tools/list', tools.length === 0 ? {} : { cursor: tools.at(-1)?.nextCursor ?? '' }));
    while (tools.at(-1)?.nextCursor !== undefined);
    expect(tools.length).toBeGreaterThan(2);
    expect(new Set(tools.map(({ cacheScope }) => cacheScope)).size).toBe(1);
    for (const [at, { ttlMs }] of tools.entries()) {
      expect(ttlMs).toBeGreaterThan(0);
      expect(ttlMs).toBeLessThanOrEqual(tools[at - 1]?.ttlMs ?? TTL_MAX_MS);
    }
    expect(pages[0]?.cacheScope).toBe('public');
    expect((await ask(door, 'server/discover')).ttlMs).toBeGreaterThan(0);
  });

  test('passes what the upstream says of a content', async () => {
    const door = await combinedOf(gateway, [{ name: 'content', url: (await fixtureOf('modern')).url }]);
    expect(hintsOf(await ask(door, 'resources/read', STATIC))).toEqual([60_000, 'public']);
  });

  test('lets nobody keep the list of an upstream that could not be read', async () => {
    const upstream = await startScriptedUpstream();
    upstream.play(({ message, res }) => {
      if (message.method !== 'tools/list') return false;
      json(res, toolList(JSON.stringify(message.id), ['one']));
      return true;
    });
    const door = await combinedOf(gateway, [{ name: 'lost one', url: upstream.url }]);
    expect((await ask(door, 'tools/list')).ttlMs).toBeGreaterThan(0);
    await upstream.close();
    await gateway.api('POST', `/gateways/${door.gatewayIds['lost one']}/refresh`);
    const { ttlMs, tools } = await ask(door, 'tools/list');
    expect([ttlMs, tools?.length]).toEqual([0, 1]);
  });

  test('tells who listens that what it kept is old, and then has the new list', async () => {
    const fixture = await fixtureOf('legacy');
    const door = await combinedOf(gateway, [{ name: 'changing', url: fixture.url }]);
    const listening = await modern(door, 'subscriptions/listen', { notifications: { promptsListChanged: true } }, { id: 'l' });
    await listening.message();
    const before = JSON.stringify(await ask(door, 'prompts/list'));
    fixture.hub.changeList('prompts');
    expect(await listening.message()).toContain('notifications/prompts/list_changed');
    expect(JSON.stringify(await ask(door, 'prompts/list')).replace(/"ttlMs":\d+/, '')).not.toBe(before.replace(/"ttlMs":\d+/, ''));
    listening.close();
  });

  test('says nothing of all this to a legacy client, which knows none of it', async () => {
    const door = await combinedOf(gateway, [{ name: 'older', url: (await fixtureOf('both')).url }]);
    const session = await openSession(door);
    for (const at of [session, door]) {
      const text = await (await post(at, request(1, 'tools/list'))).answerText();
      expect(text).toContain('"tools":');
      expect(text).not.toMatch(/ttlMs|cacheScope|resultType/);
    }
  });
});

describe('point 53: a list that is not the same for everybody', () => {
  test('is private, to those who see all of it too', async () => {
    const fixture = await fixtureOf('modern');
    const gatewayId = await register(gateway, 'views', fixture.url);
    const prompts = (await items(gateway, 'prompts', gatewayId)).map(({ id }) => id);
    const { body } = await gateway.api('POST', '/servers', {
      server: {
        name: 'views',
        associated_prompts: prompts,
        associated_resources: (await items(gateway, 'resources', gatewayId)).map(({ id }) => id),
      },
    });
    const door = everythingAt(gateway, `/servers/${body.id}/mcp`);
    const member = as(door, await gateway.tokenFor({ sub: 'member@example.com', is_admin: false, teams: [] }));
    const scoped = as(
      door,
      await gateway.tokenFor({ sub: 'scoped@example.com', is_admin: false, teams: [], scopes: { permissions: ['prompts.read'] } }),
    );
    const scope = async (at: Door, method = 'prompts/list'): Promise<string | undefined> => (await ask(at, method)).cacheScope;
    expect([await scope(door), await scope(member), await scope(scoped)]).toEqual(['public', 'public', 'private']);
    expect((await ask(member, 'resources/read', STATIC)).cacheScope).toBe('public');
    await gateway.api('PUT', `/prompts/${prompts[0]}`, { visibility: 'private' });
    expect([await scope(door), await scope(member)]).toEqual(['private', 'private']);
    // Of another kind everybody still sees the same.
    expect([await scope(door, 'resources/list'), await scope(door, 'server/discover')]).toEqual(['public', 'private']);
    const hidden = (await items(gateway, 'resources', gatewayId)).find(({ uri }) => uri === 'test://static-binary');
    await gateway.api('PUT', `/resources/${hidden?.id}`, { visibility: 'private' });
    expect((await ask(door, 'resources/read', STATIC)).cacheScope).toBe('private');
    await gateway.api('POST', `/prompts/${prompts[0]}/state?activate=false`);
    // What nobody sees makes no difference.
    expect(await scope(door)).toBe('public');
  });
});
