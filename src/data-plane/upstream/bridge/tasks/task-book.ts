// Tasks that the gateway keeps for callers between their requests: each is its maker's alone, there are so many of them at most, and each is
// let go when its time is over or its upstream is no more.
import type { UpstreamEntry } from '#data-plane/gateway';

export interface KeptTask {
  /** Principal.key of whoever made it. */
  readonly owner: string;
  readonly upstreamId: string;
  /** As the upstream calls it. */
  readonly taskId: string;
  readonly expiresAtMs: number;
  /** What is kept of it. */
  readonly sizeBytes: number;
  readonly isFinished: boolean;
  /** Nobody will ask for it any more: frees what it holds, and ends it at the upstream if it still runs. */
  release(): void;
}

export interface TaskBounds {
  readonly max: number;
  readonly maxPerOwner: number;
  /** Of outcomes that wait to be fetched. */
  readonly keptBytes: number;
}

const BOUNDS: TaskBounds = { max: 10_000, maxPerOwner: 1000, keptBytes: 64 * 1024 * 1024 };
const SWEEP_MS = 5000;

export class TaskBook<Task extends KeptTask> {
  readonly #tasks = new Map<string, Task>();
  readonly #countByOwner = new Map<string, number>();
  readonly #bounds: TaskBounds;
  #timer: NodeJS.Timeout | undefined;

  constructor(bounds = BOUNDS) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#tasks.size;
  }

  /** May this caller have one more? */
  hasRoom(owner: string): boolean {
    return this.#tasks.size < this.#bounds.max && (this.#countByOwner.get(owner) ?? 0) < this.#bounds.maxPerOwner;
  }

  add(task: Task): void {
    const key = keyOf(task.owner, task.upstreamId, task.taskId);
    const before = this.#tasks.get(key);
    if (before !== undefined) this.remove(before);
    this.#tasks.set(key, task);
    this.#countByOwner.set(task.owner, (this.#countByOwner.get(task.owner) ?? 0) + 1);
    this.#timer ??= setInterval(() => this.sweep(Date.now()), SWEEP_MS).unref();
  }

  /** Undefined for a task of somebody else, as for one that there never was. */
  find(owner: string, upstreamId: string, taskId: string, nowMs = Date.now()): Task | undefined {
    const task = this.#tasks.get(keyOf(owner, upstreamId, taskId));
    if (task === undefined || task.expiresAtMs > nowMs) return task;
    this.remove(task);
    return undefined;
  }

  remove(task: Task): void {
    if (!this.#tasks.delete(keyOf(task.owner, task.upstreamId, task.taskId))) return;
    const left = (this.#countByOwner.get(task.owner) ?? 1) - 1;
    if (left > 0) this.#countByOwner.set(task.owner, left);
    else this.#countByOwner.delete(task.owner);
    if (this.#tasks.size === 0) this.#stop();
    task.release();
  }

  /** Lets go of those whose time is over. */
  sweep(nowMs: number): void {
    for (const task of this.#tasks.values()) if (task.expiresAtMs <= nowMs) this.remove(task);
  }

  /** Forgets the outcomes that have been there longest, should there be too much of them. */
  trim(): void {
    let keptBytes = 0;
    for (const task of this.#tasks.values()) keptBytes += task.sizeBytes;
    for (const task of this.#tasks.values()) {
      if (keptBytes <= this.#bounds.keptBytes) return;
      if (!task.isFinished) continue;
      keptBytes -= task.sizeBytes;
      this.remove(task);
    }
  }

  keepOnly(upstreams: ReadonlyMap<string, UpstreamEntry>): void {
    for (const task of this.#tasks.values()) if (upstreams.get(task.upstreamId)?.enabled !== true) this.remove(task);
  }

  close(): void {
    for (const task of this.#tasks.values()) this.remove(task);
    this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function keyOf(owner: string, upstreamId: string, taskId: string): string {
  return JSON.stringify([owner, upstreamId, taskId]);
}
