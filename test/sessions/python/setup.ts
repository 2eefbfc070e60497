/**
 * The Python the scripted clients run on: for each list of packages a virtual environment with exactly these, made once and kept in
 * .cache/ until that file changes. `node test/sessions/python/setup.ts` makes that of the sessions ahead of the tests.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const here = import.meta.dirname;
const POLL_MS = 200;
const GIVEN_UP_MS = 5 * 60_000;
const cacheDirectory = join(here, '../../../.cache');

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Resolves with the path of the environment's Python; rejects, naming the cause, without Python 3, venv or the packages. */
export async function ensurePython(requirements = join(here, 'requirements.txt')): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
  const environment = join(cacheDirectory, `python-${digest}`);
  const python = join(environment, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const complete = join(environment, 'complete');
  await mkdir(dirname(environment), { recursive: true });
  while (!(await exists(complete))) {
    if (!(await isMineToMake(`${environment}.making`))) {
      await sleep(POLL_MS);
      continue;
    }
    try {
      await rm(environment, { recursive: true, force: true });
      await run(process.platform === 'win32' ? 'python' : 'python3', ['-m', 'venv', environment]);
      await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
      // Written last, so that an interrupted installation is not taken for a finished one.
      await writeFile(complete, '');
    } finally {
      await rm(`${environment}.making`, { recursive: true, force: true });
    }
  }
  return python;
}

/** Test files run side by side; one of them makes the environment and the others wait. A mark that is left over is taken away. */
async function isMineToMake(mark: string): Promise<boolean> {
  try {
    await mkdir(mark);
    return true;
  } catch {
    const madeAtMs = await stat(mark).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - madeAtMs > GIVEN_UP_MS) await rm(mark, { recursive: true, force: true });
    return false;
  }
}

if (import.meta.main) console.log(await ensurePython());
