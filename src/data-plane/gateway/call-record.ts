// One finished message, as the audit trail keeps it. The data plane writes these into a ring; the control plane's audit room
// stores and shows them.

/** `call` client request, `note` client notification, `ask` server→client request, `tell` server→client notification. */
export type RecordDirection = 'call' | 'note' | 'ask' | 'tell';

/** `ok`, `tool_error` (isError), `rpc_error` (an error answer of the upstream or the client), `refused` (by the gateway), `failed` (upstream), `cancelled`. */
export type RecordOutcome = 'ok' | 'tool_error' | 'rpc_error' | 'refused' | 'failed' | 'cancelled';

export interface CallRecord {
  /** Epoch milliseconds at which the message arrived. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly direction: RecordDirection;
  readonly method: string;
  /** Tool name, prompt name, resource URI or task id; '' when the method has none. */
  readonly target: string;
  readonly outcome: RecordOutcome;
  /** Our error code when `refused` or `failed`, else ''. */
  readonly errorCode: string;
  readonly httpStatus: number;
  readonly serverId: string;
  readonly upstreamId: string;
  /** '' when the caller could not be identified. */
  readonly userEmail: string;
  readonly tokenId: string;
  readonly clientAddress: string;
  readonly requestBytes: number;
  readonly answerBytes: number;
  readonly traceId: string;
}

/** Where finished records go, in batches; never throws, never blocks the caller. */
export interface RecordSink {
  write(batch: readonly CallRecord[]): void;
}
