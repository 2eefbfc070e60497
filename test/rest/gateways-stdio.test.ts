// Gateways that are programs, and those whose transport is found out (decisions.md 5, 12, 19; api.md 4.2, 4.3).
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/kernel/index.ts';
import { openRig } from './rest-rig.ts';

const SECRET = 'a-secret-of-the-program';
const FILES = {
  name: 'Files',
  transport: 'stdio',
  command: 'npx',
  args: ['-y', 'a server', ''],
  env: { API_KEY: SECRET, MODE: 'quiet' },
  cwd: '/srv/some files',
  stdio_isolation: 'session',
};
const SPEC = { command: 'npx', args: ['-y', 'a server', ''], env: { API_KEY: SECRET, MODE: 'quiet' }, cwd: '/srv/some files' };

let rig: Awaited<ReturnType<typeof openRig>>;
beforeEach(async () => void (rig = await openRig()));
afterEach(() => rig.close());

async function registerFiles(body: object = {}) {
  const answer = await rig.send('POST', '/gateways', { ...FILES, ...body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body;
}

async function loaded(id: string) {
  return (await rig.catalog.load()).upstreams.find((row) => row.id === id);
}

describe('registering a STDIO gateway', () => {
  it('reads it as a process, hands it to the data plane, and shows its environment as masks only', async () => {
    const gateway = await registerFiles();
    expect(gateway).toMatchObject({
      transport: 'STDIO',
      url: null,
      command: 'npx',
      args: ['-y', 'a server', ''],
      env: { API_KEY: '*****', MODE: '*****' },
      cwd: '/srv/some files',
      stdioIsolation: 'session',
      state: 'ready',
      toolCount: 2,
    });
    expect(rig.upstream.targets).toMatchObject([{ transport: 'STDIO', url: '', process: SPEC, headers: [] }]);
    expect(await loaded(gateway.id)).toMatchObject({
      transport: 'STDIO',
      url: '',
      process: SPEC,
      stdioIsolation: 'session',
      enabled: true,
      headers: [],
    });
    expect((await rig.send('GET', '/tools')).body[0]).toMatchObject({ requestType: 'STDIO', url: null });
  });

  it('keeps the environment sealed, for its own row only, and out of the audit trail', async () => {
    const { id } = await registerFiles();
    const rows = await rig.database.db.selectFrom('gateways').selectAll().execute();
    expect(rows[0]?.process_env).toMatch(/^v1:/);
    expect(JSON.stringify([rows, rig.changes])).not.toContain(SECRET);
    const other = await registerFiles({ name: 'Other', env: { MODE: 'loud' } });
    await rig.database.change((tx) =>
      tx
        .updateTable('gateways')
        .set({ process_env: rows[0]?.process_env ?? null })
        .where('id', '=', other.id)
        .execute(),
    );
    expect(await loaded(other.id)).toMatchObject({ enabled: false, process: { env: {} } });
    expect(await loaded(id)).toMatchObject({ enabled: true });
  });

  it('needs no transport when there is a command, and nothing but a command', async () => {
    const gateway = await registerFiles({ transport: undefined, args: undefined, env: undefined, cwd: undefined, stdio_isolation: undefined });
    expect(gateway).toMatchObject({ transport: 'STDIO', args: [], env: {}, cwd: null, stdioIsolation: 'auto' });
    expect((await rig.database.db.selectFrom('gateways').select('process_env').execute())[0]).toEqual({ process_env: null });
  });

  it.each(['std-io', 'STD_IO', 'Stdio'])('takes the transport as %s', async (transport) => {
    expect((await registerFiles({ transport })).transport).toBe('STDIO');
  });

  it('takes the same command twice under two names, and the same name never (409)', async () => {
    await registerFiles();
    await registerFiles({ name: 'Other' });
    expect((await rig.send('POST', '/gateways', { ...FILES, command: 'node' })).status).toBe(409);
  });

  it.each([
    ['a URL', { url: 'http://h.example/mcp' }, 'url'],
    ['no command', { command: null }, 'command'],
    ['an empty command', { command: ' ' }, 'command'],
    ['a command with a line break', { command: 'node\nx' }, 'command'],
    ['a command with a NUL', { command: 'no\0de' }, 'command'],
    ['arguments as one text', { args: '-y x' }, 'args'],
    ['257 arguments', { args: Array.from({ length: 257 }, () => '') }, 'args'],
    ['an argument of more than 8 KB', { args: ['x', 'ü'.repeat(4097)] }, 'args'],
    ['an argument with a NUL', { args: ['a\0b'] }, 'args'],
    ['half a surrogate pair', { args: ['\ud800'] }, 'args'],
    ['a variable with a NUL', { env: { A: 'a\0b' } }, 'env'],
    ['a variable with = in its name', { env: { 'A=B': SECRET } }, 'env'],
    ['a variable without a name', { env: { '': SECRET } }, 'env'],
    ['a number as a variable', { env: { A: 1 } }, 'env'],
    ['257 variables', { env: Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`A${at}`, ''])) }, 'env'],
    ['a relative working directory', { cwd: 'files' }, 'cwd'],
    ['a working directory with a NUL', { cwd: '/a\0b' }, 'cwd'],
    ['an isolation nobody knows', { stdio_isolation: 'all' }, 'stdio_isolation'],
    ['credentials, which a process takes from env', { auth_type: 'bearer', auth_token: SECRET }, 'auth_type'],
    ['credentials without a type', { auth_token: SECRET }, 'auth_type'],
  ])('refuses %s (422), naming the field and repeating no secret', async (_, change, field) => {
    const { status, body } = await rig.send('POST', '/gateways', { ...FILES, ...change });
    expect(status).toBe(422);
    expect(body.detail[0].loc.slice(0, 2)).toEqual(['body', field]);
    expect(JSON.stringify(body)).not.toContain(SECRET);
    expect(rig.upstream.targets).toEqual([]);
  });

  it.each(['command', 'args', 'env', 'cwd', 'stdioIsolation'])('refuses %s for the other transports (422)', async (field) => {
    const value = { command: 'node', args: [], env: {}, cwd: '/srv', stdioIsolation: 'auto' }[field];
    const body = { name: 'Clock', url: 'http://127.0.0.1:9/mcp', transport: 'SSE', [field]: value };
    const answer = await rig.send('POST', '/gateways', body);
    expect(answer.status).toBe(422);
    expect(answer.body.detail[0]).toMatchObject({ loc: ['body', field], msg: expect.stringContaining('STDIO') });
    expect((await rig.send('POST', '/gateways', { ...body, [field]: null })).status).toBe(200);
  });

  it('refuses a mask behind which nothing is stored (400)', async () => {
    const { status, body } = await rig.send('POST', '/gateways', { ...FILES, env: { constructor: '*****' } });
    expect(status).toBe(400);
    expect(body.message).toContain('env constructor');
  });

  it('starts nothing that the gateway may not start (400), deferred or not', async () => {
    for (const deferred of [false, true]) {
      const { status, body } = await rig.send('POST', '/gateways', { ...FILES, command: 'rm', deferred });
      expect(status).toBe(400);
      expect(body.message).toContain('may not start rm');
    }
    expect(rig.upstream.targets).toEqual([]);
  });

  it.each(['upstream.not_started', 'upstream.exited'] as const)('passes on %s with its steps and saves nothing (502)', async (code) => {
    const steps = [{ step: 'start', ok: false, detail: 'exit code 1' }];
    rig.upstream.failure = new AppError(code, 'Files ended: no such module.', { data: { steps } });
    const { status, body } = await rig.send('POST', '/gateways', FILES);
    expect(status).toBe(502);
    expect(body).toMatchObject({ message: 'Files ended: no such module.', steps });
    expect((await rig.send('GET', '/gateways')).body).toEqual([]);
  });

  it('saves a deferred one without starting it, and starts it on request', async () => {
    const gateway = await registerFiles({ deferred: true });
    expect(gateway).toMatchObject({ state: 'down', transport: 'STDIO', toolCount: 0, lastError: { code: 'upstream.not_started' } });
    expect(rig.upstream.targets).toEqual([]);
    expect((await rig.send('POST', `/gateways/${gateway.id}/refresh`)).body).toMatchObject({ success: true, toolsAdded: 2 });
    expect(rig.upstream.targets).toMatchObject([{ transport: 'STDIO', process: SPEC }]);
  });

  it('can be mirrored like any other', async () => {
    const { id } = await registerFiles();
    const answer = await rig.send('POST', '/servers', { server: { name: 'm', mirrorGatewayId: id } });
    expect(answer.status).toBe(201);
    expect((await rig.catalog.load()).servers).toMatchObject([{ id: answer.body.id, mirrorGatewayId: id }]);
  });
});

describe('changing a STDIO gateway', () => {
  it('keeps what is not mentioned and starts nothing for a new name', async () => {
    const { id } = await registerFiles();
    const { status, body } = await rig.send('PUT', `/gateways/${id}`, { name: 'Papers', args: null, env: null, command: null, url: null });
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: 'Papers', transport: 'STDIO', command: 'npx', args: FILES.args, cwd: FILES.cwd });
    expect(rig.upstream.targets).toHaveLength(1);
    expect(await loaded(id)).toMatchObject({ process: SPEC });
  });

  it('can be sent back as it was read, with no contact and no loss', async () => {
    const gateway = await registerFiles();
    expect((await rig.send('PUT', `/gateways/${gateway.id}`, gateway)).status).toBe(200);
    expect(rig.upstream.targets).toHaveLength(1);
    expect(await loaded(gateway.id)).toMatchObject({ process: SPEC, stdioIsolation: 'session' });
  });

  it('an HTTP gateway can be sent back as it was read too', async () => {
    const gateway = await rig.register({ auth_type: 'bearer', auth_token: 'abc' });
    expect(gateway).toMatchObject({ command: null, args: null, env: null, cwd: null, stdioIsolation: null });
    expect((await rig.send('PUT', `/gateways/${gateway.id}`, { ...gateway, description: 'd' })).status).toBe(200);
    expect(rig.upstream.targets).toHaveLength(1);
  });

  it.each([
    ['command', { command: 'node' }, { command: 'node' }],
    ['args', { args: [] }, { args: [] }],
    ['cwd', { cwd: null }, { cwd: undefined }],
    ['env', { env: { API_KEY: '*****', MORE: '1' } }, { env: { API_KEY: SECRET, MORE: '1' } }],
  ])('tries another %s before saving it; when that fails nothing is saved (502)', async (_, change, expected) => {
    const { id } = await registerFiles();
    rig.upstream.failure = new AppError('upstream.exited', 'It ended.');
    expect((await rig.send('PUT', `/gateways/${id}`, change)).status).toBe(502);
    expect(await loaded(id)).toMatchObject({ process: SPEC });
    rig.upstream.failure = undefined;
    expect((await rig.send('PUT', `/gateways/${id}`, change)).status).toBe(200);
    expect((await loaded(id))?.process).toEqual({ ...SPEC, ...expected });
    expect(rig.upstream.targets.at(-1)?.process).toEqual({ ...SPEC, ...expected });
  });

  it('changes the isolation without contact', async () => {
    const { id } = await registerFiles();
    expect((await rig.send('PUT', `/gateways/${id}`, { stdioIsolation: 'shared' })).body.stdioIsolation).toBe('shared');
    expect(rig.upstream.targets).toHaveLength(1);
  });

  it('becomes an HTTP gateway and back, keeping nothing that belongs to the other', async () => {
    const { id } = await registerFiles();
    const refused = await rig.send('PUT', `/gateways/${id}`, { url: 'http://h.example/sse' });
    expect(refused.status).toBe(422);
    expect(refused.body.detail[0]).toMatchObject({ loc: ['body', 'url'], msg: expect.stringContaining('send the new transport') });
    expect((await rig.send('PUT', `/gateways/${id}`, { transport: 'SSE' })).body.detail[0].loc).toEqual(['body', 'url']);
    const http = await rig.send('PUT', `/gateways/${id}`, { transport: 'SSE', url: 'http://h.example/sse', auth_type: 'bearer', auth_token: 'abc' });
    expect(http.body).toMatchObject({ transport: 'SSE', url: 'http://h.example/sse', command: null, env: null, stdioIsolation: null });
    expect(rig.upstream.targets.at(-1)).toMatchObject({ transport: 'SSE', process: undefined, headers: [['authorization', 'Bearer abc']] });
    expect(JSON.stringify(await rig.database.db.selectFrom('gateways').selectAll().execute())).toContain('"process_env":null');
    expect((await rig.send('PUT', `/gateways/${id}`, { command: 'node' })).status).toBe(422);
    const stdio = await rig.send('PUT', `/gateways/${id}`, { transport: 'STDIO', command: 'node' });
    expect(stdio.body).toMatchObject({ transport: 'STDIO', url: null, command: 'node', env: {}, authType: null, stdioIsolation: 'auto' });
    expect(await loaded(id)).toMatchObject({ headers: [], process: { command: 'node', args: [], env: {} } });
  });

  it('mends an environment whose secret was lost by sending it again, and only so', async () => {
    const { id } = await registerFiles();
    await rig.database.change((tx) => tx.updateTable('gateways').set({ process_env: 'v1:lost' }).where('id', '=', id).execute());
    expect((await rig.send('GET', `/gateways/${id}`)).body.env).toEqual({});
    for (const body of [{ description: 'd' }, { env: { API_KEY: '*****' } }])
      expect((await rig.send('PUT', `/gateways/${id}`, body)).status).toBe(400);
    expect((await rig.send('PUT', `/gateways/${id}`, { env: FILES.env })).status).toBe(200);
    expect(await loaded(id)).toMatchObject({ enabled: true, process: SPEC });
  });

  it('a reading of what was meanwhile replaced is thrown away (409)', async () => {
    const { id } = await registerFiles();
    let open = (): void => {};
    rig.upstream.gate = new Promise((resolve) => (open = resolve));
    const refresh = rig.send('POST', `/gateways/${id}/refresh`);
    await expect.poll(() => rig.upstream.targets.length).toBe(2);
    rig.upstream.gate = Promise.resolve();
    expect((await rig.send('PUT', `/gateways/${id}`, { args: ['other'] })).status).toBe(200);
    open();
    expect((await refresh).status).toBe(409);
  });

  it('when no process is free switching on still does, and does not call the server down', async () => {
    const { id } = await registerFiles();
    await rig.send('POST', `/gateways/${id}/state?activate=false`);
    rig.upstream.failure = new AppError('limit.processes', 'As many run as may.');
    const { status, body } = await rig.send('POST', `/gateways/${id}/state?activate=true`);
    expect(status).toBe(200);
    expect(body.gateway).toMatchObject({ enabled: true, state: 'ready' });
  });
});

describe('who may run programs', () => {
  it('administrators only: others neither register nor change, switch, read again or delete one, whoever owns it (403)', async () => {
    expect((await rig.send('POST', '/gateways', FILES, { as: 'ann' })).status).toBe(403);
    expect((await rig.send('POST', '/gateways', { name: 'x', command: 'node' }, { as: 'ann' })).status).toBe(403);
    const { id } = await registerFiles();
    await rig.database.change((tx) => tx.updateTable('gateways').set({ owner_email: 'ann@example.com' }).where('id', '=', id).execute());
    for (const [method, path, body] of [
      ['PUT', '', { description: 'mine' }],
      ['PUT', '', { args: ['-e', 'x'] }],
      ['PUT', '', { transport: 'SSE', url: 'http://h.example/sse' }],
      ['DELETE', ''],
      ['POST', '/state?activate=true'],
      ['POST', '/toggle?activate=false'],
      ['POST', '/refresh'],
    ] as const) {
      const answer = await rig.send(method, `/gateways/${id}${path}`, body, { as: 'ann' });
      expect(answer.status, `${method} ${path}`).toBe(403);
      expect(answer.body.message).toContain('administrators');
    }
    expect(rig.upstream.targets).toHaveLength(1);
    expect(rig.changes.at(-1)).toMatchObject({ action: 'refresh', httpStatus: 403, errorCode: 'access.denied' });
  });

  it('nor does an owner turn an HTTP gateway of their own into a program (403)', async () => {
    const { id } = await rig.register({}, 'ann');
    expect((await rig.send('PUT', `/gateways/${id}`, { transport: 'STDIO', command: 'node' }, { as: 'ann' })).status).toBe(403);
    expect(rig.upstream.targets).toHaveLength(1);
  });

  it('others see that it is there, not what it runs', async () => {
    const { id } = await registerFiles();
    const hidden = { transport: 'STDIO', command: null, args: null, env: null, cwd: null, stdioIsolation: null };
    expect((await rig.send('GET', `/gateways/${id}`, undefined, { as: 'bob' })).body).toMatchObject(hidden);
    expect((await rig.send('GET', '/gateways', undefined, { as: 'bob' })).body).toMatchObject([hidden]);
    expect((await rig.send('GET', '/gateways')).body).toMatchObject([{ command: 'npx' }]);
  });
});

describe('a transport nobody named', () => {
  it.each(['SSE', 'STREAMABLEHTTP'] as const)('is found out, and %s is kept', async (transport) => {
    rig.upstream.transport = transport;
    const gateway = await rig.register();
    expect(rig.upstream.targets[0]?.transport).toBeUndefined();
    expect(gateway).toMatchObject({ transport, url: 'http://127.0.0.1:9/mcp' });
    expect(await loaded(gateway.id)).toMatchObject({ transport, process: undefined, stdioIsolation: 'auto' });
    await rig.send('POST', `/gateways/${gateway.id}/refresh`);
    expect(rig.upstream.targets[1]?.transport).toBe(transport);
  });

  it.each([
    ['http://h.example/sse', 'SSE'],
    ['http://h.example/a/sse/?key=1', 'SSE'],
    ['http://h.example/ssee', 'STREAMABLEHTTP'],
    ['http://h.example/mcp?next=/sse', 'STREAMABLEHTTP'],
  ])('is guessed from %s while nobody has asked', async (url, transport) => {
    expect(await rig.register({ url, transport: null, deferred: true })).toMatchObject({ transport, state: 'down' });
  });

  it('is asked for in the way that is named', async () => {
    expect(await rig.register({ transport: 'sse' })).toMatchObject({ transport: 'SSE' });
    expect(rig.upstream.targets[0]).toMatchObject({ transport: 'SSE' });
  });

  it('stays as it was in an update without one, and is tried when another is named', async () => {
    const { id } = await rig.register({ transport: 'SSE' });
    expect((await rig.send('PUT', `/gateways/${id}`, { description: 'd' })).body.transport).toBe('SSE');
    expect((await rig.send('PUT', `/gateways/${id}`, { transport: 'sse' })).body.transport).toBe('SSE');
    expect(rig.upstream.targets).toHaveLength(1);
    expect((await rig.send('PUT', `/gateways/${id}`, { transport: 'streamable-http' })).body.transport).toBe('STREAMABLEHTTP');
    expect(rig.upstream.targets[1]?.transport).toBe('STREAMABLEHTTP');
  });
});

it('a mask of this installation keeps values as the usual one does', async () => {
  const own = await openRig({ maskedAuthValue: '(hidden)' });
  try {
    const gateway = (await own.send('POST', '/gateways', FILES)).body;
    expect(gateway.env).toEqual({ API_KEY: '(hidden)', MODE: '(hidden)' });
    await own.send('PUT', `/gateways/${gateway.id}`, { env: { API_KEY: '(hidden)' } });
    expect((await own.catalog.load()).upstreams[0]?.process?.env).toEqual({ API_KEY: SECRET });
  } finally {
    await own.close();
  }
});
