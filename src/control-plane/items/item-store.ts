// SQL for items. Rows come with what they need of their gateway, so that nothing has to be looked up row by row. Whatever changes an
// item also counts it at its gateway (`items_version`), so that only its items are read again for the data plane.
import type { AuditColumns, Db, GatewaysTable, ItemsTable, Tx } from '#control-plane/db';
import type { PagePosition } from '#control-plane/http-contract';

export type Kind = ItemsTable['kind'];

/** An item and the parts of its gateway it is shown with. */
export interface ItemRecord extends ItemsTable {
  readonly gateway_name: string;
  readonly gateway_slug: string;
  readonly gateway_url: string;
  readonly gateway_transport: GatewaysTable['transport'];
  readonly gateway_enabled: 0 | 1;
  readonly gateway_stale_since: string | null;
}

export interface ItemFilter {
  readonly kinds: readonly Kind[];
  readonly gatewayId?: string | undefined;
  readonly serverId?: string | undefined;
  readonly teamId?: string | undefined;
  readonly visibility?: 'public' | 'team' | 'private' | undefined;
  /** Neither the item nor its gateway switched off. */
  readonly onlyEnabled: boolean;
}

/** SQLite takes 32,766 parameters in a statement. */
const ROWS_AT_ONCE = 100;
const PAGE_ROWS = 250;

function withGateway(db: Db | Tx) {
  return db
    .selectFrom('items')
    .innerJoin('gateways', 'gateways.id', 'items.gateway_id')
    .selectAll('items')
    .select([
      'gateways.name as gateway_name',
      'gateways.slug as gateway_slug',
      'gateways.url as gateway_url',
      'gateways.transport as gateway_transport',
      'gateways.enabled as gateway_enabled',
      'gateways.stale_since as gateway_stale_since',
    ])
    .where('items.gone_since', 'is', null);
}

/** Newest first, after a position. */
export async function listItems(db: Db | Tx, filter: ItemFilter, after: PagePosition | undefined, rowsMax: number): Promise<ItemRecord[]> {
  let query = withGateway(db).where('items.kind', 'in', filter.kinds);
  const { serverId } = filter;
  if (filter.gatewayId !== undefined) query = query.where('items.gateway_id', '=', filter.gatewayId);
  if (serverId !== undefined)
    query = query.where('items.id', 'in', (eb) => eb.selectFrom('server_items').select('item_id').where('server_id', '=', serverId));
  if (filter.teamId !== undefined) query = query.where('items.team_id', '=', filter.teamId);
  if (filter.visibility !== undefined) query = query.where('items.visibility', '=', filter.visibility);
  if (filter.onlyEnabled) query = query.where('items.enabled', '=', 1).where('gateways.enabled', '=', 1);
  if (after !== undefined) {
    query = query.where((eb) =>
      eb.or([eb('items.created_at', '<', after.createdAt), eb.and([eb('items.created_at', '=', after.createdAt), eb('items.id', '<', after.id)])]),
    );
  }
  return await query.orderBy('items.created_at', 'desc').orderBy('items.id', 'desc').limit(rowsMax).execute();
}

export async function findItem(db: Db | Tx, kinds: readonly Kind[], id: string): Promise<ItemRecord | undefined> {
  return await withGateway(db).where('items.id', '=', id).where('items.kind', 'in', kinds).executeTakeFirst();
}

/** Several gateways may have one URI. */
export async function findItemsCalled(db: Db | Tx, kinds: readonly Kind[], by: 'key' | 'name', text: string): Promise<ItemRecord[]> {
  return await withGateway(db).where('items.kind', 'in', kinds).where(`items.${by}`, '=', text).orderBy('items.id').execute();
}

/** What its gateway does not list any more, and is kept because somebody made something of it. */
export async function findKeptItem(db: Db | Tx, kinds: readonly Kind[], id: string): Promise<ItemsTable | undefined> {
  return await db
    .selectFrom('items')
    .selectAll()
    .where('id', '=', id)
    .where('kind', 'in', kinds)
    .where('gone_since', 'is not', null)
    .executeTakeFirst();
}

/** All of them, with those that are not listed any more. */
export async function itemsOfGateway(db: Db | Tx, gatewayId: string): Promise<ItemsTable[]> {
  return await inPages((after) =>
    db.selectFrom('items').selectAll().where('gateway_id', '=', gatewayId).where('id', '>', after).orderBy('id').limit(PAGE_ROWS).execute(),
  );
}

/** Items counted by gateway id and kind; what there is none of is absent. */
export async function countItems(db: Db | Tx, gatewayIds: readonly string[]): Promise<Map<string, Partial<Record<Kind, number>>>> {
  const counts = new Map<string, Partial<Record<Kind, number>>>();
  if (gatewayIds.length === 0) return counts;
  const rows = await db
    .selectFrom('items')
    .select((eb) => ['gateway_id', 'kind', eb.fn.countAll<number>().as('items')])
    .where('gateway_id', 'in', gatewayIds)
    .where('gone_since', 'is', null)
    .groupBy(['gateway_id', 'kind'])
    .execute();
  for (const { gateway_id: id, kind, items } of rows) counts.set(id, { ...counts.get(id), [kind]: items });
  return counts;
}

/** Inserts rows, or writes them over those of the same id. */
export async function writeItems(tx: Tx, rows: readonly ItemsTable[]): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
    const batch = rows.slice(start, start + ROWS_AT_ONCE);
    const columns = Object.keys(batch[0] as ItemsTable).filter((column) => column !== 'id') as (keyof ItemsTable)[];
    await tx
      .insertInto('items')
      .values(batch)
      .onConflict((oc) => oc.column('id').doUpdateSet((eb) => Object.fromEntries(columns.map((column) => [column, eb.ref(`excluded.${column}`)]))))
      .execute();
  }
}

export async function updateItem(
  tx: Tx,
  row: Pick<ItemsTable, 'id' | 'gateway_id'>,
  change: Partial<Omit<ItemsTable, keyof AuditColumns> & AuditColumns>,
): Promise<void> {
  await tx.updateTable('items').set(change).where('id', '=', row.id).execute();
  await touchGateways(tx, [row.gateway_id]);
}

export async function deleteItems(tx: Tx, ids: readonly string[]): Promise<void> {
  for (let start = 0; start < ids.length; start += ROWS_AT_ONCE) {
    await tx
      .deleteFrom('items')
      .where('id', 'in', ids.slice(start, start + ROWS_AT_ONCE))
      .execute();
  }
}

/** Which items of a gateway servers combine. */
export async function membersAmong(db: Db | Tx, gatewayId: string): Promise<Set<string>> {
  const rows = await db
    .selectFrom('server_items')
    .innerJoin('items', 'items.id', 'server_items.item_id')
    .select('server_items.item_id')
    .where('items.gateway_id', '=', gatewayId)
    .execute();
  return new Set(rows.map((row) => row.item_id));
}

/** Says that items of these gateways have changed. */
export async function touchGateways(tx: Tx, gatewayIds: readonly string[]): Promise<void> {
  if (gatewayIds.length === 0) return;
  await tx
    .updateTable('gateways')
    .set((eb) => ({ items_version: eb('items_version', '+', 1) }))
    .where('id', 'in', gatewayIds)
    .execute();
}

export type NameRow = Awaited<ReturnType<typeof nameRows>>[number];

/** What names of tools and prompts are made of, and the names they have. */
export async function nameRows(db: Db | Tx) {
  return await inPages((after) =>
    db
      .selectFrom('items')
      .innerJoin('gateways', 'gateways.id', 'items.gateway_id')
      .select(['items.id', 'items.gateway_id', 'items.kind', 'items.key', 'items.custom_name', 'items.name', 'items.former_names'])
      .select(['gateways.slug', 'gateways.visibility', 'gateways.team_id', 'gateways.owner_email'])
      .where('items.kind', 'in', ['tool', 'prompt'])
      .where('items.id', '>', after)
      .orderBy('items.id')
      .limit(PAGE_ROWS)
      .execute(),
  );
}

export async function writeName(tx: Tx, id: string, name: string, formerNames: string): Promise<void> {
  await tx.updateTable('items').set({ name, former_names: formerNames }).where('id', '=', id).execute();
}

export async function itemsVersions(db: Db | Tx): Promise<Map<string, number>> {
  const rows = await db.selectFrom('gateways').select(['id', 'items_version']).execute();
  return new Map(rows.map((row) => [row.id, row.items_version]));
}

/**
 * The columns that the data plane needs, of some gateways' items. With those that are not listed any more but that people had switched
 * off or hidden: an upstream that stops listing a tool may go on answering calls of it.
 */
export async function itemColumns(db: Db | Tx, gatewayIds: readonly string[] | 'all') {
  return await inPages((after) =>
    db
      .selectFrom('items')
      .select(['id', 'gateway_id', 'kind', 'key', 'name', 'former_names', 'source_json', 'needs', 'custom_name'])
      .select(['custom_title', 'custom_description', 'custom_annotations', 'enabled', 'visibility', 'owner_email', 'team_id', 'tags'])
      .select('gone_since')
      // Of all they are read in the order of their ids as they lie; looked up by gateway they would be sorted for each page.
      .$if(gatewayIds !== 'all', (query) => query.where('gateway_id', 'in', gatewayIds as readonly string[]))
      .where((eb) => eb.or([eb('gone_since', 'is', null), eb('enabled', '=', 0), eb('visibility', '!=', 'public')]))
      .where('id', '>', after)
      .orderBy('id')
      .limit(PAGE_ROWS)
      .execute(),
  );
}

/** Rows in the order of their ids; in pages, so that no answer of the database takes the thread for long. */
async function inPages<Row extends { readonly id: string }>(read: (after: string) => Promise<Row[]>): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const page = await read(rows[rows.length - 1]?.id ?? '');
    rows.push(...page);
    if (page.length < PAGE_ROWS) return rows;
  }
}
