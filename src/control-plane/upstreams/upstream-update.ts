// What a PUT on a gateway comes to: which columns change, and whether the upstream has to be asked before they may (api.md 4.3).
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '#base/kernel';
import type { UpstreamDescription } from '#base/protocol';
import { toJsonColumn, type GatewaysTable, type Tx } from '#control-plane/db';
import { auditOnUpdate, limitsFrom, newOwnership, notFound, type Caller } from '#control-plane/http-contract';
import { followGateway, screenItems, slugOf, syncItems, type NameRules } from '#control-plane/items';
import { isMaskOf, readAuth, type AuthSecret } from './upstream-auth.ts';
import { ensureNoConflict } from './upstream-conflicts.ts';
import type { UpstreamUpdate } from './upstream-input.ts';
import { processOf } from './upstream-process.ts';
import { readingColumns, UNREAD_COLUMNS } from './upstream-reading.ts';
import { findUpstream, updateUpstream } from './upstream-store.ts';
import { isSameTarget, readTarget, targetColumns, type Target } from './upstream-target.ts';
import type { UpstreamVault } from './upstream-vault.ts';

export interface UpdatePlan {
  /** The row as it will be, but for what is read from the upstream. */
  readonly after: GatewaysTable;
  readonly target: Target;
  readonly secret: AuthSecret | null;
  readonly needsContact: boolean;
}

/** Throws AppError `request.validation`, `request.bad_input` or `access.denied`. */
export function planUpdate(caller: Caller, before: GatewaysTable, input: UpstreamUpdate, vault: UpstreamVault, mask: string): UpdatePlan {
  const opened = vault.tryOpenEnvironment(before);
  const env = opened instanceof AppError ? {} : opened;
  const old: Target = { transport: before.transport, url: before.url, process: processOf(before, env), isolation: before.stdio_isolation };
  const target = readTarget(input, old, isMaskOf(mask));
  // A row sealed with a lost secret can be mended by sending what was sealed again.
  if (opened instanceof AppError && target.transport === 'STDIO' && !input.env) throw opened;
  const isEnvKept = !(opened instanceof AppError) && isDeepStrictEqual(target.process?.env ?? {}, env);
  const auth = planAuth(before, target, input, vault, mask);
  const limits = limitsFrom(input);
  const after: GatewaysTable = {
    ...before,
    name: input.name ?? before.name,
    slug: input.name ? slugOf(input.name) || before.id : before.slug,
    ...targetColumns(target),
    ...(isEnvKept ? {} : vault.sealEnvironment(before.id, target.process?.env ?? {})),
    description: input.description === undefined ? before.description : input.description,
    ...(auth.given === undefined ? {} : vault.seal(before.id, auth.given)),
    passthrough_headers: passthroughColumn(input, before),
    tags: input.tags ? toJsonColumn(input.tags) : before.tags,
    calls_per_minute: limits.callsPerMinute === undefined ? before.calls_per_minute : limits.callsPerMinute,
    concurrent: limits.concurrent === undefined ? before.concurrent : limits.concurrent,
    refresh_interval_seconds: input.refreshIntervalSeconds === undefined ? before.refresh_interval_seconds : input.refreshIntervalSeconds,
    ...newReach(caller, before, input),
  };
  const needsContact = !isSameTarget(old, target) || opened instanceof AppError || auth.isNew;
  return { after, target, secret: auth.secret, needsContact };
}

interface AuthPlan {
  /** What is to be sealed; undefined to leave the column as it is. */
  readonly given: AuthSecret | null | undefined;
  readonly secret: AuthSecret | null;
  readonly isNew: boolean;
}

/** A process has none: those of the address it replaces go. */
function planAuth(before: GatewaysTable, target: Target, input: UpstreamUpdate, vault: UpstreamVault, mask: string): AuthPlan {
  if (target.transport === 'STDIO') return { given: null, secret: null, isNew: false };
  const opened = vault.tryOpen(before);
  const stored = opened instanceof AppError ? null : opened;
  const given = readAuth(input, stored, mask);
  if (given === undefined && opened instanceof AppError) throw opened;
  const secret = given === undefined ? stored : given;
  return { given, secret, isNew: opened instanceof AppError || !isDeepStrictEqual(secret, stored) };
}

export interface PlannedChange {
  readonly before: GatewaysTable;
  readonly plan: UpdatePlan;
  /** What the upstream said, when it had to be asked and was. */
  readonly reading: UpstreamDescription | undefined;
  readonly vault: UpstreamVault;
  readonly names: NameRules;
}

/** Throws AppError `gateway.conflict` when the row was changed by somebody else meanwhile, `gateway.not_found` when it is gone. */
export async function applyUpdate(tx: Tx, caller: Caller, { before, plan, reading, vault, names }: PlannedChange): Promise<void> {
  const now = new Date().toISOString();
  const current = await findUpstream(tx, before.id);
  if (current === undefined) throw notFound('gateway', before.id);
  if (current.version !== before.version)
    throw new AppError('gateway.conflict', `Gateway "${before.name}" was changed by somebody else meanwhile. Look at it and try again.`);
  await ensureNoConflict(tx, plan.after, plan.secret, vault);
  const isUnread = plan.needsContact && reading === undefined;
  const screened = reading === undefined ? undefined : screenItems(reading);
  const unread = { ...UNREAD_COLUMNS, stale_since: before.stale_since ?? now };
  const read = reading !== undefined && screened !== undefined ? readingColumns(reading, screened, now) : isUnread ? unread : {};
  // Refreshes grow it without growing `version`.
  const after: GatewaysTable = { ...plan.after, items_version: current.items_version, ...read, ...auditOnUpdate(caller, 'api', now, before.version) };
  await updateUpstream(tx, before.id, after);
  if (screened !== undefined) await syncItems(tx, after, screened.items, { caller, now, rules: names });
  await followGateway(tx, before.id, { before, after }, names);
}

function passthroughColumn(input: UpstreamUpdate, before: GatewaysTable): string | null {
  if (input.passthroughHeaders === undefined) return before.passthrough_headers;
  return input.passthroughHeaders === null ? null : toJsonColumn(input.passthroughHeaders);
}

/** The owner stays; who may see it can change to what the caller could have created. */
function newReach(caller: Caller, before: GatewaysTable, input: UpstreamUpdate): Pick<GatewaysTable, 'visibility' | 'team_id'> {
  const isChanged = (input.visibility ?? before.visibility) !== before.visibility || (input.teamId !== undefined && input.teamId !== before.team_id);
  if (!isChanged) return { visibility: before.visibility, team_id: before.team_id };
  const owned = newOwnership(caller.principal, 'gateway', before.id, {
    visibility: input.visibility ?? before.visibility,
    teamId: input.teamId === undefined ? before.team_id : input.teamId,
  });
  return { visibility: owned.visibility, team_id: owned.teamId };
}
