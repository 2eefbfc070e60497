// Judges a run: has the fixture reached its goals directly, and is any scenario worse through the mirror?
import type { Check, SuiteResult } from './run-suite.ts';
import type { Suite } from './suites.ts';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly warned: number;
}

export function tally(checks: readonly Check[]): Tally {
  const count = (status: Check['status']) => checks.filter((check) => check.status === status).length;
  return { passed: count('SUCCESS'), failed: count('FAILURE'), warned: count('WARNING') };
}

/** A scenario passes when something succeeded and nothing failed. */
export function isPassed(checks: readonly Check[] | undefined): boolean {
  if (checks === undefined) return false;
  const { passed, failed } = tally(checks);
  return passed > 0 && failed === 0;
}

export function passedScenarios(result: SuiteResult): number {
  return [...result.values()].filter(isPassed).length;
}

/** What a direct run lacks, in words; empty when the goals are reached. */
export function belowGoals(suite: Suite, direct: SuiteResult): string[] {
  const missing = suite.required.filter((scenario) => !isPassed(direct.get(scenario)));
  const passed = passedScenarios(direct);
  const faults = missing.map((scenario) => `required scenario ${scenario} does not pass directly`);
  if (passed < suite.goal) faults.push(`${passed} of at least ${suite.goal} scenarios pass directly`);
  return faults;
}

export interface Worse {
  readonly scenario: string;
  readonly direct: Tally;
  readonly mirror: Tally;
  readonly reasons: readonly string[];
}

function reasonsOf(direct: readonly Check[], mirror: readonly Check[]): string[] {
  const bad = (checks: readonly Check[]) => checks.filter((check) => check.status === 'FAILURE' || check.status === 'WARNING');
  const known = new Set(bad(direct).map((check) => `${check.id} ${check.name}`));
  const seen = new Set(mirror.map((check) => `${check.id} ${check.name}`));
  const fresh = bad(mirror).filter((check) => !known.has(`${check.id} ${check.name}`));
  const gone = direct.filter((check) => check.status === 'SUCCESS' && !seen.has(`${check.id} ${check.name}`));
  return [
    ...fresh.map((check) => `${check.status} ${check.id} (${check.name}): ${check.errorMessage ?? 'no message'}`),
    ...gone.map((check) => `never reached: ${check.id} (${check.name})`),
  ];
}

/** The scenarios with fewer passed, more failed or more warned checks through the mirror; a missing scenario is worse. */
export function worseThroughMirror(direct: SuiteResult, mirror: SuiteResult): Worse[] {
  return [...direct].flatMap(([scenario, directChecks]) => {
    const mirrorChecks = mirror.get(scenario) ?? [];
    const before = tally(directChecks);
    const after = tally(mirrorChecks);
    const isWorse = after.passed < before.passed || after.failed > before.failed || after.warned > before.warned;
    if (!isWorse && mirror.has(scenario)) return [];
    return [{ scenario, direct: before, mirror: after, reasons: reasonsOf(directChecks, mirrorChecks) }];
  });
}
