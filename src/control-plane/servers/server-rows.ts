// Servers as the data plane takes them.
import type { Database } from '#control-plane/db';
import type { ServerRow } from '#data-plane/gateway';
import { allServers } from './server-store.ts';

export async function loadServerRows(database: Database): Promise<ServerRow[]> {
  const rows = await allServers(database.db);
  return rows.flatMap((row) =>
    row.mirror_gateway_id === null
      ? []
      : {
          id: row.id,
          name: row.name,
          enabled: row.enabled === 1,
          visibility: row.visibility,
          ownerEmail: row.owner_email,
          teamId: row.team_id,
          limits: { callsPerMinute: row.calls_per_minute, concurrent: row.concurrent },
          mirrorGatewayId: row.mirror_gateway_id,
          itemIds: [],
        },
  );
}
