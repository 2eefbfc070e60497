// Tells the rest of the process that rows have changed: after a commit of our own, and, by asking the change counter, after one
// of another process on the same database (decisions.md 18).
import type { Logger } from '#base/kernel';

export type ChangeListener = (version: number) => Promise<void> | void;

export class ChangeFeed {
  readonly #listeners = new Set<ChangeListener>();
  readonly #log: Logger;
  #seen: number;

  constructor(log: Logger, seen: number) {
    this.#log = log;
    this.#seen = seen;
  }

  add(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when every listener has dealt with it. A listener that fails is logged: the change is committed all the same. */
  async publish(version: number): Promise<void> {
    if (version > this.#seen) this.#seen = version;
    await Promise.all([...this.#listeners].map((listener) => this.#tell(listener, version)));
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
