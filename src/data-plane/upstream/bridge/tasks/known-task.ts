// A task of a modern upstream that a legacy client has made: what has to be known of it between the client's requests.
import { newId } from '#base/kernel';
import { jsonText, valueAt, type Envelope } from '#base/protocol';
import type { KeptTask } from './task-book.ts';

/** Who waits for the end of a task. */
export interface TaskFollower {
  /** The task has been cancelled, or is known no longer. */
  cancelled(): void;
}

export class KnownTask implements KeptTask {
  readonly owner: string;
  readonly upstreamId: string;
  readonly taskId: string;
  readonly expiresAtMs: number;
  /** The call that has become the task. */
  readonly call: Envelope;
  /** Keys of questions that were answered; the upstream may still show them for a moment. */
  readonly answered = new Set<string>();
  /** What is cancelled stays so, whatever its upstream makes of it (2025-11-25, "Task Cancellation"). */
  isCancelled = false;
  readonly #followers = new Set<TaskFollower>();
  /** `tasks/get` of one that the gateway made of a result that was there at once; undefined for the upstream's own. */
  readonly details: string | undefined;

  constructor(owner: string, upstreamId: string, taskId: string, expiresAtMs: number, call: Envelope, details?: string) {
    this.owner = owner;
    this.upstreamId = upstreamId;
    this.taskId = taskId;
    this.expiresAtMs = expiresAtMs;
    this.call = call;
    this.details = details;
  }

  get isFinished(): boolean {
    return this.details !== undefined;
  }

  get sizeBytes(): number {
    return this.taskId.length + (this.details?.length ?? 0);
  }

  follow(follower: TaskFollower): void {
    this.#followers.add(follower);
  }

  leave(follower: TaskFollower): void {
    this.#followers.delete(follower);
  }

  /** Only one asks the client what the task asks: who has waited longest. */
  isAsker(follower: TaskFollower): boolean {
    const [asker] = this.#followers;
    return asker === follower;
  }

  cancelled(): void {
    this.isCancelled = true;
    for (const follower of this.#followers) follower.cancelled();
  }

  release(): void {
    this.cancelled();
  }
}

/** What tasks/get says of a task whose result is there already. @param result as JSON text */
export function finishedDetails(result: string, ttlMs: number): string {
  const now = new Date().toISOString();
  const task = { taskId: newId(), status: 'completed', createdAt: now, lastUpdatedAt: now, ttlMs };
  // A copy: a piece of a message keeps the whole of it in memory.
  return Buffer.from(`${jsonText(task).slice(0, -1)},"result":${result}}`, 'latin1').toString('latin1');
}

/** Epoch ms until which a task of this ttl is known; one without a limit as long as the gateway keeps any. @param task as the extension says it */
export function expiryOf(task: string, ttlMaxMs: number): number {
  const ttlMs = Number(valueAt(task, ['ttlMs']));
  return Date.now() + (ttlMs > 0 ? Math.min(ttlMs, ttlMaxMs) : ttlMaxMs);
}
