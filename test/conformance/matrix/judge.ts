// Judges the cells: what failed without a reason, and which reasons nothing needed.
import { excuseFor } from './excuses.ts';
import type { Excuse } from './excuses.ts';
import type { CellResult } from './play-cell.ts';
import type { Cell } from './revisions.ts';

export interface JudgedCell {
  readonly cell: Cell;
  readonly played: number;
  readonly passed: number;
  /** Failures with a reason. */
  readonly excused: readonly { readonly excuse: Excuse; readonly fault: string }[];
  /** Failures without one. */
  readonly failed: readonly { readonly id: string; readonly fault: string }[];
}

export interface Judgement {
  readonly cells: readonly JudgedCell[];
  readonly needless: readonly Excuse[];
}

export function judge(results: readonly CellResult[], excuses: readonly Excuse[]): Judgement {
  const cells = results.map(({ cell, played }): JudgedCell => {
    const excused: JudgedCell['excused'][number][] = [];
    const failed: JudgedCell['failed'][number][] = [];
    for (const [{ id }, fault] of played) {
      if (fault === undefined) continue;
      const excuse = excuseFor(id, cell, excuses);
      if (excuse === undefined) failed.push({ id, fault });
      else excused.push({ excuse, fault });
    }
    return { cell, played: played.size, passed: played.size - excused.length - failed.length, excused, failed };
  });
  const used = new Set(cells.flatMap(({ excused }) => excused.map(({ excuse }) => excuse)));
  return { cells, needless: excuses.filter((excuse) => !used.has(excuse)) };
}

/** What is wrong, in lines for people; alike failures are told once, with all their cells. Empty when nothing is. */
export function faultsOf({ cells, needless }: Judgement): string[] {
  const byFault = new Map<string, string[]>();
  for (const { cell, failed } of cells) {
    for (const { id, fault } of failed) {
      const line = `FAILED ${id}: ${fault}`;
      const where = `  client ${cell.client}, upstream ${cell.upstream} over ${cell.transport}, ${cell.kind}`;
      byFault.set(line, [...(byFault.get(line) ?? []), where]);
    }
  }
  return [
    ...[...byFault].flatMap(([line, cellsOfIt]) => [line, ...cellsOfIt]),
    ...needless.map(({ id, because }) => `NEEDLESS REASON for ${id}: ${because}`),
  ];
}
