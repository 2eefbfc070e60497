// A client as a scenario sees it, whichever revision it speaks: requests with what came meanwhile, news, a log level. Each player
// speaks its own revision's wire exactly and notes whatever it got that its revision does not have.
import type { Revision } from './revisions.ts';

export type Json = Record<string, unknown>;

export interface Message {
  readonly method: string;
  readonly params: Json;
}

/** One call and everything that reached the client because of it. */
export interface Outcome {
  /** HTTP status of the POST (the last one, of several rounds); 202 where answers come on another stream. */
  readonly status: number;
  /** The answer as it was written. */
  readonly text: string;
  readonly result: Json | undefined;
  readonly error: { readonly code: number; readonly message: string; readonly data?: unknown } | undefined;
  /** What the client was asked meanwhile, in order. */
  readonly asked: readonly Message[];
  /** Notifications that came with it, in order. */
  readonly told: readonly Message[];
}

export interface RequestOptions {
  /** Members of `_meta` besides the era's own. */
  readonly meta?: Json;
  /** The id as JSON text, to see it come back as it was written. */
  readonly idText?: string;
  /** The params as JSON text, for values that JSON.stringify cannot write. */
  readonly paramsText?: string;
  /** Modern: headers besides those that every request has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Modern: hands an input_required result back instead of answering it. */
  readonly isOneRound?: boolean;
}

export interface RunningCall {
  readonly outcome: Promise<Outcome>;
  /** The next notification of this method that comes with the call. */
  told(method: string): Promise<Message>;
  /** Takes the call back in the way of the revision. */
  cancel(): Promise<void>;
}

export interface Filter {
  readonly toolsListChanged?: boolean;
  readonly promptsListChanged?: boolean;
  readonly resourceSubscriptions?: readonly string[];
}

export interface Listening {
  /** The next news of this method that has not been taken yet. */
  news(method: string): Promise<Message>;
  close(): Promise<void>;
}

export interface Player {
  readonly revision: Revision;
  /** What initialize or server/discover said. */
  readonly opened: Json;
  /** What came and should not have, for a client of this revision. */
  readonly faults: readonly string[];
  start(method: string, params?: Json, options?: RequestOptions): RunningCall;
  request(method: string, params?: Json, options?: RequestOptions): Promise<Outcome>;
  /** Sends a notification; @returns the HTTP status. */
  notify(method: string, params?: Json): Promise<number>;
  /** Asks for log lines of this level and above. */
  setLevel(level: string): Promise<void>;
  listen(filter: Filter): Promise<Listening>;
  close(): Promise<void>;
}

/** What a client that can do everything declares, by what its revision knows. */
export function everything(revision: Revision): Json {
  return {
    roots: { listChanged: true },
    sampling: revision >= '2025-11-25' ? { tools: {} } : {},
    ...(revision >= '2025-06-18' ? { elicitation: revision >= '2025-11-25' ? { form: {}, url: {} } : {} } : {}),
  };
}
