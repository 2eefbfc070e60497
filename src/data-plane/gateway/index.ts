export { RECORD_COLUMNS, RECORD_DIRECTIONS, RECORD_OUTCOMES, type RecordBatch, type RecordDirection, type RecordOutcome, type RecordSink } from './call-record.ts';
export { type Limits, type ServerRow, type SnapshotInput, type ToolRow, type UpstreamRow } from './snapshot-input.ts';
