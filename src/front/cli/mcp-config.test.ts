import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '#base/kernel';
import { gatewayName } from './mcp-config-server.ts';
import { commandsOf, readMcpConfig, type McpConfigSurroundings } from './mcp-config.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'mcp-config-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function read(content: unknown, more: Partial<McpConfigSurroundings> & { file?: string } = {}) {
  const { file = 'mcp.json', ...surroundings } = more;
  writeFileSync(join(cwd, file), typeof content === 'string' ? content : JSON.stringify(content));
  return readMcpConfig(file, { cwd, env: {}, ask: undefined, ...surroundings });
}

async function faultsOf(content: unknown, more: Parameters<typeof read>[1] = {}): Promise<string> {
  const error: unknown = await read(content, more).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AppError);
  expect((error as AppError).code).toBe('config.invalid');
  return (error as AppError).message;
}

const server = (entry: unknown) => ({ mcpServers: { one: entry } });
const inputOf = async (entry: unknown, more: Parameters<typeof read>[1] = {}) => (await read(server(entry), more)).servers[0]?.input;

describe('the files of the clients', () => {
  it('Claude Desktop: programs by name', async () => {
    const config = await read({
      globalShortcut: '',
      mcpServers: {
        filesystem: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem', '/home/ann'] },
        github: { command: 'docker', args: ['run', '-i', '-e', 'TOKEN', 'image'], env: { TOKEN: 'abc' } },
        old: { command: 'uvx', disabled: true },
      },
    });
    expect(config.servers).toEqual([
      {
        name: 'filesystem',
        label: 'filesystem',
        input: {
          name: 'filesystem',
          transport: 'STDIO',
          command: 'npx',
          args: ['-y', '@modelcontextprotocol/server-filesystem', '/home/ann'],
          env: {},
          cwd,
        },
      },
      {
        name: 'github',
        label: 'github',
        input: { name: 'github', transport: 'STDIO', command: 'docker', args: ['run', '-i', '-e', 'TOKEN', 'image'], env: { TOKEN: 'abc' }, cwd },
      },
      { name: 'old', label: 'old', input: undefined },
    ]);
    expect(commandsOf(config)).toEqual(['npx', 'docker']);
    expect(config.notes).toEqual([]);
  });

  it('VS Code: servers, inputs, variables, an env file, comments', async () => {
    mkdirSync(join(cwd, '.vscode'));
    writeFileSync(join(cwd, 'secrets.env'), 'A=from file\nB=from file\n');
    const text = `{
      // asked once
      "inputs": [{ "type": "promptString", "id": "key", "description": "API key", "password": true }, { "id": "unused" }],
      "servers": {
        "api": { "type": "http", "url": "https://api.example.com/mcp", "headers": { "Authorization": "Bearer \${input:key}" } },
        "local": {
          "type": "stdio", "command": "\${workspaceFolder}/bin/server", "args": ["--home", "\${userHome}", 5],
          "env": { "B": "\${env:WORD}", "C": null }, "envFile": "\${workspaceFolder}/secrets.env", "cwd": "sub",
        },
      },
    }`;
    const asked: [string, boolean][] = [];
    const { servers } = await read(text, {
      file: '.vscode/mcp.json',
      env: { WORD: 'from the environment' },
      ask: async (question, isHidden) => {
        asked.push([question, isHidden]);
        return 's3cret';
      },
    });
    expect(asked).toEqual([['API key: ', true]]);
    expect(servers[0]?.input).toEqual({
      name: 'api',
      url: 'https://api.example.com/mcp',
      authType: 'authheaders',
      authHeaders: [{ key: 'Authorization', value: 'Bearer s3cret' }],
    });
    expect(servers[1]?.input).toMatchObject({
      command: join(cwd, 'bin/server'),
      args: ['--home', expect.stringMatching(/^\//) as string, '5'],
      env: { A: 'from file', B: 'from the environment' },
      cwd: join(cwd, 'sub'),
    });
  });

  it('VS Code keeps servers in its settings too', async () => {
    expect((await read({ 'editor.fontSize': 12, mcp: { servers: { one: { command: 'node' } } } })).servers).toHaveLength(1);
  });

  it('Cursor and Claude Code: remote servers of each kind, variables with a default', async () => {
    mkdirSync(join(cwd, '.cursor'));
    const { servers } = await read(
      {
        mcpServers: {
          auto: { url: '${BASE:-https://mcp.example.com}/mcp' },
          sse: { type: 'sse', url: 'https://mcp.example.com/sse' },
          exact: { transport: 'streamable-http', url: 'https://mcp.example.com/x', headers: { 'X-Key': '${KEY}', Accept: 'text/html' } },
          surf: { serverUrl: 'https://mcp.example.com/y' },
        },
      },
      { file: '.cursor/mcp.json', env: { KEY: 'k' } },
    );
    expect(servers.map(({ input }) => [input?.transport, input?.url])).toEqual([
      [undefined, 'https://mcp.example.com/mcp'],
      ['SSE', 'https://mcp.example.com/sse'],
      ['STREAMABLEHTTP', 'https://mcp.example.com/x'],
      [undefined, 'https://mcp.example.com/y'],
    ]);
    expect(servers[2]?.input?.authHeaders).toEqual([{ key: 'X-Key', value: 'k' }]);
  });

  it('what no gateway knows of is left alone, and what looks like a slip is told', async () => {
    expect(await inputOf({ command: 'node', args: ['${no such}', '$HOME', '${}'] })).toMatchObject({ args: ['${no such}', '$HOME', '${}'] });
    const { notes } = await read(server({ command: 'node', autoApprove: ['x'], headres: {} }));
    expect(notes).toEqual([
      'mcp.json, server "one": "autoApprove" has no effect here.',
      'mcp.json, server "one": "headres" has no effect; was "headers" meant?',
    ]);
  });
});

describe('inputs', () => {
  const file = {
    inputs: [
      { id: 'api-key', password: true },
      { id: 'region', default: 'eu' },
    ],
    servers: { one: { command: 'node', args: ['${input:api-key}', '${input:region}'] } },
  };

  it('without a terminal come from the environment or their default', async () => {
    const { servers } = await read(file, { env: { MCP_INPUT_API_KEY: 'k' } });
    expect(servers[0]?.input?.args).toEqual(['k', 'eu']);
  });

  it('that nobody can be asked for are told once, with the variable that answers them', async () => {
    expect(await faultsOf(file)).toBe(
      'mcp.json has a fault:\n  ${input:api-key}: there is no terminal to ask on; set MCP_INPUT_API_KEY in the environment of the gateway.',
    );
  });

  it('of servers that are switched off are not asked for', async () => {
    const off = { ...file, servers: { one: { ...file.servers.one, disabled: true } } };
    expect((await read(off)).servers[0]?.input).toBeUndefined();
  });
});

describe('faults', () => {
  it('are told all at once, each with server, field and what to do', async () => {
    const message = await faultsOf({
      mcpServers: {
        nothing: {},
        text: 'npx server',
        both: { command: 'node', url: 'https://a.example' },
        odd: { type: 'grpc', url: 'https://a.example' },
        args: { command: 'node', args: 'a b' },
        unset: { command: 'node', env: { KEY: '${env:KEY}' } },
        address: { url: 'ftp://a.example' },
        head: { url: 'https://a.example', headers: { 'X Y': '1' } },
        input: { command: 'node', args: ['${input:none}'] },
        file: { command: 'node', envFile: 'none.env' },
        a: { command: 'node' },
        A: { command: 'node' },
      },
    });
    expect(message.split('\n')[0]).toBe('mcp.json has 11 faults:');
    expect(message).toContain('server "nothing": has neither "command" (a program to start) nor "url" (a remote server); add one.');
    expect(message).toContain('server "text": is not an object; write { "command": … }');
    expect(message).toContain('server "both", type: has "command" and "url"; remove one, or say which is meant');
    expect(message).toContain('server "odd", type: "grpc" is not known; use "stdio", "http", "streamable-http" or "sse".');
    expect(message).toContain('server "args", args: is not a list');
    expect(message).toContain('server "unset", env.KEY: ${env:KEY} has no value: set KEY in the environment of the gateway.');
    expect(message).toContain('server "address", url: An absolute http or https URL is needed.');
    expect(message).toContain('server "head", headers: A header name has letters');
    expect(message).toContain('server "input", args[0]: ${input:none} has no entry in "inputs"');
    expect(message).toContain('server "file", envFile: ');
    expect(message).toContain('server "A": would be the gateway "A", as "a" is; rename one.');
  });

  it('no secret is repeated', async () => {
    expect(await faultsOf(server({ url: 'https://a.example', headers: { Authorization: 'Bearer hidden\nx' } }))).not.toContain('hidden');
  });

  it('a file that is something else is told from one that is broken', async () => {
    expect(await faultsOf('http:\n  port: 1\n')).toContain('It looks like YAML: settings are read with --config-file.');
    expect(await faultsOf('{"mcpServers": {"a": }}')).toMatch(/mcp\.json is not JSON: line 1, column 22: }/);
    expect(await faultsOf({ tools: [] })).toContain('it needs "mcpServers"');
    expect(await faultsOf({ mcpServers: [] })).toContain('"mcpServers" is not an object of servers by name');
    expect(await faultsOf('{"mcpServers": {"a": {"command": "x"},\n"a": {"command": "y"}}}')).toContain('line 2: "a" is there twice');
    await expect(readMcpConfig('none.json', { cwd, env: {}, ask: undefined })).rejects.toThrow('none.json cannot be read (ENOENT)');
  });

  it('any JSON is read or refused, and never breaks the program', async () => {
    const word = fc.constantFrom('command', 'args', 'env', 'url', 'headers', 'type', 'cwd', 'envFile', 'disabled', 'x');
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom('node', 'http', 'https://a.example/mcp', '${env:A}', '${input:a}', ['${B:-b}']),
    );
    const entry = fc.oneof(fc.dictionary(word, value), fc.jsonValue());
    const root = fc.record({ mcpServers: fc.oneof(fc.dictionary(fc.string(), entry), fc.jsonValue()), inputs: fc.jsonValue() });
    await fc.assert(
      fc.asyncProperty(fc.oneof(root, fc.jsonValue()), async (content) => {
        const outcome: unknown = await read(JSON.stringify(content)).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toMatchObject({ name: 'AppError', code: 'config.invalid' });
      }),
      { numRuns: 300 },
    );
  });
});

it('names of gateways are made of what gateways take, and differ where the file’s do', () => {
  expect(['@scope/server', 'Müller', 'a b', '日本', '中国', '--'].map(gatewayName)).toEqual([
    'scope-server',
    'Muller',
    'a b',
    expect.stringMatching(/^server-[0-9a-f]{8}$/),
    expect.stringMatching(/^server-[0-9a-f]{8}$/),
    expect.stringMatching(/^server-[0-9a-f]{8}$/),
  ]);
  expect(gatewayName('日本')).not.toBe(gatewayName('中国'));
});
