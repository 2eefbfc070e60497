/** Tools called one after the other by the TypeScript SDK v1, in a process of its own (play-calls.ts). */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Endpoint } from './endpoint.ts';

export interface CallJob {
  readonly endpoint: Endpoint;
  readonly calls: readonly (readonly [tool: string, args: Record<string, unknown>])[];
  /** Declare that the server may ask for roots, sampling and elicitation, answer it, and put into the result what was asked. */
  readonly isAskable?: boolean;
}

/** Runs a job in a process of its own and resolves with what the server said of itself, its tools and each call's outcome. Far beyond any job's length it is ended. */
export async function callTools(job: CallJob): Promise<unknown[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'play-calls.ts'), JSON.stringify(job)], {
    timeout: 60_000,
    killSignal: 'SIGKILL',
    maxBuffer: 16 * 1024 * 1024,
  });
  return JSON.parse(stdout) as unknown[];
}
