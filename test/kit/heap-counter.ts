// Preloaded into a process that is measured: on SIGUSR2 it writes how many bytes its main thread has ever allocated on the heap to
// the file named in its own URL (`?to=`). Bytes allocated, other than bytes in use, do not depend on when the collector ran.
import { renameSync, writeFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import { isMainThread } from 'node:worker_threads';

const path = new URL(import.meta.url).searchParams.get('to');
if (isMainThread && path !== null) {
  process.on('SIGUSR2', () => {
    const { total_allocated_bytes: bytes } = getHeapStatistics();
    writeFileSync(`${path}.part`, String(bytes));
    renameSync(`${path}.part`, path);
  });
}
