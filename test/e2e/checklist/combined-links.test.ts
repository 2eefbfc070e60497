// Checklist point 52: whatever a combined server names – in lists, in results, in news – can be used at the same endpoint, also when two
// upstreams have the same URIs.
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { startEverythingServer, type EverythingServer } from '../../sessions/everything-server.ts';
import { combinedOf, type CombinedDoor } from './combined-doors.ts';
import { getStream, modern, openSession, post, request, type ClientSession, type Door } from './doors.ts';
import { eventually } from './wire.ts';

type Json = Record<string, unknown>;

let gateway: StartedGateway;
/** The same server twice: all URIs are shared. */
let fixtures: Readonly<Record<'left' | 'right', Fixture>>;
let door: CombinedDoor;

beforeAll(async () => {
  gateway = await startGateway();
  fixtures = { left: await startFixture({ eras: 'legacy' }), right: await startFixture({ eras: 'both' }) };
  door = await combinedOf(gateway, [
    { name: 'left', url: fixtures.left.url },
    { name: 'right', url: fixtures.right.url },
  ]);
});
afterAll(async () => {
  await gateway?.stop();
  for (const fixture of Object.values(fixtures ?? {})) await fixture.close();
});

interface Speaker {
  readonly era: string;
  /** The whole answer. */
  readonly hear: (method: string, params?: Json) => Promise<Json>;
}
const speakers: Record<string, (at: Door) => Promise<Speaker>> = {
  'a client with a session': async (at) => {
    const session = await openSession(at);
    return {
      era: 'legacy',
      hear: async (method, params = {}) => (await post(session, request(1, method, params))).answer(),
    };
  },
  'a client of 2026-07-28': (at) =>
    Promise.resolve({ era: 'modern', hear: async (method, params = {}) => (await modern(at, method, params)).answer() }),
};

/** Which of the upstreams was asked, by the requests it saw. */
async function asked(work: () => Promise<unknown>, needle: string): Promise<string[]> {
  for (const { hub } of Object.values(fixtures)) hub.seen.length = 0;
  await work();
  return Object.entries(fixtures).flatMap(([name, { hub }]) => (hub.seen.some(({ body }) => body.includes(needle)) ? [name] : []));
}

describe.each(Object.entries(speakers))('point 52: %s', (_what, connect) => {
  let speaker: Speaker;
  beforeAll(async () => {
    speaker = await connect(door);
  });
  const ask = async (method: string, params?: Json): Promise<Json> => (await speaker.hear(method, params))['result'] as Json;

  async function urisOf(method: 'resources/list' | 'resources/templates/list'): Promise<string[]> {
    const result = await ask(method);
    const rows = (result['resources'] ?? result['resourceTemplates']) as Record<string, string>[];
    return rows.map(({ uri, uriTemplate }) => uri ?? uriTemplate ?? '');
  }
  async function read(uri: string): Promise<string> {
    const { contents } = (await ask('resources/read', { uri })) as { contents: [{ uri: string }] };
    return contents[0].uri;
  }
  const names = ['left', 'right'] as const;

  test('point 52: lists each resource of each upstream under a URI of its own, and reads it there', async () => {
    const uris = await urisOf('resources/list');
    expect(uris).toHaveLength(10);
    expect(new Set(uris).size).toBe(10);
    const seen: string[] = [];
    for (const uri of uris.filter((each) => each.endsWith('test://static-text'))) {
      seen.push(...(await asked(async () => expect(await read(uri)).toBe(uri), 'resources/read')));
    }
    expect(seen.toSorted()).toEqual(['left', 'right']);
    for (const uri of uris.filter((each) => !each.endsWith('test://asking-resource'))) expect(await read(uri)).toBe(uri);
  });

  test.each(names)('point 52: finds the panel of the tool of %s where the tool says it is', async (name) => {
    const { tools } = (await ask('tools/list')) as unknown as { tools: { name: string; _meta: { ui: { resourceUri: string } } }[] };
    const tool = tools.find((each) => each.name === `${name}-test-app-panel`);
    const uri = tool?._meta.ui.resourceUri ?? '';
    expect(uri).toMatch(/ui:\/\/fixture\/panel$/);
    expect(await asked(async () => expect(await read(uri)).toBe(uri), 'resources/read')).toEqual([name]);
    expect(await urisOf('resources/list')).toContain(uri);
  });

  test.each(names)('point 52: follows links and embedded resources in results of %s', async (name) => {
    const link = (await ask('tools/call', { name: `${name}-test-resource-link`, arguments: {} })) as { content: [{ uri: string }] };
    const { uri } = link.content[0];
    expect(await asked(async () => expect(await read(uri)).toBe(uri), 'resources/read')).toEqual([name]);
    expect(await urisOf('resources/list')).toContain(uri);
  });

  test.each(names)('point 52: expands the template of %s, and what it reads is named as it was asked for', async (name) => {
    const templates = await urisOf('resources/templates/list');
    expect(new Set(templates).size).toBe(2);
    const reached = new Map<string, string>();
    for (const template of templates) {
      const uri = template.replace('{id}', 'a%2Fb');
      for (const one of await asked(async () => expect(await read(uri)).toBe(uri), 'resources/read')) reached.set(one, template);
    }
    expect([...reached.keys()].toSorted()).toEqual([...names]);
    const values = await ask('completion/complete', {
      ref: { type: 'ref/resource', uri: reached.get(name) ?? '' },
      argument: { name: 'id', value: 'pa' },
    });
    expect(values['completion']).toMatchObject({ values: ['paris', 'park', 'party'] });
  });

  test.each(names)('point 52: completes arguments of prompts of %s', async (name) => {
    const ref = { type: 'ref/prompt', name: `${name}-test-prompt-with-arguments` };
    let values: unknown;
    const complete = async (): Promise<void> => {
      values = (await ask('completion/complete', { ref, argument: { name: 'arg1', value: 'po' } }))['completion'];
    };
    expect(await asked(complete, 'completion/complete')).toEqual([name]);
    expect(values).toMatchObject({ values: ['porto'] });
  });
});

describe('point 52: news of resources', () => {
  async function heardBy(at: Door): Promise<string[]> {
    const stream = await getStream(at);
    const heard: string[] = [];
    void (async () => {
      for (let text = await stream.message(); text !== undefined; text = await stream.message()) {
        const { method, params } = JSON.parse(text) as { method: string; params: { uri: string } };
        if (method === 'notifications/resources/updated') heard.push(params.uri);
      }
    })().catch(() => undefined);
    return heard;
  }
  const update = (name: 'left' | 'right', uri: string): void => fixtures[name].hub.updateResource(uri);
  async function ask(session: ClientSession, method: string, params: Json): Promise<Json> {
    return (await post(session, request(1, method, params))).answer();
  }

  test('point 52: are named as the session subscribed, come from that upstream alone, and end with the subscription', async () => {
    const session = await openSession(door);
    const { result } = (await ask(session, 'resources/list', {})) as { result: { resources: { uri: string }[] } };
    const watched = result.resources.map(({ uri }) => uri).filter((uri) => uri.endsWith('test://watched-resource'));
    expect(watched).toHaveLength(2);
    const heard = await heardBy(session);
    const before: string[] = [];
    for (const uri of watched) {
      const seen = await asked(
        async () => expect(await ask(session, 'resources/subscribe', { uri })).toMatchObject({ result: {} }),
        'resources/subscribe',
      );
      before.push(...seen);
    }
    expect(before.toSorted()).toEqual(['left', 'right']);
    for (const name of ['left', 'right'] as const) {
      heard.length = 0;
      await eventually(async () => {
        if (heard.length === 0) update(name, 'test://watched-resource');
        await new Promise((resolve) => setTimeout(resolve, 20));
        return heard.length > 0;
      });
      expect(new Set(heard)).toEqual(new Set([watched[before.indexOf(name)]]));
    }
    for (const uri of watched) {
      const seen = await asked(() => ask(session, 'resources/unsubscribe', { uri }), 'resources/unsubscribe');
      expect(seen).toEqual([before[watched.indexOf(uri)]]);
    }
  });

  test('point 52: of what a template gives are named as it was read', async () => {
    const session = await openSession(door);
    const { result } = (await ask(session, 'resources/templates/list', {})) as { result: { resourceTemplates: { uriTemplate: string }[] } };
    const uris = result.resourceTemplates.map(({ uriTemplate }) => uriTemplate.replace('{id}', '7'));
    const heard = await heardBy(session);
    for (const uri of uris) expect(await ask(session, 'resources/subscribe', { uri })).toMatchObject({ result: {} });
    await eventually(async () => {
      for (const name of ['left', 'right'] as const) update(name, 'test://template/7/data');
      await new Promise((resolve) => setTimeout(resolve, 20));
      return new Set(heard).size === 2;
    });
    expect([...new Set(heard)].toSorted()).toEqual(uris.toSorted());
  });
});

describe('point 52: links to what is there for one session only', () => {
  const servers: EverythingServer[] = [];
  let both: CombinedDoor;
  beforeAll(async () => {
    servers.push(...(await Promise.all([startEverythingServer(), startEverythingServer('sse')])));
    both = await combinedOf(gateway, [
      { name: 'first', url: servers[0]?.url ?? '' },
      { name: 'second', url: servers[1]?.url ?? '', more: { transport: 'SSE' } },
    ]);
  });
  afterAll(async () => {
    for (const server of servers) await server.stop();
  });

  /** The link to a text that the upstream keeps for this session. */
  async function kept({ hear, era }: Speaker, upstream: 'first' | 'second', text: string): Promise<string> {
    const args = { name: `${era}.gz`, data: `data:text/plain,${text}`, outputType: 'resourceLink' };
    const { result } = await hear('tools/call', { name: `${upstream}-gzip-file-as-resource`, arguments: args });
    return (result as { content: { uri: string }[] }).content[0]?.uri ?? '';
  }
  async function read({ hear }: Speaker, uri: string): Promise<unknown> {
    const { result, error } = (await hear('resources/read', { uri })) as { result?: { contents: { blob: string }[] }; error?: { code: number } };
    return error === undefined ? gunzipSync(Buffer.from(result?.contents[0]?.blob ?? '', 'base64')).toString() : error.code;
  }

  describe.each(Object.entries(speakers))('%s', (_what, connect) => {
    test('point 52: reads each where it was given it, also when two upstreams give the same', async () => {
      const speaker = await connect(both);
      const uris = { first: await kept(speaker, 'first', 'one'), second: await kept(speaker, 'second', 'two') };
      expect(uris.first).toBe(`demo://resource/session/${speaker.era}.gz`);
      expect(uris.second).not.toBe(uris.first);
      expect(await read(speaker, uris.second)).toBe('two');
      expect(await read(speaker, uris.first)).toBe('one');
      expect(await read(speaker, 'demo://resource/session/never-given.gz')).toBe(-32602);
    });

    test('point 52: is not led by links that somebody else was given', async () => {
      const speaker = await connect(both);
      const uri = await kept(speaker, 'first', 'mine');
      expect(await read(speaker, uri)).toBe('mine');
      const { url } = both;
      const token = await gateway.tokenFor({ sub: 'other@example.com', teams: [] });
      expect(await read(await connect({ url, headers: { authorization: `Bearer ${token}` } }), uri)).toBe(-32602);
    });
  });

  test('point 52: lead nowhere while their upstream is switched off', async () => {
    const clients = await Promise.all(Object.values(speakers).map(async (connect) => connect(both)));
    const links = await Promise.all(clients.map(async (client) => kept(client, 'second', 'kept')));
    const toggle = (isOn: boolean) => gateway.api('POST', `/gateways/${both.gatewayIds['second']}/state?activate=${isOn}`);
    for (const [at, client] of clients.entries()) expect(await read(client, links[at] ?? '')).toBe('kept');
    expect((await toggle(false)).status).toBe(200);
    for (const [at, client] of clients.entries()) expect(await read(client, links[at] ?? '')).toBe(-32602);
    expect((await toggle(true)).status).toBe(200);
  });
});
