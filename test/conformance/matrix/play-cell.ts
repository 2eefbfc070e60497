// Plays every scenario that means something in a cell, each within a bound: what ends in waiting has failed.
import { applies } from './scenario.ts';
import type { Scenario } from './scenario.ts';
import type { Cell } from './revisions.ts';
import { Stage } from './stage.ts';
import type { ServerUnderTest } from './stage.ts';
import type { UpstreamCopy } from './upstream-copy.ts';

export interface CellResult {
  readonly cell: Cell;
  /** What went wrong in each scenario that was played; undefined: nothing. */
  readonly played: ReadonlyMap<Scenario, string | undefined>;
}

/** Far beyond what any of them takes, on a busy machine too. */
const SCENARIO_LIMIT_MS = 30_000;

async function within(limitMs: number, play: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it has not ended within ${limitMs / 1000} s`)), limitMs);
  });
  try {
    await Promise.race([play, late]);
  } finally {
    clearTimeout(timer);
    // What it still does is nobody's concern.
    play.catch(() => undefined);
  }
}

export async function playCell(cell: Cell, server: ServerUnderTest, upstream: UpstreamCopy, all: readonly Scenario[]): Promise<CellResult> {
  const played = new Map<Scenario, string | undefined>();
  let stage = new Stage(cell, server, upstream);
  for (const scenario of all.filter((each) => applies(each, cell))) {
    let fault: string | undefined;
    try {
      await within(SCENARIO_LIMIT_MS, scenario.play(stage));
    } catch (thrown) {
      fault = thrown instanceof Error ? thrown.message : String(thrown);
    }
    const wrongs = stage.faults();
    if (wrongs.length > 0) fault = [...(fault === undefined ? [] : [fault]), ...new Set(wrongs)].join('; ');
    played.set(scenario, fault);
    if (fault === undefined) continue;
    // The next one begins with clients that nothing has happened to.
    await stage.close();
    stage = new Stage(cell, server, upstream);
  }
  await stage.close();
  return { cell, played };
}
