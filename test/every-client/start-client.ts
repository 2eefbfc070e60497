// Starts a client as a process and asks it to do things, one after the other.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ensurePython } from '../sessions/python/setup.ts';
import type { ClientAnswer, ClientCall, ClientJob, ClientKind } from './client-words.ts';

export interface StartedClient {
  /** Resolves with what came of it; rejects, with what the client wrote last, when the process has ended. */
  ask(call: ClientCall): Promise<ClientAnswer>;
  /** What it was asked last, which it may still be at. */
  lastCall(): string;
  stop(): Promise<void>;
}

const here = import.meta.dirname;

/** Of each kind that runs on Python: its program and the packages it needs. */
const ON_PYTHON: Partial<Record<ClientKind, readonly [program: string, requirements: string]>> = {
  'python 1': ['client_1.py', 'requirements-sdk-1.txt'],
  'python 2 legacy': ['client_2.py', '../../sessions/python/requirements.txt'],
  'python 2 auto': ['client_2.py', '../../sessions/python/requirements.txt'],
  fastmcp: ['client_fastmcp.py', 'requirements-fastmcp.txt'],
  'fastmcp legacy': ['client_fastmcp.py', 'requirements-fastmcp.txt'],
};

/** The program of the client, with what it needs installed. */
export async function programOf(kind: ClientKind): Promise<[command: string, ...args: string[]]> {
  const python = ON_PYTHON[kind];
  if (python === undefined) return [process.execPath, join(here, 'client-process.ts')];
  const [program, requirements] = python;
  // No compiled copies beside the sources.
  return [await ensurePython(join(here, 'python', requirements)), '-B', join(here, 'python', program)];
}

/** Resolves when the client has connected. */
export async function startClient(job: ClientJob): Promise<StartedClient> {
  const [command, ...args] = await programOf(job.kind);
  const child = spawn(command, [...args, JSON.stringify(job)], { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdin.on('error', () => undefined);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  async function next(what: string): Promise<ClientAnswer> {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`The client (${job.kind}) ended at ${what}:\n${errors}`);
    return JSON.parse(value) as ClientAnswer;
  }

  async function stop(): Promise<void> {
    child.kill('SIGKILL');
    await exited;
  }

  let last = 'its start';
  await next(last);
  return {
    ask(call) {
      last = JSON.stringify(call);
      child.stdin.write(`${last}\n`);
      return next(last);
    },
    lastCall: () => last,
    stop,
  };
}
