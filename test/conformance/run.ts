// `npm run conformance`: the official suites against the fixture, directly and through a mirror of the gateway.
// `-- --direct` leaves the mirror out. Exit code 1 when a goal is missed or a scenario is worse through the mirror.
import { startFixture } from '../fixture/server.ts';
import { startGateway } from '../kit/gateway.ts';
import { report } from './report.ts';
import { runSuite } from './run-suite.ts';
import type { SuiteRun } from './report.ts';
import { suites } from './suites.ts';
import type { Suite } from './suites.ts';

type Gateway = Awaited<ReturnType<typeof startGateway>>;

/** The rebinding scenario insists on this name. */
const asLocalhost = (url: string) => url.replace('127.0.0.1', 'localhost');

/** Each suite has a fixture of its own, so that one's list changes do not reach another's streams. */
async function runBoth(suite: Suite, gateway: Gateway | undefined): Promise<SuiteRun> {
  const fixture = await startFixture();
  const startedAt = performance.now();
  try {
    const direct = await runSuite(suite, asLocalhost(fixture.url));
    const directDoneAt = performance.now();
    if (gateway === undefined) return { suite, direct, directMs: directDoneAt - startedAt };
    const { mcpUrl } = await gateway.registerMirror(fixture.url);
    const mirror = await runSuite(suite, asLocalhost(mcpUrl));
    return { suite, direct, directMs: directDoneAt - startedAt, mirror, mirrorMs: performance.now() - directDoneAt };
  } finally {
    await fixture.close();
  }
}

const isDirectOnly = process.argv.includes('--direct');
const gateway = isDirectOnly ? undefined : await startGateway({ env: { AUTH_REQUIRED: 'false' } });
try {
  const runs = await Promise.all(suites.map((suite) => runBoth(suite, gateway)));
  process.exitCode = report(runs, (line) => process.stdout.write(`${line}\n`)) ? 0 : 1;
} finally {
  await gateway?.stop();
}
