// What may happen to a registered upstream. Contact with it is made before the transaction, so that a slow peer never holds the
// database, and what was read is written together with the row or not at all.
import { AppError, newId, normaliseId } from '#base/kernel';
import type { UpstreamDescription, UpstreamHealthView, UpstreamReader } from '#base/protocol';
import { isForeignKeyViolation, toJsonColumn, type ColumnCipher, type Database, type GatewaysTable } from '#control-plane/db';
import {
  auditOnCreate,
  auditOnUpdate,
  collectPage,
  ensureAllowed,
  ensureTeamInReach,
  limitsFrom,
  mayRead,
  newOwnership,
  notFound,
  ownedOf,
  tagFilter,
  type Caller,
  type ListQuery,
} from '#control-plane/http-contract';
import { countTools, screenTools, slugOf, syncTools } from '#control-plane/tools';
import { readAuth, type AuthSecret } from './upstream-auth.ts';
import { ensureNoConflict } from './upstream-conflicts.ts';
import type { UpstreamCreate, UpstreamUpdate } from './upstream-input.ts';
import { readingColumns, readUpstream, UNREAD_COLUMNS } from './upstream-reading.ts';
import { createRefresher, type RefreshReport } from './upstream-refresh.ts';
import { deleteUpstream, findUpstream, insertUpstream, listUpstreams, mirrorsOf, updateUpstream } from './upstream-store.ts';
import { applyUpdate, planUpdate } from './upstream-update.ts';
import { upstreamEntity, type UpstreamEntity } from './upstream.ts';
import { createUpstreamVault, type UpstreamVault } from './upstream-vault.ts';

export interface UpstreamSettings {
  /** What stands for a secret in answers: MASKED_AUTH_VALUE. */
  readonly maskedAuthValue: string;
  /** How long reading an upstream may take: FEDERATION_TIMEOUT. */
  readonly readTimeoutMs: number;
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
  /** A new address or new credentials are tried before anything is saved. */
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
  const refresher = createRefresher({ database, reader, health, vault, readTimeoutMs: settings.readTimeoutMs });

  function show(row: GatewaysTable, toolCount: number): UpstreamEntity {
    const secret = vault.tryOpen(row);
    return upstreamEntity({
      row,
      secret: secret instanceof AppError ? null : secret,
      health: health.healthOf(row.id),
      toolCount,
      mask: settings.maskedAuthValue,
    });
  }

  async function findAllowed(caller: Caller, id: string, action: 'read' | 'update' | 'delete'): Promise<GatewaysTable> {
    const row = await findUpstream(database.db, normaliseId(id));
    if (row === undefined) throw notFound('gateway', id);
    ensureAllowed(caller.principal, action, ownedOf('gateway', row));
    return row;
  }

  async function get(caller: Caller, id: string): Promise<UpstreamEntity> {
    const row = await findAllowed(caller, id, 'read');
    const counts = await countTools(database.db, [row.id]);
    return show(row, counts.get(row.id) ?? 0);
  }

  /** The name of an upstream that is not there yet need not resolve yet; each connection is checked again. Throws what UpstreamReader.check() does. */
  async function checkUrl(url: string, isDeferred: boolean): Promise<AppError | undefined> {
    try {
      await reader.check({ transport: 'STREAMABLEHTTP', url, process: undefined });
      return undefined;
    } catch (error) {
      if (isDeferred && error instanceof AppError && error.code === 'upstream.unreachable') return error;
      throw error;
    }
  }

  async function readOrNeedsAuth(row: GatewaysTable, secret: AuthSecret | null): Promise<UpstreamDescription | AppError> {
    try {
      return await readUpstream(reader, { id: row.id, name: row.name, url: row.url, secret }, settings.readTimeoutMs);
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
      const counts = await countTools(
        database.db,
        page.rows.map((row) => row.id),
      );
      return { rows: page.rows.map((row) => show(row, counts.get(row.id) ?? 0)), nextCursor: page.nextCursor };
    },

    async register(caller, input) {
      const secret = readAuth(input, null, settings.maskedAuthValue) ?? null;
      const row = newRow(caller, input, vault, secret);
      await ensureNoConflict(database.db, row, secret, vault);
      const absence = await checkUrl(row.url, input.deferred === true);
      const reading = input.deferred === true ? (absence ?? DEFERRED) : await readOrNeedsAuth(row, secret);
      await database.change(async (tx) => {
        // Somebody else may have registered the same while the upstream was being read.
        await ensureNoConflict(tx, row, secret, vault);
        if (reading instanceof AppError) return await insertUpstream(tx, row);
        await insertUpstream(tx, { ...row, ...readingColumns(reading, row.created_at) });
        await syncTools(tx, row, screenTools(reading).tools, caller, row.created_at);
      });
      health.noteRead(row.id, reading instanceof AppError ? reading : 'ready');
      return await get(caller, row.id);
    },

    async update(caller, id, input) {
      const before = await findAllowed(caller, id, 'update');
      const plan = planUpdate(caller, before, input, vault, settings.maskedAuthValue);
      await ensureNoConflict(database.db, plan.after, plan.secret, vault);
      let reading: UpstreamDescription | undefined;
      if (plan.needsContact) {
        await checkUrl(plan.after.url, input.deferred === true);
        if (input.deferred !== true) {
          const { name, url } = plan.after;
          reading = await readUpstream(reader, { id: before.id, name, url, secret: plan.secret }, settings.readTimeoutMs);
        }
      }
      await database.change((tx) => applyUpdate(tx, caller, { before, plan, reading, vault }));
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

const DEFERRED = new AppError(
  'upstream.unreachable',
  'It was registered without being contacted (deferred); it is tried when it is first used or probed.',
);

function newRow(caller: Caller, input: UpstreamCreate, vault: UpstreamVault, secret: AuthSecret | null): GatewaysTable {
  const id = newId();
  const owned = newOwnership(caller.principal, 'gateway', id, { visibility: input.visibility ?? undefined, teamId: input.teamId });
  const limits = limitsFrom(input);
  return {
    id,
    name: input.name,
    slug: slugOf(input.name) || id,
    url: input.url,
    description: input.description ?? null,
    transport: 'STREAMABLEHTTP',
    ...vault.seal(id, secret),
    passthrough_headers: input.passthroughHeaders ? toJsonColumn(input.passthroughHeaders) : null,
    ...UNREAD_COLUMNS,
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
