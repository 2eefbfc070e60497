// A process id alone says little: the system gives it out again. An id together with the start time means one process for ever,
// as long as the two are of the same boot and the same namespace of ids.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { promisify } from 'node:util';

export interface ProcessIdentity {
  readonly pid: number;
  /** Start time as the system writes it; only to be compared. On Linux clock ticks since the boot. */
  readonly startedAt: string;
}

export interface GroupMember extends ProcessIdentity {
  /** It has ended and only waits for its parent to notice. */
  readonly isZombie: boolean;
  readonly groupId: number;
}

const run = promisify(execFile);

/** The boot, and the namespace in which ids mean something; '' where the system has no names for them. */
export function bootOf(): { readonly boot: string; readonly namespace: string } {
  try {
    return { boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(), namespace: readlinkSync('/proc/self/ns/pid') };
  } catch {
    return { boot: '', namespace: '' };
  }
}

/** Linux only, and without waiting; undefined elsewhere and when there is no such process. */
export function memberNow(pid: number): GroupMember | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // proc_pid_stat(5): the name may hold spaces and brackets, so the fields are counted from the last bracket; state is the third.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startedAt = fields[19];
  if (startedAt === undefined) return undefined;
  return { pid, startedAt, isZombie: fields[0] === 'Z' || fields[0] === 'X', groupId: Number(fields[2]) };
}

/** The members of a process group that still run. Linux only. */
export function membersOf(groupId: number): GroupMember[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => memberNow(Number(name)))
    .filter((member) => member !== undefined && member.groupId === groupId && !member.isZombie) as GroupMember[];
}

/** A process that runs, now; undefined when there is none with this id or the system does not tell. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  if (process.platform === 'linux') {
    const member = memberNow(pid);
    return member === undefined || member.isZombie ? undefined : { pid, startedAt: member.startedAt };
  }
  const startedAt = await (process.platform === 'win32' ? windowsStart(pid) : psStart(pid)).catch(() => '');
  return startedAt === '' ? undefined : { pid, startedAt };
}

async function psStart(pid: number): Promise<string> {
  const { stdout } = await run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { env: { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' } });
  const [state = '', ...start] = stdout.trim().split(/\s+/);
  return state.startsWith('Z') ? '' : start.join(' ');
}

async function windowsStart(pid: number): Promise<string> {
  const script = `(Get-Process -Id ${pid}).StartTime.ToUniversalTime().ToString('o')`;
  const { stdout } = await run('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', script], { windowsHide: true });
  return stdout.trim();
}
