// What may happen to a tool. Tools come and go with their gateway's refreshes (tool-sync.ts); people see them and switch them.
import { normaliseId } from '#base/kernel';
import type { UpstreamHealthView } from '#base/protocol';
import { fromJsonColumn, type Database } from '#control-plane/db';
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
  type Tag,
} from '#control-plane/http-contract';
import { toolEntity, type ToolEntity } from './tool.ts';
import { findTool, listTools, updateTool, type ToolRecord } from './tool-store.ts';

export interface ToolServiceParts {
  readonly database: Database;
  readonly health: UpstreamHealthView;
}

export type ToolListQuery = ListQuery & { readonly gateway_id?: string | undefined };

export interface ToolService {
  /** Only tools the caller may see. */
  list(caller: Caller, query: ToolListQuery): Promise<{ rows: ToolEntity[]; nextCursor: string | null }>;
  /** All tools of a gateway that the caller may see, in one list. */
  listOfGateway(caller: Caller, gatewayId: string, doesIncludeInactive: boolean): Promise<ToolEntity[]>;
  /** Throws AppError `tool.not_found` or `access.denied`. */
  get(caller: Caller, id: string): Promise<ToolEntity>;
  /** Throws as get() does. A switched-off tool leaves the lists of MCP clients and refuses calls, by the time this resolves. */
  setEnabled(caller: Caller, id: string, isEnabled: boolean): Promise<ToolEntity>;
}

export function createToolService({ database, health }: ToolServiceParts): ToolService {
  const entityOf = (row: ToolRecord): ToolEntity => toolEntity(row, health.healthOf(row.gateway_id));

  async function get(caller: Caller, id: string): Promise<ToolEntity> {
    const row = await findTool(database.db, normaliseId(id));
    if (row === undefined) throw notFound('tool', id);
    ensureAllowed(caller.principal, 'read', ownedOf('tool', row));
    return entityOf(row);
  }

  async function list(caller: Caller, query: ToolListQuery): Promise<{ rows: ToolEntity[]; nextCursor: string | null }> {
    // Every tool of this version belongs to a gateway.
    if (query.gateway_id === 'null') return { rows: [], nextCursor: null };
    ensureTeamInReach(caller.principal, 'tool', query.team_id);
    const hasTag = tagFilter(query);
    const filter = {
      gatewayId: query.gateway_id === undefined ? undefined : normaliseId(query.gateway_id),
      teamId: query.team_id,
      visibility: query.visibility,
      onlyEnabled: !query.include_inactive,
    };
    const page = await collectPage(
      query.cursor,
      query.limit,
      (after, rowsMax) => listTools(database.db, filter, after, rowsMax),
      (row) => mayRead(caller.principal, ownedOf('tool', row)) && hasTag(fromJsonColumn<Tag[]>(row.tags, [])),
    );
    return { rows: page.rows.map(entityOf), nextCursor: page.nextCursor };
  }

  return {
    get,
    list,
    async listOfGateway(caller, gatewayId, doesIncludeInactive) {
      const page = await collectPage(
        undefined,
        0,
        (after, rowsMax) => listTools(database.db, { gatewayId, onlyEnabled: !doesIncludeInactive }, after, rowsMax),
        (row) => mayRead(caller.principal, ownedOf('tool', row)),
      );
      return page.rows.map(entityOf);
    },
    async setEnabled(caller, id, isEnabled) {
      await database.change(async (tx) => {
        const row = await findTool(tx, normaliseId(id));
        if (row === undefined) throw notFound('tool', id);
        ensureAllowed(caller.principal, 'update', ownedOf('tool', row));
        const audit = auditOnUpdate(caller, 'api', new Date().toISOString(), row.version);
        await updateTool(tx, row.id, { enabled: isEnabled ? 1 : 0, ...audit });
      });
      return await get(caller, id);
    },
  };
}
