// `npm start` in a clone: builds when there is no build yet, then serves in this very process, so that signals and the exit code
// need no relay. npm puts the repository's own Node first on the PATH; under any other the launcher takes over.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));

if (!existsSync(new URL('../dist/main.js', import.meta.url))) {
  const tsc = require.resolve('typescript/package.json').replace('package.json', 'bin/tsc');
  const built = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (built.status !== 0) process.exit(1);
}
process.argv.splice(1, 1, require.resolve('./mcpgateway.cjs'), 'serve');
require('./mcpgateway.cjs');
