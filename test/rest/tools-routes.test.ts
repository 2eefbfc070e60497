import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRig, readTool } from './rest-rig.ts';

let rig: Awaited<ReturnType<typeof openRig>>;
beforeEach(async () => void (rig = await openRig()));
afterEach(() => rig.close());

describe('GET /tools', () => {
  it('shows what upstreams offer under published names', async () => {
    const gateway = await rig.register();
    const tool = (await rig.send('GET', '/tools')).body.find((row: { originalName: string }) => row.originalName === 'get_time');
    expect(tool).toMatchObject({
      name: 'clock-get-time',
      displayName: 'Get Time',
      gatewayId: gateway.id,
      gatewaySlug: 'clock',
      integrationType: 'MCP',
      enabled: true,
      reachable: true,
    });
    expect(tool).toMatchObject({ inputSchema: { type: 'object' }, createdVia: 'federation', federationSource: 'Clock', metrics: null });
    expect((await rig.send('GET', `/tools/${tool.id}`)).body).toEqual(tool);
  });

  it('gives every row exactly once over pages, newest first, in the order of one long list', async () => {
    rig.upstream.tools = Array.from({ length: 23 }, (_, at) => readTool(`tool-${at}`));
    await rig.register();
    const all = (await rig.send('GET', '/tools?limit=0')).body.map((tool: { id: string }) => tool.id);
    const paged: string[] = [];
    let cursor: string | null = '';
    for (let page = 0; page < 10 && cursor !== null; page++) {
      const { body }: { body: { tools: { id: string }[]; nextCursor: string | null } } = await rig.send(
        'GET',
        `/tools?include_pagination=true&limit=5&cursor=${cursor}`,
      );
      paged.push(...body.tools.map((tool) => tool.id));
      cursor = body.nextCursor;
    }
    expect(all).toHaveLength(23);
    expect(paged).toEqual(all);
    expect(cursor).toBeNull();
    expect(paged).toEqual([...paged].sort().reverse());
  });

  it('answers 50 rows to those who do not ask for more, and the first page to a cursor that is none', async () => {
    rig.upstream.tools = Array.from({ length: 60 }, (_, at) => readTool(`tool-${at}`));
    await rig.register();
    const first = (await rig.send('GET', '/tools')).body;
    expect(first).toHaveLength(50);
    expect((await rig.send('GET', '/tools?cursor=nonsense')).body).toEqual(first);
  });

  it('shows rows in pages of what the caller may see, whatever else lies between', async () => {
    rig.upstream.tools = Array.from({ length: 9 }, (_, at) => readTool(`tool-${at}`));
    await rig.register({ name: 'Open' });
    await rig.register({ name: 'Closed', url: 'http://h.example/mcp', visibility: 'private' }, 'ann');
    const { body } = await rig.send('GET', '/tools?include_pagination=true&limit=9', undefined, { as: 'bob' });
    expect(body.tools.map((tool: { gatewaySlug: string }) => tool.gatewaySlug)).toEqual(Array(9).fill('open'));
    expect(body.nextCursor).toBeNull();
  });

  it('filters by gateway, visibility, team and tags', async () => {
    const open = await rig.register({ name: 'Open' });
    await rig.register({ name: 'Red', url: 'http://h.example/mcp', visibility: 'team', team_id: 'red' }, 'ann');
    const count = async (query: string) => (await rig.send('GET', `/tools?${query}`)).body.length;
    expect(await count('')).toBe(4);
    expect(await count(`gateway_id=${open.id}`)).toBe(2);
    expect(await count('gateway_id=null')).toBe(0);
    expect(await count('visibility=team')).toBe(2);
    expect(await count('team_id=red')).toBe(2);
    expect(await count('tags=none')).toBe(0);
  });

  it('refuses the rows of a team that the caller does not reach (403), for every noun', async () => {
    for (const path of ['/tools', '/servers', '/gateways']) {
      expect((await rig.send('GET', `${path}?team_id=red`, undefined, { as: 'ann' })).status).toBe(200);
      expect((await rig.send('GET', `${path}?team_id=red`, undefined, { as: 'bob' })).status).toBe(403);
    }
  });

  it.each(['limit=-1', 'limit=many', 'visibility=all', 'include_inactive=perhaps', `cursor=${'x'.repeat(501)}`])(
    'refuses ?%s (422)',
    async (query) => {
      const { status, body } = await rig.send('GET', `/tools?${query}`);
      expect(status).toBe(422);
      expect(body.detail[0].loc).toEqual(['query', query.split('=')[0]]);
    },
  );
});

describe('the state of a tool', () => {
  it('is set by /state and /toggle, which answer with the tool in snake_case', async () => {
    await rig.register();
    const [{ id }] = (await rig.send('GET', '/tools')).body;
    const off = await rig.send('POST', `/tools/${id}/state?activate=false`);
    expect(off.body).toMatchObject({
      status: 'success',
      message: `Tool ${id} deactivated`,
      tool: { id, enabled: false, original_name: expect.any(String), input_schema: { type: 'object' } },
    });
    expect((await rig.catalog.load()).items.find((tool) => tool.id === id)?.enabled).toBe(false);
    expect((await rig.send('GET', '/tools')).body).toHaveLength(1);
    expect((await rig.send('POST', `/tools/${id}/toggle`)).body.tool.enabled).toBe(true);
  });

  it('is the owner’s and the administrator’s to set (403), and hidden tools do not exist (404)', async () => {
    await rig.register({}, 'ann');
    await rig.register({ name: 'Closed', url: 'http://h.example/mcp', visibility: 'private' }, 'ann');
    const rows: { id: string; visibility: string }[] = (await rig.send('GET', '/tools', undefined, { as: 'ann' })).body;
    const open = rows.find((row) => row.visibility === 'public')?.id;
    const closed = rows.find((row) => row.visibility === 'private')?.id;
    expect((await rig.send('POST', `/tools/${open}/state`, undefined, { as: 'bob' })).status).toBe(403);
    expect((await rig.send('POST', `/tools/${closed}/state`, undefined, { as: 'bob' })).status).toBe(404);
    expect((await rig.send('GET', `/tools/${closed}`, undefined, { as: 'bob' })).status).toBe(404);
    expect((await rig.send('GET', '/tools/nope')).status).toBe(404);
    expect((await rig.send('POST', `/tools/${open}/state`, undefined, { as: 'ann' })).status).toBe(200);
  });
});
