// A change made over REST, as it is sent to the record worker and shown in the trail.
import type { AuditRow } from './audit-row.ts';

/** Plain texts and numbers only: this crosses to a worker and is stored as JSON. */
export interface ChangeRecord {
  readonly atMs: number;
  readonly durationMs: number;
  readonly action: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly resourceName: string;
  readonly httpStatus: number;
  readonly errorCode: string;
  readonly userEmail: string;
  readonly tokenId: string;
  readonly clientAddress: string;
  readonly correlationId: string;
}

export function changeRow(id: string, change: ChangeRecord): AuditRow {
  const isFailure = change.errorCode !== '';
  return {
    id,
    timestamp: new Date(change.atMs).toISOString(),
    correlation_id: change.correlationId || null,
    action: change.action,
    resource_type: change.resourceType,
    resource_id: change.resourceId || null,
    resource_name: change.resourceName || null,
    user_id: change.userEmail || null,
    user_email: change.userEmail || null,
    success: !isFailure,
    requires_review: false,
    data_classification: null,
    method: null,
    direction: null,
    outcome: !isFailure ? 'ok' : change.httpStatus >= 500 ? 'failed' : 'refused',
    error_code: change.errorCode || null,
    duration_ms: change.durationMs,
    http_status: change.httpStatus,
    server_id: change.resourceType === 'server' ? change.resourceId || null : null,
    gateway_id: change.resourceType === 'gateway' ? change.resourceId || null : null,
    request_bytes: null,
    response_bytes: null,
    client_ip: change.clientAddress || null,
    trace_id: null,
    token_id: change.tokenId || null,
  };
}
