// Comments on streams that have been silent for a while, from one timer for all of them (checklist 8).
const TICK_MS = 1_000;

export interface Beating {
  keepAlive(): void;
}

export class KeepAlive {
  readonly #silentSinceMs = new Map<Beating, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(silenceMaxMs: number, tickMs = TICK_MS) {
    this.#timer = setInterval(() => {
      const nowMs = Date.now();
      for (const [stream, sinceMs] of this.#silentSinceMs) {
        // One tick early rather than one late.
        if (nowMs - sinceMs < silenceMaxMs - tickMs) continue;
        stream.keepAlive();
        this.#silentSinceMs.set(stream, nowMs);
      }
    }, tickMs);
    this.#timer.unref();
  }

  add(stream: Beating): void {
    this.#silentSinceMs.set(stream, Date.now());
  }

  touch(stream: Beating): void {
    if (this.#silentSinceMs.has(stream)) this.#silentSinceMs.set(stream, Date.now());
  }

  delete(stream: Beating): void {
    this.#silentSinceMs.delete(stream);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
