// Copies of one server, each reached another way: streamable HTTP, HTTP+SSE, stdio. A copy is registered with the gateway, and its
// levers work the same however many processes it consists of.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StartedGateway } from '../../kit/gateway.ts';
import { startFixture } from '../../fixture/server.ts';
import type { Eras } from '../../fixture/line-server.ts';
import { mirrorOfEndpoint } from '../../sessions/gateway-cell.ts';
import type { Mirror } from '../../sessions/gateway-cell.ts';
import type { Endpoint } from '../../sessions/endpoint.ts';
import type { Door } from './doors.ts';

export type CopyKind = 'streamable HTTP' | 'SSE' | 'stdio';

export interface Copy {
  readonly endpoint: Endpoint;
  /** Where /control/* is; with several processes each lever is pulled in all of them, and the last one's answer given. */
  readonly control: string;
  /** Pulls a lever of test/fixture/control.ts. */
  pull(lever: string, body?: object): Promise<Record<string, unknown>>;
  state(): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

const MAIN = join(import.meta.dirname, '../../fixture/main.ts');

async function fetchJson(url: string, method: string, body: string | undefined): Promise<string> {
  const answer = await fetch(url, { method, ...(body === undefined ? {} : { body }) });
  return answer.text();
}

/** The states of several processes as one: lists one after the other, numbers summed up. */
function joined(states: readonly string[]): string {
  const all: Record<string, unknown> = {};
  for (const state of states) {
    for (const [name, value] of Object.entries(JSON.parse(state) as Record<string, unknown>)) {
      const before = all[name];
      if (Array.isArray(before) && Array.isArray(value)) all[name] = [...(before as unknown[]), ...(value as unknown[])];
      else all[name] = typeof before === 'number' && typeof value === 'number' ? before + value : value;
    }
  }
  return JSON.stringify(all);
}

/** One control door for all children that have told theirs in `folder`. Those that have ended since are passed over. */
async function gatherControls(folder: string): Promise<{ origin: string; close(): Promise<void> }> {
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      void (async () => {
        const answers: string[] = [];
        for (const name of await readdir(folder)) {
          const origin = (await readFile(join(folder, name), 'utf8')).trim();
          const body = req.method === 'GET' ? undefined : Buffer.concat(parts).toString();
          const answer = await fetchJson(`${origin}${req.url ?? ''}`, req.method ?? 'GET', body).catch(() => undefined);
          if (answer !== undefined) answers.push(answer);
        }
        const together = req.url === '/control/state' ? joined(answers) : (answers.at(-1) ?? '{}');
        res.writeHead(200, { 'content-type': 'application/json' }).end(together);
      })();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export async function startCopy(kind: CopyKind, eras: Eras = 'legacy'): Promise<Copy> {
  const levers = (control: string): Pick<Copy, 'control' | 'pull' | 'state'> => ({
    control,
    pull: async (lever, body = {}) =>
      JSON.parse(await fetchJson(`${control}/control/${lever}`, 'POST', JSON.stringify(body))) as Record<string, unknown>,
    state: async () => JSON.parse(await fetchJson(`${control}/control/state`, 'GET', undefined)) as Record<string, unknown>,
  });
  if (kind !== 'stdio') {
    const fixture = await startFixture({ eras });
    const endpoint: Endpoint = kind === 'SSE' ? { transport: 'sse', url: fixture.sseUrl } : { transport: 'streamableHttp', url: fixture.url };
    return { endpoint, ...levers(fixture.origin), close: () => fixture.close() };
  }
  const folder = await mkdtemp(join(tmpdir(), 'fixture-control-'));
  const gathered = await gatherControls(folder);
  return {
    endpoint: { transport: 'stdio', command: process.execPath, args: [MAIN, '--stdio', '--era', eras, '--control-folder', folder] },
    ...levers(gathered.origin),
    async close() {
      await gathered.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A mirror of the copy, through the streamable HTTP door. */
export async function mirrorOfCopy(gateway: StartedGateway, copy: Copy): Promise<Door & Mirror> {
  const mirror = await mirrorOfEndpoint(gateway, copy.endpoint);
  return { ...mirror, url: `${gateway.url}/servers/${mirror.serverId}/mcp`, headers: { authorization: `Bearer ${gateway.token}` } };
}
