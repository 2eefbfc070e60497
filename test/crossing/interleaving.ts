// Random interleavings that can be had again: what calls ask, and in which order and after which pauses their clients answer, all drawn
// from one seed.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kind, Plan } from './question.ts';

export type Random = () => number;

/** Numbers from 0 to below 1, the same for the same seed. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    // A Weyl sequence through a 32-bit finaliser (Steele, Lea, Flood 2014).
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

const below = (random: Random, limit: number): number => Math.floor(random() * limit);

/** A call that asks one to four questions in one to three rounds. The client of one in seven goes away. */
export function randomPlan(random: Random, nonce: string, kinds: readonly Kind[]): Plan {
  const rounds = Array.from({ length: 1 + below(random, 3) * below(random, 2) }, () =>
    Array.from({ length: 1 + below(random, 4) * below(random, 2) }, () => ({
      kind: kinds[below(random, kinds.length)] ?? 'elicitation',
      afterMs: below(random, 8),
    })),
  );
  return { nonce, leaves: below(random, 7) === 0, rounds };
}

/** Holds all answers back until every call has asked its first question; from then on each is given after a pause of its own. */
export class AnswerGate {
  readonly #random: Random;
  readonly #open = Promise.withResolvers<void>();
  #missing: number;

  /** @param calls that many have to be waiting for answers at once */
  constructor(random: Random, calls: number) {
    this.#random = random;
    this.#missing = calls;
    // Whoever waits hears of it.
    this.#open.promise.catch(() => undefined);
  }

  /** A call has asked its first question. */
  asked(): void {
    this.#missing--;
    if (this.#missing === 0) this.#open.resolve();
  }

  /** A call has failed: nobody is to wait for it. */
  fail(error: unknown): void {
    this.#open.reject(error);
  }

  /** Resolves when an answer may be given; rejects when a call has failed. */
  async turn(): Promise<void> {
    const afterMs = below(this.#random, 30);
    await this.#open.promise;
    await sleep(afterMs);
  }
}
