// Registered upstreams as the data plane takes them: credentials in the clear, as header pairs.
import { AppError, type Logger } from '#base/kernel';
import { fromJsonColumn, type ColumnCipher, type Database } from '#control-plane/db';
import type { UpstreamRow } from '#data-plane/gateway';
import { authHeaders } from './upstream-auth.ts';
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
    if (secret instanceof AppError)
      log.error(`Gateway "${row.name}" cannot be used: ${secret.message}`, { gatewayId: row.id, internal: secret.internal });
    return {
      id: row.id,
      name: row.name,
      transport: 'STREAMABLEHTTP',
      url: row.url,
      process: undefined,
      stdioIsolation: 'auto',
      enabled: row.enabled === 1 && !(secret instanceof AppError),
      visibility: row.visibility,
      ownerEmail: row.owner_email,
      teamId: row.team_id,
      limits: { callsPerMinute: row.calls_per_minute, concurrent: row.concurrent },
      headers: secret instanceof AppError ? [] : authHeaders(secret),
      passthroughHeaders: fromJsonColumn<string[]>(row.passthrough_headers, []),
      modern: row.modern === 1,
      legacy: row.legacy === 1,
    };
  });
}
