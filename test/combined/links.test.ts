// Resources that upstreams name to one client and that are on no list: whose they are, for whom, and what the catalogue has to say.
import { describe, expect, it } from 'vitest';
import type { SnapshotInput } from '../../src/data-plane/gateway/index.ts';
import type { PlayedClient } from '../data-plane/data-plane-rig.ts';
import { itemRow, upstreamRow } from './combined-rig.ts';
import { answers, answersWith, MODERN_META, PlayedCombined, sentJson, settled, type Said } from './played-combined.ts';

const LINK = 'demo://session/note';
const link = (uri = LINK): object => ({ content: [{ type: 'resource_link', uri, name: 'note' }] });
const both = [upstreamRow('a'), upstreamRow('b')];
const tools = [itemRow('tool', 'a', 'x'), itemRow('tool', 'b', 'y')];

/** One client, with a session or without. */
interface Speaker {
  readonly rig: PlayedCombined;
  readonly ask: (method: string, params: object) => PlayedClient;
}

function inSession(rig: PlayedCombined, said: Said = {}): Speaker {
  const session = rig.openSession(said);
  let id = 0;
  return { rig, ask: (method, params) => rig.post({ id: ++id, method, params }, { ...said, session }) };
}
function modern(rig: PlayedCombined, said: Said = {}): Speaker {
  const named = (params: object): Record<string, string> => ('uri' in params ? { 'mcp-name': String(params.uri) } : {});
  return {
    rig,
    ask: (method, params) => rig.post({ id: 1, method, params: { ...params, _meta: MODERN_META } }, { ...said, headers: named(params) }),
  };
}
function plain(rig: PlayedCombined, said: Said = {}): Speaker {
  return { rig, ask: (method, params) => rig.post({ id: 1, method, params }, said) };
}
const speakers = { 'a client with a session': inSession, 'a client of 2026-07-28': modern, 'a client of single requests': plain };

function rigOf(more: Partial<SnapshotInput> = {}): PlayedCombined {
  return new PlayedCombined({ upstreams: both, items: tools, ...more });
}

/** Calls the tool of an upstream, which answers so; what the client gets. */
async function called({ rig, ask }: Speaker, upstream: 'a' | 'b', result: object): Promise<unknown> {
  const before = rig.sent(upstream, 'tools/call').length;
  const client = ask('tools/call', { name: upstream === 'a' ? 'a-x' : 'b-y', arguments: {} });
  answers(await rig.until(upstream, 'tools/call', before + 1), result);
  return (JSON.parse(client.body) as { result: unknown }).result;
}

/** Which upstream is asked to read it, and under which URI; `unknown` when nobody is. */
async function reader({ rig, ask }: Speaker, uri: string): Promise<string> {
  const before = rig.sent('a', 'resources/read').length + rig.sent('b', 'resources/read').length;
  const client = ask('resources/read', { uri });
  await settled();
  const calls = ['a', 'b'].flatMap((id) => rig.sent(id, 'resources/read'));
  const latest = calls.toSorted((one, other) => rig.calls.indexOf(one) - rig.calls.indexOf(other)).at(-1);
  if (calls.length === before || latest === undefined) return client.error?.code === 'resource.not_found' ? 'unknown' : `${client.error?.code}`;
  expect(latest.request.message?.uri).toBe(sentJson(latest).params?.['uri']);
  return `${latest.request.upstream.id} ${String(sentJson(latest).params?.['uri'])}`;
}

describe.each(Object.entries(speakers))('%s', (_who, speaker) => {
  it('reads what an upstream named to it at that upstream, and nothing nobody named', async () => {
    const client = speaker(rigOf());
    expect(await reader(client, LINK)).toBe('unknown');
    expect(await called(client, 'b', link())).toMatchObject(link());
    expect(await reader(client, LINK)).toBe(`b ${LINK}`);
    expect(await reader(client, `${LINK}/other`)).toBe('unknown');
  });

  it('reads embedded resources too, and completes what refers to one', async () => {
    const client = speaker(rigOf());
    await called(client, 'a', { content: [{ type: 'resource', resource: { uri: LINK, text: '' } }] });
    expect(await reader(client, LINK)).toBe(`a ${LINK}`);
    client.ask('completion/complete', { ref: { type: 'ref/resource', uri: LINK }, argument: { name: 'n', value: '' } });
    expect(sentJson(await client.rig.until('a', 'completion/complete')).params).toMatchObject({ ref: { uri: LINK } });
  });

  it('is the only one who is led there', async () => {
    const rig = rigOf();
    await called(speaker(rig, { token: 'ann' }), 'a', link());
    expect(await reader(speaker(rig, { token: 'bob' }), LINK)).toBe('unknown');
  });

  it('is led to each of two upstreams that name the same, by URIs of its own', async () => {
    const client = speaker(rigOf());
    expect(await called(client, 'a', link())).toMatchObject(link());
    expect(await called(client, 'b', link())).toMatchObject(link(`b+${LINK}`));
    expect(await called(client, 'b', link())).toMatchObject(link(`b+${LINK}`));
    expect(await called(client, 'a', link())).toMatchObject(link());
    expect(await reader(client, LINK)).toBe(`a ${LINK}`);
    expect(await reader(client, `b+${LINK}`)).toBe(`b ${LINK}`);
  });

  it('is not led to one upstream by what looks like another’s link', async () => {
    const client = speaker(rigOf());
    await called(client, 'a', link(`b+${LINK}`));
    expect(await reader(client, `b+${LINK}`)).toBe('unknown');
    await called(client, 'a', link());
    await called(client, 'b', link());
    expect(await reader(client, `b+${LINK}`)).toBe(`b ${LINK}`);
  });

  it('is led nowhere by an error, or by what is only quoted', async () => {
    const client = speaker(rigOf());
    client.ask('tools/call', { name: 'a-x', arguments: {} });
    const call = await client.rig.until('a', 'tools/call');
    const id = call.request.message?.id ?? 'null';
    answersWith(call, `{"jsonrpc":"2.0","id":${id},"error":{"code":-32602,"message":"no","data":{"uri":"${LINK}"}}}`);
    expect(await reader(client, LINK)).toBe('unknown');
    await called(client, 'b', { content: [{ type: 'text', text: JSON.stringify({ uri: LINK }) }] });
    expect(await reader(client, LINK)).toBe('unknown');
  });

  it('reads what a resource and a prompt named', async () => {
    const rig = rigOf({ items: [...tools, itemRow('resource', 'a', 'r://index'), itemRow('prompt', 'b', 'p')] });
    const client = speaker(rig);
    client.ask('resources/read', { uri: 'r://index' });
    answers(await rig.until('a', 'resources/read'), { contents: [{ uri: 'r://part', text: '' }] });
    expect(await reader(client, 'r://part')).toBe('a r://part');
    client.ask('prompts/get', { name: 'b-p' });
    answers(await rig.until('b', 'prompts/get'), { messages: [{ role: 'user', content: { type: 'resource_link', uri: LINK, name: 'n' } }] });
    expect(await reader(client, LINK)).toBe(`b ${LINK}`);
  });

  it('reads what was named on a stream', async () => {
    const client = speaker(rigOf());
    client.ask('tools/call', { name: 'a-x', arguments: {} });
    const call = await client.rig.until('a', 'tools/call');
    call.opensStream().says(`{"jsonrpc":"2.0","id":${call.request.message?.id},"result":${JSON.stringify(link())}}`);
    expect(await reader(client, LINK)).toBe(`a ${LINK}`);
  });

  const hidden = { visibility: 'private', ownerEmail: 'carl@example.com' } as const;
  it.each([
    ['a hidden resource', itemRow('resource', 'a', LINK, hidden)],
    ['a resource that is switched off', itemRow('resource', 'a', LINK, { enabled: false })],
    ['another spelling of a hidden resource', itemRow('resource', 'a', LINK.replace('note', '%6eote'), hidden)],
    ['what fits a hidden template', itemRow('template', 'a', 'demo://{where}/{what}', hidden)],
    ['what its upstream may read as of a hidden template', itemRow('template', 'a', 'demo://{all}', hidden)],
    ['a hidden resource of another upstream', itemRow('resource', 'b', LINK, hidden)],
    ['what fits a hidden template of another upstream', itemRow('template', 'b', 'demo://{where}/{what}', hidden)],
  ])('is not led by its link to %s, whichever was there first', async (_what, item) => {
    const rig = rigOf();
    const client = speaker(rig);
    await called(client, 'a', link());
    expect(await reader(client, LINK)).toBe(`a ${LINK}`);
    rig.change({ items: [...tools, item] });
    expect(await reader(client, LINK)).toBe('unknown');
    const later = speaker(rig);
    await called(later, 'a', link());
    expect(await reader(later, LINK)).toBe('unknown');
    const completion = later.ask('completion/complete', { ref: { type: 'ref/resource', uri: LINK }, argument: { name: 'n', value: '' } });
    expect(completion.error?.code).toBe('resource.not_found');
  });

  it('reads at whoever lists it what another names', async () => {
    const client = speaker(rigOf({ items: [...tools, itemRow('resource', 'b', LINK)] }));
    expect(await called(client, 'a', link())).toMatchObject(link());
    expect(await reader(client, LINK)).toBe(`b ${LINK}`);
  });

  it.each([
    ['its upstream is switched off', { upstreams: [upstreamRow('a', { enabled: false }), upstreamRow('b')] }],
    ['its upstream is hidden', { upstreams: [upstreamRow('a', { visibility: 'private', ownerEmail: 'carl@example.com' }), upstreamRow('b')] }],
    ['its upstream is no more', { upstreams: [upstreamRow('b')], items: [itemRow('tool', 'b', 'y')] }],
    ['nothing of its upstream is left to use', { items: [itemRow('tool', 'a', 'x', { enabled: false }), itemRow('tool', 'b', 'y')] }],
  ])('is led nowhere any more when %s', async (_what, change) => {
    const rig = rigOf();
    const client = speaker(rig);
    await called(client, 'a', link());
    rig.change(change);
    expect(await reader(client, LINK)).toBe('unknown');
  });

  it('is led nowhere by what was named long ago, and still by what it uses', async () => {
    const client = speaker(rigOf());
    const many = (from: number): object => ({
      links: Array.from({ length: 900 }, (_, at) => ({ uri: `demo://session/${from + at}/of-many-links` })),
    });
    await called(client, 'a', link('demo://session/used'));
    await called(client, 'a', link());
    for (let turn = 0; turn < 5; turn++) {
      await called(client, 'b', many(turn * 900));
      expect(await reader(client, 'demo://session/used')).toBe('a demo://session/used');
    }
    expect(await reader(client, LINK)).toBe('unknown');
    expect(await reader(client, 'demo://session/4499/of-many-links')).toBe('b demo://session/4499/of-many-links');
  });

  it('gets answers without links as they came, and large ones as they come', async () => {
    const client = speaker(rigOf());
    const text = '{"jsonrpc": "2.0", "id": 1, "result": {"content": [], "n": 1.0}}';
    for (const document of [text, text.replace('[]', `[{"text":"${'x'.repeat(2 * 1024 * 1024)}"}]`)]) {
      const asked = client.ask('tools/call', { name: 'a-x', arguments: {} });
      const call = await client.rig.until('a', 'tools/call', client.rig.sent('a', 'tools/call').length);
      await settled();
      const latest = client.rig.sent('a', 'tools/call').at(-1) ?? call;
      const body = document.replace('"id": 1', `"id": ${latest.request.message?.id}`);
      const half = Math.ceil(body.length / 2);
      latest.sink.head({ status: 200, kind: 'json', headers: [], contentLength: body.length });
      for (const part of [body.slice(0, half), body.slice(half)]) latest.sink.chunk(Buffer.from(part));
      latest.sink.end();
      expect(JSON.parse(asked.body)).toMatchObject({ result: { n: 1 } });
      expect(asked.body).toContain('"n": 1.0');
    }
  });
});

describe('a link', () => {
  it('of one session is nothing to another session of the same caller', async () => {
    const rig = rigOf();
    await called(inSession(rig), 'a', link());
    expect(await reader(inSession(rig), LINK)).toBe('unknown');
  });

  it('of one server is nothing to another, whose upstreams are others', async () => {
    const shared = { visibility: 'public', ownerEmail: null, teamId: null, limits: { callsPerMinute: null, concurrent: null } } as const;
    const only = { ...shared, id: 's', name: 's', enabled: true, mirrorGatewayId: null, itemIds: ['tool b y'] };
    const rig = rigOf({ servers: [only] });
    await called(modern(rig), 'a', link());
    expect(await reader(modern(rig, { server: 's' }), LINK)).toBe('unknown');
  });

  it('is subscribed to at its upstream, and news are named as it was', async () => {
    const rig = rigOf({ upstreams: [upstreamRow('a', { modern: false }), upstreamRow('b', { modern: false })] });
    const session = rig.openSession();
    const client: Speaker = { rig, ask: (method, params) => rig.post({ id: 9, method, params }, { session }) };
    await called(client, 'a', link());
    await called(client, 'b', link());
    client.ask('resources/subscribe', { uri: `b+${LINK}` });
    const subscribed = await rig.until('b', 'resources/subscribe');
    expect(sentJson(subscribed).params).toEqual({ uri: LINK });
    answers(subscribed, {});
    const listening = rig.verb('GET', { session });
    (await rig.until('b', 'GET')).opensStream().says(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"${LINK}"}}`);
    expect(listening.data.map((data = '') => (data === '' ? {} : (JSON.parse(data) as object)))).toContainEqual(
      expect.objectContaining({ params: { uri: `b+${LINK}` } }),
    );
    client.ask('resources/unsubscribe', { uri: `b+${LINK}` });
    expect(sentJson(await rig.until('b', 'resources/unsubscribe')).params).toEqual({ uri: LINK });
  });

  it('can be listened to at its upstream', async () => {
    const client = modern(rigOf());
    await called(client, 'b', link());
    client.ask('subscriptions/listen', { notifications: { resourceSubscriptions: [LINK, 'demo://nobody'] } });
    const listening = await client.rig.until('b', 'subscriptions/listen');
    expect(sentJson(listening).params).toMatchObject({ notifications: { resourceSubscriptions: [LINK] } });
    expect(client.rig.sent('a', 'subscriptions/listen')).toEqual([]);
  });

  it('is read for its reader alone, whatever the upstream thinks of it', async () => {
    const client = modern(rigOf());
    await called(client, 'b', link());
    const read = client.ask('resources/read', { uri: LINK });
    answers(await client.rig.until('b', 'resources/read'), { resultType: 'complete', contents: [], ttlMs: 1000, cacheScope: 'public' });
    expect(JSON.parse(read.body)).toMatchObject({ result: { ttlMs: 1000, cacheScope: 'private' } });
  });
});
