// Tells the rest of the process that rows have changed: after a commit of our own, and, by asking the change counter, after one
// of another process on the same database (decisions.md 18).
import type { Logger } from '#base/kernel';

export type ChangeListener = (version: number) => Promise<void> | void;

export class ChangeFeed {
  readonly #listeners = new Set<ChangeListener>();
  readonly #log: Logger;
  #seen: number;
  #running: Promise<void> = Promise.resolve();
  /** The round that will begin when the running one ends; it tells of every version published until then. */
  #next: Promise<void> | undefined;

  constructor(log: Logger, seen: number) {
    this.#log = log;
    this.#seen = seen;
  }

  add(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Resolves when every listener has dealt with it. A listener that fails is logged: the change is committed all the same.
   * Listeners are told one version after the other, never of two at once, so that an older state cannot overtake a newer one;
   * versions that come meanwhile are told in one. A listener must not wait for a change of its own.
   */
  publish(version: number): Promise<void> {
    if (version > this.#seen) this.#seen = version;
    if (this.#next === undefined) {
      this.#next = this.#running.then(async () => {
        this.#next = undefined;
        const latest = this.#seen;
        await Promise.all([...this.#listeners].map((listener) => this.#tell(listener, latest)));
      });
      this.#running = this.#next;
    }
    return this.#next;
  }

  /** Asks `readVersion` every `intervalMs`, and publishes a version not seen before. Returns how to stop. */
  poll(readVersion: () => Promise<number>, intervalMs: number): () => void {
    let isStopped = false;
    let timer: NodeJS.Timeout;
    const ask = async (): Promise<void> => {
      try {
        const version = await readVersion();
        if (!isStopped && version > this.#seen) await this.publish(version);
      } catch (error) {
        if (!isStopped) this.#log.warn('The database could not be asked for changes of other processes.', { error });
      }
      if (!isStopped) arm();
    };
    const arm = (): void => {
      timer = setTimeout(() => void ask(), intervalMs);
      timer.unref();
    };
    arm();
    return () => {
      isStopped = true;
      clearTimeout(timer);
    };
  }

  async #tell(listener: ChangeListener, version: number): Promise<void> {
    try {
      await listener(version);
    } catch (error) {
      this.#log.error('A committed change could not be taken into the running gateway.', { version, error });
    }
  }
}
