// What a process used, read from Linux's accounts: CPU time of every thread of it and of its children, and memory. Nanoseconds from
// schedstat, because the 10 ms ticks of /proc/PID/stat are coarser than the differences the bench looks for.
import { readdirSync, readFileSync } from 'node:fs';

/** CPU time so far in milliseconds: all threads of the process and of its descendants. A process that is gone counts 0. */
export function cpuTimeMs(pid: number): number {
  let nanoseconds = 0;
  for (const thread of threadsOf(pid)) {
    nanoseconds += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] ?? 0);
    for (const child of read(`/proc/${pid}/task/${thread}/children`).split(' ')) {
      if (child !== '') nanoseconds += cpuTimeMs(Number(child)) * 1e6;
    }
  }
  return nanoseconds / 1e6;
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
