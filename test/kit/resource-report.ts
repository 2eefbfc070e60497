// Preloaded into a process that is watched: on SIGUSR2 it writes what its main thread holds – sockets, pipes, workers
// (process.getActiveResourcesInfo), running timers, those too that do not keep it alive, and heap after a collection, which needs
// `--expose-gc` – to the file named in its own URL (`?to=`).
import { createHook } from 'node:async_hooks';
import { renameSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const path = new URL(import.meta.url).searchParams.get('to');
if (isMainThread && path !== null) {
  const timers = new Set<number>();
  createHook({
    init(id, type) {
      if (type === 'Timeout') timers.add(id);
    },
    destroy: (id) => void timers.delete(id),
  }).enable();
  process.on('SIGUSR2', () => {
    globalThis.gc?.();
    const report = { resources: process.getActiveResourcesInfo(), timers: timers.size, heapBytes: process.memoryUsage().heapUsed };
    writeFileSync(`${path}.part`, JSON.stringify(report));
    renameSync(`${path}.part`, path);
  });
}
