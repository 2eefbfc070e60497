// What `npm run conformance` prints: a table per suite, what is wrong and why, and one line of sums at the end.
import type { Check, SuiteResult } from './run-suite.ts';
import type { Suite } from './suites.ts';
import { belowGoals, isPassed, passedScenarios, tally, worseThroughMirror } from './verdict.ts';

export interface SuiteRun {
  readonly suite: Suite;
  readonly direct: SuiteResult;
  readonly directMs: number;
  readonly mirror?: SuiteResult;
  readonly mirrorMs?: number;
}

const NAME_WIDTH = 50;
const CELL_WIDTH = 22;

function cell(checks: readonly Check[] | undefined): string {
  if (checks === undefined) return '-';
  const { passed, failed, warned } = tally(checks);
  const mark = isPassed(checks) ? 'ok  ' : passed + failed === 0 ? 'none' : 'FAIL';
  return `${mark} ${passed}/${passed + failed}${warned > 0 ? ` +${warned} warned` : ''}`;
}

function sum(result: SuiteResult): string {
  const { passed, failed, warned } = tally([...result.values()].flat());
  return `${passedScenarios(result)}/${result.size} scenarios, checks ${passed} passed ${failed} failed ${warned} warned`;
}

const seconds = (durationMs: number) => `${(durationMs / 1000).toFixed(1)} s`;

function reportSuite(run: SuiteRun, print: (line: string) => void): { passed: number; failed: number } {
  const { suite, direct, mirror } = run;
  const worse = mirror === undefined ? [] : worseThroughMirror(direct, mirror);
  const worseNames = new Set(worse.map(({ scenario }) => scenario));
  print(`\n${suite.title}\n${'scenario'.padEnd(NAME_WIDTH)}${'direct'.padEnd(CELL_WIDTH)}${mirror === undefined ? '' : 'mirror'}`);
  for (const [scenario, checks] of direct) {
    const through = mirror === undefined ? '' : `${cell(mirror.get(scenario)).padEnd(CELL_WIDTH)}${worseNames.has(scenario) ? 'WORSE' : ''}`;
    print(`${scenario.padEnd(NAME_WIDTH)}${cell(checks).padEnd(CELL_WIDTH)}${through}`.trimEnd());
  }
  print(`direct: ${sum(direct)}, ${seconds(run.directMs)}`);
  if (mirror !== undefined) print(`mirror: ${sum(mirror)}, ${seconds(run.mirrorMs ?? 0)}`);
  const below = belowGoals(suite, direct);
  for (const fault of below) print(`BELOW GOAL: ${fault}`);
  for (const { scenario, reasons } of worse) {
    print(`WORSE THROUGH THE MIRROR: ${scenario}`);
    for (const reason of reasons) print(`  ${reason}`);
  }
  const failed = below.length + worse.length;
  const passed = [...direct].filter(([scenario, checks]) => isPassed(checks) && !worseNames.has(scenario)).length;
  return { passed, failed };
}

/**
 * Prints the whole report.
 * @returns whether every goal is reached and no scenario is worse through the mirror
 */
export function report(runs: readonly SuiteRun[], print: (line: string) => void): boolean {
  const sums = runs.map((run) => reportSuite(run, print));
  const passed = sums.reduce((total, each) => total + each.passed, 0);
  const failed = sums.reduce((total, each) => total + each.failed, 0);
  const hasMirror = runs.every((run) => run.mirror !== undefined);
  const basis = hasMirror ? 'no scenario is worse through the mirror' : 'direct only: the mirror was not measured';
  print(failed === 0 ? `\nVerdict: the goals are reached, ${basis}.` : '\nVerdict: not good enough, see above.');
  print(`${passed} passed, ${failed} failed`);
  return failed === 0;
}
