// A task that an upstream of 2025-11-25 has just made for a client of 2026-07-28, and the session in which it can be asked after.
import type { UpstreamEntry } from '#data-plane/gateway';
import type { Leg } from '../../leg/leg.ts';

/** The session a task was made in, for as long as it runs. */
export interface TaskLease {
  readonly leg: Leg;
  readonly upstream: UpstreamEntry;
  /** The session is not needed for the task any more. @param isDone the upstream has come to the end with it */
  release(isDone: boolean): void;
}

export interface MadeTask {
  readonly owner: string;
  /** As modernTask() gives it. */
  readonly task: string;
  /** What the client declared when it made the task, as JSON text. */
  readonly capabilities: string;
}

export interface HeldTaskParts {
  readonly ttlMaxMs: number;
  readonly timeoutMs: number;
  /** It has come to its end, and holds its outcome from now on. */
  readonly onFinished: () => void;
}

/** The upstream does not tell of the task; `answer` is what it said. */
export class LostTask extends Error {
  readonly answer: string;

  constructor(answer: string) {
    super('The upstream does not tell of the task');
    this.answer = answer;
  }
}
