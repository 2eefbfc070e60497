// The conformance command is only as good as its judgement: these are the runs it must refuse.
import { describe, expect, test } from 'vitest';
import type { Check } from './run-suite.ts';
import type { Suite } from './suites.ts';
import { belowGoals, isPassed, worseThroughMirror } from './verdict.ts';

const check = (name: string, status: Check['status']): Check => ({ id: name, name, status });
const suite: Suite = { title: 's', runner: '', args: [], goal: 2, required: ['a'] };
const good = [check('x', 'SUCCESS'), check('y', 'SUCCESS')];

describe('the verdict', () => {
  test('equal runs are not worse', () => {
    expect(worseThroughMirror(new Map([['a', good]]), new Map([['a', good]]))).toEqual([]);
  });

  test('a failed check through the mirror is worse and named with its message', () => {
    const failed = [check('x', 'SUCCESS'), { ...check('y', 'FAILURE'), errorMessage: 'lost' }];
    const [worse] = worseThroughMirror(new Map([['a', good]]), new Map([['a', failed]]));
    expect(worse).toMatchObject({ scenario: 'a', direct: { passed: 2 }, mirror: { passed: 1, failed: 1 } });
    expect(worse?.reasons).toEqual(['FAILURE y (y): lost']);
  });

  test('a warning instead of a success is worse', () => {
    expect(worseThroughMirror(new Map([['a', good]]), new Map([['a', [check('x', 'SUCCESS'), check('y', 'WARNING')]]]))).toHaveLength(1);
  });

  test('a check that is never reached is worse', () => {
    const [worse] = worseThroughMirror(new Map([['a', good]]), new Map([['a', [check('x', 'SUCCESS')]]]));
    expect(worse?.reasons).toEqual(['never reached: y (y)']);
  });

  test('a scenario that is missing through the mirror is worse, even one that never passed', () => {
    expect(worseThroughMirror(new Map([['a', [check('x', 'SKIPPED')]]]), new Map())).toHaveLength(1);
  });

  test('a required scenario and the count are both demanded of the direct run', () => {
    expect(
      belowGoals(
        suite,
        new Map([
          ['a', good],
          ['b', good],
        ]),
      ),
    ).toEqual([]);
    expect(
      belowGoals(
        suite,
        new Map([
          ['b', good],
          ['c', good],
        ]),
      ),
    ).toEqual(['required scenario a does not pass directly']);
    expect(belowGoals(suite, new Map([['a', good]]))).toEqual(['1 of at least 2 scenarios pass directly']);
  });

  test('a scenario in which nothing was checked has not passed', () => {
    expect(isPassed([check('x', 'SKIPPED')])).toBe(false);
    expect(isPassed([])).toBe(false);
  });
});
