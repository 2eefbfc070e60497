// SQL for servers.
import type { Db, ServersTable, Tx } from '#control-plane/db';
import type { PagePosition } from '#control-plane/http-contract';

export interface ServerFilter {
  readonly teamId?: string | undefined;
  readonly visibility?: 'public' | 'team' | 'private' | undefined;
  readonly onlyEnabled: boolean;
}

/** Newest first, after a position. */
export async function listServers(db: Db | Tx, filter: ServerFilter, after: PagePosition | undefined, rowsMax: number): Promise<ServersTable[]> {
  let query = db.selectFrom('servers').selectAll();
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

export async function allServers(db: Db): Promise<ServersTable[]> {
  return await db.selectFrom('servers').selectAll().execute();
}

export async function findServer(db: Db | Tx, id: string): Promise<ServersTable | undefined> {
  return await db.selectFrom('servers').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findServersByName(db: Db | Tx, name: string): Promise<ServersTable[]> {
  return await db.selectFrom('servers').selectAll().where('name', '=', name).execute();
}

export async function insertServer(tx: Tx, row: ServersTable): Promise<void> {
  await tx.insertInto('servers').values(row).execute();
}

export async function updateServer(tx: Tx, id: string, change: Partial<ServersTable>): Promise<void> {
  await tx.updateTable('servers').set(change).where('id', '=', id).execute();
}

export async function deleteServer(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('servers').where('id', '=', id).execute();
}
