// The row of an upstream that is registered, as its body asks for, before anything was read.
import { AppError, newId } from '#base/kernel';
import { toJsonColumn, type GatewaysTable } from '#control-plane/db';
import { auditOnCreate, limitsFrom, newOwnership, type Caller } from '#control-plane/http-contract';
import { slugOf } from '#control-plane/items';
import type { AuthSecret } from './upstream-auth.ts';
import type { UpstreamCreate } from './upstream-input.ts';
import { UNREAD_COLUMNS } from './upstream-reading.ts';
import { targetColumns, type Target } from './upstream-target.ts';
import type { UpstreamVault } from './upstream-vault.ts';

/** What a gateway shows that was saved without being asked. */
export function deferral({ transport }: Target): AppError {
  return transport === 'STDIO'
    ? new AppError('upstream.not_started', 'It was registered without being started (deferred); it is started when it is first used or probed.')
    : new AppError('upstream.unreachable', 'It was registered without being contacted (deferred); it is tried when it is first used or probed.');
}

/** Throws AppError `request.bad_input` or `access.denied`, as newOwnership() does. */
export function newRow(caller: Caller, input: UpstreamCreate, target: Target, secret: AuthSecret | null, vault: UpstreamVault): GatewaysTable {
  const id = newId();
  const owned = newOwnership(caller.principal, 'gateway', id, { visibility: input.visibility ?? undefined, teamId: input.teamId });
  const limits = limitsFrom(input);
  return {
    id,
    name: input.name,
    slug: slugOf(input.name) || id,
    description: input.description ?? null,
    ...targetColumns(target),
    ...vault.sealEnvironment(id, target.process?.env ?? {}),
    ...vault.seal(id, secret),
    passthrough_headers: input.passthroughHeaders ? toJsonColumn(input.passthroughHeaders) : null,
    ...UNREAD_COLUMNS,
    refresh_interval_seconds: input.refreshIntervalSeconds ?? null,
    items_version: 0,
    enabled: 1,
    visibility: owned.visibility,
    owner_email: owned.ownerEmail,
    team_id: owned.teamId,
    tags: toJsonColumn(input.tags ?? []),
    calls_per_minute: limits.callsPerMinute ?? null,
    concurrent: limits.concurrent ?? null,
    ...auditOnCreate(caller, 'api', new Date().toISOString()),
  };
}
