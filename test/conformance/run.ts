// `npm run conformance`: the official suites against the fixture, directly and through the gateway in every way; then the matrix of
// revisions, transports and kinds of server. Writes docs/reference/conformance.md.
//   -- --check     compares that document instead of writing it
//   -- --direct    the official suites without the gateway, and nothing else
//   -- --matrix    only the matrix; writes nothing
// Exit code 1 when a goal is missed, or anything is worse through the gateway or fails without a reason that is given in the code.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startFixture } from '../fixture/server.ts';
import { startGateway } from '../kit/gateway.ts';
import type { StartedGateway } from '../kit/gateway.ts';
import { NODE_FIRST } from '../sessions/gateway-cell.ts';
import { conformanceDocument } from './document.ts';
import { excuses } from './matrix/excuses.ts';
import { faultsOf, judge } from './matrix/judge.ts';
import type { Judgement } from './matrix/judge.ts';
import { playMatrix } from './matrix/play-matrix.ts';
import { scenarios } from './matrix/scenarios/index.ts';
import { report } from './report.ts';
import type { MirrorRun, SuiteRun } from './report.ts';
import { runSuite } from './run-suite.ts';
import type { SuiteResult } from './run-suite.ts';
import { suites } from './suites.ts';
import type { Suite } from './suites.ts';
import { worseThroughMirror } from './verdict.ts';
import type { Worse } from './verdict.ts';
import { waysFor } from './ways.ts';
import type { Way } from './ways.ts';

const DOCUMENT = new URL('../../docs/reference/conformance.md', import.meta.url);
const UPSTREAMS_AT_ONCE = 4;

const print = (line: string) => void process.stdout.write(`${line}\n`);

/** The rebinding scenario insists on this name. */
const asLocalhost = (url: string) => url.replace('127.0.0.1', 'localhost');

function secondChance(first: SuiteResult, second: SuiteResult, bad: readonly Worse[]): SuiteResult {
  const again = new Set(bad.map(({ scenario }) => scenario));
  return new Map([...first, ...[...second].filter(([scenario]) => again.has(scenario))]);
}

/** Each way has a fixture of its own, so that one's list changes do not reach another's streams. */
async function mirrorRun(suite: Suite, way: Way, gateway: StartedGateway, direct: SuiteResult): Promise<MirrorRun> {
  const startedAt = performance.now();
  const fixture = await startFixture({ eras: way.eras });
  try {
    const { mcpUrl } = await gateway.registerMirror('', { gateway: { url: undefined, ...way.gateway(fixture.origin) } });
    const url = asLocalhost(mcpUrl);
    const first = await runSuite(suite, url);
    const bad = worseThroughMirror(direct, first).filter(({ scenario }) => way.excused[scenario] === undefined);
    // Some scenarios go by the clock of the suite, which a busy machine does not keep: what fails twice has failed.
    const result = bad.length === 0 ? first : secondChance(first, await runSuite(suite, url), bad);
    return { title: way.title, result, durationMs: performance.now() - startedAt, excused: way.excused };
  } finally {
    await fixture.close();
  }
}

async function runAll(suite: Suite, gateway: StartedGateway | undefined): Promise<SuiteRun> {
  const fixture = await startFixture();
  const startedAt = performance.now();
  const direct = await runSuite(suite, asLocalhost(fixture.url));
  const directMs = performance.now() - startedAt;
  await fixture.close();
  const mirrors: MirrorRun[] = [];
  for (const way of gateway === undefined ? [] : waysFor(suite)) mirrors.push(await mirrorRun(suite, way, gateway as StartedGateway, direct));
  return { suite, direct, directMs, mirrors };
}

async function playAndReport(gateway: StartedGateway): Promise<Judgement> {
  const judgement = judge(await playMatrix(gateway, scenarios, { atOnce: UPSTREAMS_AT_ONCE }), excuses);
  const { cells } = judgement;
  const passed = cells.reduce((sum, cell) => sum + cell.passed, 0);
  const excused = cells.reduce((sum, cell) => sum + cell.excused.length, 0);
  const played = cells.reduce((sum, cell) => sum + cell.played, 0);
  print(`\nThe matrix: ${cells.length} cells, ${played} scenarios played, ${passed} passed, ${excused} cannot pass for a reason that is given`);
  for (const fault of faultsOf(judgement)) print(fault);
  return judgement;
}

/** Prints what follows the title of the matrix in the document, so that it is seen without opening it. */
function settleDocument(text: string, isCheck: boolean): boolean {
  print(`\n${text.slice(text.indexOf('### '), text.indexOf('## The official'))}`.trimEnd());
  if (!isCheck) {
    writeFileSync(DOCUMENT, text);
    return true;
  }
  const isFresh = readFileSync(DOCUMENT, 'utf8') === text;
  if (!isFresh) print('STALE: docs/reference/conformance.md is not what this run would write');
  return isFresh;
}

const { values } = parseArgs({
  options: { check: { type: 'boolean' }, direct: { type: 'boolean' }, matrix: { type: 'boolean' } },
});
const isDirectOnly = values.direct === true;
const gateway = isDirectOnly ? undefined : await startGateway({ env: { AUTH_REQUIRED: 'false', PATH: NODE_FIRST } });
try {
  const runs = values.matrix === true ? [] : await Promise.all(suites.map((suite) => runAll(suite, gateway)));
  const judgement = gateway === undefined ? undefined : await playAndReport(gateway);
  const isFine = judgement === undefined || faultsOf(judgement).length === 0;
  const isFresh = judgement === undefined || values.matrix === true || settleDocument(conformanceDocument(judgement, runs), values.check === true);
  const isGood = values.matrix === true || report(runs, print);
  process.exitCode = isFine && isFresh && isGood ? 0 : 1;
} finally {
  await gateway?.stop();
}
