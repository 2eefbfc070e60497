export {
  RECORD_COLUMNS,
  RECORD_DIRECTIONS,
  RECORD_OUTCOMES,
  type RecordBatch,
  type RecordDirection,
  type RecordOutcome,
  type RecordSink,
} from './call-record.ts';
export { addParamHeaders, declaredParams } from './declared-params.ts';
export { type ClientRequest, type Era } from './exchange.ts';
export { readLoosely } from './loose-response.ts';
export { createGateway, type Admission, type CarriedQuestion, type Gateway, type GatewayParts, type GatewaySettings } from './pipeline.ts';
export {
  type AnswerHead,
  type AnswerKind,
  type AnswerListener,
  type AnswerSink,
  type ClientAnswer,
  type StreamEvent,
  type UpstreamCall,
  type UpstreamObserver,
  type UpstreamPort,
  type UpstreamRequest,
  type UpstreamSession,
} from './seams.ts';
export { type ItemEntry, type ServerEntry, type Snapshot, type SnapshotHolder, type UpstreamEntry } from './snapshot.ts';
export { LimitGate } from './limits.ts';
export { type ItemRow, type Limits, type ServerRow, type SnapshotInput, type StdioIsolation, type UpstreamRow } from './snapshot-input.ts';
