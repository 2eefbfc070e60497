// The matrix is only as good as its judgement.
import { describe, expect, test } from 'vitest';
import { absent, containing, differences, including } from './difference.ts';
import { faultsOf, judge } from './judge.ts';
import { applies } from './scenario.ts';
import type { Scenario } from './scenario.ts';
import { exists, REVISIONS } from './revisions.ts';
import type { Cell } from './revisions.ts';
import { scenarios } from './scenarios/index.ts';

const cell: Cell = { client: '2025-11-25', upstream: '2026-07-28', transport: 'stdio', kind: 'mirror' };
const scenario: Scenario = { id: 'one', topic: 't', says: 's', play: async () => undefined };
const results = (fault: string | undefined) => [{ cell, played: new Map([[scenario, fault]]) }];
const excuse = { id: 'one', covers: () => true, because: 'it cannot be' };

describe('the judgement', () => {
  test('a failure without a reason is a fault, told with its cell', () => {
    const judgement = judge(results('lost'), []);
    expect(judgement.cells[0]).toMatchObject({ played: 1, passed: 0, failed: [{ id: 'one' }] });
    expect(faultsOf(judgement)).toEqual(['FAILED one: lost', '  client 2025-11-25, upstream 2026-07-28 over stdio, mirror']);
  });

  test('a failure with a reason is none, and is not counted as passed', () => {
    const judgement = judge(results('lost'), [excuse]);
    expect(judgement.cells[0]).toMatchObject({ played: 1, passed: 0, failed: [], excused: [{ excuse }] });
    expect(faultsOf(judgement)).toEqual([]);
  });

  test('a reason that nothing needs is a fault', () => {
    expect(faultsOf(judge(results(undefined), [excuse]))).toEqual(['NEEDLESS REASON for one: it cannot be']);
  });

  test('a reason for other cells or scenarios is none', () => {
    expect(judge(results('lost'), [{ ...excuse, covers: () => false }]).cells[0]?.failed).toHaveLength(1);
    expect(judge(results('lost'), [{ ...excuse, id: 'other' }]).cells[0]?.failed).toHaveLength(1);
  });
});

describe('what is expected', () => {
  test('is found among what came besides', () => {
    expect(differences({ a: [{ b: 1 }] }, { a: [{ b: 1, c: 2 }], d: 3 })).toEqual([]);
    expect(differences({ a: including({ b: 1 }), e: absent, t: containing('x') }, { a: [0, { b: 1 }], t: 'axb' })).toEqual([]);
  });

  test('is missed when it differs, in length, kind or value', () => {
    expect(differences({ a: [1] }, { a: [1, 2] })).toHaveLength(1);
    expect(differences({ a: {} }, { a: [] })).toHaveLength(1);
    expect(differences({ a: 1, b: absent }, { a: '1', b: null })).toHaveLength(2);
    expect(differences({ a: including(3) }, { a: [1, 2] })).toHaveLength(1);
  });
});

describe('the scenarios', () => {
  test('have names of their own, and each means something in some cell', () => {
    expect(new Set(scenarios.map(({ id }) => id)).size).toBe(scenarios.length);
    const cells = REVISIONS.flatMap((client) =>
      REVISIONS.flatMap((upstream) => (['mirror', 'combined'] as const).map((kind): Cell => ({ client, upstream, transport: 'stdio', kind }))),
    );
    for (const each of scenarios)
      expect(
        cells.some((one) => applies(each, one)),
        each.id,
      ).toBe(true);
  });

  test('are left out where client or upstream is older than what they are about', () => {
    const tasks = scenarios.find(({ id }) => id === 'task-completes') as Scenario;
    expect(applies(tasks, cell)).toBe(true);
    expect(applies(tasks, { ...cell, client: '2025-06-18' })).toBe(false);
    expect(applies(tasks, { ...cell, upstream: '2025-06-18' })).toBe(false);
  });

  test('no server of 2026-07-28 is reached over HTTP+SSE', () => {
    expect(REVISIONS.filter((upstream) => !exists({ upstream, transport: 'HTTP+SSE' }))).toEqual(['2026-07-28']);
  });
});
