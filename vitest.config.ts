import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// `unit` needs only Node; `e2e` starts real processes and, in .ci/run, real peers from PyPI too, three files at a time, since they mostly
// wait. What counts bytes, or loads the machine by itself, is `e2e-alone` and runs after the others, one by one.
const ALONE = ['cost-guard', 'soak', 'never-crossed'].map((name) => `test/e2e/${name}.test.ts`);
// What processes of the tests make of their sources is kept for those that start after them.
const env = { NODE_COMPILE_CACHE: fileURLToPath(new URL('.cache/compiled', import.meta.url)) };
const source = { resolve: { conditions: ['source', 'node'] }, ssr: { resolve: { conditions: ['source', 'node'] } } };

export default defineConfig({
  test: {
    projects: [
      {
        ...source,
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['test/e2e/**'],
          testTimeout: 20_000,
        },
      },
      {
        ...source,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: ALONE,
          env,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...source,
        test: {
          name: 'e2e-alone',
          include: ALONE,
          env,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
