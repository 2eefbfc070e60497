// Servers as the data plane takes them.
import type { Database } from '#control-plane/db';
import type { ServerRow } from '#data-plane/gateway';
import { allMembers } from './server-member-store.ts';
import { allServers } from './server-store.ts';

export async function loadServerRows(database: Database): Promise<ServerRow[]> {
  const [rows, members] = await Promise.all([allServers(database.db), allMembers(database.db)]);
  const itemIds = Map.groupBy(members, (member) => member.server_id);
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    enabled: row.enabled === 1,
    visibility: row.visibility,
    ownerEmail: row.owner_email,
    teamId: row.team_id,
    limits: { callsPerMinute: row.calls_per_minute, concurrent: row.concurrent },
    strictSchema: row.strict_schema === 1,
    mirrorGatewayId: row.mirror_gateway_id,
    itemIds: (itemIds.get(row.id) ?? []).map((member) => member.item_id),
  }));
}
