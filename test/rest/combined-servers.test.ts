// Servers that combine items of several upstreams: how members are named, replaced and shown, and to whom.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRig, readItem } from './rest-rig.ts';

let rig: Awaited<ReturnType<typeof openRig>>;
beforeEach(async () => {
  rig = await openRig();
  rig.upstream.others = [
    readItem('resource', 'file:///notes.txt', { name: 'Notes' }),
    readItem('template', 'db://{table}', { name: 'Row' }),
    readItem('prompt', 'greet'),
  ];
  await rig.register({ name: 'One' });
  await rig.register({ name: 'Two', url: 'http://h.example/mcp' });
});
afterEach(() => rig.close());

interface Row {
  readonly id: string;
  readonly name: string;
  readonly uri: string;
}
const list = async (path: string, as = 'admin'): Promise<Row[]> => (await rig.send('GET', path, undefined, { as })).body;
const idOf = async (noun: string, name: string): Promise<string> =>
  (await list(`/${noun}`)).find((row) => row.name === name || row.uri === name)?.id ?? '';
const create = async (body: object, as = 'admin') => await rig.send('POST', '/servers', { name: 'mix', ...body }, { as });
const put = async (id: string, body: object, as = 'admin') => await rig.send('PUT', `/servers/${id}`, body, { as });
const members = async (id: string) => (await rig.catalog.load()).servers.find((server) => server.id === id)?.itemIds.toSorted();
const dashed = (id: string): string => id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-').toUpperCase();

describe('POST /servers without a gateway to mirror', () => {
  it('combines tools, resources, templates and prompts of any gateways', async () => {
    const ids = {
      tool: await idOf('tools', 'one-get-time'),
      other: await idOf('tools', 'two-convert'),
      resource: await idOf('resources', 'file:///notes.txt'),
      template: await idOf('resources', 'db://{table}'),
      prompt: await idOf('prompts', 'two-greet'),
    };
    const { status, body } = await create({
      associated_tools: [ids.tool, ids.other],
      associated_resources: [ids.resource, ids.template],
      associated_prompts: [ids.prompt],
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ mirrorGatewayId: null, associatedPrompts: [ids.prompt] });
    expect(body.associatedTools.toSorted()).toEqual(['one-get-time', 'two-convert']);
    expect(body.associatedToolIds.toSorted()).toEqual([ids.tool, ids.other].sort());
    expect(body.associatedResources.toSorted()).toEqual([ids.resource, ids.template].sort());
    expect(await members(body.id)).toEqual(Object.values(ids).sort());
    expect((await list(`/servers/${body.id}/tools`)).map(({ name }) => name).sort()).toEqual(['one-get-time', 'two-convert']);
    expect((await list(`/servers/${body.id}/resources`)).map(({ id }) => id).sort()).toEqual([ids.resource, ids.template].sort());
    expect((await list(`/servers/${body.id}/prompts`)).map(({ id }) => id)).toEqual([ids.prompt]);
  });

  it('takes members by id with or without dashes, by name or URI, as a list or joined by commas, under both fields', async () => {
    const [one, two] = [await idOf('tools', 'one-get-time'), await idOf('tools', 'two-convert')];
    const bodies = [
      { associated_tools: `${one}, ${dashed(two)}` },
      { associatedTools: ['one-get-time', 'two-convert', 'two-convert'] },
      { server: { associated_tool_ids: [one, two] } },
      { associatedToolIds: `${one},two-convert,` },
    ];
    for (const [at, body] of bodies.entries()) {
      const answer = await rig.send(
        'POST',
        '/servers',
        'server' in body ? { server: { name: `s${at}`, ...body.server } } : { name: `s${at}`, ...body },
      );
      expect([answer.status, answer.body.associatedToolIds?.toSorted()]).toEqual([201, [one, two].sort()]);
    }
    const byUri = await create({ associated_resources: 'db://{table}', associated_prompts: ['one-greet'] });
    expect([byUri.body.associatedResources.length, byUri.body.associatedPrompts]).toEqual([1, [await idOf('prompts', 'one-greet')]]);
  });

  it('may be empty', async () => {
    const { status, body } = await create({});
    expect([status, body.associatedTools, await members(body.id)]).toEqual([201, [], []]);
  });

  it('refuses a member that is not there, is of another kind, or is not there for this caller (400), and saves nothing', async () => {
    await rig.register({ name: 'Hidden', url: 'http://hidden.example/mcp', visibility: 'private' }, 'ann');
    const hidden = (await list('/tools', 'ann')).find(({ name }) => name === 'hidden-convert')?.id;
    for (const body of [
      { associated_tools: ['nope'] },
      { associated_prompts: [await idOf('tools', 'one-get-time')] },
      { associated_tools: [hidden] },
      { associated_tools: ['hidden-convert'] },
    ]) {
      const { status, body: answer } = await create(body, 'bob');
      expect([status, answer.detail]).toEqual([400, expect.stringContaining('there is no')]);
    }
    expect(await list('/servers?include_inactive=1')).toEqual([]);
  });
});

describe('PUT on a combined server', () => {
  const start = async () => {
    const { body } = await create({ associated_tools: ['one-get-time', 'two-convert'], associated_prompts: ['one-greet'] });
    return body;
  };

  it('replaces a list that is given, leaves one that is null or absent, clears by an empty one, skips what is not there', async () => {
    const { id } = await start();
    expect((await put(id, { associated_tools: ['two-get-time', 'nope'] })).body).toMatchObject({
      associatedTools: ['two-get-time'],
      associatedPrompts: [expect.any(String)],
    });
    expect((await put(id, { associated_tools: null, description: 'd' })).body.associatedTools).toEqual(['two-get-time']);
    expect((await put(id, { associated_tools: [], associated_prompts: '' })).body).toMatchObject({ associatedTools: [], associatedPrompts: [] });
  });

  it('takes back the whole entity as it was read, without losing a member that is switched off', async () => {
    const server = await start();
    const before = await members(server.id);
    await rig.send('POST', `/tools/${await idOf('tools', 'two-convert')}/state?activate=false`);
    const read = (await rig.send('GET', `/servers/${server.id}`)).body;
    expect(read.associatedTools).toEqual(['one-get-time']);
    expect((await put(server.id, { ...read, description: 'back' })).body.description).toBe('back');
    expect(await members(server.id)).toEqual(before);
  });

  it('follows whichever of two spellings of a list was changed', async () => {
    const { id } = await start();
    const { body: read } = await rig.send('GET', `/servers/${id}`);
    expect((await put(id, { ...read, associatedTools: ['one-convert'] })).body.associatedTools).toEqual(['one-convert']);
    const { body: again } = await rig.send('GET', `/servers/${id}`);
    const other = await idOf('tools', 'two-get-time');
    expect((await put(id, { ...again, associatedToolIds: [other] })).body.associatedTools).toEqual(['two-get-time']);
  });

  it('can make it a mirror, which shows all of its gateway', async () => {
    const { id } = await start();
    const gateway = await idOf('gateways', 'Two');
    const { body } = await put(id, { mirrorGatewayId: gateway });
    expect(body).toMatchObject({ mirrorGatewayId: gateway });
    expect(body.associatedTools.toSorted()).toEqual(['two-convert', 'two-get-time']);
    expect(await members(id)).toEqual([]);
  });
});

describe('members of a combined server', () => {
  it('are shown to who may see them and while they are on', async () => {
    const { id } = (await create({ associated_tools: ['one-get-time', 'two-convert'] })).body;
    await rig.send('PUT', `/tools/${await idOf('tools', 'one-get-time')}`, { visibility: 'private' });
    expect((await rig.send('GET', `/servers/${id}`, undefined, { as: 'bob' })).body.associatedTools).toEqual(['two-convert']);
    expect(await list(`/servers/${id}/tools`, 'bob')).toHaveLength(1);
    await rig.send('POST', `/gateways/${await idOf('gateways', 'Two')}/state?activate=false`);
    expect((await rig.send('GET', `/servers/${id}`)).body.associatedTools).toEqual(['one-get-time']);
    expect(await list(`/servers/${id}/tools?include_inactive=true`)).toHaveLength(2);
  });

  it('go with their gateway, which can be deleted', async () => {
    const { id } = (await create({ associated_tools: ['one-get-time', 'two-convert'] })).body;
    expect((await rig.send('DELETE', `/gateways/${await idOf('gateways', 'Two')}`)).status).toBe(200);
    expect((await rig.send('GET', `/servers/${id}`)).body.associatedTools).toEqual(['one-get-time']);
  });

  it('are no part of a mirror: naming some is refused (400)', async () => {
    const gateway = await idOf('gateways', 'Two');
    expect((await create({ mirrorGatewayId: gateway, associated_tools: ['two-convert'] })).status).toBe(400);
    const { id } = (await create({ mirrorGatewayId: gateway })).body;
    expect((await put(id, { associated_tools: ['two-convert'] })).status).toBe(400);
    const { body: read } = await rig.send('GET', `/servers/${id}`);
    expect((await put(id, read)).status).toBe(200);
    expect(read.associatedResources).toHaveLength(2);
  });
});
