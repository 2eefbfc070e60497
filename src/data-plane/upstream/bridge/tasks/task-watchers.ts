// Who listens to a task that is kept for its client, and when to look at it for their sake, should the upstream say nothing by itself.
export class TaskWatchers {
  readonly #watchers = new Set<() => void>();
  readonly #look: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param look is called when it is time to ask the upstream how the task is */
  constructor(look: () => void) {
    this.#look = look;
  }

  /** @param changed is told whenever the task is another than before; @returns how to stop */
  add(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  tell(): void {
    for (const changed of this.#watchers) changed();
  }

  /** Does nothing when nobody listens, or when that is planned already. */
  lookIn(pauseMs: number): void {
    if (this.#watchers.size === 0 || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#look();
    }, pauseMs).unref();
  }

  /** The task is over: there is nothing to look for. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  clear(): void {
    this.rest();
    this.#watchers.clear();
  }
}
