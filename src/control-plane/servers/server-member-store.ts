// SQL for the items that servers show: those they combine, and those of the gateways they mirror.
import { sql } from 'kysely';
import type { Db, Flag, ItemsTable, Tx } from '#control-plane/db';
import type { Kind } from '#control-plane/items';

/** What is needed of an item to name it and to decide who sees it; `enabled` is 0 as well while its gateway is switched off or does not list it. */
export type MemberRow = Pick<ItemsTable, 'id' | 'gateway_id' | 'kind' | 'key' | 'name' | 'visibility' | 'owner_email' | 'team_id' | 'tags'> & {
  readonly enabled: Flag;
};

const AT_ONCE = 500;

function members(db: Db | Tx) {
  return db
    .selectFrom('items')
    .innerJoin('gateways', 'gateways.id', 'items.gateway_id')
    .select(['items.id', 'items.gateway_id', 'items.kind', 'items.key', 'items.name'])
    .select(['items.visibility', 'items.owner_email', 'items.team_id', 'items.tags'])
    .select(sql<Flag>`items.enabled and gateways.enabled and items.gone_since is null`.as('enabled'))
    .orderBy('items.created_at')
    .orderBy('items.id');
}

/** The items that some servers combine, oldest first. */
export async function membersOf(db: Db | Tx, serverIds: readonly string[]): Promise<(MemberRow & { readonly server_id: string })[]> {
  if (serverIds.length === 0) return [];
  return await members(db)
    .innerJoin('server_items', 'server_items.item_id', 'items.id')
    .select('server_items.server_id')
    .where('server_items.server_id', 'in', serverIds)
    .execute();
}

/** The items of some gateways, oldest first. */
export async function itemsBehind(db: Db | Tx, gatewayIds: readonly string[]): Promise<MemberRow[]> {
  if (gatewayIds.length === 0) return [];
  return await members(db).where('items.gateway_id', 'in', gatewayIds).where('items.gone_since', 'is', null).execute();
}

/** Items that go by one of these ids, published names or URIs. */
export async function findItems(db: Db | Tx, kinds: readonly Kind[], names: readonly string[]): Promise<MemberRow[]> {
  const rows: MemberRow[] = [];
  for (let start = 0; start < names.length; start += AT_ONCE) {
    const some = names.slice(start, start + AT_ONCE);
    const isNamed = kinds.some((kind) => kind === 'tool' || kind === 'prompt');
    rows.push(
      ...(await members(db)
        .where('items.kind', 'in', kinds)
        .where('items.gone_since', 'is', null)
        .where((eb) => eb.or([eb('items.id', 'in', some), eb(isNamed ? 'items.name' : 'items.key', 'in', some)]))
        .execute()),
    );
  }
  return rows;
}

/** A server combines these items of these kinds and no others. */
export async function replaceMembers(tx: Tx, serverId: string, kinds: readonly Kind[], itemIds: readonly string[]): Promise<void> {
  await tx
    .deleteFrom('server_items')
    .where('server_id', '=', serverId)
    .where('item_id', 'in', (eb) => eb.selectFrom('items').select('id').where('kind', 'in', kinds))
    .execute();
  for (let start = 0; start < itemIds.length; start += AT_ONCE) {
    const rows = itemIds.slice(start, start + AT_ONCE).map((itemId) => ({ server_id: serverId, item_id: itemId }));
    await tx.insertInto('server_items').values(rows).execute();
  }
}

/** All pairs, for the data plane. */
export async function allMembers(db: Db): Promise<{ server_id: string; item_id: string }[]> {
  return await db.selectFrom('server_items').selectAll().orderBy('server_id').orderBy('item_id').execute();
}
