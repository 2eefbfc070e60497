// What may happen to an item. Items come and go with their gateway's refreshes (item-sync.ts); people see them, switch them, and write
// over their words.
import { AppError, normaliseId } from '#base/kernel';
import type { UpstreamHealthView } from '#base/protocol';
import { fromJsonColumn, type Database, type Db, type Tx } from '#control-plane/db';
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
import type { ItemUpdate } from './item-input.ts';
import { settleNames } from './item-naming.ts';
import { nounOf, PROMPT, RESOURCE, TOOL, type ItemNoun } from './item-noun.ts';
import { deleteItems, findItem, findItemsCalled, findKeptItem, listItems, touchGateways, updateItem, type ItemRecord } from './item-store.ts';
import { itemChange } from './item-update.ts';
import type { NameRules } from './names.ts';
import { promptEntity, type PromptEntity } from './prompt.ts';
import { resourceEntity, type ResourceEntity } from './resource.ts';
import { toolEntity, type ToolEntity } from './tool.ts';

export interface ItemServiceParts {
  readonly database: Database;
  readonly health: UpstreamHealthView;
  readonly names: NameRules;
}

export type ItemListQuery = ListQuery & { readonly gateway_id?: string | undefined };

/** Those of a gateway, or those that a server combines. */
export type ItemOrigin = { readonly gatewayId: string } | { readonly serverId: string };

export interface ItemService<Entity> {
  /** Only what the caller may see. `noun` narrows it to some of the kinds. */
  list(caller: Caller, query: ItemListQuery, noun?: ItemNoun): Promise<{ rows: Entity[]; nextCursor: string | null }>;
  /** All of one origin that the caller may see, in one list. */
  listOf(caller: Caller, origin: ItemOrigin, doesIncludeInactive: boolean): Promise<Entity[]>;
  /**
   * By id; a resource by its URI and a prompt by its published name as well, as in all methods with an id. They throw AppError
   * `<noun>.not_found` or `access.denied`, and `request.bad_input` for a URI that several have whom the caller may see.
   */
  get(caller: Caller, id: string): Promise<Entity>;
  update(caller: Caller, id: string, input: ItemUpdate): Promise<Entity>;
  /** What is switched off has left the lists of MCP clients and refuses calls by the time this resolves. */
  setEnabled(caller: Caller, id: string, isEnabled: boolean): Promise<Entity>;
  /** Forgets an item, named by its id, that its gateway does not list any more. Throws `item.listed` while it does (ADR 34). */
  remove(caller: Caller, id: string): Promise<void>;
}

export interface ItemServices {
  readonly tools: ItemService<ToolEntity>;
  readonly resources: ItemService<ResourceEntity>;
  readonly prompts: ItemService<PromptEntity>;
  /** Brings published names in line with the settings, and with what was written before there were any. To be called at start. */
  settleNames(): Promise<void>;
}

export function createItemServices(parts: ItemServiceParts): ItemServices {
  const { database, health, names } = parts;
  return {
    tools: itemService(parts, TOOL, (row) => toolEntity(row, health.healthOf(row.gateway_id))),
    resources: itemService(parts, RESOURCE, (row) => resourceEntity(row, health.healthOf(row.gateway_id))),
    prompts: itemService(parts, PROMPT, (row) => promptEntity(row, health.healthOf(row.gateway_id))),
    settleNames: () => database.change((tx) => settleNames(tx, names)),
  };
}

function itemService<Entity>(
  { database, names }: ItemServiceParts,
  { noun, kinds, calledBy }: ItemNoun,
  entityOf: (row: ItemRecord) => Entity,
): ItemService<Entity> {
  async function findAllowed(db: Db | Tx, caller: Caller, id: string, action: 'read' | 'update' | 'delete'): Promise<ItemRecord> {
    const row = (await findItem(db, kinds, normaliseId(id))) ?? (await findCalled(db, caller, id));
    if (row === undefined) throw notFound(noun, id);
    ensureAllowed(caller.principal, action, ownedOf(noun, row));
    return row;
  }

  async function findCalled(db: Db | Tx, caller: Caller, text: string): Promise<ItemRecord | undefined> {
    if (calledBy === undefined || (calledBy === 'key' && !isUri(text))) return undefined;
    const rows = await findItemsCalled(db, kinds, calledBy, text);
    const seen = rows.filter((row) => mayRead(caller.principal, ownedOf(noun, row)));
    if (seen.length < 2) return seen[0] ?? rows[0];
    const ids = seen.map((row) => row.id);
    throw new AppError('request.bad_input', `id: ${seen.length} ${noun}s are called so. Take the id of one: ${ids.slice(0, 10).join(', ')}`);
  }

  async function get(caller: Caller, id: string): Promise<Entity> {
    return entityOf(await findAllowed(database.db, caller, id, 'read'));
  }

  return {
    get,

    async list(caller, query, some) {
      // Every item of this version belongs to a gateway.
      if (query.gateway_id === 'null') return { rows: [], nextCursor: null };
      ensureTeamInReach(caller.principal, noun, query.team_id);
      const hasTag = tagFilter(query);
      const filter = {
        kinds: some?.kinds ?? kinds,
        gatewayId: query.gateway_id === undefined ? undefined : normaliseId(query.gateway_id),
        teamId: query.team_id,
        visibility: query.visibility,
        onlyEnabled: !query.include_inactive,
      };
      const page = await collectPage(
        query.cursor,
        query.limit,
        (after, rowsMax) => listItems(database.db, filter, after, rowsMax),
        (row) => mayRead(caller.principal, ownedOf(noun, row)) && hasTag(fromJsonColumn<Tag[]>(row.tags, [])),
      );
      return { rows: page.rows.map(entityOf), nextCursor: page.nextCursor };
    },

    async listOf(caller, origin, doesIncludeInactive) {
      const page = await collectPage(
        undefined,
        0,
        (after, rowsMax) => listItems(database.db, { kinds, ...origin, onlyEnabled: !doesIncludeInactive }, after, rowsMax),
        (row) => mayRead(caller.principal, ownedOf(nounOf(row.kind), row)),
      );
      return page.rows.map(entityOf);
    },

    async update(caller, id, input) {
      const found = await database.change(async (tx) => {
        const row = await findAllowed(tx, caller, id, 'update');
        const change = itemChange(caller, row, input);
        await updateItem(tx, row, { ...change, ...auditOnUpdate(caller, 'api', new Date().toISOString(), row.version) });
        if (change.custom_name !== row.custom_name) await settleNames(tx, names);
        return row.id;
      });
      return await get(caller, found);
    },

    async setEnabled(caller, id, isEnabled) {
      const found = await database.change(async (tx) => {
        const row = await findAllowed(tx, caller, id, 'update');
        await updateItem(tx, row, { enabled: isEnabled ? 1 : 0, ...auditOnUpdate(caller, 'api', new Date().toISOString(), row.version) });
        return row.id;
      });
      return await get(caller, found);
    },

    async remove(caller, id) {
      await database.change(async (tx) => {
        const kept = await findKeptItem(tx, kinds, normaliseId(id));
        if (kept === undefined) {
          const row = await findAllowed(tx, caller, id, 'delete');
          throw new AppError(
            'item.listed',
            `The gateway "${row.gateway_name}" lists this ${noun}, so it would come back. Switch it off: POST /${noun}s/${row.id}/state?activate=false`,
          );
        }
        ensureAllowed(caller.principal, 'delete', ownedOf(noun, kept));
        await deleteItems(tx, [kept.id]);
        await touchGateways(tx, [kept.gateway_id]);
        await settleNames(tx, names);
      });
    },
  };
}

/** As a path segment: what is no id and could be nothing else (api.md 2.5). */
export function isUri(text: string): boolean {
  return /[:/]/.test(text);
}
