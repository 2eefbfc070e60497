// Starts a program as the leader of a process group of its own, never through a shell. cross-spawn knows what Windows needs: which
// file `npx` means there, and how to quote arguments for a .cmd file.
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { statSync } from 'node:fs';
import spawn from 'cross-spawn';
import { AppError } from '#base/kernel';
import type { ProcessSpec } from '#base/protocol';

/**
 * What fails later is told by the child's `error` event.
 * Throws AppError `upstream.not_started` (the working directory), or what `spawn` throws (arguments no system takes).
 * @param name the gateway's name for the upstream
 */
export function startChild(name: string, spec: ProcessSpec, environment: Record<string, string>): ChildProcessWithoutNullStreams {
  if (spec.cwd !== undefined && !isFolder(spec.cwd)) {
    // Without this the system would say that the command does not exist.
    throw new AppError('upstream.not_started', `Gateway "${name}": its working directory does not exist or is no directory. Correct its cwd.`, {
      internal: `cwd ${spec.cwd}`,
    });
  }
  const isWindows = process.platform === 'win32';
  return spawn(spec.command, [...spec.args], {
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    env: environment,
    stdio: ['pipe', 'pipe', 'pipe'],
    // Makes a group on POSIX; on Windows it would open a window of its own.
    detached: !isWindows,
    windowsHide: true,
    shell: false,
  }) as ChildProcessWithoutNullStreams;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Why a program could not be started, in words that say what to do. */
export function startError(name: string, command: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  const why = WHY[code] ?? `could not be started (${code})`;
  const internal = error instanceof Error ? error.message : String(error);
  return new AppError('upstream.not_started', `Gateway "${name}": its command "${command}" ${why}.`, { internal, cause: error });
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'was not found. Install it on the gateway’s machine, see that it is on the gateway’s PATH, or correct the command',
  EACCES: 'may not be run by the gateway’s user. Make it executable, or correct the command',
  EPERM: 'may not be run by the gateway’s user. Make it executable, or correct the command',
  ENOEXEC: 'is no program this system can run; a script needs a #! line',
  ENOTDIR: 'was not found: a part of its path is no directory',
  E2BIG: 'has more arguments or a larger environment than the system takes',
  ERR_INVALID_ARG_VALUE: 'has arguments or an environment that no program can be given (a zero byte)',
  EAGAIN: 'could not be started: the system has as many processes as it allows',
  EMFILE: 'could not be started: the gateway has as many open files as the system allows',
  ENFILE: 'could not be started: the system has as many open files as it allows',
  ENOMEM: 'could not be started: the system has no memory left',
};
