// Starts clients as processes (peer-process.ts, peer.py) and asks them to do things, one after the other.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ensurePython } from '../../sessions/python/setup.ts';
import type { PeerAnswer, PeerCall, PeerJob } from './peer-calls.ts';

/** What a client says of a call that was refused. */
export class Refused extends Error {
  readonly code: number | undefined;
  constructor(message: string, code: number | undefined) {
    super(message);
    this.code = code;
  }
}

export interface Peer {
  /** Rejects with Refused. */
  ask<T = unknown>(call: PeerCall): Promise<T>;
  /** Names of tools and prompts, URIs of resources and templates, over all pages. */
  names(what: 'tools' | 'resources' | 'templates' | 'prompts'): Promise<string[]>;
  /** The text of the first block of content. */
  text(tool: string, args?: Record<string, unknown>): Promise<string>;
  stop(): Promise<void>;
}

/** Resolves when the client has connected. */
export async function startPeer(job: PeerJob): Promise<Peer> {
  const isPython = job.kind.startsWith('python');
  const program = isPython ? await ensurePython() : process.execPath;
  const child = spawn(program, [join(import.meta.dirname, isPython ? 'peer.py' : 'peer-process.ts'), JSON.stringify(job)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  async function next<T>(what: string): Promise<T> {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`The client (${job.kind}) ended at ${what}:\n${errors}`);
    const answer = JSON.parse(value) as PeerAnswer;
    if ('error' in answer) throw new Refused(answer.error, answer.code);
    return answer.value as T;
  }

  async function ask<T>(call: PeerCall): Promise<T> {
    child.stdin.write(`${JSON.stringify(call)}\n`);
    return next<T>(JSON.stringify(call));
  }

  await next('its start');
  return {
    ask,
    async names(what) {
      const items = await ask<Record<string, string>[]>({ do: 'list', what });
      const key = { tools: 'name', prompts: 'name', resources: 'uri', templates: 'uriTemplate' }[what];
      return items.map((item) => item[key] ?? '');
    },
    async text(tool, args = {}) {
      const { content } = await ask<{ content: { text?: string }[] }>({ do: 'call', name: tool, args });
      return content[0]?.text ?? '';
    },
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
