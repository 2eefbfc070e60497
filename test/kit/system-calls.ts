// Counts reads and writes of a running process, all threads, with strace.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const READS_AND_WRITES = ['read', 'readv', 'recvfrom', 'recvmsg', 'write', 'writev', 'sendto', 'sendmsg'];

export function hasStrace(): boolean {
  return spawnSync('strace', ['-V']).status === 0;
}

/** How many system calls that read or write the process makes while `work` runs. Throws when it may not be watched. */
export async function countReadsAndWrites(pid: number, summaryPath: string, work: () => Promise<void>): Promise<number> {
  const args = ['-c', '-f', '-o', summaryPath, '-e', `trace=${READS_AND_WRITES.join(',')}`, '-p', String(pid)];
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => tracer.once('exit', () => resolve()));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    tracer.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (/attached/.test(said)) resolve();
    });
    tracer.once('error', reject);
    tracer.once('exit', () => reject(new Error(`strace ended at once: ${said}`)));
  });
  try {
    await work();
  } finally {
    tracer.kill('SIGINT');
    await ended;
  }
  return totalCalls(readFileSync(summaryPath, 'utf8'));
}

/** Lines of the summary: share, seconds, microseconds a call, calls, perhaps errors, name. */
function totalCalls(summary: string): number {
  const lines = summary.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$/gm);
  return [...lines].reduce((total, [, calls, name]) => (READS_AND_WRITES.includes(name ?? '') ? total + Number(calls) : total), 0);
}
