// SQL for registered upstreams.
import type { Db, GatewaysTable, Tx } from '#control-plane/db';
import type { PagePosition } from '#control-plane/http-contract';

export interface UpstreamFilter {
  readonly teamId?: string | undefined;
  readonly visibility?: 'public' | 'team' | 'private' | undefined;
  readonly onlyEnabled: boolean;
}

/** Newest first, after a position. */
export async function listUpstreams(db: Db | Tx, filter: UpstreamFilter, after: PagePosition | undefined, rowsMax: number): Promise<GatewaysTable[]> {
  let query = db.selectFrom('gateways').selectAll();
  if (filter.teamId !== undefined) query = query.where('team_id', '=', filter.teamId);
  if (filter.visibility !== undefined) query = query.where('visibility', '=', filter.visibility);
  if (filter.onlyEnabled) query = query.where('enabled', '=', 1);
  if (after !== undefined) {
    query = query.where((eb) =>
      eb.or([eb('created_at', '<', after.createdAt), eb.and([eb('created_at', '=', after.createdAt), eb('id', '<', after.id)])]),
    );
  }
  return await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(rowsMax).execute();
}

export async function allUpstreams(db: Db | Tx): Promise<GatewaysTable[]> {
  return await db.selectFrom('gateways').selectAll().execute();
}

export async function findUpstream(db: Db | Tx, id: string): Promise<GatewaysTable | undefined> {
  return await db.selectFrom('gateways').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Rows that could be in the way of a name or, unless it is '', an address. */
export async function findRivals(db: Db | Tx, slug: string, url: string): Promise<GatewaysTable[]> {
  return await db
    .selectFrom('gateways')
    .selectAll()
    .where((eb) => (url === '' ? eb('slug', '=', slug) : eb.or([eb('slug', '=', slug), eb('url', '=', url)])))
    .execute();
}

export async function insertUpstream(tx: Tx, row: GatewaysTable): Promise<void> {
  await tx.insertInto('gateways').values(row).execute();
}

export async function updateUpstream(tx: Tx, id: string, change: Partial<GatewaysTable>): Promise<void> {
  await tx.updateTable('gateways').set(change).where('id', '=', id).execute();
}

/** Unless it is known to be old already. */
export async function markStale(tx: Tx, id: string, since: string): Promise<void> {
  await tx.updateTable('gateways').set({ stale_since: since }).where('id', '=', id).where('stale_since', 'is', null).execute();
}

export async function deleteUpstream(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('gateways').where('id', '=', id).execute();
}

/** The servers that mirror an upstream, oldest first. */
export async function mirrorsOf(db: Db | Tx, id: string): Promise<{ id: string; name: string }[]> {
  return await db.selectFrom('servers').select(['id', 'name']).where('mirror_gateway_id', '=', id).orderBy('created_at').execute();
}
