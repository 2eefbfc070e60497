// What `npm run conformance` prints: a table per suite, what is wrong and why, and one line of sums at the end.
import type { Check, SuiteResult } from './run-suite.ts';
import type { Suite } from './suites.ts';
import { belowGoals, isPassed, passedScenarios, tally, worseThroughMirror } from './verdict.ts';

/** The suite once more through the gateway, whose upstream is reached in one way. */
export interface MirrorRun {
  readonly title: string;
  readonly result: SuiteResult;
  readonly durationMs: number;
  /** Scenarios that cannot pass this way, and why. */
  readonly excused: Readonly<Record<string, string>>;
}

export interface SuiteRun {
  readonly suite: Suite;
  readonly direct: SuiteResult;
  readonly directMs: number;
  readonly mirrors: readonly MirrorRun[];
}

const NAME_WIDTH = 50;
const CELL_WIDTH = 14;

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
  const { suite, direct, mirrors } = run;
  const worse = mirrors.flatMap((mirror) => worseThroughMirror(direct, mirror.result).map((each) => ({ ...each, mirror })));
  const unexcused = worse.filter(({ scenario, mirror }) => mirror.excused[scenario] === undefined);
  print(
    `\n${suite.title}\n${'scenario'.padEnd(NAME_WIDTH)}${['direct', ...mirrors.map(({ title }) => title)].map((title) => title.padEnd(CELL_WIDTH)).join('')}`.trimEnd(),
  );
  for (const [scenario, checks] of direct) {
    const through = mirrors.map((mirror) => cell(mirror.result.get(scenario)).padEnd(CELL_WIDTH)).join('');
    const isWorse = unexcused.some((each) => each.scenario === scenario);
    print(`${scenario.padEnd(NAME_WIDTH)}${cell(checks).padEnd(CELL_WIDTH)}${through}${isWorse ? 'WORSE' : ''}`.trimEnd());
  }
  print(`direct: ${sum(direct)}, ${seconds(run.directMs)}`);
  for (const { title, result, durationMs } of mirrors) print(`${title}: ${sum(result)}, ${seconds(durationMs)}`);
  const below = belowGoals(suite, direct);
  for (const fault of below) print(`BELOW GOAL: ${fault}`);
  for (const { scenario, reasons, mirror } of unexcused) {
    print(`WORSE THROUGH THE GATEWAY (${mirror.title}): ${scenario}`);
    for (const reason of reasons) print(`  ${reason}`);
  }
  for (const { title, excused } of mirrors) {
    for (const [scenario, why] of Object.entries(excused)) {
      if (worse.some((each) => each.scenario === scenario && each.mirror.title === title)) print(`excused (${title}): ${scenario}: ${why}`);
    }
  }
  const worseNames = new Set(unexcused.map(({ scenario }) => scenario));
  const failed = below.length + unexcused.length;
  const passed = [...direct].filter(([scenario, checks]) => isPassed(checks) && !worseNames.has(scenario)).length;
  return { passed, failed };
}

/**
 * Prints the whole report.
 * @returns whether every goal is reached and no scenario is worse through the gateway without a reason
 */
export function report(runs: readonly SuiteRun[], print: (line: string) => void): boolean {
  const sums = runs.map((run) => reportSuite(run, print));
  const passed = sums.reduce((total, each) => total + each.passed, 0);
  const failed = sums.reduce((total, each) => total + each.failed, 0);
  const hasMirror = runs.every((run) => run.mirrors.length > 0);
  const basis = hasMirror ? 'no scenario is worse through the gateway but those excused above' : 'direct only: the gateway was not measured';
  print(failed === 0 ? `\nVerdict: the goals are reached, ${basis}.` : '\nVerdict: not good enough, see above.');
  print(`${passed} passed, ${failed} failed`);
  return failed === 0;
}
