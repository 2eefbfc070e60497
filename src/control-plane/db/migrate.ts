// Brings the schema up to date at start and by `mcpgateway migrate`. Forward only; everything in one transaction that holds the
// write lock, so that of two processes starting at once one migrates and the other finds it done.
import { sql, type Kysely } from 'kysely';
import { DEFAULT_MIGRATION_TABLE, Migrator, type Migration } from 'kysely/migration';
import { AppError } from '#base/kernel';
import * as catalogue from './migrations/0001-catalogue.ts';
import * as stdioGateways from './migrations/0002-stdio-gateways.ts';
import * as items from './migrations/0003-items.ts';
import * as strictSchema from './migrations/0004-strict-schema.ts';

/** In this order for ever; a merged migration is never edited. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-catalogue': catalogue,
  '0002-stdio-gateways': stdioGateways,
  '0003-items': items,
  '0004-strict-schema': strictSchema,
};

export const MIGRATION_COUNT = Object.keys(MIGRATIONS).length;

export function isKnownMigration(name: string): boolean {
  return Object.hasOwn(MIGRATIONS, name);
}

/**
 * Applies what is missing and returns the names of what it applied. Throws AppError `config.invalid` when the database is newer
 * than this program, or another program's; nothing is changed then.
 * @param path of the file, for the message
 */
export async function migrate<T>(db: Kysely<T>, path: string): Promise<string[]> {
  return db.transaction().execute(async (tx) => {
    await ensureOurs(tx, path);
    const migrator = new Migrator({ db: tx, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } });
    const { error, results } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
    return (results ?? []).map((result) => result.migrationName);
  });
}

/** Other programs keep their rows in a file of the same name, so that starting in their folder is an easy mistake. */
async function ensureOurs<T>(db: Kysely<T>, path: string): Promise<void> {
  const tables = (await db.introspection.getTables({ withInternalKyselyTables: true })).map(({ name }) => name);
  if (tables.length === 0) return;
  if (!tables.includes(DEFAULT_MIGRATION_TABLE)) {
    const named = tables.slice(0, 5).join(', ');
    throw new AppError(
      'config.invalid',
      `${path} is the database of another program (it has the tables ${named}). Set DATABASE_URL to a file of its own.`,
    );
  }
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(db);
  const unknown = rows.find(({ name }) => !(name in MIGRATIONS));
  if (unknown === undefined) return;
  throw new AppError(
    'config.invalid',
    `${path} was last used by a newer version of mcpgateway (its schema has ${unknown.name}). Start that version, or restore a backup from before.`,
  );
}
