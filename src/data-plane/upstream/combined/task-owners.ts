// Which upstream runs a task: its id leads back to whoever made it. Known to this process only, and to nobody but the client it was
// made for.
import { isVisible, type Principal } from '#base/access';
import type { Snapshot, UpstreamEntry } from '#data-plane/gateway';

export class TaskOwners {
  readonly #owners = new Map<string, string>();
  readonly #max: number;

  /** @param max the oldest are forgotten beyond so many */
  constructor(max: number) {
    this.#max = max;
  }

  note({ key }: Principal, taskId: string | undefined, upstreamId: string): void {
    if (taskId === undefined) return;
    const [oldest] = this.#owners.keys();
    if (this.#owners.size >= this.#max && oldest !== undefined) this.#owners.delete(oldest);
    this.#owners.set(JSON.stringify([key, taskId]), upstreamId);
  }

  /** Undefined for a task that this caller did not make, or whose upstream is no longer theirs to use. */
  ownerOf(principal: Principal, taskId: string, { upstreams }: Snapshot): UpstreamEntry | undefined {
    const upstream = upstreams.get(this.#owners.get(JSON.stringify([principal.key, taskId])) ?? '');
    return upstream?.enabled === true && isVisible(principal, upstream) ? upstream : undefined;
  }
}
