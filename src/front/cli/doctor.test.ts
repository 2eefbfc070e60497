import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '#base/config';
import { AppError } from '#base/kernel';
import type { Check } from './doctor-checks.ts';
import { thisMachine, type Machine } from './doctor-machine.ts';
import { doctorJson, doctorText, isWell } from './doctor-report.ts';
import { runDoctor, type DoctorParts } from './doctor.ts';
import { painter } from './paint.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'doctor-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const SOUND = { sqliteVersion: '3.53.0', problem: undefined, pendingMigrations: 0, newestChange: '2026-11-21T10:00:00.000Z' };

/** A machine on which nothing is wrong, but for what a test says. */
function examine(machine: Partial<Machine> = {}, more: Partial<DoctorParts> & { env?: Record<string, string> } = {}): Promise<Check[]> {
  const env = more.env ?? {};
  return runDoctor({
    machine: {
      nodeVersion: '26.10.0',
      nowMs: Date.parse('2026-11-21T12:00:00Z'),
      exists: () => true,
      canWrite: () => true,
      modeOf: () => 0o600,
      freeBytes: async () => 10 * 1024 ** 3,
      findProgram: (name) => `/usr/bin/${name}`,
      askHealth: async () => 'nobody',
      tryListen: async () => undefined,
      inspectDatabase: () => SOUND,
      ...machine,
    },
    cwd,
    mcpConfig: undefined,
    load: () => loadConfig({ env, cwd, keepsSecrets: false }),
    examine: async () => [],
    ...more,
    env,
  });
}

const troubles = (checks: readonly Check[]): Check[] => checks.filter(({ state }) => state !== 'ok');

describe('what is checked', () => {
  it('a machine on which nothing is wrong is told so', async () => {
    const checks = await examine();
    expect(troubles(checks)).toEqual([]);
    expect(checks.map(({ name }) => name)).toEqual([
      'Node',
      'configuration',
      'file permissions',
      'database',
      'disk',
      'clock',
      'port',
      'stdio commands',
      'gateways',
    ]);
  });

  it.each<[string, Partial<Machine>, Partial<Check>]>([
    ['an old Node', { nodeVersion: '20.1.0' }, { name: 'Node', state: 'fail' }],
    ['secrets that others can read', { modeOf: () => 0o644 }, { name: 'file permissions', state: 'warn' }],
    ['a database that cannot be written', { canWrite: () => false }, { name: 'database', state: 'fail' }],
    ['a damaged database', { inspectDatabase: () => ({ ...SOUND, problem: 'it is damaged' }) }, { name: 'database', state: 'fail' }],
    ['an older database', { inspectDatabase: () => ({ ...SOUND, pendingMigrations: 1 }) }, { name: 'database', state: 'warn' }],
    ['a full disk', { freeBytes: async () => 1024 }, { name: 'disk', state: 'fail' }],
    ['a disk that is nearly full', { freeBytes: async () => 100 * 1024 ** 2 }, { name: 'disk', state: 'warn' }],
    ['a clock that was set back', { nowMs: Date.parse('2020-01-01T00:00:00Z') }, { name: 'clock', state: 'fail' }],
    ['another program on the port', { askHealth: async () => 'other' }, { name: 'port', state: 'fail' }],
    ['a port that may not be used', { tryListen: async () => 'EACCES' }, { name: 'port', state: 'fail' }],
  ])('%s is found and says what to do', async (_what, machine, expected) => {
    const [first] = troubles(await examine(machine));
    expect(first).toMatchObject({ ...expected, remedy: expect.stringMatching(/\w{4}/) as string });
  });

  it('a gateway of ours on the port is no trouble, nor is a database that is not there yet', async () => {
    const checks = await examine({ askHealth: async () => 'gateway', exists: () => false });
    expect(troubles(checks)).toEqual([]);
    expect(checks.find(({ name }) => name === 'port')?.detail).toContain('a gateway is running');
    expect(checks.find(({ name }) => name === 'database')?.detail).toContain('the first start makes it');
  });

  it('faults of the configuration end it, warnings and settings without effect are told', async () => {
    expect(troubles(await examine({}, { env: { PORT: 'x' } }))).toMatchObject([{ name: 'configuration', state: 'fail' }]);
    const warned = troubles(await examine({}, { env: { JWT_SECRET_KEY: 'my-test-key', ENVIROMENT: 'x', RELOAD: 'true' } })).map(
      ({ detail }) => detail,
    );
    expect(warned).toEqual([
      expect.stringContaining('well-known example value'),
      expect.stringContaining('was ENVIRONMENT meant?'),
      expect.stringContaining('RELOAD: not applicable'),
    ]);
    const weak = await examine({}, { env: { JWT_SECRET_KEY: 'my-test-key', ENVIRONMENT: 'production' } });
    expect(troubles(weak)).toMatchObject([{ state: 'fail', detail: expect.stringContaining('JWT_SECRET_KEY') as string }]);
  });

  it('a command is missed when somebody has listed or needs it, not because it is allowed by default', async () => {
    const findProgram = (name: string): string | undefined => (name === 'node' ? '/usr/bin/node' : undefined);
    expect(troubles(await examine({ findProgram }))).toEqual([]);
    const listed = await examine({ findProgram }, { env: { MCPGATEWAY_STDIO_COMMANDS: 'node,uvx' } });
    expect(troubles(listed)).toMatchObject([{ state: 'warn', detail: 'found: node; not found: uvx' }]);
    writeFileSync(join(cwd, 'mcp.json'), '{"mcpServers":{"a":{"command":"uvx"}}}');
    expect(troubles(await examine({ findProgram }, { mcpConfig: 'mcp.json' }))).toMatchObject([{ state: 'fail', detail: 'uvx was not found' }]);
  });

  it('each gateway is read; what fails has its reason and remedy', async () => {
    const checks = await examine(
      {},
      {
        examine: async () => [
          { name: 'a', state: 'ready', detail: 'answers', remedy: undefined },
          { name: 'b', state: 'failing', detail: 'connection refused', remedy: 'Start it.' },
          { name: 'c', state: 'off', detail: 'switched off', remedy: undefined },
        ],
      },
    );
    expect(troubles(checks)).toEqual([{ name: 'gateway b', state: 'fail', detail: 'connection refused', remedy: 'Start it.' }]);
    const broken = await examine({}, { examine: () => Promise.reject(new AppError('database.unavailable', 'The database did not answer.')) });
    expect(troubles(broken)).toMatchObject([{ name: 'gateways', detail: 'The database did not answer.' }]);
  });
});

it('the report has a line for each finding, remedies below, and a sum', () => {
  const checks: Check[] = [
    { name: 'Node', state: 'ok', detail: '26.10.0', remedy: undefined },
    { name: 'port', state: 'fail', detail: 'another program listens at 127.0.0.1, port 4444', remedy: 'Stop it, or set PORT to another number.' },
  ];
  expect(doctorText(checks, painter(false))).toBe(`ok    Node  26.10.0
fail  port  another program listens at 127.0.0.1, port 4444
            → Stop it, or set PORT to another number.

1 thing must be mended.
`);
  expect(JSON.parse(doctorJson(checks))).toMatchObject({ ok: false, checks: [{ remedy: null }, { state: 'fail' }] });
  expect(isWell(checks.slice(0, 1))).toBe(true);
});

describe('this machine', () => {
  it('tells a gateway on a port from another program and from nobody', async () => {
    const machine = thisMachine({});
    const gateway = createServer((_request, response) => response.end('{"status":"healthy"}')).listen(0, '127.0.0.1');
    const web = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
    const mute = createTcpServer((socket) => socket.resume().end('SSH-2.0\r\n')).listen(0, '127.0.0.1');
    await Promise.all([gateway, web, mute].map((server) => once(server, 'listening')));
    const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
    expect(await machine.askHealth('127.0.0.1', portOf(gateway), '')).toBe('gateway');
    expect(await machine.askHealth('0.0.0.0', portOf(web), '')).toBe('other');
    expect(await machine.askHealth('127.0.0.1', portOf(mute), '')).toBe('other');
    expect(await machine.tryListen('127.0.0.1', portOf(web))).toBe('EADDRINUSE');
    const port = portOf(mute);
    await Promise.all([gateway, web, mute].map((server) => new Promise((resolve) => server.close(resolve))));
    expect(await machine.askHealth('127.0.0.1', port, '')).toBe('nobody');
    expect(await machine.tryListen('127.0.0.1', port)).toBeUndefined();
  });

  it('finds programs on the PATH it is given, and by their path', () => {
    expect(thisMachine({ PATH: '/nowhere:/bin' }).findProgram('sh')).toBe('/bin/sh');
    expect(thisMachine({}).findProgram('sh')).toBeUndefined();
    expect(thisMachine({}).findProgram('/bin/sh')).toBe('/bin/sh');
  });

  it('looks at a database without changing it', () => {
    const path = join(cwd, 'x.db');
    writeFileSync(path, 'not a database, but long enough to be taken for one '.repeat(20));
    expect(thisMachine({}).inspectDatabase(path).problem).toContain('not a database');
  });
});
