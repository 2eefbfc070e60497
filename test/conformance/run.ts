// `npm run conformance`: the official suites against the fixture, directly and through the gateway, which reaches it over streamable
// HTTP, stdio and HTTP+SSE. `-- --direct` leaves the gateway out. Exit code 1 when a goal is missed or a scenario is worse through
// the gateway without a reason given here.
import { fileURLToPath } from 'node:url';
import { startFixture } from '../fixture/server.ts';
import { startGateway } from '../kit/gateway.ts';
import { report } from './report.ts';
import { runSuite } from './run-suite.ts';
import type { MirrorRun, SuiteRun } from './report.ts';
import { suites } from './suites.ts';
import type { Suite } from './suites.ts';

type Gateway = Awaited<ReturnType<typeof startGateway>>;

/** The rebinding scenario insists on this name. */
const asLocalhost = (url: string) => url.replace('127.0.0.1', 'localhost');

/** One call in three that needs no stream is answered as JSON over a line, whose upstream has no streams to offer. */
const OVER_A_LINE = {
  'server-sse-polling': 'a line has no stream that its server could close and let the client resume',
  'server-sse-multiple-streams': 'a quick answer comes as JSON, so there are fewer streams to look at',
};

interface Way {
  readonly title: string;
  /** The body of POST /gateways for a fixture at this origin. */
  readonly gateway: (origin: string) => object;
  readonly excused: Readonly<Record<string, string>>;
}

const fixtureProgram = fileURLToPath(new URL('../fixture/main.ts', import.meta.url));

const WAYS: readonly Way[] = [
  { title: 'mirror', gateway: (origin) => ({ transport: 'STREAMABLEHTTP', url: `${origin}/mcp` }), excused: {} },
  { title: 'stdio', gateway: () => ({ transport: 'STDIO', command: 'node', args: [fixtureProgram, '--stdio'] }), excused: OVER_A_LINE },
  { title: 'HTTP+SSE', gateway: (origin) => ({ transport: 'SSE', url: `${origin}/sse` }), excused: OVER_A_LINE },
];

/** HTTP+SSE is of the older revisions only. */
function waysFor({ title }: Suite): readonly Way[] {
  return WAYS.filter((way) => way.title !== 'HTTP+SSE' || !title.includes('2026'));
}

async function mirrorRun(suite: Suite, way: Way, origin: string, gateway: Gateway): Promise<MirrorRun> {
  const startedAt = performance.now();
  const { mcpUrl } = await gateway.registerMirror('', { gateway: { url: undefined, ...way.gateway(origin) } });
  return { title: way.title, result: await runSuite(suite, asLocalhost(mcpUrl)), durationMs: performance.now() - startedAt, excused: way.excused };
}

/** Each suite has a fixture of its own, so that one's list changes do not reach another's streams. */
async function runAll(suite: Suite, gateway: Gateway | undefined): Promise<SuiteRun> {
  const fixture = await startFixture();
  const startedAt = performance.now();
  try {
    const direct = await runSuite(suite, asLocalhost(fixture.url));
    const directMs = performance.now() - startedAt;
    const mirrors: MirrorRun[] = [];
    for (const way of gateway === undefined ? [] : waysFor(suite)) mirrors.push(await mirrorRun(suite, way, fixture.origin, gateway as Gateway));
    return { suite, direct, directMs, mirrors };
  } finally {
    await fixture.close();
  }
}

const isDirectOnly = process.argv.includes('--direct');
const gateway = isDirectOnly ? undefined : await startGateway({ env: { AUTH_REQUIRED: 'false' } });
try {
  const runs = await Promise.all(suites.map((suite) => runAll(suite, gateway)));
  process.exitCode = report(runs, (line) => process.stdout.write(`${line}\n`)) ? 0 : 1;
} finally {
  await gateway?.stop();
}
