// Tells everybody that other tables hold, in turns between which calls are carried: each may have a view of its own, whose lists have to
// be looked at.
import { setImmediate as otherWork } from 'node:timers/promises';

export interface Told {
  snapshotChanged(): void;
}

/** So long they are told without a break. */
const TURN_MS = 10;

export class TellingTurns {
  readonly #all: () => readonly Iterable<Told>[];
  #isTelling = false;
  #isChangedAgain = false;

  /** @param all whoever is to be told; may change while they are told */
  constructor(all: () => readonly Iterable<Told>[]) {
    this.#all = all;
  }

  /** Resolves when all know of the latest change; at once when they are being told already. */
  async tell(): Promise<void> {
    this.#isChangedAgain = this.#isTelling;
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      do {
        this.#isChangedAgain = false;
        let startedAtMs = performance.now();
        for (const told of this.#everybody()) {
          told.snapshotChanged();
          if (performance.now() - startedAtMs < TURN_MS) continue;
          await otherWork();
          startedAtMs = performance.now();
        }
      } while (this.#isChangedAgain);
    } finally {
      this.#isTelling = false;
    }
  }

  *#everybody(): Generator<Told> {
    for (const some of this.#all()) yield* some;
  }
}
