// Remembers that a signature was good, so that it is not checked on every call. Nothing here says that a token may be used:
// expiry and revocation are asked on every call (decisions.md 13).
import type { Principal } from '#base/access';

export interface VerifiedToken {
  readonly principal: Principal;
  /** When this must be verified afresh, in epoch ms. */
  readonly untilMs: number;
}

/**
 * Bounded by two generations of half the size each: a hit costs one look-up and moves nothing, and what was not used for a
 * whole generation is forgotten.
 */
export class VerifiedTokens {
  readonly #generationMax: number;
  #young = new Map<string, VerifiedToken>();
  #old = new Map<string, VerifiedToken>();

  constructor(entriesMax: number) {
    this.#generationMax = Math.max(1, Math.floor(entriesMax / 2));
  }

  get(header: string): VerifiedToken | undefined {
    const young = this.#young.get(header);
    if (young !== undefined) return young;
    const old = this.#old.get(header);
    if (old !== undefined) this.set(header, old);
    return old;
  }

  set(header: string, token: VerifiedToken): void {
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(header, token);
  }

  delete(header: string): void {
    this.#young.delete(header);
    this.#old.delete(header);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
