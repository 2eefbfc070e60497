import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/kernel/index.ts';
import { openRig, readTool, unreachable } from './rest-rig.ts';

let rig: Awaited<ReturnType<typeof openRig>>;
beforeEach(async () => void (rig = await openRig()));
afterEach(() => rig.close());

describe('POST /gateways', () => {
  it('answers 200 with the entity, its tools read and its state live', async () => {
    const { status, body } = await rig.send('POST', '/gateways', {
      name: 'Clock',
      url: 'http://127.0.0.1:9/mcp',
      transport: 'streamablehttp',
      tags: ['Time Zone', '!'],
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      name: 'Clock',
      slug: 'clock',
      transport: 'STREAMABLEHTTP',
      state: 'ready',
      reachable: true,
      enabled: true,
      toolCount: 2,
      visibility: 'public',
      version: 1,
    });
    expect(body).toMatchObject({
      ownerEmail: 'admin@example.com',
      createdVia: 'api',
      createdBy: 'admin@example.com',
      tags: [{ id: 'time-zone', label: 'Time Zone' }],
      instructions: 'Ask for the time.',
    });
    expect((await rig.send('GET', `/gateways/${body.id}`)).body).toEqual(body);
  });

  it('takes every spelling of a field, and wrapped bodies too', async () => {
    const one = await rig.register({ name: 'a', url: 'http://h.example/1', passthrough_headers: 'X-Tenant, X-Trace', calls_per_minute: 60 });
    const two = (
      await rig.send('POST', '/v1/gateways/', {
        gateway: { name: ' b ', url: 'http://h.example/2', passthroughHeaders: ['X-Tenant'], limits: { concurrent: 3 } },
      })
    ).body;
    expect(one).toMatchObject({ passthroughHeaders: ['x-tenant', 'x-trace'], limits: { callsPerMinute: 60, concurrent: null } });
    expect(two).toMatchObject({ name: 'b', passthroughHeaders: ['x-tenant'], limits: { callsPerMinute: null, concurrent: 3 } });
  });

  it('saves nothing and names the step that failed when the upstream cannot be reached (502)', async () => {
    rig.upstream.failure = unreachable();
    const { status, body } = await rig.send('POST', '/gateways', { name: 'Clock', url: 'http://127.0.0.1:9/mcp' });
    expect(status).toBe(502);
    expect(body.message).toContain('connection refused');
    expect(body.steps.map((step: { ok: boolean }) => step.ok)).toEqual([true, false]);
    expect((await rig.send('GET', '/gateways?include_inactive=true')).body).toEqual([]);
  });

  it('gives up an upstream that does not answer in time (504)', async () => {
    rig.upstream.failure = new AppError('upstream.timeout', 'Clock did not answer.');
    expect((await rig.send('POST', '/gateways', { name: 'Clock', url: 'http://127.0.0.1:9/mcp' })).status).toBe(504);
  });

  it('saves a deferred upstream whose name does not resolve yet, and never one at a refused address', async () => {
    const body = { name: 'soon', url: 'http://soon.invalid/mcp' };
    expect((await rig.send('POST', '/gateways', body)).status).toBe(502);
    expect(await rig.register({ ...body, deferred: true })).toMatchObject({ state: 'down', statusMessage: 'The host does not resolve.' });
    expect((await rig.send('POST', '/gateways', { name: 'md', url: 'http://169.254.169.254/', deferred: true })).status).toBe(400);
  });

  it('saves a deferred upstream as down, without contacting it', async () => {
    rig.upstream.failure = unreachable();
    expect(await rig.register({ deferred: true })).toMatchObject({ state: 'down', reachable: false, toolCount: 0, protocolVersion: null });
    expect(rig.upstream.targets).toEqual([]);
  });

  it('saves an upstream that wants other credentials as needs_auth', async () => {
    rig.upstream.failure = new AppError('upstream.needs_auth', 'Clock wants a token.');
    expect(await rig.register()).toMatchObject({
      state: 'needs_auth',
      reachable: false,
      lastError: { code: 'upstream.needs_auth' },
      statusMessage: 'Clock wants a token.',
    });
  });

  it.each([
    [
      'basic',
      { auth_type: 'basic', auth_username: 'u', auth_password: 'p' },
      ['authorization', 'Basic dTpw'],
      { authUsername: 'u', authPassword: '*****' },
    ],
    ['bearer', { auth_type: 'bearer', auth_token: 'abc' }, ['authorization', 'Bearer abc'], { authToken: '*****' }],
    [
      'one header',
      { auth_type: 'authheaders', auth_header_key: 'X-Key', auth_header_value: 'v' },
      ['x-key', 'v'],
      { authHeaderKey: 'X-Key', authHeaderValue: '*****' },
    ],
    [
      'several headers',
      { auth_type: 'headers', authHeaders: [{ key: 'X-Key', value: 'v' }] },
      ['x-key', 'v'],
      { authType: 'authheaders', authHeaders: [{ key: 'X-Key', value: '*****' }] },
    ],
  ])('sends %s to the upstream, seals it in the database and shows only a mask', async (_, auth, header, shown) => {
    const gateway = await rig.register(auth);
    expect(rig.upstream.targets[0]?.headers).toEqual([header]);
    expect(gateway).toMatchObject({ ...shown, authValue: '*****', authTokenUnmasked: null });
    const [row] = await rig.database.db.selectFrom('gateways').selectAll().execute();
    expect(row?.auth_secret).toMatch(/^v1:/);
    expect(JSON.stringify(gateway)).not.toMatch(/"(abc|p|v)"/);
    const [loaded] = (await rig.catalog.load()).upstreams;
    expect(loaded?.headers).toEqual([header]);
  });

  it.each([
    [400, { auth_type: 'bearer' }, 'auth_token'],
    [400, { auth_type: 'bearer', auth_token: '*****' }, 'mask'],
    [400, { auth_token: 'abc' }, 'auth_type'],
    [400, { visibility: 'team' }, 'team_id'],
    [400, { url: 'http://169.254.169.254/latest' }, 'may not connect'],
  ])('answers %i in words to %j', async (status, change, text) => {
    const answer = await rig.send('POST', '/gateways', { name: 'Clock', url: 'http://127.0.0.1:9/mcp', ...change });
    expect(answer.status).toBe(status);
    expect(answer.body.message).toContain(text);
  });

  it.each([
    ['a missing name', { name: undefined }, 'name'],
    ['a name with markup', { name: '<b>x</b>' }, 'name'],
    ['a URL that is none', { url: 'nowhere' }, 'url'],
    ['a URL with credentials', { url: 'http://u:p@h.example/mcp' }, 'url'],
    ['a URL of another scheme', { url: 'file:///etc/passwd' }, 'url'],
    ['transport HTTP', { transport: 'HTTP' }, 'transport'],
    ['a transport nobody knows', { transport: 'carrier pigeon' }, 'transport'],
    ['no address', { url: undefined }, 'url'],
    ['a script in the description', { description: '<script>x</script>' }, 'description'],
    ['a limit of zero', { calls_per_minute: 0 }, 'calls_per_minute'],
    ['OAuth', { auth_type: 'oauth' }, 'auth_type'],
    ['a credential header with a line break', { auth_type: 'bearer', auth_token: 'a\r\nx: y' }, 'auth_token'],
    ['a credential header the gateway sets itself', { auth_type: 'authheaders', auth_headers: [{ key: 'Host', value: 'x' }] }, 'auth_headers'],
    ['passing on the caller’s Authorization', { passthrough_headers: ['Authorization'] }, 'passthrough_headers'],
  ])('refuses %s (422), naming the field as it was sent and repeating no value', async (_, change, field) => {
    const { status, body } = await rig.send('POST', '/gateways', { name: 'Clock', url: 'http://127.0.0.1:9/mcp', ...change });
    expect(status).toBe(422);
    expect(body.detail[0].loc.slice(0, 2)).toEqual(['body', field]);
    expect(body.detail[0]).not.toHaveProperty('input');
  });

  it('refuses a second name or address in the same scope (409), and takes it in another', async () => {
    await rig.register();
    expect((await rig.send('POST', '/gateways', { name: 'clock', url: 'http://h.example/other' })).status).toBe(409);
    expect((await rig.send('POST', '/gateways', { name: 'Other', url: 'http://127.0.0.1:9/mcp' })).body.message).toContain('Clock');
    expect((await rig.send('POST', '/gateways', { name: 'Other', url: 'http://127.0.0.1:9/mcp', auth_type: 'bearer', auth_token: 't' })).status).toBe(
      200,
    );
    expect((await rig.send('POST', '/gateways', { name: 'Clock', url: 'http://127.0.0.1:9/mcp', visibility: 'private' })).status).toBe(200);
  });

  it('lets only one of two registrations at once succeed', async () => {
    const body = { name: 'Clock', url: 'http://127.0.0.1:9/mcp' };
    const answers = await Promise.all([rig.send('POST', '/gateways', body), rig.send('POST', '/gateways', body)]);
    expect(answers.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([200, 409]);
  });

  it('leaves out tools with hostile names and says why', async () => {
    rig.upstream.tools = [readTool('good'), readTool('evil\u202eeman'), readTool('x'.repeat(129)), readTool(' '), readTool('good')];
    const gateway = await rig.register();
    expect(gateway.toolCount).toBe(1);
    expect(gateway.skippedTools).toHaveLength(4);
    expect(gateway.skippedItems).toEqual(gateway.skippedTools.map((tool: object) => ({ kind: 'tool', ...tool })));
    expect(JSON.stringify(gateway.skippedTools)).not.toContain('\u202e');
  });
});

describe('PUT /gateways/{id}', () => {
  it('saves a new name without contacting the upstream, and its tools are renamed with it', async () => {
    const { id } = await rig.register();
    rig.upstream.failure = unreachable();
    const { status, body } = await rig.send('PUT', `/gateways/${id}`, { name: 'Wall Clock', description: 'd' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: 'Wall Clock', slug: 'wall-clock', description: 'd', version: 2, modifiedBy: 'admin@example.com' });
    expect((await rig.send('GET', '/tools')).body.map((tool: { name: string }) => tool.name).sort()).toEqual([
      'wall-clock-convert',
      'wall-clock-get-time',
    ]);
  });

  it('tries a new address first; when that fails nothing is saved (502)', async () => {
    const before = await rig.register();
    rig.upstream.failure = unreachable();
    expect((await rig.send('PUT', `/gateways/${before.id}`, { url: 'http://h.example/new', description: 'new' })).status).toBe(502);
    expect((await rig.send('GET', `/gateways/${before.id}`)).body).toMatchObject({ url: before.url, description: null, version: 1 });
  });

  it('keeps name and address when a form sends null for them', async () => {
    const before = await rig.register();
    const { status, body } = await rig.send('PUT', `/gateways/${before.id}`, { name: null, url: null, tags: null, description: 'd' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: before.name, slug: before.slug, url: before.url, description: 'd' });
  });

  it('keeps a secret whose mask comes back, and takes it away for an empty auth_type', async () => {
    const { id } = await rig.register({ auth_type: 'bearer', auth_token: 'abc' });
    await rig.send('PUT', `/gateways/${id}`, { auth_type: 'bearer', auth_token: '*****', tags: ['kept'] });
    expect((await rig.catalog.load()).upstreams[0]?.headers).toEqual([['authorization', 'Bearer abc']]);
    expect(rig.upstream.targets).toHaveLength(1);
    expect((await rig.send('PUT', `/gateways/${id}`, { auth_type: '' })).body).toMatchObject({ authType: null, authToken: null });
    expect((await rig.catalog.load()).upstreams[0]?.headers).toEqual([]);
  });

  it('moves the tools along with a changed visibility', async () => {
    const { id } = await rig.register();
    await rig.send('PUT', `/gateways/${id}`, { visibility: 'team', team_id: 'red' });
    expect((await rig.send('GET', '/tools', undefined, { as: 'ann' })).body).toHaveLength(2);
    expect((await rig.send('GET', '/tools', undefined, { as: 'bob' })).body).toEqual([]);
  });

  it('takes limits away with null and leaves them alone when they are not mentioned', async () => {
    const { id } = await rig.register({ limits: { callsPerMinute: 5, concurrent: 2 } });
    expect((await rig.send('PUT', `/gateways/${id}`, { description: 'x' })).body.limits).toEqual({ callsPerMinute: 5, concurrent: 2 });
    expect((await rig.send('PUT', `/gateways/${id}`, { limits: { concurrent: null } })).body.limits).toEqual({ callsPerMinute: 5, concurrent: null });
  });

  it('answers 404 for an unknown gateway, 409 for a taken name', async () => {
    const { id } = await rig.register();
    await rig.register({ name: 'Other', url: 'http://h.example/other' });
    expect((await rig.send('PUT', '/gateways/nope', { name: 'x' })).body.message).toContain('not found');
    expect((await rig.send('PUT', `/gateways/${id}`, { name: 'other' })).status).toBe(409);
  });
});

describe('refresh and state of a gateway', () => {
  it('reports the difference, and a tool keeps its id, its switch and its tags', async () => {
    const { id } = await rig.register();
    const before = (await rig.send('GET', '/tools')).body.find((tool: { originalName: string }) => tool.originalName === 'get_time');
    await rig.send('POST', `/tools/${before.id}/state?activate=false`);
    rig.upstream.tools = [readTool('get_time', { description: 'new text' }), readTool('set_alarm')];
    expect((await rig.send('POST', `/gateways/${id}/tools/refresh`)).body).toMatchObject({
      gatewayId: id,
      success: true,
      error: null,
      toolsAdded: 1,
      toolsUpdated: 1,
      toolsRemoved: 1,
    });
    expect((await rig.send('GET', `/tools/${before.id}`)).body).toMatchObject({ id: before.id, enabled: false, description: 'new text' });
    expect((await rig.send('POST', `/gateways/${id}/refresh`)).body).toMatchObject({ toolsAdded: 0, toolsUpdated: 0, toolsRemoved: 0 });
  });

  it('reports a failure of the upstream and keeps the tools that were known', async () => {
    const { id } = await rig.register();
    rig.upstream.failure = unreachable();
    expect((await rig.send('POST', `/gateways/${id}/refresh`)).body).toMatchObject({ success: false, error: expect.stringContaining('refused') });
    expect((await rig.send('GET', `/gateways/${id}`)).body).toMatchObject({ state: 'down', toolCount: 2 });
  });

  it('runs one refresh of a gateway at a time (409)', async () => {
    const { id } = await rig.register();
    let open = (): void => {};
    rig.upstream.gate = new Promise((resolve) => (open = resolve));
    const first = rig.send('POST', `/gateways/${id}/refresh`);
    await expect.poll(() => rig.upstream.targets.length).toBe(2);
    expect((await rig.send('POST', `/gateways/${id}/refresh`)).status).toBe(409);
    open();
    expect((await first).body.success).toBe(true);
  });

  it('switches off and on, wrapping the entity in snake_case, and leaves single switches as they were', async () => {
    const { id } = await rig.register();
    const [tool] = (await rig.send('GET', '/tools')).body;
    await rig.send('POST', `/tools/${tool.id}/state?activate=false`);
    const off = await rig.send('POST', `/gateways/${id}/toggle?activate=false`);
    expect(off.body).toMatchObject({
      status: 'success',
      message: `Gateway ${id} deactivated`,
      gateway: { id, enabled: false, owner_email: 'admin@example.com', tool_count: 2 },
    });
    expect((await rig.send('GET', '/gateways')).body).toEqual([]);
    expect((await rig.send('GET', '/tools')).body).toEqual([]);
    await rig.send('POST', `/gateways/${id}/state?activate=true`);
    expect(rig.upstream.targets).toHaveLength(2);
    expect((await rig.send('GET', '/tools')).body).toHaveLength(1);
  });

  it('answers 400 for the state of an unknown gateway, as the contract’s clients expect', async () => {
    expect((await rig.send('POST', '/gateways/nope/state')).status).toBe(400);
    expect((await rig.send('POST', '/gateways/nope/refresh')).status).toBe(404);
  });

  it('reads an upstream in the gateway’s own name when it is back', async () => {
    const { id } = await rig.register({ deferred: true });
    expect(await rig.upstreams.refreshUnattended(id)).toMatchObject({ success: true, toolsAdded: 2 });
    expect((await rig.send('GET', `/gateways/${id}`)).body).toMatchObject({ state: 'ready', toolCount: 2 });
  });
});

describe('DELETE /gateways/{id}', () => {
  it('removes the gateway with its tools', async () => {
    const { id } = await rig.register();
    expect((await rig.send('DELETE', `/gateways/${id}`)).body.status).toBe('success');
    expect((await rig.send('GET', `/gateways/${id}`)).status).toBe(404);
    expect((await rig.send('GET', '/tools?include_inactive=1')).body).toEqual([]);
  });

  it('refuses while servers mirror it (409), naming them', async () => {
    const { id } = await rig.register();
    const server = (await rig.send('POST', '/servers', { name: 'm', mirrorGatewayId: id })).body;
    const { status, body } = await rig.send('DELETE', `/gateways/${id}`);
    expect(status).toBe(409);
    expect(body.servers).toEqual([{ id: server.id, name: 'm' }]);
  });
});

describe('who may see and change gateways', () => {
  it('shows others only what visibility allows; what is hidden does not exist (404)', async () => {
    const { id } = await rig.register({ visibility: 'private' }, 'ann');
    expect((await rig.send('GET', `/gateways/${id}`, undefined, { as: 'ann' })).status).toBe(200);
    expect((await rig.send('GET', `/gateways/${id}`, undefined, { as: 'bob' })).status).toBe(404);
    expect((await rig.send('GET', '/gateways', undefined, { as: 'bob' })).body).toEqual([]);
    expect((await rig.send('PUT', `/gateways/${id}`, { name: 'x' }, { as: 'bob' })).status).toBe(404);
    expect((await rig.send('DELETE', `/gateways/${id}`, undefined, { as: 'bob' })).status).toBe(404);
  });

  it('lets owners and administrators change a public one, others not (403)', async () => {
    const { id } = await rig.register({}, 'ann');
    for (const [method, path, body] of [
      ['PUT', '', { name: 'x' }],
      ['DELETE', ''],
      ['POST', '/state?activate=false'],
      ['POST', '/refresh'],
    ] as const) {
      expect((await rig.send(method, `/gateways/${id}${path}`, body, { as: 'bob' })).status).toBe(403);
    }
    expect((await rig.send('PUT', `/gateways/${id}`, { description: 'mine' }, { as: 'ann' })).status).toBe(200);
    expect((await rig.send('DELETE', `/gateways/${id}`)).status).toBe(200);
  });

  it('refuses to create in a team or reach that is not the caller’s (403), and with a token that may only read', async () => {
    const body = { name: 'Clock', url: 'http://127.0.0.1:9/mcp' };
    expect((await rig.send('POST', '/gateways', { ...body, visibility: 'team', team_id: 'red' }, { as: 'bob' })).status).toBe(403);
    expect((await rig.send('POST', '/gateways', { ...body, visibility: 'private' }, { as: 'guest' })).status).toBe(403);
    expect((await rig.send('POST', '/gateways', body, { as: 'reader' })).status).toBe(403);
    expect(rig.upstream.targets).toEqual([]);
  });
});

describe('the audit trail of gateways', () => {
  it('has every change and every refused attempt, with who, what and the outcome', async () => {
    const { id } = await rig.register({}, 'ann');
    await rig.send('DELETE', `/gateways/${id}`, undefined, { as: 'bob' });
    await rig.send('DELETE', `/gateways/${id}`, undefined, { as: null });
    expect(
      rig.changes.map(({ action, resourceId, httpStatus, errorCode, caller }) => [action, resourceId, httpStatus, errorCode, caller.principal.email]),
    ).toEqual([
      ['create', id, 200, '', 'ann@example.com'],
      ['delete', id, 403, 'access.denied', 'bob@example.com'],
      ['delete', id, 401, 'auth.required', ''],
    ]);
  });
});
