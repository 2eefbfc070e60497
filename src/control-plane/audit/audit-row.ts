// What the audit trail shows and what it can be asked: the contract's fields (api.md 2.25) and, after them, ours. Imports
// nothing, because the worker that fills it runs outside the rooms.

export interface AuditRow {
  /** Unique in this file; sorted by arrival. */
  readonly id: string;
  /** ISO 8601 UTC. */
  readonly timestamp: string;
  /** The trace id of an MCP message, the request id of a change. */
  readonly correlation_id: string | null;
  /** `create update delete state refresh` for changes; `execute read list complete connect message` for MCP messages. */
  readonly action: string;
  readonly resource_type: string;
  readonly resource_id: string | null;
  readonly resource_name: string | null;
  readonly user_id: string | null;
  readonly user_email: string | null;
  readonly success: boolean;
  readonly requires_review: boolean;
  readonly data_classification: string | null;
  /** The MCP method; null for changes. */
  readonly method: string | null;
  /** `call note reply ask tell`; null for changes. */
  readonly direction: string | null;
  /** `ok tool_error rpc_error refused failed cancelled`. */
  readonly outcome: string;
  readonly error_code: string | null;
  readonly duration_ms: number;
  readonly http_status: number | null;
  readonly server_id: string | null;
  readonly gateway_id: string | null;
  readonly request_bytes: number | null;
  readonly response_bytes: number | null;
  readonly client_ip: string | null;
  readonly trace_id: string | null;
  readonly token_id: string | null;
}

/** All conditions must hold; an empty list is no condition. Newest first. */
export interface AuditFilter {
  /** Matches the action or the MCP method. */
  readonly actions?: readonly string[] | undefined;
  readonly resourceTypes?: readonly string[] | undefined;
  readonly resourceId?: string | undefined;
  readonly outcomes?: readonly string[] | undefined;
  /** An e-mail address. */
  readonly userId?: string | undefined;
  readonly serverId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly requiresReview?: boolean | undefined;
  /** Epoch ms, inclusive. */
  readonly fromMs?: number | undefined;
  /** Epoch ms, exclusive. */
  readonly untilMs?: number | undefined;
  readonly limit: number;
  readonly offset: number;
}

export function matches(row: AuditRow, filter: AuditFilter): boolean {
  return (
    (filter.userId === undefined || row.user_email === filter.userId) &&
    (filter.serverId === undefined || row.server_id === filter.serverId) &&
    (filter.resourceId === undefined || row.resource_id === filter.resourceId) &&
    (filter.correlationId === undefined || row.correlation_id === filter.correlationId) &&
    (filter.requiresReview === undefined || row.requires_review === filter.requiresReview) &&
    isAmong(filter.resourceTypes, row.resource_type) &&
    isAmong(filter.outcomes, row.outcome) &&
    (isAmong(filter.actions, row.action) || (row.method !== null && isAmong(filter.actions, row.method)))
  );
}

function isAmong(wanted: readonly string[] | undefined, value: string): boolean {
  return wanted === undefined || wanted.length === 0 || wanted.includes(value);
}
