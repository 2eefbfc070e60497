// The official suites, directly against the fixture and through mirrors, and the matrix of revisions, transports and kinds of server. The
// command judges; this only sees to it that .ci/run asks it, and that the committed document is what comes out.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const LIMIT_MS = 900_000;

it(
  'no scenario of the official suites is worse through a mirror, and every client works with every upstream, as the document says',
  () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const args = ['run', '--silent', 'conformance', '--', '--check'];
    const { status, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8', timeout: LIMIT_MS });
    const faults = stdout.split('\n').filter((line) => /^(FAILED|NEEDLESS|WORSE|BELOW|STALE|  )/.test(line));
    expect(status, `${faults.join('\n')}\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`).toBe(0);
    const [, cells, played] = /^The matrix: (\d+) cells, (\d+) scenarios played/m.exec(stdout) ?? [];
    expect(Number(cells)).toBe(5 * 14 * 2);
    expect(Number(played)).toBeGreaterThan(8000);
    const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(stdout) ?? [];
    expect(Number(passed)).toBeGreaterThanOrEqual(32 + 33 + 41);
    expect(failed).toBe('0');
  },
  LIMIT_MS + 10_000,
);
