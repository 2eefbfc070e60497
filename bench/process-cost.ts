// What a process used, read from Linux's accounts: CPU time of every thread of it, and memory. Nanoseconds from schedstat, because
// the 10 ms ticks of /proc/PID/stat are coarser than the differences the bench looks for. Children count for themselves: a stdio
// upstream is its proxy's child and not its cost.
import { readdirSync, readFileSync } from 'node:fs';

/** CPU time so far in milliseconds: all threads of the process. A process that is gone counts 0. */
export function cpuTimeMs(pid: number): number {
  let nanoseconds = 0;
  for (const thread of threadsOf(pid)) {
    nanoseconds += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] ?? 0);
  }
  return nanoseconds / 1e6;
}

/** The process ids of its children. */
export function childrenOf(pid: number): number[] {
  const ids = threadsOf(pid).flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`).split(' '));
  return ids.filter((id) => id !== '').map(Number);
}

/** Resident memory of the process in bytes. */
export function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`));
  return Number(match?.[1] ?? 0) * 1024;
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
