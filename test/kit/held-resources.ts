// What a process holds, counted from outside: descriptors and children in /proc, timers and handles by its own report.
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const GIVE_UP_MS = 10_000;

export interface HeldResources {
  readonly descriptors: Readonly<Record<string, number>>;
  readonly children: number;
  /** What keeps the event loop alive, by kind. */
  readonly active: Readonly<Record<string, number>>;
  readonly timers: number;
  readonly heapBytes: number;
}

/** The flags for Node that make a process answer `heldResources(pid, path)`. */
export function resourceReportFlags(path: string): string[] {
  const preload = new URL('resource-report.ts', import.meta.url);
  preload.searchParams.set('to', path);
  return ['--expose-gc', '--import', preload.href];
}

function counted(kinds: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of kinds.toSorted()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** `socket:[123]` and the like lose their number; files keep their name. */
function descriptorsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:\[\d+\]$/, '')];
    } catch {
      return [];
    }
  });
}

function childrenOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      return readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean);
    } catch {
      return [];
    }
  });
}

/** Throws when the process does not report. */
export async function heldResources(pid: number, path: string): Promise<HeldResources> {
  rmSync(path, { force: true });
  process.kill(pid, 'SIGUSR2');
  const giveUpAtMs = Date.now() + GIVE_UP_MS;
  while (!existsSync(path)) {
    if (Date.now() > giveUpAtMs) throw new Error(`Process ${pid} does not tell what it holds.`);
    await delay(10);
  }
  const { resources, timers, heapBytes } = JSON.parse(readFileSync(path, 'utf8')) as {
    resources: string[];
    timers: number;
    heapBytes: number;
  };
  return { descriptors: counted(descriptorsOf(pid)), children: childrenOf(pid).length, active: counted(resources), timers, heapBytes };
}
