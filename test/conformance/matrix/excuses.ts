// What cannot pass, where, and why: nothing else may fail. Each reason is an impossibility of the protocol or a choice of the gateway
// that is written down elsewhere; one that is no longer needed is a fault too.
import type { Cell } from './revisions.ts';
import { eraOf } from './revisions.ts';

export interface Excuse {
  /** Of a scenario. */
  readonly id: string;
  readonly covers: (cell: Cell) => boolean;
  readonly because: string;
}

export const excuses: readonly Excuse[] = [
  {
    id: 'logs-of-concurrent-requests',
    covers: ({ upstream, transport }) => eraOf(upstream) === 'modern' && transport === 'stdio',
    because:
      'On a line a log line of 2026-07-28 names no request. While several calls run, nobody can tell whose it is, and what has no request is dropped (log lines outside any request to modern clients).',
  },
];

/** Why this scenario may fail in this cell. */
export function excuseFor(id: string, cell: Cell, all: readonly Excuse[] = excuses): Excuse | undefined {
  return all.find((excuse) => excuse.id === id && excuse.covers(cell));
}
