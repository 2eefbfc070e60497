// What may happen to a server: an endpoint for MCP clients, the mirror of one gateway or a combination of items of any.
import { AppError, newId, normaliseId } from '#base/kernel';
import type { Principal } from '#base/access';
import { isForeignKeyViolation, isUniqueViolation, toJsonColumn, type Database, type Db, type ServersTable, type Tx } from '#control-plane/db';
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
import type { ItemOrigin, ItemServices, PromptEntity, ResourceEntity, ToolEntity } from '#control-plane/items';
import { findUpstream } from '#control-plane/upstreams';
import type { ServerCreate, ServerUpdate } from './server-input.ts';
import { itemsBehind, membersOf, replaceMembers } from './server-member-store.ts';
import { namesMembers, shownMembers, showsExactly, writeMembers } from './server-members.ts';
import { deleteServer, findServer, findServersByName, insertServer, listServers, updateServer } from './server-store.ts';
import { serverEntity, type ServerEntity } from './server.ts';

export interface ServerServiceParts {
  readonly database: Database;
  readonly items: Pick<ItemServices, 'tools' | 'resources' | 'prompts'>;
}

export interface ServerService {
  list(caller: Caller, query: ListQuery): Promise<{ rows: ServerEntity[]; nextCursor: string | null }>;
  /** Throws AppError `server.not_found` or `access.denied`, as all methods with an id do. */
  get(caller: Caller, id: string): Promise<ServerEntity>;
  /** Throws `server.conflict`, or `request.bad_input` when the gateway to mirror or a member is not there for this caller. */
  create(caller: Caller, input: ServerCreate): Promise<ServerEntity>;
  update(caller: Caller, id: string, input: ServerUpdate): Promise<ServerEntity>;
  setEnabled(caller: Caller, id: string, isEnabled: boolean): Promise<ServerEntity>;
  remove(caller: Caller, id: string): Promise<void>;
  /** What it shows of each noun, as far as the caller may see it. */
  listTools(caller: Caller, id: string, doesIncludeInactive: boolean): Promise<ToolEntity[]>;
  listResources(caller: Caller, id: string, doesIncludeInactive: boolean): Promise<ResourceEntity[]>;
  listPrompts(caller: Caller, id: string, doesIncludeInactive: boolean): Promise<PromptEntity[]>;
}

const SHOWS_ALL = 'a mirror shows all that its gateway has. Leave mirror_gateway_id out for a server that combines some.';

export function createServerService({ database, items }: ServerServiceParts): ServerService {
  async function findAllowed(db: Db | Tx, caller: Caller, id: string, action: 'read' | 'update' | 'delete'): Promise<ServersTable> {
    const row = await findServer(db, normaliseId(id));
    if (row === undefined) throw notFound('server', id);
    ensureAllowed(caller.principal, action, ownedOf('server', row));
    return row;
  }

  async function show(caller: Caller, rows: readonly ServersTable[]): Promise<ServerEntity[]> {
    const mirrored = [...new Set(rows.flatMap((row) => row.mirror_gateway_id ?? []))];
    const combining = rows.filter((row) => row.mirror_gateway_id === null).map((row) => row.id);
    const [behind, members] = await Promise.all([itemsBehind(database.db, mirrored), membersOf(database.db, combining)]);
    const byGateway = Map.groupBy(shownMembers(caller.principal, behind), (item) => item.gateway_id);
    const byServer = Map.groupBy(shownMembers(caller.principal, members), (item) => item.server_id);
    return rows.map((row) => serverEntity(row, (row.mirror_gateway_id === null ? byServer.get(row.id) : byGateway.get(row.mirror_gateway_id)) ?? []));
  }

  async function get(caller: Caller, id: string): Promise<ServerEntity> {
    const [entity] = await show(caller, [await findAllowed(database.db, caller, id, 'read')]);
    return entity as ServerEntity;
  }

  /** Throws AppError `request.bad_input` for lists that are not what the mirror shows; it cannot show a part. */
  async function ensureShown(caller: Caller, gatewayId: string, input: ServerCreate | ServerUpdate): Promise<void> {
    if (!namesMembers(input)) return;
    const shown = shownMembers(caller.principal, await itemsBehind(database.db, [gatewayId]));
    if (!showsExactly(input, shown)) throw new AppError('request.bad_input', `associated items: ${SHOWS_ALL}`);
  }

  async function originOf(caller: Caller, id: string): Promise<ItemOrigin> {
    const row = await findAllowed(database.db, caller, id, 'read');
    return row.mirror_gateway_id === null ? { serverId: row.id } : { gatewayId: row.mirror_gateway_id };
  }

  return {
    get,
    async list(caller, query) {
      ensureTeamInReach(caller.principal, 'server', query.team_id);
      const hasTag = tagFilter(query);
      const filter = { teamId: query.team_id, visibility: query.visibility, onlyEnabled: !query.include_inactive };
      const page = await collectPage(
        query.cursor,
        query.limit,
        (after, rowsMax) => listServers(database.db, filter, after, rowsMax),
        (row) => mayRead(caller.principal, ownedOf('server', row)) && hasTag(JSON.parse(row.tags)),
      );
      return { rows: await show(caller, page.rows), nextCursor: page.nextCursor };
    },

    async create(caller, input) {
      const row = newRow(caller, input);
      const mirrored = row.mirror_gateway_id;
      if (mirrored !== null && namesMembers(input)) throw new AppError('request.bad_input', `associated items: ${SHOWS_ALL}`);
      await withConflicts(row, () =>
        database.change(async (tx) => {
          if (mirrored !== null) await ensureMirrorable(tx, caller.principal, mirrored);
          await ensureNameFree(tx, row);
          await insertServer(tx, row);
          if (mirrored === null) await writeMembers(tx, caller.principal, row.id, input, true);
        }),
      );
      return await get(caller, row.id);
    },

    async update(caller, id, input) {
      const row = await findAllowed(database.db, caller, id, 'update');
      const mirrored = input.mirrorGatewayId ? normaliseId(input.mirrorGatewayId) : row.mirror_gateway_id;
      if (mirrored !== null) await ensureShown(caller, mirrored, input);
      await withConflicts(row, () =>
        database.change(async (tx) => {
          const before = await findAllowed(tx, caller, id, 'update');
          const after = changed(caller, before, input);
          if (after.mirror_gateway_id !== null && after.mirror_gateway_id !== before.mirror_gateway_id)
            await ensureMirrorable(tx, caller.principal, after.mirror_gateway_id);
          await ensureNameFree(tx, after);
          await updateServer(tx, before.id, after);
          if (after.mirror_gateway_id === null) await writeMembers(tx, caller.principal, before.id, input, false);
          else if (before.mirror_gateway_id === null) await replaceMembers(tx, before.id, ['tool', 'resource', 'template', 'prompt'], []);
        }),
      );
      return await get(caller, row.id);
    },

    async setEnabled(caller, id, isEnabled) {
      await database.change(async (tx) => {
        const row = await findAllowed(tx, caller, id, 'update');
        await updateServer(tx, row.id, { enabled: isEnabled ? 1 : 0, ...auditOnUpdate(caller, 'api', new Date().toISOString(), row.version) });
      });
      return await get(caller, id);
    },

    async remove(caller, id) {
      await database.change(async (tx) => {
        const row = await findAllowed(tx, caller, id, 'delete');
        await deleteServer(tx, row.id);
      });
    },

    listTools: async (caller, id, doesIncludeInactive) => await items.tools.listOf(caller, await originOf(caller, id), doesIncludeInactive),
    listResources: async (caller, id, doesIncludeInactive) => await items.resources.listOf(caller, await originOf(caller, id), doesIncludeInactive),
    listPrompts: async (caller, id, doesIncludeInactive) => await items.prompts.listOf(caller, await originOf(caller, id), doesIncludeInactive),
  };
}

function newRow(caller: Caller, input: ServerCreate): ServersTable {
  const id = input.id ?? newId();
  const owned = newOwnership(caller.principal, 'server', id, { visibility: input.visibility ?? undefined, teamId: input.teamId });
  const limits = limitsFrom(input);
  return {
    id,
    name: input.name,
    description: input.description ?? null,
    icon: input.icon ? input.icon : null,
    mirror_gateway_id: input.mirrorGatewayId ? normaliseId(input.mirrorGatewayId) : null,
    strict_schema: input.strictSchema === true ? 1 : 0,
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

function changed(caller: Caller, before: ServersTable, input: ServerUpdate): ServersTable {
  const limits = limitsFrom(input);
  const visibility = input.visibility ?? before.visibility;
  const teamId = input.teamId === undefined ? before.team_id : input.teamId;
  const isMoved = visibility !== before.visibility || teamId !== before.team_id;
  if (isMoved) newOwnership(caller.principal, 'server', before.id, { visibility, teamId });
  return {
    ...before,
    name: input.name ?? before.name,
    description: input.description === undefined ? before.description : input.description,
    icon: input.icon === undefined ? before.icon : input.icon === '' ? null : input.icon,
    mirror_gateway_id: input.mirrorGatewayId ? normaliseId(input.mirrorGatewayId) : before.mirror_gateway_id,
    strict_schema: typeof input.strictSchema === 'boolean' ? (input.strictSchema ? 1 : 0) : before.strict_schema,
    visibility,
    team_id: teamId,
    tags: input.tags ? toJsonColumn(input.tags) : before.tags,
    calls_per_minute: limits.callsPerMinute === undefined ? before.calls_per_minute : limits.callsPerMinute,
    concurrent: limits.concurrent === undefined ? before.concurrent : limits.concurrent,
    ...auditOnUpdate(caller, 'api', new Date().toISOString(), before.version),
  };
}

async function ensureMirrorable(tx: Tx, principal: Principal, gatewayId: string): Promise<void> {
  const gateway = await findUpstream(tx, gatewayId);
  if (gateway === undefined) throw unknownGateway(gatewayId);
  try {
    ensureAllowed(principal, 'read', ownedOf('gateway', gateway));
  } catch (error) {
    throw error instanceof AppError && error.code === 'gateway.not_found' ? unknownGateway(gatewayId) : error;
  }
}

/** The contract answers an association with an unknown id by 400 (api.md 2.7.1). */
function unknownGateway(id: string): AppError {
  return new AppError('request.bad_input', `mirror_gateway_id: there is no gateway ${id.slice(0, 64)}.`);
}

/** Unique per owner within a team (api.md 5.2). */
async function ensureNameFree(tx: Tx, row: ServersTable): Promise<void> {
  const rivals = await findServersByName(tx, row.name);
  const rival = rivals.find((other) => other.id !== row.id && other.team_id === row.team_id && other.owner_email === row.owner_email);
  if (rival === undefined) return;
  const switchedOff = rival.enabled === 1 ? '' : ' and is switched off';
  throw new AppError('server.conflict', `A server named "${row.name}" already exists (id ${rival.id})${switchedOff}.`);
}

async function withConflicts<T>(row: ServersTable, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isUniqueViolation(error)) throw new AppError('server.conflict', `A server with the id ${row.id} already exists.`, { cause: error });
    if (isForeignKeyViolation(error)) throw unknownGateway(row.mirror_gateway_id ?? '');
    throw error;
  }
}
