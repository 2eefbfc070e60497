// SQL for tools. Rows come with what they need of their gateway, so that nothing has to be looked up row by row.
import { toJsonColumn, type AuditColumns, type Db, type GatewaysTable, type ToolsTable, type Tx } from '#control-plane/db';
import type { PagePosition } from '#control-plane/http-contract';

/** A tool and the parts of its gateway it is shown with. */
export interface ToolRecord extends ToolsTable {
  readonly gateway_name: string;
  readonly gateway_slug: string;
  readonly gateway_url: string;
  readonly gateway_transport: GatewaysTable['transport'];
  readonly gateway_enabled: 0 | 1;
}

export interface ToolFilter {
  readonly gatewayId?: string | undefined;
  readonly teamId?: string | undefined;
  readonly visibility?: 'public' | 'team' | 'private' | undefined;
  /** Neither the tool nor its gateway switched off. */
  readonly onlyEnabled: boolean;
}

/** What a refresh writes; identity, switch, tags and ownership of a row that exists are kept. */
export type ToolContent = Pick<
  ToolsTable,
  'name' | 'display_name' | 'title' | 'description' | 'input_schema' | 'output_schema' | 'annotations' | 'meta' | 'source_json'
>;

const INSERT_ROWS = 100;

function withGateway(db: Db | Tx) {
  return db
    .selectFrom('tools')
    .innerJoin('gateways', 'gateways.id', 'tools.gateway_id')
    .selectAll('tools')
    .select([
      'gateways.name as gateway_name',
      'gateways.slug as gateway_slug',
      'gateways.url as gateway_url',
      'gateways.transport as gateway_transport',
      'gateways.enabled as gateway_enabled',
    ]);
}

/** Newest first, after a position. */
export async function listTools(db: Db | Tx, filter: ToolFilter, after: PagePosition | undefined, rowsMax: number): Promise<ToolRecord[]> {
  let query = withGateway(db);
  if (filter.gatewayId !== undefined) query = query.where('tools.gateway_id', '=', filter.gatewayId);
  if (filter.teamId !== undefined) query = query.where('tools.team_id', '=', filter.teamId);
  if (filter.visibility !== undefined) query = query.where('tools.visibility', '=', filter.visibility);
  if (filter.onlyEnabled) query = query.where('tools.enabled', '=', 1).where('gateways.enabled', '=', 1);
  if (after !== undefined) {
    query = query.where((eb) =>
      eb.or([eb('tools.created_at', '<', after.createdAt), eb.and([eb('tools.created_at', '=', after.createdAt), eb('tools.id', '<', after.id)])]),
    );
  }
  return await query.orderBy('tools.created_at', 'desc').orderBy('tools.id', 'desc').limit(rowsMax).execute();
}

export async function findTool(db: Db | Tx, id: string): Promise<ToolRecord | undefined> {
  return await withGateway(db).where('tools.id', '=', id).executeTakeFirst();
}

/** Names and ownership of the tools of some gateways, oldest first; `enabled` is 0 as well while the gateway is switched off. */
export async function listToolNames(db: Db | Tx, gatewayIds: readonly string[]) {
  if (gatewayIds.length === 0) return [];
  return await db
    .selectFrom('tools')
    .innerJoin('gateways', 'gateways.id', 'tools.gateway_id')
    .select([
      'tools.id',
      'tools.gateway_id',
      'tools.name',
      'tools.original_name',
      'tools.visibility',
      'tools.owner_email',
      'tools.team_id',
      'tools.tags',
    ])
    .select((eb) => eb.fn<0 | 1>('min', ['tools.enabled', 'gateways.enabled']).as('enabled'))
    .where('tools.gateway_id', 'in', gatewayIds)
    .orderBy('tools.created_at')
    .orderBy('tools.id')
    .execute();
}

/** What the data plane needs of every tool. */
export async function listToolSwitches(db: Db) {
  return await db.selectFrom('tools').select(['id', 'gateway_id', 'original_name', 'enabled', 'visibility', 'owner_email', 'team_id']).execute();
}

/** Number of tools by gateway id; gateways without tools are absent. */
export async function countTools(db: Db | Tx, gatewayIds: readonly string[]): Promise<Map<string, number>> {
  if (gatewayIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('tools')
    .select((eb) => ['gateway_id', eb.fn.countAll<number>().as('tools')])
    .where('gateway_id', 'in', gatewayIds)
    .groupBy('gateway_id')
    .execute();
  return new Map(rows.map((row) => [row.gateway_id, row.tools]));
}

export async function toolsOfGateway(tx: Tx, gatewayId: string): Promise<ToolsTable[]> {
  return await tx.selectFrom('tools').selectAll().where('gateway_id', '=', gatewayId).execute();
}

export async function insertTools(tx: Tx, rows: readonly ToolsTable[]): Promise<void> {
  for (let start = 0; start < rows.length; start += INSERT_ROWS) {
    await tx
      .insertInto('tools')
      .values(rows.slice(start, start + INSERT_ROWS))
      .execute();
  }
}

export async function updateTool(
  tx: Tx,
  id: string,
  change: Partial<ToolContent & AuditColumns & Pick<ToolsTable, 'enabled' | 'visibility' | 'team_id'>>,
): Promise<void> {
  await tx.updateTable('tools').set(change).where('id', '=', id).execute();
}

export async function deleteTools(tx: Tx, ids: readonly string[]): Promise<void> {
  for (let start = 0; start < ids.length; start += INSERT_ROWS) {
    await tx
      .deleteFrom('tools')
      .where('id', 'in', ids.slice(start, start + INSERT_ROWS))
      .execute();
  }
}

/** JSON columns of a tool as its upstream described it. */
export function jsonColumn(value: unknown): string | null {
  return value === undefined || value === null ? null : toJsonColumn(value);
}
