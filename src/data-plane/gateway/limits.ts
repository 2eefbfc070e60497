// Calls per minute and calls at once. Buckets live as long as the process and are found again by id when a new snapshot is
// compiled, so that changing one server does not refill the limits of all.
import { AppError } from '#base/kernel';
import type { Limits } from './snapshot-input.ts';

export class LimitGate {
  readonly #of: string;
  #perMinute: number | null = null;
  #concurrent: number | null = null;
  #tokens = 0;
  #filledAtMs = 0;
  #running = 0;

  /** @param of what is limited, for the message, e.g. `server "weather"` */
  constructor(of: string) {
    this.#of = of;
  }

  /** Takes over new settings; what is used up stays used up. */
  configure(limits: Limits, nowMs: number): void {
    if (limits.callsPerMinute !== this.#perMinute) {
      this.#tokens = limits.callsPerMinute ?? 0;
      this.#filledAtMs = nowMs;
    }
    this.#perMinute = limits.callsPerMinute;
    this.#concurrent = limits.concurrent;
  }

  /** Lets one call in, to be matched by one `leave`. Throws AppError `limit.rate` or `limit.concurrency` with `retryAfterMs`. */
  enter(nowMs: number): void {
    if (this.#concurrent !== null && this.#running >= this.#concurrent) {
      throw new AppError('limit.concurrency', `${this.#concurrent} calls are running on ${this.#of}, as many as its limit allows.`, {
        data: { retryAfterMs: 1000, limit: this.#concurrent },
      });
    }
    if (this.#perMinute !== null) this.#takeToken(this.#perMinute, nowMs);
    this.#running++;
  }

  leave(): void {
    this.#running--;
  }

  #takeToken(perMinute: number, nowMs: number): void {
    this.#tokens = Math.min(perMinute, this.#tokens + ((nowMs - this.#filledAtMs) * perMinute) / 60_000);
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) {
      const retryAfterMs = Math.ceil(((1 - this.#tokens) * 60_000) / perMinute);
      throw new AppError('limit.rate', `The limit of ${perMinute} calls per minute on ${this.#of} is used up.`, {
        data: { retryAfterMs, limit: perMinute },
      });
    }
    this.#tokens--;
  }
}

/** The gates by `server:<id>` and `upstream:<id>`. */
export class LimitBook {
  readonly #gates = new Map<string, LimitGate>();

  /** The gate of this key, or undefined when nothing is limited. */
  gate(key: string, of: string, limits: Limits, nowMs: number): LimitGate | undefined {
    let gate = this.#gates.get(key);
    if (limits.callsPerMinute === null && limits.concurrent === null) {
      // Calls under way still hold the old gate; it is theirs to leave.
      this.#gates.delete(key);
      return undefined;
    }
    if (gate === undefined) this.#gates.set(key, (gate = new LimitGate(of)));
    gate.configure(limits, nowMs);
    return gate;
  }

  /** Forgets the gates of what is no longer there. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#gates.keys()) if (!keys.has(key)) this.#gates.delete(key);
  }
}
