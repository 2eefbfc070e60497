// Starts the processes of the bench, each on the core it is given, and ends them.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LoadResult, LoadSpec } from './load-spec.ts';

export interface Child {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

export interface ChildOptions {
  /** For the script. */
  readonly args?: readonly string[];
  /** For Node. */
  readonly nodeFlags?: readonly string[];
  /** Put before the command, e.g. pinnedTo(0). */
  readonly prefix?: readonly string[];
}

/** A command that runs another one on that core only; empty where `taskset` is missing. */
export function pinnedTo(core: number): readonly string[] {
  return canPin ? ['taskset', '-c', String(core)] : [];
}

export const canPin = spawnSync('taskset', ['-c', '0', 'true']).status === 0;

/** Starts a script of this folder that prints `listening on HOST:PORT`. Rejects when it ends before. */
export async function startChild(script: string, options: ChildOptions = {}): Promise<Child> {
  const child = spawnScript(script, options);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    let printed = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      const match = /listening on [^\s]*:(\d+)/.exec(printed);
      if (match !== null) resolve(Number(match[1]));
    });
    child.once('exit', () => reject(new Error(`${script} ended before it listened: ${printed}`)));
    child.once('error', reject);
  });
  return {
    pid: child.pid ?? 0,
    port,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Runs the load once. Rejects when it says nothing. */
export async function runLoad(spec: LoadSpec, prefix: readonly string[] = []): Promise<LoadResult> {
  const child = spawnScript('load.ts', { prefix, args: [JSON.stringify(spec)] });
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  if (code !== 0 || printed === '') throw new Error(`The load ended with ${code}: ${printed}`);
  return JSON.parse(printed) as LoadResult;
}

function spawnScript(script: string, { args = [], nodeFlags = [], prefix = [] }: ChildOptions): ChildProcess {
  const [command = '', ...rest] = [...prefix, process.execPath, ...nodeFlags, fileURLToPath(new URL(script, import.meta.url)), ...args];
  return spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
}
