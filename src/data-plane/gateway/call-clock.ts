// Deadlines of running exchanges, checked by one timer rather than by one timer a call. Knows what is under way, for draining.
import type { Exchange } from './exchange.ts';
import { isSameId } from './json-answer.ts';
import type { Session } from './session.ts';

const TICK_MS = 250;

export class CallClock {
  // An array with swap-removal, not a Set: a Set that is added to and deleted from all the time replaces its table again and again,
  // and each dead table keeps its last members alive until the next full collection (measured: 6 KB a call).
  readonly #running: Exchange[] = [];
  readonly #timer: NodeJS.Timeout;
  #lastTickAtMs = Date.now();
  #onIdle: (() => void) | undefined;

  constructor() {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  add(exchange: Exchange): void {
    exchange.clock = this;
    exchange.clockSlot = this.#running.length;
    this.#running.push(exchange);
  }

  remove(exchange: Exchange): void {
    const last = this.#running.pop();
    if (last !== undefined && last !== exchange) {
      this.#running[exchange.clockSlot] = last;
      last.clockSlot = exchange.clockSlot;
    }
    if (this.#running.length === 0) this.#onIdle?.();
  }

  /** The running request of this session with this id, however it is written. */
  find(session: Session, id: string | undefined): Exchange | undefined {
    if (id === undefined) return undefined;
    return this.#running.find(
      ({ session: its, request: { envelope } }) =>
        its === session && envelope.kind === 'request' && envelope.id !== undefined && isSameId(id, envelope.id),
    );
  }

  /** Resolves when nothing is running, or after `graceMs`. */
  async idle(graceMs: number): Promise<void> {
    if (this.#running.length === 0) return;
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
    for (const exchange of this.all()) {
      // A person is being asked: the upstream's time stands still.
      if (exchange.session?.isAskedFor(exchange) === true) exchange.deadlineAtMs += passedMs;
      if (nowMs >= exchange.deadlineAtMs || nowMs >= exchange.hardDeadlineAtMs) exchange.relay?.timedOut();
    }
  }
}
