// Numbers of the data plane's call records, back into something a person can read.
import type { AuditRow } from './audit-row.ts';

/** How the numbers of a stored batch are to be read: written beside them, so that a later version can still read them. */
export interface RecordShape {
  readonly columns: readonly string[];
  readonly directions: readonly string[];
  readonly outcomes: readonly string[];
}

export type ReadColumn = (name: string) => number;

/** @param read gives a column of this row, 0 when its batch was written before that column existed */
export function messageRow(id: string, shape: RecordShape, read: ReadColumn, textOf: (number: number) => string): AuditRow {
  const text = (column: string): string | null => textOf(read(column)) || null;
  const method = text('method');
  const serverId = text('serverId');
  const outcome = shape.outcomes[read('outcome')] ?? 'unknown';
  const resourceType = resourceTypeOf(method);
  const traceId = traceIdOf(read);
  const email = text('userEmail');
  return {
    id,
    timestamp: new Date(read('atMs')).toISOString(),
    correlation_id: traceId,
    action: actionOf(method),
    resource_type: resourceType,
    resource_id: resourceType === 'server' ? serverId : null,
    resource_name: text('target'),
    user_id: email,
    user_email: email,
    success: outcome === 'ok',
    requires_review: false,
    data_classification: null,
    method,
    direction: shape.directions[read('direction')] ?? null,
    outcome,
    error_code: text('errorCode'),
    duration_ms: read('durationMs'),
    http_status: read('httpStatus') || null,
    server_id: serverId,
    gateway_id: text('upstreamId'),
    request_bytes: read('requestBytes'),
    response_bytes: read('answerBytes'),
    client_ip: text('clientAddress'),
    trace_id: traceId,
    token_id: text('tokenId'),
  };
}

const ACTIONS: Readonly<Record<string, string>> = {
  'tools/call': 'execute',
  'resources/read': 'read',
  'prompts/get': 'read',
  'completion/complete': 'complete',
  initialize: 'connect',
  'server/discover': 'connect',
};

function actionOf(method: string | null): string {
  if (method === null) return 'message';
  return ACTIONS[method] ?? (method.endsWith('/list') ? 'list' : 'message');
}

function resourceTypeOf(method: string | null): string {
  if (method?.startsWith('tools/') === true) return 'tool';
  if (method?.startsWith('resources/') === true) return 'resource';
  if (method?.startsWith('prompts/') === true) return 'prompt';
  return 'server';
}

/** W3C trace id: 32 hex characters, or null when all words are 0. */
function traceIdOf(read: ReadColumn): string | null {
  const words = [read('trace0'), read('trace1'), read('trace2'), read('trace3')];
  if (words.every((word) => word === 0)) return null;
  return words.map((word) => word.toString(16).padStart(8, '0')).join('');
}
