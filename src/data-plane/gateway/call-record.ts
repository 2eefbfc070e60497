// One finished message, as the audit trail keeps it. The data plane writes numbers into a ring and hands them over in batches;
// texts are numbered once per process (a dictionary), so that no young string is kept alive per call (decisions.md 31).

/** `call` client request, `note` client notification, `reply` client answer, `ask` server→client request, `tell` server→client notification. */
export const RECORD_DIRECTIONS = ['call', 'note', 'reply', 'ask', 'tell'] as const;
export type RecordDirection = (typeof RECORD_DIRECTIONS)[number];

/** `ok`; `tool_error` (isError); `rpc_error` (an error answer of the other side); `refused` by the gateway; `failed` upstream; `cancelled` by the caller. */
export const RECORD_OUTCOMES = ['ok', 'tool_error', 'rpc_error', 'refused', 'failed', 'cancelled'] as const;
export type RecordOutcome = (typeof RECORD_OUTCOMES)[number];

/**
 * The columns of a batch, in order. Numbers as they are: `atMs` epoch ms, `durationMs`, `httpStatus`, `requestBytes`,
 * `answerBytes`, `trace0`…`trace3` (W3C trace id as four unsigned 32-bit words, all 0 when absent). `direction` and `outcome`
 * are indexes into the lists above. All others are dictionary numbers; 0 is the empty text.
 */
export const RECORD_COLUMNS = [
  'atMs',
  'durationMs',
  'direction',
  'outcome',
  'httpStatus',
  'requestBytes',
  'answerBytes',
  'trace0',
  'trace1',
  'trace2',
  'trace3',
  'method',
  'target',
  'errorCode',
  'serverId',
  'upstreamId',
  'userEmail',
  'tokenId',
  'clientAddress',
] as const;

export interface RecordBatch {
  readonly count: number;
  /** `count` rows of RECORD_COLUMNS.length numbers; the receiver owns the buffer (it may be transferred to a worker). */
  readonly rows: Float64Array<ArrayBuffer>;
  /** Texts numbered since the last batch; number 0 is '' and never sent. Keep them for later batches. */
  readonly dictionary: readonly (readonly [number, string])[];
}

/** Where finished records go, in batches. Never throws and never blocks the caller. */
export interface RecordSink {
  write(batch: RecordBatch): void;
}
