// Which processes a test's own children are, seen from outside: they carry a mark of the test on their command line.
import { execFileSync } from 'node:child_process';

/** The ids of all running processes with that text on their command line; zombies are not running. */
export function processesWith(mark: string): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,stat=,args='], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).split('\n');
  return lines.flatMap((line) => {
    const [, pid = '', state = '', args = ''] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return args.includes(mark) && !state.startsWith('Z') ? [Number(pid)] : [];
  });
}
