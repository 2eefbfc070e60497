// The official suites, directly against the fixture and through a mirror: no scenario may be worse through the gateway, and the
// fixture must reach its goals. The command judges; this only sees to it that .ci/run asks it.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it('no scenario of the three official suites is worse through a mirror', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'conformance'], { cwd: root, encoding: 'utf8', timeout: 300_000 });
  const summary = /^(\d+) passed, (\d+) failed$/m.exec(stdout);
  expect(status, `${stdout.slice(-4000)}\n${stderr.slice(-2000)}`).toBe(0);
  expect(Number(summary?.[1])).toBeGreaterThanOrEqual(32 + 33 + 41);
  expect(summary?.[2]).toBe('0');
}, 310_000);
