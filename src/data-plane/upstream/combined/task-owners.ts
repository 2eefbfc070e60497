// Which upstream runs a task: its id leads back to whoever made it. Known to this process only, and to nobody but the client it was
// made for.
import { isVisible, type Principal } from '#base/access';
import type { Snapshot, UpstreamEntry } from '#data-plane/gateway';

export class TaskOwners {
  /** Upstreams by task, by Principal.key. */
  readonly #byCaller = new Map<string, Map<string, string>>();
  readonly #max: number;
  #count = 0;

  /** @param max beyond so many the oldest of whoever has most are forgotten */
  constructor(max: number) {
    this.#max = max;
  }

  note({ key }: Principal, taskId: string | undefined, upstreamId: string): void {
    if (taskId === undefined) return;
    const known = this.#byCaller.get(key)?.has(taskId) === true;
    if (!known && this.#count >= this.#max) this.#forgetOne();
    const tasks = this.#byCaller.get(key) ?? new Map<string, string>();
    this.#byCaller.set(key, tasks.set(taskId, upstreamId));
    if (!known) this.#count++;
  }

  /** Undefined for a task that this caller did not make, or whose upstream is no longer theirs to use. */
  ownerOf(principal: Principal, taskId: string, { upstreams }: Snapshot): UpstreamEntry | undefined {
    const upstream = upstreams.get(this.#byCaller.get(principal.key)?.get(taskId) ?? '');
    return upstream?.enabled === true && isVisible(principal, upstream) ? upstream : undefined;
  }

  #forgetOne(): void {
    let most: [key: string, tasks: Map<string, string>] | undefined;
    for (const each of this.#byCaller) if (most === undefined || each[1].size > most[1].size) most = each;
    if (most === undefined) return;
    const [key, tasks] = most;
    const [oldest] = tasks.keys();
    if (oldest !== undefined && tasks.delete(oldest)) this.#count--;
    if (tasks.size === 0) this.#byCaller.delete(key);
  }
}
