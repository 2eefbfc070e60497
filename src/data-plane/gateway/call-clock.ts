// Deadlines of running exchanges, checked by one timer rather than by one timer a call. Knows what is under way, for draining.
import type { Exchange } from './exchange.ts';

const TICK_MS = 250;

export class CallClock {
  readonly #running = new Set<Exchange>();
  readonly #timer: NodeJS.Timeout;
  #lastTickAtMs = Date.now();
  #onIdle: (() => void) | undefined;

  constructor() {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  get size(): number {
    return this.#running.size;
  }

  add(exchange: Exchange): void {
    this.#running.add(exchange);
    exchange.onFinished = () => {
      this.#running.delete(exchange);
      if (this.#running.size === 0) this.#onIdle?.();
    };
  }

  /** Resolves when nothing is running, or after `graceMs`. */
  async idle(graceMs: number): Promise<void> {
    if (this.#running.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** What is still running. */
  all(): Exchange[] {
    return [...this.#running];
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const nowMs = Date.now();
    const passedMs = nowMs - this.#lastTickAtMs;
    this.#lastTickAtMs = nowMs;
    for (const exchange of this.#running) {
      // A person is being asked: the upstream's time stands still.
      if (exchange.session !== undefined && exchange.session.openAsks.size > 0) exchange.deadlineAtMs += passedMs;
      if (nowMs >= exchange.deadlineAtMs || nowMs >= exchange.hardDeadlineAtMs) exchange.onDeadline?.();
    }
  }
}
