import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRig, readTool } from './rest-rig.ts';

let rig: Awaited<ReturnType<typeof openRig>>;
let gatewayId: string;
beforeEach(async () => {
  rig = await openRig();
  gatewayId = (await rig.register()).id;
});
afterEach(() => rig.close());

const create = async (body: object = {}, as = 'admin') =>
  await rig.send('POST', '/servers', { name: 'mirror', mirrorGatewayId: gatewayId, ...body }, { as });

describe('POST /servers', () => {
  it('answers 201 with the mirror and the tools behind it', async () => {
    const { status, body } = await create({ description: 'd', tags: 'x1,x2' });
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: 'mirror', mirrorGatewayId: gatewayId, enabled: true, ownerEmail: 'admin@example.com', version: 1 });
    expect(body.associatedTools.sort()).toEqual(['clock-convert', 'clock-get-time']);
    expect((await rig.send('GET', `/servers/${body.id}`)).body.id).toBe(body.id);
  });

  it('takes wrapped and flat bodies in both spellings; what stands outside the wrapper wins', async () => {
    const wrapped = await rig.send('POST', '/servers', {
      server: { name: 'a', mirror_gateway_id: gatewayId, visibility: 'private' },
      visibility: 'public',
      team_id: null,
    });
    const flat = await rig.send('POST', '/servers', { name: 'b', mirrorGatewayId: gatewayId, calls_per_minute: 10 });
    expect([wrapped.status, wrapped.body.visibility]).toEqual([201, 'public']);
    expect([flat.status, flat.body.limits.callsPerMinute]).toEqual([201, 10]);
  });

  it('keeps an id given by the client, with or without dashes, once (409)', async () => {
    const id = '0F8FAD5B-D9CB-469F-A165-70867728950E';
    expect((await create({ id })).body.id).toBe('0f8fad5bd9cb469fa16570867728950e');
    expect((await rig.send('GET', `/servers/${id}`)).status).toBe(200);
    expect((await create({ id, name: 'other' })).status).toBe(409);
  });

  it('refuses a taken name of the same owner (409), not of another', async () => {
    const first = (await create()).body;
    const second = await create();
    expect([second.status, second.body.detail]).toEqual([409, expect.stringContaining(first.id)]);
    expect((await create({}, 'ann')).status).toBe(201);
  });

  it.each([
    ['agents', { associated_a2a_agents: ['x'] }, /not supported by this version/],
    ['an id that is no UUID', { id: 'nope' }, /UUID/],
    ['an empty name', { name: ' ' }, /name/],
    ['a limit that is no whole number', { limits: { concurrent: 1.5 } }, /int/],
  ])('refuses %s (422) and says so', async (_, change, text) => {
    const { status, body } = await create(change);
    expect(status).toBe(422);
    expect(body.detail[0].msg).toMatch(text);
  });

  it('refuses a gateway that is not there, or not there for this caller (400)', async () => {
    const hidden = await rig.register({ name: 'Hidden', url: 'http://h.example/mcp', visibility: 'private' }, 'ann');
    const unknown = await create({ mirrorGatewayId: 'nope' });
    const foreign = await create({ mirrorGatewayId: hidden.id }, 'bob');
    expect([unknown.status, foreign.status]).toEqual([400, 400]);
    expect(foreign.body.detail).toBe(unknown.body.detail.replace('nope', hidden.id));
  });

  it('refuses a reach that is not the caller’s (403)', async () => {
    expect((await create({ visibility: 'team', team_id: 'red' }, 'bob')).status).toBe(403);
    expect((await create({ visibility: 'private' }, 'guest')).status).toBe(403);
  });
});

describe('PUT, state and DELETE of a server', () => {
  it('changes what is named and nothing else', async () => {
    const { id } = (await create({ description: 'd', limits: { callsPerMinute: 5 } })).body;
    expect((await rig.send('PUT', `/servers/${id}`, { name: 'renamed', mirrorGatewayId: null })).body).toMatchObject({
      name: 'renamed',
      description: 'd',
      limits: { callsPerMinute: 5, concurrent: null },
      version: 2,
    });
    expect((await rig.send('PUT', `/servers/${id}`, { name: null, description: null, calls_per_minute: null, concurrent: 3 })).body).toMatchObject({
      name: 'renamed',
      description: null,
      limits: { callsPerMinute: null, concurrent: 3 },
    });
  });

  it('refuses a limit that there is not (422), instead of leaving the server without one', async () => {
    const { id } = (await create()).body;
    expect((await rig.send('PUT', `/servers/${id}`, { limits: { callsPerMinutes: 5 } })).status).toBe(422);
  });

  it('shows no tools while the gateway behind it is switched off, as its list of tools does', async () => {
    const { id, associatedTools } = (await create()).body;
    expect(associatedTools).not.toEqual([]);
    await rig.send('POST', `/gateways/${gatewayId}/state?activate=false`);
    expect((await rig.send('GET', `/servers/${id}`)).body.associatedTools).toEqual([]);
    expect((await rig.send('GET', `/servers/${id}/tools`)).body).toEqual([]);
    await rig.send('POST', `/gateways/${gatewayId}/state`);
    expect((await rig.send('GET', `/servers/${id}`)).body.associatedTools).toEqual(associatedTools);
  });

  it('takes back the whole entity as it was read, and refuses a list of some of its tools (400)', async () => {
    const { id } = (await create()).body;
    const { body: read } = await rig.send('GET', `/servers/${id}`);
    expect(read.associatedTools.length).toBeGreaterThan(1);
    const { status, body } = await rig.send('PUT', `/servers/${id}`, { ...read, description: 'sent back' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ description: 'sent back', mirrorGatewayId: gatewayId, associatedTools: read.associatedTools });
    expect((await rig.send('PUT', `/servers/${id}`, { associated_tools: read.associatedToolIds.join(',') })).status).toBe(200);
    expect((await rig.send('PUT', `/servers/${id}`, { associated_tools: [read.associatedToolIds[0]] })).status).toBe(400);
  });

  it('answers /state with the bare server in camelCase, and sets rather than flips', async () => {
    const { id } = (await create()).body;
    for (const verb of ['state', 'toggle', 'state']) {
      expect((await rig.send('POST', `/servers/${id}/${verb}?activate=false`)).body).toMatchObject({
        id,
        enabled: false,
        mirrorGatewayId: gatewayId,
      });
    }
    expect((await rig.send('GET', '/servers')).body).toEqual([]);
    expect((await rig.send('GET', '/servers?include_inactive=true')).body).toHaveLength(1);
    expect((await rig.send('POST', `/servers/${id}/state`)).body.enabled).toBe(true);
  });

  it('deletes with the contract’s words', async () => {
    const { id } = (await create()).body;
    expect((await rig.send('DELETE', `/servers/${id}`)).body).toEqual({ status: 'success', message: `Server ${id} deleted successfully` });
    expect((await rig.send('DELETE', `/servers/${id}`)).status).toBe(404);
  });

  it('refuses a taken name (409), an unknown gateway (400), an unknown server (404; 400 for PUT, as the contract has it)', async () => {
    await create();
    const { id } = (await create({ name: 'second' })).body;
    expect((await rig.send('PUT', `/servers/${id}`, { name: 'mirror' })).status).toBe(409);
    expect((await rig.send('PUT', `/servers/${id}`, { mirrorGatewayId: 'nope' })).status).toBe(400);
    const unknown = await rig.send('PUT', '/servers/nope', { name: 'x' });
    expect(unknown).toMatchObject({ status: 400, body: { detail: 'Server not found: nope' } });
    expect((await rig.send('POST', '/servers/nope/state')).status).toBe(404);
    expect((await rig.send('GET', '/servers/nope')).status).toBe(404);
  });

  it('is for owners and administrators (403); hidden servers do not exist (404); PUT answers both with 400', async () => {
    const open = (await create({}, 'ann')).body.id;
    const closed = (await create({ name: 'closed', visibility: 'team', team_id: 'red' }, 'ann')).body.id;
    for (const [method, path, body] of [
      ['PUT', '', { name: 'x' }],
      ['DELETE', ''],
      ['POST', '/state'],
    ] as const) {
      expect((await rig.send(method, `/servers/${open}${path}`, body, { as: 'bob' })).status).toBe(method === 'PUT' ? 400 : 403);
      expect(rig.changes.at(-1)).toMatchObject({ errorCode: 'access.denied' });
      expect((await rig.send(method, `/servers/${closed}${path}`, body, { as: 'bob' })).status).toBe(method === 'PUT' ? 400 : 404);
    }
    expect((await rig.send('GET', `/servers/${closed}/tools`, undefined, { as: 'bob' })).status).toBe(404);
    expect((await rig.send('GET', '/servers', undefined, { as: 'bob' })).body.map((server: { id: string }) => server.id)).toEqual([open]);
  });
});

describe('GET /servers/{id}/tools', () => {
  it('lists the tools of the mirrored gateway that the caller may see and that are on', async () => {
    const other = await rig.register({ name: 'Other', url: 'http://h.example/mcp' });
    const { id } = (await create()).body;
    const [first] = (await rig.send('GET', `/tools?gateway_id=${gatewayId}`)).body;
    await rig.send('POST', `/tools/${first.id}/state?activate=false`);
    const listed = (await rig.send('GET', `/servers/${id}/tools`, undefined, { as: 'guest' })).body;
    expect(listed).toHaveLength(1);
    expect(listed[0].gatewayId).toBe(gatewayId);
    expect(listed[0].gatewayId).not.toBe(other.id);
    expect((await rig.send('GET', `/servers/${id}/tools?include_inactive=true`)).body).toHaveLength(2);
  });
});

describe('strict checks of a server', () => {
  it('are off unless asked for, in either spelling, and stay as they are until told otherwise', async () => {
    const plain = (await create()).body;
    expect(plain.strictSchema).toBe(false);
    const { id, ...strict } = (await create({ name: 'strict', strict_schema: true })).body;
    expect(strict.strictSchema).toBe(true);
    expect((await rig.send('PUT', `/servers/${id}`, { description: 'd' })).body.strictSchema).toBe(true);
    expect((await rig.catalog.load()).servers.find((row) => row.id === id)?.strictSchema).toBe(true);
    expect((await rig.send('PUT', `/servers/${id}`, { strictSchema: false })).body.strictSchema).toBe(false);
    expect((await rig.send('PUT', `/servers/${id}`, { strictSchema: 'perhaps' })).status).toBe(422);
  });
});

describe('the catalogue that calls are answered from', () => {
  it('has what was committed, under a version that grows with every change', async () => {
    const before = await rig.catalog.load();
    rig.upstream.tools = [readTool('get_time')];
    const { id } = (await create({ limits: { concurrent: 4 } })).body;
    const after = await rig.catalog.load();
    expect(after.version).toBeGreaterThan(before.version);
    expect(after.servers).toEqual([
      {
        id,
        name: 'mirror',
        enabled: true,
        visibility: 'public',
        ownerEmail: 'admin@example.com',
        teamId: null,
        limits: { callsPerMinute: null, concurrent: 4 },
        strictSchema: false,
        mirrorGatewayId: gatewayId,
        itemIds: [],
      },
    ]);
    expect(after.items.map((item) => [item.upstreamId, item.key]).sort(([, a], [, b]) => (a ?? '').localeCompare(b ?? ''))).toEqual([
      [gatewayId, 'convert'],
      [gatewayId, 'get_time'],
    ]);
    expect(after.revokedTokenIds).toEqual(['gone']);
  });
});
