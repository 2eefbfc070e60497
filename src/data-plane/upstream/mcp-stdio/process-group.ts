// Ends a process and everything it started: `npx` and `uvx` are only parents of the server, and a server may have children of its
// own. On POSIX they share a process group; Windows knows the tree of a process that still lives.
import { execFile, execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { membersOf } from './process-identity.ts';

export interface EndTimes {
  /** How long it may take to go by itself. */
  readonly gentleMs: number;
  /** How long it may take after SIGTERM. */
  readonly termMs: number;
}

export const END_TIMES: EndTimes = { gentleMs: 1500, termMs: 1500 };
/** After SIGKILL only the kernel can still hold a process, and it may do so for ever. */
const KILLED_MS = 5000;

type EndSignal = 'SIGTERM' | 'SIGKILL';

/**
 * Waits, then SIGTERM, then SIGKILL to the group of `pid`.
 * @param leaderIsGone has the first process ended?
 * @returns false when something could not be ended
 */
export async function endGroup(pid: number, leaderIsGone: () => boolean, times: EndTimes = END_TIMES): Promise<boolean> {
  const isGone = (): boolean => leaderIsGone() && !isGroupAlive(pid);
  if (await until(isGone, times.gentleMs)) return true;
  signalGroup(pid, 'SIGTERM');
  if (await until(isGone, times.termMs)) return true;
  signalGroup(pid, 'SIGKILL');
  return until(isGone, KILLED_MS);
}

/** For the last moment of the gateway, when nothing can be waited for. */
export function killGroupNow(pid: number): void {
  if (process.platform !== 'win32') {
    signalGroup(pid, 'SIGKILL');
    return;
  }
  try {
    execFileSync('taskkill', ['/pid', String(pid), '/T', '/F'], { stdio: 'ignore', windowsHide: true, timeout: 2000 });
  } catch {
    // It was gone already.
  }
}

export function isGroupAlive(pid: number): boolean {
  if (process.platform === 'win32') return false;
  try {
    process.kill(-pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // A dead process nobody has collected still counts as a member: in a container without an init it does so for ever.
  return process.platform !== 'linux' || membersOf(pid).length > 0;
}

function signalGroup(pid: number, signal: EndSignal): void {
  if (process.platform === 'win32') {
    execFile('taskkill', ['/pid', String(pid), '/T', '/F'], { windowsHide: true }, () => {});
    return;
  }
  try {
    process.kill(-pid, signal);
  } catch {
    // The last of it went in this moment.
  }
}

async function until(isTrue: () => boolean, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  for (let waitMs = 5; !isTrue(); waitMs = Math.min(waitMs * 2, 80)) {
    if (performance.now() >= end) return false;
    await delay(waitMs);
  }
  return true;
}
