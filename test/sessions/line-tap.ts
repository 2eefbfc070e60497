/**
 * `node line-tap.ts FOLDER COMMAND [ARGS…]` runs a stdio server and passes lines both ways as they come, keeping each in a file of
 * FOLDER before it goes on: a tap for a line that has no address. `readLineTap` reads what all of them have seen.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { SeenOnLine } from './conversation.ts';
import { parseJson } from './recording.ts';

function runTap(folder: string, command: string, args: readonly string[]): void {
  const file = join(folder, `${String(Date.now())}-${String(process.pid)}.lines`);
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const pass = (from: 'client' | 'server', source: Readable, target: Writable): void => {
    const lines = createInterface({ input: source, crlfDelay: Infinity });
    lines.on('line', (line) => {
      appendFileSync(file, `${from} ${line}\n`);
      target.write(`${line}\n`);
    });
    lines.on('close', () => target.end());
  };
  pass('client', process.stdin, child.stdin);
  pass('server', child.stdout, process.stdout);
  // Either end may go first; what the other still writes has no reader then.
  child.stdin.on('error', () => undefined);
  process.stdout.on('error', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('close', (code) => process.exit(code ?? 1));
}

/** What went over the lines of all taps with this folder, each process being a line, in the order they were started. */
export function readLineTap(folder: string): SeenOnLine[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.lines'));
  return files.toSorted().flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const from = line.startsWith('client ') ? 'client' : 'server';
        return { line: name, from, message: parseJson(line.slice(from.length + 1)) } as const;
      }),
  );
}

if (import.meta.main) {
  const [folder = '', command = '', ...args] = process.argv.slice(2);
  runTap(folder, command, args);
}
