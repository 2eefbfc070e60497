// A newcomer's first minute: the mcp.json they have, one command, a table that says what became of each server, and a snippet that
// works as it was printed. Then the second start, with the file changed.
import '../kit/event-source-build.ts';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, TEST_SECRET, type StartedGateway } from '../kit/gateway.ts';
import { startEverythingServer, type EverythingServer } from '../sessions/everything-server.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const LAST_LINE = 'Any other client (streamable HTTP)';
const HANG_SECONDS = 5;

function program(name: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`@modelcontextprotocol/${name}/package.json`)), 'dist/index.js');
}

let folder: string;
let remote: EverythingServer;
let gateway: StartedGateway;

const FILE = (): string => `{
  // as Claude Desktop has it, with what editors add
  "mcpServers": {
    "everything": { "command": "${process.execPath}", "args": ["${program('server-everything')}", "stdio"] },
    "@me/memory": {
      "command": "node",
      "args": ["${program('server-memory')}"],
      "env": { "MEMORY_FILE_PATH": "\${workspaceFolder}/memory.json" },
    },
    "remote": { "url": "${remote.url}", "headers": { "X-Key": "\${env:REMOTE_KEY}" } },
    "broken": { "command": "there-is-no-such-program" },
    "hung": { "command": "node", "args": ["-e", "setInterval(() => {}, 1000)"] },
    "off": { "command": "node", "disabled": true },
  },
}`;

const start = (): Promise<StartedGateway> =>
  startGateway({ folder, args: ['--config', 'mcp.json'], env: { FEDERATION_TIMEOUT: String(HANG_SECONDS), REMOTE_KEY: 'k', HOME: folder } });

function run(words: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['--conditions=source', MAIN, ...words], {
    cwd: folder,
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      PORT: '0',
      DATABASE_URL: `sqlite:///${join(folder, 'gateway.db')}`,
      JWT_SECRET_KEY: TEST_SECRET,
      AUTH_ENCRYPTION_SECRET: `${TEST_SECRET}-encryption`,
      FEDERATION_TIMEOUT: String(HANG_SECONDS),
      REMOTE_KEY: 'k',
    },
  });
}

/** The snippet printed for a client, with the token filled in. */
function snippetFor(client: string): { mcpServers: { gateway: Record<string, unknown> } } {
  const lines = gateway.output().split('\n');
  const from = lines.findIndex((line) => line.startsWith(`${client} (`)) + 1;
  const text = lines.slice(from, lines.indexOf('', from)).join('\n');
  const filled = text
    .replaceAll('YOUR_TOKEN', gateway.token)
    .replaceAll('YOUR_JWT_SECRET_KEY', TEST_SECRET)
    .replaceAll('YOUR_AUTH_ENCRYPTION_SECRET', `${TEST_SECRET}-encryption`);
  return JSON.parse(filled) as { mcpServers: { gateway: Record<string, unknown> } };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'first-minute-'));
  remote = await startEverythingServer();
  writeFileSync(join(folder, 'mcp.json'), FILE());
  gateway = await start();
});

afterAll(async () => {
  await gateway?.stop();
  await remote?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('the first start', () => {
  it('listens at once, and waits for nobody longer than a registration may take', async () => {
    // It answered /health before; what hangs takes its time still.
    expect(gateway.output()).toContain('starting 6 of mcp.json');
    expect(gateway.output()).not.toContain(LAST_LINE);
    await expect.poll(() => gateway.output(), { timeout: 60_000, interval: 100 }).toContain(LAST_LINE);
  });

  it('says of each server what became of it, and of those that fail why and what to do', () => {
    const output = gateway.output();
    expect(output).toMatch(/^ {2}everything +stdio +ready +1\d /m);
    expect(output).toMatch(/^ {2}@me\/memory +stdio +ready +9 /m);
    expect(output).toMatch(/^ {2}remote +HTTP +ready +1\d /m);
    expect(output).toMatch(/^ {2}broken +stdio +failing .*\n +Its command "there-is-no-such-program" was not found\. Install it/m);
    expect(output).toMatch(/^ {2}hung +stdio +failing .*\n +It did not answer in time/m);
    expect(output).toMatch(/^ {2}off +– +off /m);
    expect(output).not.toContain(gateway.token);
  });

  it('saves them as gateways, also those that will come up later', async () => {
    const { body } = await gateway.api('GET', '/gateways');
    const rows = body as { name: string; createdVia: string; state: string }[];
    expect(rows.map(({ name }) => name).toSorted()).toEqual(['broken', 'everything', 'hung', 'me-memory', 'remote']);
    expect(new Set(rows.map(({ createdVia }) => createdVia))).toEqual(new Set(['mcp-config']));
    expect(JSON.stringify(rows)).not.toContain('"X-Key","value":"k"');
  });

  it('prints snippets that work as they are, over HTTP and as a program', async () => {
    const { url, headers } = snippetFor('Cursor').mcpServers.gateway as { url: string; headers: Record<string, string> };
    const overHttp = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
    const { command, args, env } = snippetFor('Claude Desktop').mcpServers.gateway as {
      command: string;
      args: string[];
      env: Record<string, string>;
    };
    const asProgram = new StdioClientTransport({ command, args, env: { ...env, PATH: process.env['PATH'] ?? '' }, cwd: tmpdir(), stderr: 'ignore' });
    for (const transport of [overHttp, asProgram]) {
      const client = new Client({ name: 'newcomer', version: '1' });
      await client.connect(transport);
      const names = (await client.listTools()).tools.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(['everything-echo', 'remote-echo', 'me-memory-read-graph']));
      const result = await client.callTool({ name: 'everything-echo', arguments: { message: 'hello' } });
      expect(JSON.stringify(result.content)).toContain('Echo: hello');
      await client.close();
    }
  });
});

describe('doctor and config', () => {
  it('doctor reads every gateway and names those that are ill', () => {
    const { status, stdout } = run(['doctor', '--json', '--config', 'mcp.json']);
    const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: { name: string; state: string; detail: string; remedy: string | null }[] };
    expect({ status, ok }).toEqual({ status: 1, ok: false });
    const stateOf = Object.fromEntries(checks.map(({ name, state }) => [name, state]));
    expect(stateOf).toMatchObject({
      'gateway everything': 'ok',
      'gateway me-memory': 'ok',
      'gateway remote': 'ok',
      'gateway broken': 'fail',
      'gateway hung': 'fail',
      database: 'ok',
    });
    for (const { state, remedy, detail } of checks) if (state === 'fail') expect(remedy ?? detail).toMatch(/\w{4}/);
  });

  it('config shows where each value comes from, and no secret', () => {
    const { status, stdout } = run(['config', '--changed']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^FEDERATION_TIMEOUT=5 +# in the environment$/m);
    expect(stdout).toMatch(/^JWT_SECRET_KEY=\*\*\* +# in the environment$/m);
    expect(stdout).not.toContain(TEST_SECRET);
  });
});

describe('the second start', () => {
  it('follows the file: what is gone is removed, what has changed is updated, what is the same is left alone', async () => {
    const before = (await gateway.api('GET', '/gateways')).body as { name: string; id: string; version: number }[];
    await gateway.stop();
    const file = {
      mcpServers: { everything: { command: process.execPath, args: [program('server-everything'), 'stdio'] }, 'me-memory': { url: remote.url } },
    };
    writeFileSync(join(folder, 'mcp.json'), JSON.stringify(file));
    gateway = await start();
    await expect.poll(() => gateway.output(), { timeout: 60_000, interval: 100 }).toContain(LAST_LINE);
    expect(gateway.output()).toMatch(/^ {2}hung +stdio +removed/m);
    const after = (await gateway.api('GET', '/gateways')).body as { name: string; id: string; version: number; transport: string }[];
    expect(after.map(({ name }) => name).toSorted()).toEqual(['everything', 'me-memory']);
    for (const row of after) expect(row.id).toBe(before.find(({ name }) => name === row.name)?.id);
    expect(after.find(({ name }) => name === 'everything')?.version).toBe(before.find(({ name }) => name === 'everything')?.version);
    expect(after.find(({ name }) => name === 'me-memory')).toMatchObject({ transport: 'STREAMABLEHTTP' });
  });

  it('a file with a fault starts nothing and names file, server and field', () => {
    writeFileSync(join(folder, 'bad.json'), '{"mcpServers":{"one":{"command":"node","args":"x"}}}');
    expect(run(['--config', 'bad.json'])).toMatchObject({
      status: 2,
      stdout: '',
      stderr: 'bad.json has a fault:\n  server "one", args: is not a list; write ["one", "two"], one text for each argument.\n',
    });
  });
});
