// The port through which every change made over REST, and every refused attempt, reaches the audit trail.
import type { Caller } from './caller.ts';

export interface ChangeFact {
  readonly caller: Caller;
  readonly action: 'create' | 'update' | 'delete' | 'state' | 'refresh';
  /** `gateway`, `server`, `tool` … */
  readonly resourceType: string;
  /** Empty when the attempt failed before there was one. */
  readonly resourceId: string;
  readonly resourceName: string;
  readonly httpStatus: number;
  /** Empty on success. */
  readonly errorCode: string;
  readonly atMs: number;
  readonly durationMs: number;
}

/** Never throws and never blocks. */
export type ChangeRecorder = (change: ChangeFact) => void;
