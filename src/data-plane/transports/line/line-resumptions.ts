// Streams that ended with more to come, each waiting for the moment at which it may be taken up again.
import type { StreamPlace } from './line-answer.ts';

const RETRY_DEFAULT_MS = 1000;
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 60_000;

export class LineResumptions {
  readonly #timers = new Set<NodeJS.Timeout>();

  /** Calls once, after the `retry` the stream asked for. */
  plan({ retryMs = RETRY_DEFAULT_MS }: StreamPlace, takeUp: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        takeUp();
      },
      Math.min(Math.max(retryMs, RETRY_MIN_MS), RETRY_MAX_MS),
    );
    this.#timers.add(timer);
  }

  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
