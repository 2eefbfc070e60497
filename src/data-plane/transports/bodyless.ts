// Requests without a message: a GET for the standalone stream, a DELETE of a session. The pipeline takes them as exchanges like any
// other, so they have an envelope, and these are the names they have in the records.
import type { Envelope } from '#base/protocol';

const NOTHING = {
  isError: false,
  isToolError: false,
  name: undefined,
  uri: undefined,
  taskId: undefined,
  requestId: undefined,
  progressToken: undefined,
  protocolVersion: undefined,
  traceparent: undefined,
};

export const OPEN_STREAM: Envelope = { ...NOTHING, kind: 'request', method: 'stream/open', id: undefined };
export const END_SESSION: Envelope = { ...NOTHING, kind: 'request', method: 'session/end', id: undefined };
/** A message that could not be read, of somebody who may send one. */
export const UNREADABLE: Envelope = { ...NOTHING, kind: 'notification', method: 'message/unreadable', id: undefined };
export const NO_BODY: Buffer = Buffer.alloc(0);
