// Registered upstreams as the data plane takes them: credentials in the clear, as header pairs or as the environment of a process.
import { AppError, type Logger } from '#base/kernel';
import { fromJsonColumn, type ColumnCipher, type Database } from '#control-plane/db';
import type { UpstreamRow } from '#data-plane/gateway';
import { authHeaders } from './upstream-auth.ts';
import { processOf } from './upstream-process.ts';
import { allUpstreams } from './upstream-store.ts';
import { createUpstreamVault } from './upstream-vault.ts';

/**
 * One whose credentials cannot be read is handed over switched off: calling it without them could reach something else than was
 * meant. The log says what to do.
 */
export async function loadUpstreamRows(database: Database, cipher: ColumnCipher, log: Logger): Promise<UpstreamRow[]> {
  const vault = createUpstreamVault(cipher);
  const rows = await allUpstreams(database.db);
  return rows.map((row) => {
    const secret = vault.tryOpen(row);
    const env = vault.tryOpenEnvironment(row);
    const lost = [secret, env].find((opened) => opened instanceof AppError);
    if (lost !== undefined) log.error(`Gateway "${row.name}" cannot be used: ${lost.message}`, { gatewayId: row.id, internal: lost.internal });
    return {
      id: row.id,
      name: row.name,
      transport: row.transport,
      url: row.url,
      process: processOf(row, env instanceof AppError ? {} : env),
      stdioIsolation: row.stdio_isolation,
      enabled: row.enabled === 1 && lost === undefined,
      visibility: row.visibility,
      ownerEmail: row.owner_email,
      teamId: row.team_id,
      limits: { callsPerMinute: row.calls_per_minute, concurrent: row.concurrent },
      headers: secret instanceof AppError ? [] : authHeaders(secret),
      passthroughHeaders: fromJsonColumn<string[]>(row.passthrough_headers, []),
      modern: row.modern === 1,
      legacy: row.legacy === 1,
      protocolVersion: row.protocol_version,
      capabilities: fromJsonColumn<Record<string, unknown>>(row.capabilities, {}),
      instructions: row.instructions,
      staleSince: row.stale_since,
      refreshIntervalSeconds: row.refresh_interval_seconds,
    };
  });
}
