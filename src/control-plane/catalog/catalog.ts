// Reads across the nouns: everything a call may need, as plain rows. The gateway compiles them; nothing here is kept.
import type { Logger } from '#base/kernel';
import type { ColumnCipher, Database } from '#control-plane/db';
import { loadServerRows } from '#control-plane/servers';
import { createItemRows } from '#control-plane/items';
import { loadUpstreamRows } from '#control-plane/upstreams';
import type { SnapshotInput } from '#data-plane/gateway';

export interface CatalogParts {
  readonly database: Database;
  readonly cipher: ColumnCipher;
  /** `jti` of revoked tokens that have not expired by themselves. */
  readonly listRevokedTokenIds: () => Promise<readonly string[]>;
  readonly log: Logger;
}

export interface Catalog {
  /** To be called at start and after every change. Throws AppError `database.unavailable`. */
  load(): Promise<SnapshotInput>;
}

export function createCatalog({ database, cipher, listRevokedTokenIds, log }: CatalogParts): Catalog {
  const itemRows = createItemRows(database);
  return {
    async load() {
      // Read first: rows may be newer than the version they are labelled with, never older.
      const version = await database.version();
      const [upstreams, servers, items, revokedTokenIds] = await Promise.all([
        loadUpstreamRows(database, cipher, log),
        loadServerRows(database),
        itemRows.load(),
        listRevokedTokenIds(),
      ]);
      return {
        version,
        upstreams,
        servers,
        items,
        revokedTokenIds,
      };
    },
  };
}
