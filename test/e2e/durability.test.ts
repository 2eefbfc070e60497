import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { postModern } from '../fixture/test-client.ts';
import { startGateway, type GatewayOptions, type StartedGateway } from '../kit/gateway.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
let fixture: Fixture;
const started: StartedGateway[] = [];

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcpgateway-durability-'));
});
afterEach(() => {
  for (const gateway of started.splice(0)) gateway.process.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: GatewayOptions = {}): Promise<StartedGateway> {
  const gateway = await startGateway({ folder, ...options });
  started.push(gateway);
  return gateway;
}

/** What the gateway has promised to keep: the last acknowledged name of each server, or undefined when its deletion was acknowledged. */
type Promised = Map<string, { readonly names: readonly (string | undefined)[] }>;

let counter = 0;

/** Creates, renames and deletes until the gateway is gone. A write that was sent and not answered may or may not have happened. */
async function write(gateway: StartedGateway, gatewayId: string, promised: Promised): Promise<void> {
  for (;;) {
    const name = `server ${++counter}`;
    try {
      const created = await gateway.api('POST', '/servers', { server: { name, mirrorGatewayId: gatewayId } });
      if (created.status !== 201) throw new Error(`POST: ${created.status} ${JSON.stringify(created.body)}`);
      const id = created.body.id as string;
      promised.set(id, { names: [name] });
      if (counter % 3 === 0) {
        promised.set(id, { names: [name, `${name} renamed`] });
        const renamed = await gateway.api('PUT', `/servers/${id}`, { name: `${name} renamed` });
        if (renamed.status !== 200) throw new Error(`PUT: ${renamed.status} ${JSON.stringify(renamed.body)}`);
        promised.set(id, { names: [`${name} renamed`] });
      }
      if (counter % 5 === 0) {
        const before = promised.get(id)?.names ?? [];
        promised.set(id, { names: [...before, undefined] });
        const deleted = await gateway.api('DELETE', `/servers/${id}`);
        if (deleted.status !== 200) throw new Error(`DELETE: ${deleted.status} ${JSON.stringify(deleted.body)}`);
        promised.set(id, { names: [undefined] });
      }
    } catch (error) {
      // The process is gone: fetch breaks off. Whatever it answered is not allowed to be an error.
      if (error instanceof TypeError) return;
      throw error;
    }
  }
}

test('kill -9 in the middle of a burst of writes loses no acknowledged write, round after round', async () => {
  const promised: Promised = new Map();
  let gateway = await start();
  const { gatewayId } = await gateway.registerMirror(fixture.url);
  for (let round = 0; round < 4; round++) {
    const before = promised.size;
    const writers = Array.from({ length: 6 }, () => write(gateway, gatewayId, promised));
    while (promised.size < before + 20 + Math.floor(Math.random() * 60)) await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
    await gateway.stop('SIGKILL');
    await Promise.all(writers);

    gateway = await start();
    const { body } = await gateway.api('GET', '/servers?limit=0');
    const found = new Map((body as { id: string; name: string }[]).map((row) => [row.id, row.name]));
    for (const [id, { names }] of promised) expect(names, `server ${id} after round ${round}`).toContain(found.get(id));
    // What is there is served over MCP, and what is not is not.
    const auth = { authorization: `Bearer ${gateway.token}` };
    for (const id of [...promised.keys()].slice(-25)) {
      const response = await postModern(
        `${gateway.url}/servers/${id}/mcp`,
        'tools/call',
        { name: 'echo_arguments', arguments: {} },
        { headers: auth },
      );
      expect(response.status).toBe(found.has(id) ? 200 : 404);
      await response.text();
    }
  }
  expect(promised.size).toBeGreaterThan(80);
  expect(await gateway.stop()).toBe(0);
});

test('what was acknowledged is in the snapshot of the very next call', async () => {
  const gateway = await start();
  const { gatewayId, serverId, mcpUrl } = await gateway.registerMirror(fixture.url);
  const status = async (): Promise<number> => {
    const response = await postModern(
      mcpUrl,
      'tools/call',
      { name: 'echo_arguments', arguments: {} },
      { headers: { authorization: `Bearer ${gateway.token}` } },
    );
    await response.text();
    return response.status;
  };
  for (let i = 0; i < 10; i++) {
    for (const [path, isActive] of [
      [`/servers/${serverId}`, false],
      [`/servers/${serverId}`, true],
      [`/gateways/${gatewayId}`, false],
      [`/gateways/${gatewayId}`, true],
    ] as const) {
      await gateway.api('POST', `${path}/state?activate=${isActive}`);
      expect(await status()).toBe(isActive ? 200 : 404);
    }
  }
});

test('two processes on one file see each other’s changes, and neither loses or blocks the other’s', async () => {
  const first = await start();
  const second = await start();
  const { gatewayId } = await first.registerMirror(fixture.url);
  const create = async (gateway: StartedGateway, name: string): Promise<string> => {
    const { status, body } = await gateway.api('POST', '/servers', { server: { name, mirrorGatewayId: gatewayId } });
    expect(status, JSON.stringify(body)).toBe(201);
    return body.id as string;
  };
  const ids = await Promise.all(Array.from({ length: 40 }, (_, i) => create(i % 2 === 0 ? first : second, `shared ${i}`)));
  const served = async (gateway: StartedGateway, id: string): Promise<boolean> => {
    const response = await postModern(
      `${gateway.url}/servers/${id}/mcp`,
      'tools/call',
      { name: 'echo_arguments', arguments: {} },
      { headers: { authorization: `Bearer ${gateway.token}` } },
    );
    await response.text();
    return response.status === 200;
  };
  for (const gateway of [first, second]) for (const id of ids) await expect.poll(() => served(gateway, id), { timeout: 10_000 }).toBe(true);
  await second.api('DELETE', `/servers/${ids[0]}`);
  await expect.poll(() => served(first, ids[0] as string), { timeout: 10_000 }).toBe(false);
  await second.stop('SIGKILL');
  await create(first, 'after the other was killed');
  expect(await first.stop()).toBe(0);
});

test('secrets that were made at the first start are the same at the next, also after kill -9', async () => {
  const unset: GatewayOptions = { prefix: ['env', '-u', 'JWT_SECRET_KEY', '-u', 'AUTH_ENCRYPTION_SECRET'] };
  let gateway = await start(unset);
  const token = execFileSync(process.execPath, ['--conditions=source', join(ROOT, 'src/main.ts'), 'token', '--username', 'admin@example.com'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], DATABASE_URL: `sqlite:///${join(folder, 'gateway.db')}` },
    encoding: 'utf8',
  }).trim();
  const registered = await gateway.api(
    'POST',
    '/gateways',
    { name: 'with a credential', url: fixture.url, auth_type: 'bearer', auth_token: 'upstream-credential' },
    { token },
  );
  expect(registered.status, JSON.stringify(registered.body)).toBe(200);
  const server = await gateway.api('POST', '/servers', { server: { name: 'm', mirrorGatewayId: registered.body.id } }, { token });
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await gateway.stop(signal);
    gateway = await start(unset);
    const response = await postModern(
      `${gateway.url}/servers/${server.body.id}/mcp`,
      'tools/call',
      { name: 'echo_params', arguments: {} },
      { headers: { authorization: `Bearer ${token}` } },
    );
    expect(await response.text()).toContain('Bearer upstream-credential');
  }
  const [secrets] = readdirSync(folder).filter((name) => name.includes('secrets'));
  expect(statSync(join(folder, secrets ?? '')).mode & 0o777).toBe(0o600);
});
