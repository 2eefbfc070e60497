// Reading the audit trail: at the contract's path and at the short one. An unrestricted administrator reads everybody's rows,
// anybody else their own.
import { z } from 'zod';
import type { Principal } from '#base/access';
import { AppError } from '#base/kernel';
import { defineRoute, queryBoolean, type RouteSpec } from '#control-plane/http-contract';
import type { RecordStore } from './record-store.ts';

const LIMIT_MAX = 1000;
const OFFSET_MAX = 1_000_000;

/** Given once, several times, or as a comma-separated list. */
const texts = z
  .union([z.string(), z.array(z.string())])
  .transform((given) =>
    (typeof given === 'string' ? [given] : given)
      .flatMap((text) => text.split(','))
      .map((text) => text.trim())
      .filter((text) => text !== ''),
  )
  .optional();

const time = z.iso
  .datetime({ offset: true, local: true })
  .transform((text) => Date.parse(/(Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`))
  .optional();

const auditQuery = z.object({
  action: texts.describe('Actions or MCP methods.'),
  resource_type: texts,
  resource_id: z.string().max(255).optional(),
  user_id: z.string().max(255).optional().describe('An e-mail address.'),
  server_id: z.string().max(255).optional(),
  correlation_id: z.string().max(255).optional(),
  outcome: texts,
  requires_review: queryBoolean.optional(),
  start_time: time.describe('ISO 8601, inclusive; without an offset it is UTC.'),
  end_time: time.describe('ISO 8601, exclusive.'),
  limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(100),
  offset: z.coerce.number().int().min(0).max(OFFSET_MAX).default(0),
});

const text = z.string().nullable();

const auditRowOut = z.object({
  id: z.string(),
  timestamp: z.string(),
  correlation_id: text,
  action: z.string(),
  resource_type: z.string(),
  resource_id: text,
  resource_name: text,
  user_id: text,
  user_email: text,
  success: z.boolean(),
  requires_review: z.boolean(),
  data_classification: text,
  method: text,
  direction: text,
  outcome: z.string(),
  error_code: text,
  duration_ms: z.number(),
  http_status: z.number().int().nullable(),
  server_id: text,
  gateway_id: text,
  request_bytes: z.number().nullable(),
  response_bytes: z.number().nullable(),
  client_ip: text,
  trace_id: text,
  token_id: text,
});

export interface AuditRoutesOptions {
  readonly records: Pick<RecordStore, 'query'>;
  /** Hands over what the data plane has recorded and not yet sent, so that the trail shows the call just made. */
  readonly beforeQuery?: () => void;
}

export function auditRoutes({ records, beforeQuery }: AuditRoutesOptions): RouteSpec[] {
  return ['/audit-trails', '/api/logs/audit-trails'].map((path) =>
    defineRoute({
      method: 'GET',
      path,
      summary: 'Who did what, when, and how it ended',
      tags: ['Audit'],
      auth: 'user',
      input: { query: auditQuery },
      output: z.array(auditRowOut),
      successStatus: 200,
      statuses: [],
      async handler({ principal, query }) {
        ensureMayRead(principal);
        beforeQuery?.();
        const isForAll = principal.isAdmin && principal.reach === 'everything';
        if (!isForAll && query.user_id !== undefined && query.user_id !== principal.email) return [];
        return records.query({
          actions: query.action,
          resourceTypes: query.resource_type,
          resourceId: query.resource_id,
          userId: isForAll ? query.user_id : principal.email,
          serverId: query.server_id,
          correlationId: query.correlation_id,
          outcomes: query.outcome,
          requiresReview: query.requires_review,
          fromMs: query.start_time,
          untilMs: query.end_time,
          limit: query.limit,
          offset: query.offset,
        });
      },
    }),
  );
}

/** A token bound to one server, or to permissions that leave out the trail, does not read it (api.md 8.4). */
function ensureMayRead({ scopes }: Principal): void {
  if (scopes === undefined) return;
  const isGranted = scopes.permissions.length === 0 || scopes.permissions.some((held) => held === '*' || held === 'audit.*' || held === 'audit.read');
  if (scopes.serverId !== undefined || !isGranted) throw new AppError('access.denied', 'The audit trail is outside the scope of this token.');
}
