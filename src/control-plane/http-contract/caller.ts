// Who asks and from where: the principal decides what may happen, the rest is written beside what was changed (api.md 1.12).
import type { Principal } from '#base/access';
import type { AuditColumns } from '#control-plane/db';

export interface Caller {
  readonly principal: Principal;
  readonly clientAddress: string;
  readonly userAgent: string | undefined;
  readonly correlationId: string;
  /** Said by callers that are no clients of the API; it stands in the rows they write instead of `api`. */
  readonly origin?: Origin;
}

/** `federation` rows were read from an upstream, `api` rows were sent by a client, `mcp-config` rows stand in the operator's file. */
export type Origin = 'api' | 'federation' | 'mcp-config';

/** Audit columns of a new row. */
export function auditOnCreate(caller: Caller, via: Origin, now: string): AuditColumns {
  return {
    created_at: now,
    updated_at: now,
    created_by: caller.principal.email,
    created_from_ip: caller.clientAddress,
    created_via: viaOf(caller, via),
    created_user_agent: caller.userAgent ?? null,
    modified_by: null,
    modified_from_ip: null,
    modified_via: null,
    modified_user_agent: null,
    version: 1,
  };
}

/** Audit columns to set on an update of a row whose version was `version`. */
export function auditOnUpdate(caller: Caller, via: Origin, now: string, version: number) {
  return {
    updated_at: now,
    modified_by: caller.principal.email,
    modified_from_ip: caller.clientAddress,
    modified_via: viaOf(caller, via),
    modified_user_agent: caller.userAgent ?? null,
    version: version + 1,
  };
}

function viaOf(caller: Caller, via: Origin): Origin {
  return via === 'api' ? (caller.origin ?? via) : via;
}
