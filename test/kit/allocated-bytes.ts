// Asks a process that runs with heap-counter.ts how much it has allocated so far.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const GIVE_UP_MS = 10_000;

/** The flags for Node that make a process answer `allocatedBytes(pid, path)`. */
export function heapCounterFlags(path: string): string[] {
  const preload = new URL('heap-counter.ts', import.meta.url);
  preload.searchParams.set('to', path);
  return ['--import', preload.href];
}

/** Bytes its main thread has allocated on the heap since its start. Throws when it does not answer. */
export async function allocatedBytes(pid: number, path: string): Promise<number> {
  rmSync(path, { force: true });
  process.kill(pid, 'SIGUSR2');
  const giveUpAtMs = Date.now() + GIVE_UP_MS;
  while (!existsSync(path)) {
    if (Date.now() > giveUpAtMs) throw new Error(`Process ${pid} does not tell what it allocated.`);
    await delay(10);
  }
  return Number(readFileSync(path, 'utf8'));
}
