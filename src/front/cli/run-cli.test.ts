import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '#base/kernel';
import type { CliCommands, CliSurroundings, RunningGateway } from './commands.ts';
import { programWords, runCli } from './run-cli.ts';

const unasked = (): Promise<never> => Promise.reject(new Error('no server was to be touched'));
const NO_UPSTREAMS: RunningGateway['upstreams'] = {
  list: async () => ({ rows: [], nextCursor: null }),
  get: unasked,
  register: unasked,
  update: unasked,
  setEnabled: unasked,
  remove: unasked,
  refresh: unasked,
};

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'cli-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly calls: unknown[][];
}

/** Runs one command line against commands that only write down what they were asked. */
async function run(
  words: string[],
  options: { env?: Record<string, string>; isTerminal?: boolean; commands?: Partial<CliCommands> } = {},
): Promise<Run> {
  const calls: unknown[][] = [];
  let out = '';
  let err = '';
  const commands: CliCommands = {
    async serve({ config }) {
      calls.push(['serve', config.http.host, config.http.port]);
      return { port: 5555, stopping: Promise.resolve(), stopped: Promise.resolve(), upstreams: NO_UPSTREAMS };
    },
    async stdio({ config }, { server, auth }) {
      calls.push(['stdio', config.database.path, server, auth]);
    },
    async examine() {
      calls.push(['examine']);
      return [];
    },
    async migrate({ config }) {
      calls.push(['migrate', config.database.path]);
      return 'nothing to do';
    },
    async issueToken({ config }, spec) {
      calls.push(['issue', config.jwt.algorithm, config.jwt.secretKey.reveal(), spec]);
      return 'the.made.token';
    },
    async revokeToken(_loaded, jti, expiresAt) {
      calls.push(['revoke', jti, expiresAt?.toISOString()]);
    },
    ...options.commands,
  };
  const surroundings: CliSurroundings = {
    env: { DATABASE_URL: 'sqlite:///./mcp.db', ...options.env },
    cwd,
    isTerminal: options.isTerminal ?? false,
    program: 'mcpgateway',
    commandWords: ['/usr/bin/node', '/opt/mcpgateway.cjs'],
    ask: undefined,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
  };
  const code = await runCli(['node', 'mcpgateway', ...words], commands, surroundings);
  return { code, out, err, calls };
}

describe('stdio', () => {
  it('hands on the server and the token, a flag before MCP_AUTH, and leaves standard output to the client', async () => {
    const path = join(cwd, 'mcp.db');
    const env = { MCP_AUTH: 'from.the.environment', ENVIROMENT: 'misspelt' };
    const bare = await run(['stdio']);
    expect(bare).toMatchObject({ code: 0, out: '', calls: [['stdio', path, undefined, undefined]] });
    const told = await run(['stdio', '--server', 'abc'], { env });
    expect(told).toMatchObject({ out: '', calls: [['stdio', path, 'abc', 'from.the.environment']] });
    expect(told.err).toContain('ENVIROMENT');
    expect((await run(['stdio', '--auth', 'from.the.flag'], { env })).calls).toEqual([['stdio', path, undefined, 'from.the.flag']]);
  });

  it('ends with 2 when there is no such server', async () => {
    const commands = { stdio: () => Promise.reject(new AppError('server.not_found', 'Server not found: abc')) };
    expect(await run(['stdio', '--server', 'abc'], { commands })).toMatchObject({ code: 2, out: '', err: 'Server not found: abc\n' });
  });
});

describe('serve', () => {
  it('is what happens without a command, and flags win over the environment', async () => {
    expect((await run([])).calls).toEqual([['serve', '127.0.0.1', 4444]]);
    expect((await run(['--port', '0', '--host', '::1'], { env: { PORT: '7000' } })).calls).toEqual([['serve', '::1', 0]]);
    expect((await run(['serve', '--port', '7001'])).calls).toEqual([['serve', '127.0.0.1', 7001]]);
  });

  it('says where it really listens; a token is made for a terminal only', async () => {
    const piped = await run(['serve']);
    expect(piped.out).toContain('http://127.0.0.1:5555');
    expect(piped.out).not.toContain('the.made.token');
    const seen = await run(['serve'], { isTerminal: true });
    expect(seen.out).toContain('export MCPGATEWAY_BEARER_TOKEN=the.made.token');
    expect(seen.out).toContain('\u001b[');
    expect((await run(['serve'], { isTerminal: true, env: { NO_COLOR: '1' } })).out).not.toContain('\u001b[');
  });

  it('ends with 2 for a configuration fault and 1 for anything else', async () => {
    const faulty = await run(['serve', '--port', 'x'], { env: { LOG_LEVEL: 'loud' } });
    expect(faulty).toMatchObject({ code: 2, calls: [], out: '' });
    expect(faulty.err).toContain('The configuration has 2 faults');
    expect(faulty.err).toContain('PORT (on the command line)');
    const broken = await run(['serve'], { commands: { serve: () => Promise.reject(new Error('a defect')) } });
    expect(broken).toMatchObject({ code: 1, err: expect.stringContaining('a defect') as string });
    const stopped = await run(['serve'], {
      commands: {
        serve: async () => ({
          port: 1,
          stopping: Promise.resolve(),
          stopped: Promise.reject(new AppError('database.unavailable', 'The disk is full.')),
          upstreams: NO_UPSTREAMS,
        }),
      },
    });
    expect(stopped).toMatchObject({ code: 1, err: 'The disk is full.\n' });
  });
});

it('in memory, without a key of its own, the log-in line names no command whose token would be refused', async () => {
  const env = { DATABASE_URL: 'sqlite:///:memory:' };
  expect((await run(['serve'], { env })).out).toContain('Log in   set JWT_SECRET_KEY');
  expect((await run(['serve'], { env: { ...env, JWT_SECRET_KEY: 'my-test-key' } })).out).toContain('$(mcpgateway token');
});

it('a database that cannot be used is named with the reason', async () => {
  const refuse = (): Promise<never> =>
    Promise.reject(new AppError('database.unavailable', 'The database did not answer.', { internal: 'SQLite 26: file is not a database' }));
  for (const [words, commands] of [
    [['serve'], { serve: refuse }],
    [['migrate'], { migrate: refuse }],
  ] as const) {
    expect(await run([...words], { commands })).toMatchObject({
      code: 1,
      err: `The database ${join(cwd, 'mcp.db')} cannot be used.\n  SQLite 26: file is not a database\n`,
    });
  }
});

it('a port that is taken is said in one line', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const serve = async (): Promise<RunningGateway> => {
    await once(createServer().listen(port, '127.0.0.1'), 'listening');
    throw new Error('two programs listen on one port');
  };
  const { code, err } = await run(['serve', '--port', String(port)], { commands: { serve } });
  expect({ code, err }).toEqual({
    code: 2,
    err: `HOST 127.0.0.1, PORT ${port} cannot be listened on: another program listens there (EADDRINUSE).\n`,
  });
  taken.close();
});

describe('token', () => {
  it('prints only the token, as the seeds call it', async () => {
    const { code, out, err, calls } = await run(['token', '--username', 'admin@example.com', '--exp', '10080', '--secret', 'my-test-key']);
    expect({ code, out, err }).toEqual({ code: 0, out: 'the.made.token\n', err: '' });
    expect(calls).toEqual([['issue', 'HS256', 'my-test-key', expect.objectContaining({ username: 'admin@example.com', expiresInMinutes: 10080 })]]);
  });

  it('without a secret signs with the one the gateway uses, and is for the administrator when nobody is named', async () => {
    const { calls } = await run(['token']);
    const kept = JSON.parse(readFileSync(join(cwd, 'mcp.db.secrets.json'), 'utf8')) as { jwtSecretKey: string };
    expect(calls).toEqual([['issue', 'HS256', kept.jwtSecretKey, expect.objectContaining({ username: 'admin@example.com' })]]);
  });

  it('made in a folder where no gateway has run says for which one it is good', async () => {
    expect(await run(['token'])).toMatchObject({ code: 0, out: 'the.made.token\n', err: expect.stringContaining(join(cwd, 'mcp.db')) as string });
    writeFileSync(join(cwd, 'mcp.db'), '');
    expect(await run(['token'])).toMatchObject({ code: 0, err: '' });
  });

  it('takes short flags, algorithm, administration and teams', async () => {
    const { calls } = await run(['token', '-u', 'kim', '-e', '0', '-s', 'k', '--algo', 'HS512', '--admin', '--teams', 'a, b']);
    expect(calls).toEqual([
      ['issue', 'HS512', 'k', expect.objectContaining({ username: 'kim', expiresInMinutes: 0, isAdmin: true, teams: ['a', 'b'] })],
    ]);
    expect((await run(['token', '--teams', '', '-s', 'k'])).calls[0]?.[3]).toMatchObject({ teams: [] });
  });

  it('takes claims as JSON and refuses ones it does not know', async () => {
    const { calls } = await run([
      'token',
      '-s',
      'k',
      '--data',
      '{"sub":"kim","teams":null,"scopes":{"server_id":"s1","permissions":["tools.read"]}}',
    ]);
    expect(calls[0]?.[3]).toMatchObject({ username: 'kim', teams: null, scopes: { serverId: 's1', permissions: ['tools.read'] } });
    expect(await run(['token', '--data', '{"role":"root"}'])).toMatchObject({ code: 2, calls: [], out: '' });
    expect(await run(['token', '--data', 'kim'])).toMatchObject({ code: 2, err: '--data is not JSON.\n' });
  });

  it('a secret that is refused in production is refused here too', async () => {
    expect(await run(['token', '--secret', 'my-test-key'], { env: { ENVIRONMENT: 'production' } })).toMatchObject({ code: 2, calls: [] });
  });
});

describe('token revoke', () => {
  it('takes an id or the token itself', async () => {
    writeFileSync(join(cwd, 'mcp.db'), '');
    const payload = Buffer.from(JSON.stringify({ jti: 'abc', exp: 1_800_000_000 })).toString('base64url');
    expect((await run(['token', 'revoke', 'abc'])).calls).toEqual([['revoke', 'abc', undefined]]);
    expect((await run(['token', 'revoke', `e30.${payload}.sig`])).calls).toEqual([['revoke', 'abc', '2027-01-15T08:00:00.000Z']]);
  });

  it('in a folder without the database says so, instead of making one in which the entry stops nobody', async () => {
    expect(await run(['token', 'revoke', 'abc'])).toMatchObject({ code: 2, calls: [], err: expect.stringContaining(join(cwd, 'mcp.db')) as string });
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('says that a token without an id cannot be revoked', async () => {
    expect(await run(['token', 'revoke', 'e30.e30.sig'])).toMatchObject({
      code: 2,
      calls: [],
      err: expect.stringContaining('no id (jti)') as string,
    });
  });
});

describe('serve --config', () => {
  const upstreams: RunningGateway['upstreams'] = {
    ...NO_UPSTREAMS,
    register: () => Promise.reject(new AppError('upstream.refused_by_guard', 'That address is private.')),
  };
  const commands = { serve: async () => ({ port: 5555, stopping: new Promise<void>(() => {}), stopped: Promise.resolve(), upstreams }) };

  it('says what became of each server and what to paste into which client, with a token for a terminal only', async () => {
    writeFileSync(join(cwd, 'mcp.json'), '{"mcpServers":{"one":{"url":"http://10.0.0.1/mcp"}}}');
    for (const flag of ['--config', '--mcp-config']) {
      const { code, out } = await run([flag, 'mcp.json'], { commands });
      expect(code).toBe(0);
      expect(out).toContain('starting 1 of mcp.json; each has 30 s');
      expect(out).toMatch(/one +– +not saved/);
      expect(out).toContain('That address is private.');
      expect(out).toContain('claude mcp add --transport http gateway http://127.0.0.1:5555/mcp --header "Authorization: Bearer YOUR_TOKEN"');
    }
    const seen = await run(['serve', '--config', 'mcp.json'], { commands, isTerminal: true });
    expect(seen.out).toContain('"Authorization": "Bearer the.made.token"');
    expect(seen.out).not.toContain('YOUR_TOKEN');
    const open = await run(['serve', '--config', 'mcp.json'], { commands, env: { AUTH_REQUIRED: 'false' } });
    expect(open.out).toContain('gateway http://127.0.0.1:5555/mcp\n');
    expect(open.out).not.toContain('Bearer');
  });

  it('a gateway that is stopped while servers start says nothing of them and ends', async () => {
    writeFileSync(join(cwd, 'mcp.json'), '{"mcpServers":{"one":{"url":"http://10.0.0.1/mcp"}}}');
    const hanging = { ...upstreams, register: () => new Promise<never>(() => {}) };
    const serve = async (): Promise<RunningGateway> => ({ port: 1, stopping: Promise.resolve(), stopped: Promise.resolve(), upstreams: hanging });
    const { code, out, err } = await run(['--config', 'mcp.json'], { commands: { serve } });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).not.toContain('NAME');
  });

  it('allows the programs of the file, beside those that are allowed anyway', async () => {
    writeFileSync(join(cwd, 'mcp.json'), '{"mcpServers":{"one":{"command":"/opt/one"}}}');
    let allowed: readonly string[] = [];
    const serve: CliCommands['serve'] = async ({ config }) => {
      allowed = config.stdio.commands;
      return await commands.serve();
    };
    await run(['--config', 'mcp.json'], { commands: { serve } });
    expect(allowed).toContain('/opt/one');
    expect(allowed).toContain('npx');
  });

  it('with a file that cannot be used nothing is started', async () => {
    expect(await run(['--config', 'none.json'])).toMatchObject({ code: 2, calls: [], err: expect.stringContaining('--config-file') as string });
    writeFileSync(join(cwd, 'mcp.json'), '{"mcpServers":{"one":{"args":[]}}}');
    expect(await run(['--config', 'mcp.json'])).toMatchObject({ code: 2, calls: [], err: expect.stringContaining('server "one"') as string });
  });
});

describe('config and doctor', () => {
  it('config shows what applies and where it comes from, and makes no secrets', async () => {
    const { code, out, err } = await run(['config', '--changed'], { env: { PORT: '7001', JWT_SECRET_KEY: 'my-test-key', ENVIROMENT: 'x' } });
    expect(code).toBe(0);
    expect(out).toMatch(/^PORT=7001 +# in the environment$/m);
    expect(out).toMatch(/^JWT_SECRET_KEY=\*\*\* +# in the environment$/m);
    expect(out).not.toContain('HOST=');
    expect(err).toContain('ENVIROMENT in the environment is not a setting');
    const shown = JSON.parse((await run(['config', '--json'])).out) as { name: string; value: unknown; source: string }[];
    expect(shown.find(({ name }) => name === 'HOST')).toMatchObject({ value: '127.0.0.1', source: 'default' });
    expect(shown.find(({ name }) => name === 'AUTH_ENCRYPTION_SECRET')).toMatchObject({ value: '***', source: 'generated' });
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('doctor ends with 1 when something is wrong, and says what in JSON too', async () => {
    const well = await run(['doctor', '--json'], { env: { PORT: '0' } });
    expect(well.code).toBe(0);
    expect(JSON.parse(well.out)).toMatchObject({ ok: true });
    const ill = await run(['doctor'], { env: { PORT: 'x' } });
    expect(ill).toMatchObject({ code: 1, out: expect.stringContaining('PORT (in the environment)') as string });
    expect(readdirSync(cwd)).toEqual([]);
  });
});

describe('the rest', () => {
  it('migrate tells what was done', async () => {
    expect(await run(['migrate'])).toMatchObject({ code: 0, out: 'nothing to do\n', calls: [['migrate', join(cwd, 'mcp.db')]] });
  });

  it('--version and --help are no faults; an unknown command or flag is', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
    expect(await run(['--version'])).toMatchObject({ code: 0, out: `${version}\n` });
    expect(await run(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('migrate') as string });
    expect(await run(['--wrong'])).toMatchObject({ code: 2, calls: [] });
    expect(await run(['wrong'])).toMatchObject({ code: 2, calls: [], err: expect.stringContaining("unknown command 'wrong'") as string });
    expect(await run(['token', '--exp', 'soon'])).toMatchObject({
      code: 2,
      calls: [],
      err: expect.stringContaining('whole number of minutes') as string,
    });
  });

  it.each([
    ['/usr/local/bin/mcpgateway', 'mcpgateway'],
    ['/repo/bin/mcpgateway.cjs', 'node bin/mcpgateway.cjs'],
    ['/repo/dist/main.js', 'node bin/mcpgateway.cjs'],
    ['/repo/src/main.ts', 'node --conditions=source src/main.ts'],
  ])('started as %s it is called again as %s', (script, words) => expect(programWords(script, '/repo')).toBe(words));
});
