// What may happen to a registered upstream. Contact with it is made before the transaction, so that a slow peer never holds the
// database, and what was read is written together with the row or not at all.
import type { Principal } from '#base/access';
import { AppError, normaliseId } from '#base/kernel';
import type { UpstreamDescription, UpstreamHealthView, UpstreamReader } from '#base/protocol';
import { isForeignKeyViolation, type ColumnCipher, type Database, type GatewaysTable } from '#control-plane/db';
import {
  auditOnUpdate,
  collectPage,
  ensureAllowed,
  ensureTeamInReach,
  mayRead,
  notFound,
  ownedOf,
  tagFilter,
  type Caller,
  type ListQuery,
} from '#control-plane/http-contract';
import { countItems, screenItems, settleNames, syncItems, type NameRules } from '#control-plane/items';
import { isMaskOf, readAuth, type AuthSecret } from './upstream-auth.ts';
import { ensureNoConflict } from './upstream-conflicts.ts';
import { deferral, newRow } from './upstream-creation.ts';
import type { UpstreamCreate, UpstreamUpdate } from './upstream-input.ts';
import { ensureMayRun, processOf } from './upstream-process.ts';
import { checkTarget, readingColumns, readUpstream } from './upstream-reading.ts';
import { createRefresher, type RefreshReport } from './upstream-refresh.ts';
import { deleteUpstream, findUpstream, insertUpstream, listUpstreams, mirrorsOf, updateUpstream } from './upstream-store.ts';
import { readTarget, type Target } from './upstream-target.ts';
import { applyUpdate, planUpdate } from './upstream-update.ts';
import { upstreamEntity, type UpstreamEntity } from './upstream.ts';
import { createUpstreamVault } from './upstream-vault.ts';

export interface UpstreamSettings {
  /** What stands for a secret in answers: MASKED_AUTH_VALUE. */
  readonly maskedAuthValue: string;
  /** How long reading an upstream may take: FEDERATION_TIMEOUT. */
  readonly readTimeoutMs: number;
  /** GATEWAY_TOOL_NAME_SEPARATOR and MCPGATEWAY_NAME_MAX. */
  readonly names: NameRules;
}

export interface UpstreamServiceParts {
  readonly database: Database;
  readonly cipher: ColumnCipher;
  readonly reader: UpstreamReader;
  readonly health: UpstreamHealthView;
  readonly settings: UpstreamSettings;
}

export interface UpstreamService {
  list(caller: Caller, query: ListQuery): Promise<{ rows: UpstreamEntity[]; nextCursor: string | null }>;
  /** Throws AppError `gateway.not_found` or `access.denied`, as all methods with an id do. */
  get(caller: Caller, id: string): Promise<UpstreamEntity>;
  /** Throws what UpstreamReader throws, and nothing is saved then; but for `upstream.needs_auth`, which is saved as that state. */
  register(caller: Caller, input: UpstreamCreate): Promise<UpstreamEntity>;
  /** A new address, command or environment, or new credentials, are tried before anything is saved. */
  update(caller: Caller, id: string, input: UpstreamUpdate): Promise<UpstreamEntity>;
  /** Switching on reads the upstream again; if that fails it is on all the same, and its state says why it is down. */
  setEnabled(caller: Caller, id: string, isEnabled: boolean): Promise<UpstreamEntity>;
  /** Throws `gateway.conflict` while servers mirror it. */
  remove(caller: Caller, id: string): Promise<void>;
  /** Reads the upstream again. A failure is in the report. Throws `gateway.conflict` while another refresh of it runs. */
  refresh(caller: Caller, id: string): Promise<RefreshReport>;
  /** The same in the gateway's own name, e.g. when health finds that an upstream is back. */
  refreshUnattended(id: string): Promise<RefreshReport>;
}

export function createUpstreamService(parts: UpstreamServiceParts): UpstreamService {
  const { database, reader, health, settings } = parts;
  const vault = createUpstreamVault(parts.cipher);
  const refresher = createRefresher({ database, reader, health, vault, readTimeoutMs: settings.readTimeoutMs, names: settings.names });

  function show(principal: Principal, row: GatewaysTable, counts: Awaited<ReturnType<typeof countItems>>): UpstreamEntity {
    const secret = vault.tryOpen(row);
    const env = vault.tryOpenEnvironment(row);
    return upstreamEntity({
      row,
      secret: secret instanceof AppError ? null : secret,
      process: principal.isAdmin ? processOf(row, env instanceof AppError ? {} : env) : undefined,
      health: health.healthOf(row.id),
      counts: counts.get(row.id) ?? {},
      mask: settings.maskedAuthValue,
    });
  }

  async function findAllowed(caller: Caller, id: string, action: 'read' | 'update' | 'delete'): Promise<GatewaysTable> {
    const row = await findUpstream(database.db, normaliseId(id));
    if (row === undefined) throw notFound('gateway', id);
    ensureAllowed(caller.principal, action, ownedOf('gateway', row));
    if (action !== 'read') ensureMayRun(caller.principal, row.transport);
    return row;
  }

  async function get(caller: Caller, id: string): Promise<UpstreamEntity> {
    const row = await findAllowed(caller, id, 'read');
    return show(caller.principal, row, await countItems(database.db, [row.id]));
  }

  async function readOrNeedsAuth(row: GatewaysTable, target: Target, secret: AuthSecret | null): Promise<UpstreamDescription | AppError> {
    try {
      return await readUpstream(reader, { id: row.id, name: row.name, target, secret }, settings.readTimeoutMs);
    } catch (error) {
      if (error instanceof AppError && error.code === 'upstream.needs_auth') return error;
      throw error;
    }
  }

  return {
    get,
    async list(caller, query) {
      ensureTeamInReach(caller.principal, 'gateway', query.team_id);
      const hasTag = tagFilter(query);
      const filter = { teamId: query.team_id, visibility: query.visibility, onlyEnabled: !query.include_inactive };
      const page = await collectPage(
        query.cursor,
        query.limit,
        (after, rowsMax) => listUpstreams(database.db, filter, after, rowsMax),
        (row) => mayRead(caller.principal, ownedOf('gateway', row)) && hasTag(JSON.parse(row.tags)),
      );
      const counts = await countItems(
        database.db,
        page.rows.map((row) => row.id),
      );
      return { rows: page.rows.map((row) => show(caller.principal, row, counts)), nextCursor: page.nextCursor };
    },

    async register(caller, input) {
      const target = readTarget(input, undefined, isMaskOf(settings.maskedAuthValue));
      ensureMayRun(caller.principal, target.transport);
      const secret = readAuth(input, null, settings.maskedAuthValue) ?? null;
      const row = newRow(caller, input, target, secret, vault);
      await ensureNoConflict(database.db, row, secret, vault);
      const absence = await checkTarget(reader, target, input.deferred === true);
      const reading = input.deferred === true ? (absence ?? deferral(target)) : await readOrNeedsAuth(row, target, secret);
      await database.change(async (tx) => {
        // Somebody else may have registered the same while the upstream was being read.
        await ensureNoConflict(tx, row, secret, vault);
        if (reading instanceof AppError) return await insertUpstream(tx, row);
        const screened = screenItems(reading);
        await insertUpstream(tx, { ...row, ...readingColumns(reading, screened, row.created_at) });
        await syncItems(tx, row, screened.items, { caller, now: row.created_at, rules: settings.names });
      });
      health.noteRead(row.id, reading instanceof AppError ? reading : 'ready');
      return await get(caller, row.id);
    },

    async update(caller, id, input) {
      const before = await findAllowed(caller, id, 'update');
      const plan = planUpdate(caller, before, input, vault, settings.maskedAuthValue);
      ensureMayRun(caller.principal, plan.target.transport);
      await ensureNoConflict(database.db, plan.after, plan.secret, vault);
      let reading: UpstreamDescription | undefined;
      if (plan.needsContact) {
        await checkTarget(reader, plan.target, input.deferred === true);
        if (input.deferred !== true) {
          const subject = { id: before.id, name: plan.after.name, target: plan.target, secret: plan.secret };
          reading = await readUpstream(reader, subject, settings.readTimeoutMs);
        }
      }
      await database.change((tx) => applyUpdate(tx, caller, { before, plan, reading, vault, names: settings.names }));
      if (reading !== undefined) health.noteRead(before.id, 'ready');
      return await get(caller, before.id);
    },

    async setEnabled(caller, id, isEnabled) {
      const row = await findAllowed(caller, id, 'update');
      await database.change(async (tx) => {
        await updateUpstream(tx, row.id, { enabled: isEnabled ? 1 : 0, ...auditOnUpdate(caller, 'api', new Date().toISOString(), row.version) });
      });
      if (isEnabled && !refresher.isRunning(row.id)) await refresher.refresh(row.id, caller);
      return await get(caller, row.id);
    },

    async remove(caller, id) {
      const row = await findAllowed(caller, id, 'delete');
      try {
        await database.change(async (tx) => {
          const mirrors = await mirrorsOf(tx, row.id);
          if (mirrors.length > 0) throw stillMirrored(row, mirrors);
          await deleteUpstream(tx, row.id);
          await settleNames(tx, settings.names);
        });
      } catch (error) {
        if (isForeignKeyViolation(error)) throw stillMirrored(row, await mirrorsOf(database.db, row.id));
        throw error;
      }
    },

    async refresh(caller, id) {
      const row = await findAllowed(caller, id, 'update');
      return await refresher.refresh(row.id, caller);
    },
    refreshUnattended: (id) => refresher.refresh(id, undefined),
  };
}

function stillMirrored(row: GatewaysTable, mirrors: readonly { id: string; name: string }[]): AppError {
  const named = mirrors
    .slice(0, 10)
    .map(({ id, name }) => `"${name}" (id ${id})`)
    .join(', ');
  return new AppError(
    'gateway.conflict',
    `Gateway "${row.name}" is mirrored by ${mirrors.length === 1 ? 'the server' : `${mirrors.length} servers:`} ${named}. Delete what mirrors it first.`,
    {
      data: { servers: mirrors.slice(0, 100) },
    },
  );
}
