// A fixture of one revision, reached in one way, with its levers; over stdio it is as many processes as the gateway starts.
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFixture } from '../../fixture/server.ts';
import type { Json } from './player.ts';
import type { Revision, UpstreamTransport } from './revisions.ts';

export interface UpstreamCopy {
  /** The body of POST /gateways, but for the name. */
  readonly registration: Json;
  /** Pulls a lever of test/fixture/control.ts, in every process. */
  pull(lever: string, body?: Json): Promise<void>;
  /** What /control/state shows, of every process. */
  states(): Promise<Json[]>;
  close(): Promise<void>;
}

const FIXTURE = join(import.meta.dirname, '../../fixture/main.ts');

export async function startUpstreamCopy(revision: Revision, transport: UpstreamTransport): Promise<UpstreamCopy> {
  if (transport === 'stdio') return stdioCopy(revision);
  const fixture = await startFixture({ revision });
  const isSse = transport === 'HTTP+SSE';
  return {
    registration: { transport: isSse ? 'SSE' : 'STREAMABLEHTTP', url: isSse ? fixture.sseUrl : fixture.url },
    ...leversAt(async () => [fixture.origin]),
    close: () => fixture.close(),
  };
}

async function stdioCopy(revision: Revision): Promise<UpstreamCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'matrix-'));
  const control = join(folder, 'control');
  await mkdir(control);
  const origins = async () => Promise.all((await readdir(control)).map(async (name) => (await readFile(join(control, name), 'utf8')).trim()));
  const shared = ['--control-folder', control, '--shared-revisions', join(folder, 'revisions')];
  return {
    registration: { transport: 'STDIO', command: 'node', args: [FIXTURE, '--stdio', '--revision', revision, ...shared] },
    ...leversAt(origins),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

function leversAt(origins: () => Promise<string[]>): Pick<UpstreamCopy, 'pull' | 'states'> {
  /** Processes that have ended since are passed over, and so are files of a process that is just writing them. */
  const each = async (path: string, init: RequestInit): Promise<Json[]> => {
    const answers = (await origins()).map(async (origin) => {
      try {
        const answer = await fetch(`${origin}${path}`, init);
        return answer.ok ? [(await answer.json()) as Json] : [];
      } catch {
        return [];
      }
    });
    return (await Promise.all(answers)).flat();
  };
  return {
    pull: async (lever, body = {}) => void (await each(`/control/${lever}`, { method: 'POST', body: JSON.stringify(body) })),
    states: () => each('/control/state', {}),
  };
}
