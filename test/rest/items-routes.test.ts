// What people make of an upstream's items over REST, and what of it outlives the upstream's own changes.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRig, readItem, readTool, unreachable } from './rest-rig.ts';

let rig: Awaited<ReturnType<typeof openRig>>;
let gatewayId: string;
beforeEach(async () => {
  rig = await openRig();
  rig.upstream.others = [
    readItem('resource', 'file:///notes.txt', { name: 'Notes', mimeType: 'text/plain', size: 12, annotations: { priority: 1 } }),
    readItem('template', 'db://{table}/{row}', { name: 'Row', mimeType: 'application/json' }),
    readItem('prompt', 'greet_user', { title: 'Greet', arguments: [{ name: 'who', required: true }, { name: 'how', description: 'd' }, 'odd'] }),
  ];
  gatewayId = (await rig.register()).id;
});
afterEach(() => rig.close());

// oxlint-disable-next-line typescript/no-explicit-any -- entities of three nouns, each compared with what a test expects
type Entity = any;
const all = async (path: string, as = 'admin'): Promise<Entity[]> => (await rig.send('GET', path, undefined, { as })).body;
const tool = async (name = 'get_time'): Promise<Entity> => (await all('/tools?include_inactive=1')).find((row) => row.originalName === name);
const put = async (noun: string, id: string, body: object, as = 'admin') => await rig.send('PUT', `/${noun}/${id}`, body, { as });
const refresh = async () => (await rig.send('POST', `/gateways/${gatewayId}/refresh`)).body;
const loaded = async (id: string) => (await rig.catalog.load()).items.find((item) => item.id === id);

describe('resources and prompts', () => {
  it('are listed with what the upstream says of them, templates among the resources and on their own', async () => {
    const resources = await all('/resources');
    expect(resources).toHaveLength(2);
    expect(resources.find(({ uriTemplate }) => uriTemplate === null)).toMatchObject({
      uri: 'file:///notes.txt',
      name: 'Notes',
      mimeType: 'text/plain',
      size: 12,
      annotations: { priority: 1 },
      tags: [],
      gatewayId,
      reachable: true,
      federationSource: 'Clock',
    });
    expect((await rig.send('GET', '/resources/templates/list')).body).toEqual({
      _meta: {},
      next_cursor: null,
      resource_templates: [
        {
          id: expect.any(String),
          uriTemplate: 'db://{table}/{row}',
          name: 'Row',
          description: 'What db://{table}/{row} does',
          mimeType: 'application/json',
          annotations: null,
          _meta: null,
        },
      ],
    });
    expect(await all('/prompts')).toMatchObject([
      {
        name: 'clock-greet-user',
        originalName: 'greet_user',
        title: 'Greet',
        displayName: 'Greet',
        arguments: [
          { name: 'who', description: null, required: true },
          { name: 'how', description: 'd', required: false },
        ],
      },
    ]);
    expect((await rig.send('GET', `/gateways/${gatewayId}`)).body).toMatchObject({
      toolCount: 2,
      resourceCount: 2,
      promptCount: 1,
      staleSince: null,
    });
  });

  it('have pages, filters and an envelope like tools', async () => {
    expect((await rig.send('GET', '/resources?include_pagination=true&limit=1')).body).toMatchObject({
      resources: [{}],
      nextCursor: expect.any(String),
    });
    expect((await rig.send('GET', '/prompts?include_pagination=true')).body).toMatchObject({ prompts: [{}], nextCursor: null });
    expect(await all('/resources?gateway_id=null')).toEqual([]);
    expect(await all(`/prompts?gateway_id=${gatewayId}&visibility=private`)).toEqual([]);
  });

  it.each(['resource', 'prompt'])('a %s is switched by /state, which answers in snake_case', async (noun) => {
    const [{ id }] = await all(`/${noun}s`);
    const { body } = await rig.send('POST', `/${noun}s/${id}/state?activate=false`);
    expect(body).toMatchObject({ status: 'success', [noun]: { id, enabled: false, gateway_id: gatewayId } });
    expect(await loaded(id)).toMatchObject({ enabled: false });
    expect((await all(`/${noun}s`)).map((row) => row.id)).not.toContain(id);
    expect((await rig.send('POST', `/${noun}s/${id}/toggle`, undefined, { as: 'bob' })).status).toBe(403);
    expect((await rig.send('POST', `/${noun}s/nope/state`)).status).toBe(404);
  });

  it('are not found under another noun', async () => {
    const { id } = await tool();
    expect((await rig.send('GET', `/resources/${id}/info`)).status).toBe(404);
    expect((await put('prompts', id, { name: 'x' })).status).toBe(404);
    const [resource] = await all('/resources');
    expect((await rig.send('GET', `/resources/${resource.id}/info`)).body).toEqual(resource);
  });
});

describe('words of one’s own', () => {
  const words = { name: 'tell time', title: 'T', description: 'mine', annotations: { readOnlyHint: true }, tags: ['Home'], displayName: 'Telling' };

  it('are shown, reach the data plane, and outlive every refresh', async () => {
    const { id } = await tool();
    expect((await put('tools', id, words)).body).toMatchObject({
      name: 'clock-tell-time',
      originalName: 'get_time',
      customName: 'tell time',
      customNameSlug: 'tell-time',
      formerNames: ['clock-get-time'],
      displayName: 'Telling',
      title: 'T',
      description: 'mine',
      originalDescription: 'What get_time does',
      annotations: { readOnlyHint: true },
      tags: [{ id: 'home', label: 'Home' }],
      version: 2,
    });
    rig.upstream.tools = [readTool('get_time', { title: 'new', description: 'new' }), readTool('convert')];
    expect(await refresh()).toMatchObject({ toolsAdded: 0, toolsUpdated: 1, toolsRemoved: 0 });
    expect(await tool()).toMatchObject({ id, name: 'clock-tell-time', title: 'T', description: 'mine', originalDescription: 'new' });
    expect(await loaded(id)).toMatchObject({
      key: 'get_time',
      name: 'clock-tell-time',
      formerNames: ['clock-get-time'],
      tags: ['home'],
      json: expect.stringContaining('"title":"new"'),
      overrides: { title: 'T', description: 'mine', annotations: { readOnlyHint: true } },
    });
  });

  it('give way to the upstream’s again by null, and are none when a client sends back what it has read', async () => {
    const before = await tool();
    expect((await put('tools', before.id, before)).body).toMatchObject({ name: before.name, customName: 'get_time', version: 2 });
    expect((await loaded(before.id))?.overrides).toEqual({});
    await put('tools', before.id, words);
    const { body } = await put('tools', before.id, { title: null, description: null, annotations: null, displayName: null, name: null });
    expect(body).toMatchObject({ title: null, description: before.description, annotations: null, displayName: 'Get Time', customName: 'tell time' });
    expect((await put('tools', before.id, { custom_name: 'get_time' })).body).toMatchObject({
      name: 'clock-get-time',
      formerNames: ['clock-tell-time'],
    });
  });

  it('name a resource without renaming what clients ask for', async () => {
    const resource = (await all('/resources')).find(({ uriTemplate }) => uriTemplate === null);
    expect((await put('resources', resource.id, { name: 'My notes', uri: resource.uri })).body).toMatchObject({
      name: 'My notes',
      originalName: 'Notes',
    });
    expect(await loaded(resource.id)).toMatchObject({ key: 'file:///notes.txt', name: '', overrides: { name: 'My notes' } });
    const { status, body } = await put('resources', resource.id, { uri: 'file:///other' });
    expect([status, body.detail]).toEqual([400, expect.stringContaining('uri')]);
  });

  it('are for owners and administrators, within their reach', async () => {
    const { id } = await tool();
    expect((await put('tools', id, { title: 'x' }, 'bob')).status).toBe(403);
    expect((await put('tools', id, { visibility: 'team' })).status).toBe(400);
    expect((await put('tools', id, { visibility: 'private' })).body.visibility).toBe('private');
    expect((await put('tools', id, { title: 'x' }, 'bob')).status).toBe(404);
    await refresh();
    expect((await tool()).visibility).toBe('private');
  });

  it.each([
    [400, { name: '日本' }],
    [422, { name: 'a\u202eb' }],
    [422, { title: 'x\u0000' }],
    [422, { description: '<script>' }],
    [422, { annotations: [1] }],
    [422, { annotations: { a: 'x'.repeat(20_000) } }],
  ])('are refused (%i): %j', async (status, body) => {
    expect((await put('tools', (await tool()).id, body)).status).toBe(status);
  });
});

describe('published names', () => {
  it('of two gateways that claim the same one are told apart, whoever comes later; the first goes on being called by it', async () => {
    const first = await tool();
    await rig.register({ name: 'Clock', url: 'http://h.example/mcp', visibility: 'private' }, 'ann');
    const names = (await all('/tools')).map(({ name }) => name);
    expect(new Set(names).size).toBe(4);
    expect(names).not.toContain('clock-get-time');
    expect(await loaded(first.id)).toMatchObject({ formerNames: ['clock-get-time'] });
    const foreign = (await all('/gateways')).find(({ id }) => id !== gatewayId);
    await rig.send('DELETE', `/gateways/${foreign.id}`);
    expect((await tool()).name).toBe('clock-get-time');
  });

  it('follow the name of their gateway; the old ones stay good until somebody takes them', async () => {
    const { id } = await tool();
    await rig.send('PUT', `/gateways/${gatewayId}`, { name: 'Wall' });
    expect(await loaded(id)).toMatchObject({ name: 'wall-get-time', formerNames: ['clock-get-time'] });
    await rig.register({ name: 'Clock', url: 'http://h.example/mcp' });
    expect(await loaded(id)).toMatchObject({ name: 'wall-get-time', formerNames: [] });
  });

  it('are settled at a start by the settings of that start', async () => {
    const { id } = await tool();
    await rig.withNames({ separator: '_', charsMax: 64 }).settleNames();
    expect(await loaded(id)).toMatchObject({ name: 'clock_get-time', formerNames: ['clock-get-time'] });
  });
});

describe('a refresh', () => {
  it('reports the difference of each noun', async () => {
    rig.upstream.tools = [readTool('get_time'), readTool('set_alarm'), readTool('stop')];
    rig.upstream.others = [readItem('resource', 'file:///notes.txt', { name: 'Other' }), readItem('prompt', 'greet_user'), readItem('prompt', 'bye')];
    rig.upstream.skipped = [{ kind: 'prompt', name: 'bad', reason: 'it has no name' }];
    expect(await refresh()).toMatchObject({
      success: true,
      toolsAdded: 2,
      toolsUpdated: 0,
      toolsRemoved: 1,
      resourcesAdded: 0,
      resourcesUpdated: 1,
      resourcesRemoved: 1,
      promptsAdded: 1,
      promptsUpdated: 1,
      promptsRemoved: 0,
      validationErrors: ['prompt bad: it has no name'],
    });
    expect((await rig.send('GET', `/gateways/${gatewayId}`)).body).toMatchObject({
      skippedItems: [{ kind: 'prompt', name: 'bad', reason: 'it has no name' }],
      skippedTools: [],
    });
  });

  it('that fails keeps the items and says since when they are old; one that works makes them fresh', async () => {
    const staleSince = async () => (await rig.send('GET', `/gateways/${gatewayId}`)).body.staleSince;
    rig.upstream.failure = unreachable();
    await refresh();
    const since = await staleSince();
    expect(Date.parse(since)).not.toBeNaN();
    await refresh();
    expect(await staleSince()).toBe(since);
    expect((await rig.catalog.load()).upstreams[0]?.staleSince).toBe(since);
    expect(await all('/tools')).toHaveLength(2);
    rig.upstream.failure = undefined;
    await refresh();
    expect(await staleSince()).toBeNull();
  });

  it('happens as often as is said at the gateway', async () => {
    const { body } = await rig.send('PUT', `/gateways/${gatewayId}`, { refresh_interval_seconds: 90 });
    expect(body.refreshIntervalSeconds).toBe(90);
    expect((await rig.catalog.load()).upstreams[0]?.refreshIntervalSeconds).toBe(90);
    expect((await rig.send('PUT', `/gateways/${gatewayId}`, { refresh_interval_seconds: 5 })).status).toBe(422);
    expect((await rig.send('PUT', `/gateways/${gatewayId}`, { refreshIntervalSeconds: null })).body.refreshIntervalSeconds).toBeNull();
  });

  it('keeps what clients must be able to do to be shown an item', async () => {
    rig.upstream.tools = [{ ...readTool('ask'), needs: ['sampling'] }];
    await refresh();
    expect(await tool('ask')).toMatchObject({ needs: ['sampling'] });
    expect((await rig.catalog.load()).items.find(({ key }) => key === 'ask')?.needs).toEqual(['sampling']);
  });

  it('of one gateway leaves the rows of the others the very objects they were', async () => {
    const other = await rig.register({ name: 'Other', url: 'http://h.example/mcp' });
    const before = (await rig.catalog.load()).items.filter((item) => item.upstreamId === other.id);
    rig.upstream.tools = [readTool('new')];
    await refresh();
    const after = await rig.catalog.load();
    const rest = after.items.filter((item) => item.upstreamId === other.id);
    expect(rest).toHaveLength(before.length);
    for (const [at, item] of rest.entries()) expect(item).toBe(before[at]);
    expect(after.items.filter((item) => item.upstreamId === gatewayId && item.kind === 'tool').map(({ key }) => key)).toEqual(['new']);
  });
});
