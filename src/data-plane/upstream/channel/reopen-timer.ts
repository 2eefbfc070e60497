// When a line that broke is opened again for clients that only listen: after a pause that doubles each time. A server that shakes
// hands and then ends does not start from the beginning: only a line that stood for a while has shown that it can stand.
const FIRST_MS = 500;
const MAX_MS = 30_000;
const STEADY_MS = 30_000;

export class ReopenTimer {
  readonly #onDue: () => void;
  #timer: NodeJS.Timeout | undefined;
  #stoodAtMs = Number.POSITIVE_INFINITY;
  #losses = 0;

  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** The line stands from now on. */
  stands(): void {
    this.#stoodAtMs = Date.now();
  }

  /** It broke, or could not be opened. */
  lost(): void {
    this.#losses = Date.now() - this.#stoodAtMs >= STEADY_MS ? 1 : this.#losses + 1;
    this.#stoodAtMs = Number.POSITIVE_INFINITY;
  }

  /** Calls `onDue` once after the pause; does nothing when that is planned already. */
  plan(): void {
    if (this.#timer !== undefined) return;
    const pauseMs = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(Math.max(0, this.#losses - 1), 10));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#onDue();
    }, pauseMs);
    this.#timer.unref();
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
