// `npm test`: everything that needs only Node and npm packages. Says what it leaves out.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const { status } = spawnSync('vitest', ['run', '--project', 'unit', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  shell: process.platform === 'win32',
});
const leftOut = readdirSync(new URL('test/e2e', root), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts'));
console.log(`Left out: ${leftOut.length} end-to-end files (real processes, SDK clients, the Python SDK, strace). Run them with: npm run test:e2e`);
process.exitCode = status ?? 1;
