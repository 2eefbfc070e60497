// Five servers that people use – two from PyPI, three from npm, over stdio and HTTP – behind one endpoint, and the clients that people use
// in front of it: everything once in each list, a call of each server, questions in the middle of calls, and a tool that goes and comes.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { startEverythingServer, type EverythingServer } from '../sessions/everything-server.ts';
import type { Endpoint, Transport } from '../sessions/endpoint.ts';
import { doorTo, NODE_FIRST } from '../sessions/gateway-cell.ts';
import { ensurePython } from '../sessions/python/setup.ts';
import { REAL_SERVERS } from '../sessions/real-servers.ts';
import type { PeerKind } from './combined/peer-calls.ts';
import { startPeer, type Peer } from './combined/peers.ts';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly originalName: string;
  readonly needs: readonly string[];
}

let settings: Record<string, string>;
let gateway: StartedGateway;
let everything: EverythingServer;
let folder: string;
/** Of each program, by its name. */
const folders: Record<string, string> = {};
/** All tools the gateway has read. */
let tools: Row[];
let serverId: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'combined-')));
  settings = { PATH: NODE_FIRST, MCPGATEWAY_STDIO_COMMANDS: `node,${await ensurePython()}` };
  gateway = await startGateway({ env: settings });
  everything = await startEverythingServer();
  const register = async (name: string, body: object): Promise<void> => {
    const { status, body: answer } = await gateway.api('POST', '/gateways', { name, ...body });
    expect([status, answer.detail]).toEqual([200, undefined]);
  };
  await register('everything', { url: everything.url, transport: 'STREAMABLEHTTP' });
  for (const server of REAL_SERVERS) {
    const own = await realpath(await mkdtemp(join(folder, server.name)));
    folders[server.name] = own;
    const { command, args, env } = await server.prepare(own);
    const shared = server.name === 'filesystem' ? {} : { stdioIsolation: 'shared' };
    await register(server.name, { transport: 'STDIO', command: command === process.execPath ? 'node' : command, args, env, ...shared });
  }
  tools = (await gateway.api('GET', '/tools?limit=0')).body as Row[];
  const ids = async (noun: string): Promise<string[]> => ((await gateway.api('GET', `/${noun}?limit=0`)).body as Row[]).map(({ id }) => id);
  const created = await gateway.api('POST', '/servers', {
    server: {
      name: 'five',
      associated_tools: tools.map(({ id }) => id),
      associated_resources: await ids('resources'),
      associated_prompts: await ids('prompts'),
    },
  });
  expect(created.status).toBe(201);
  serverId = created.body.id;
});
afterAll(async () => {
  await gateway?.stop();
  await everything?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A call of each server that shows which one has answered. */
const calls = (): readonly (readonly [tool: string, args: Record<string, unknown>, shows: RegExp])[] => [
  ['everything-get-sum', { a: 2, b: 3 }, /sum of 2 and 3 is 5/],
  ['filesystem-list-allowed-directories', {}, /filesystem/],
  ['memory-read-graph', {}, /entities/],
  ['time-get-current-time', { timezone: 'Asia/Tokyo' }, /\+09:00/],
  ['git-git-log', { repo_path: folders['git'] }, /First/],
];

interface Front {
  readonly kind: PeerKind;
  readonly door: Transport;
  readonly of: 'everything' | 'a combined server';
  /** What this client declares that it can be asked. */
  readonly declares: readonly string[];
}
const front = (kind: PeerKind, door: Transport, of: Front['of'] = 'everything'): Front => ({
  kind,
  door,
  of,
  declares: kind === '2024' ? ['sampling', 'roots'] : ['sampling', 'elicitation', 'roots'],
});
const FRONTS: readonly Front[] = [
  front('v1', 'streamableHttp'),
  front('v2', 'streamableHttp'),
  front('v2 modern', 'streamableHttp'),
  front('python', 'streamableHttp'),
  front('python modern', 'streamableHttp'),
  front('v1', 'sse'),
  front('2024', 'sse'),
  front('v1', 'stdio'),
  front('v1', 'streamableHttp', 'a combined server'),
  front('v1', 'sse', 'a combined server'),
  front('v1', 'stdio', 'a combined server'),
];

describe.each(FRONTS)('the client $kind over $door to $of', ({ kind, door, of, declares }) => {
  let peer: Peer;

  beforeAll(async () => {
    peer = await startPeer({ kind, endpoint: endpointOf(of, door) });
  });
  afterAll(async () => {
    await peer?.stop();
  });

  test('lists everything of all five servers once, as far as its own capabilities allow', async () => {
    const listed = await peer.names('tools');
    const expected = tools.filter(({ needs }) => needs.every((need) => declares.includes(need))).map(({ name }) => name);
    expect(listed.toSorted()).toEqual(expected.toSorted());
    expect(new Set(listed.map((name) => name.split('-')[0]))).toEqual(new Set(['everything', 'filesystem', 'memory', 'time', 'git']));
    const resources = await peer.names('resources');
    expect(resources.length).toBeGreaterThan(3);
    expect(new Set(resources).size).toBe(resources.length);
    expect((await peer.names('templates')).toSorted()).toEqual([
      'demo://resource/dynamic/blob/{resourceId}',
      'demo://resource/dynamic/text/{resourceId}',
    ]);
    expect(await peer.names('prompts')).toContain('everything-simple-prompt');
  });

  test('calls a tool of each server, reads a resource, expands a template and gets a prompt', async () => {
    for (const [tool, args, shows] of calls()) expect(await peer.text(tool, args), tool).toMatch(shows);
    const [first = ''] = await peer.names('resources');
    expect(JSON.stringify(await peer.ask({ do: 'read', uri: first }))).toContain(first);
    expect(JSON.stringify(await peer.ask({ do: 'read', uri: 'demo://resource/dynamic/text/7' }))).toContain('Resource 7');
    expect(JSON.stringify(await peer.ask({ do: 'prompt', name: 'everything-simple-prompt', args: {} }))).toContain('simple prompt');
  });

  test('is asked to sample, and for what the user knows, in the middle of calls of server-everything', async () => {
    const [sampling, elicitation] = ['everything-trigger-sampling-request', 'everything-trigger-elicitation-request'] as const;
    // server-everything asks for roots when it suits it; a modern client hears of it in the call it makes next.
    const questions = async (): Promise<string[]> => {
      const asked: string[] = await peer.ask({ do: 'asked' });
      return asked.filter((method) => method !== 'roots/list');
    };
    expect(await peer.text(sampling, { prompt: 'Say hello', maxTokens: 10 })).toContain('sampled by the peer');
    expect(await questions()).toEqual(['sampling/createMessage']);
    if (!declares.includes('elicitation')) return;
    expect(await peer.text(elicitation)).toContain('provided the requested information');
    expect(await questions()).toEqual(['elicitation/create']);
  });

  test('sees a tool vanish when it is disabled and return when it is enabled, without connecting again', async () => {
    const { id, name } = tools.find((tool) => tool.originalName === 'convert_time') as Row;
    const args = { source_timezone: 'UTC', time: '16:30', target_timezone: 'Asia/Tokyo' };
    const turn = async (isOn: boolean): Promise<void> => {
      expect((await gateway.api('POST', `/tools/${id}/state?activate=${isOn}`)).status).toBe(200);
      await peer.ask({ do: 'until', method: 'notifications/tools/list_changed' });
    };
    expect(await peer.names('tools')).toContain(name);
    await turn(false);
    expect(await peer.names('tools')).not.toContain(name);
    await expect(peer.ask({ do: 'call', name, args })).rejects.toMatchObject({ code: -32602 });
    await turn(true);
    expect(await peer.names('tools')).toContain(name);
    expect(await peer.text(name, args)).toContain('Asia/Tokyo');
  });
});

function endpointOf(of: Front['of'], door: Transport): Endpoint {
  if (of === 'a combined server') return doorTo(gateway, { serverId, gatewayId: '' }, door, settings);
  const all = doorTo(gateway, { serverId: '', gatewayId: '' }, door, settings);
  if (all.transport === 'stdio') return { ...all, args: all.args.slice(0, -2) };
  return { ...all, url: `${gateway.url}/${door === 'sse' ? 'sse' : 'mcp'}` };
}
