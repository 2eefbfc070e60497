// Brings the schema up to date at start and by `mcpgateway migrate`. Forward only; everything in one transaction that holds the
// write lock, so that of two processes starting at once one migrates and the other finds it done.
import type { Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import * as catalogue from './migrations/0001-catalogue.ts';

/** In this order for ever; a merged migration is never edited. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-catalogue': catalogue,
};

/** Applies what is missing and returns the names of what it applied. Throws when the database is newer than this program. */
export async function migrate<T>(db: Kysely<T>): Promise<string[]> {
  return db.transaction().execute(async (tx) => {
    const migrator = new Migrator({ db: tx, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } });
    const { error, results } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
    return (results ?? []).map((result) => result.migrationName);
  });
}
