// Looks at a database file without changing it, for whoever wants to know what is wrong before a gateway is started on it.
import { DatabaseSync } from 'node:sqlite';
import { isKnownMigration, MIGRATION_COUNT } from './migrate.ts';

export interface DatabaseFacts {
  readonly sqliteVersion: string;
  /** What makes it unusable; undefined when nothing does. */
  readonly problem: string | undefined;
  /** Steps that a start would take to bring it up to date. */
  readonly pendingMigrations: number;
  /** ISO time of the newest row. */
  readonly newestChange: string | undefined;
}

/** Never throws: what the file or the system refuses is the problem. */
export function inspectDatabase(path: string): DatabaseFacts {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 1000 });
    return look(database);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { sqliteVersion: process.versions.sqlite ?? '', problem, pendingMigrations: 0, newestChange: undefined };
  } finally {
    if (database?.isOpen === true) database.close();
  }
}

function look(database: DatabaseSync): DatabaseFacts {
  const texts = (sql: string): string[] =>
    database
      .prepare(sql)
      .all()
      .map((row) => String(Object.values(row)[0] ?? ''));
  const facts = { sqliteVersion: process.versions.sqlite ?? '', pendingMigrations: 0, newestChange: undefined };
  const damage = texts('pragma quick_check(1)').find((answer) => answer !== 'ok');
  if (damage !== undefined) return { ...facts, problem: `it is damaged: ${damage}` };
  const tables = texts("select name from sqlite_master where type = 'table'");
  if (tables.length === 0) return { ...facts, problem: undefined, pendingMigrations: MIGRATION_COUNT };
  if (!tables.includes('kysely_migration'))
    return { ...facts, problem: `it is another program's: it has the tables ${tables.slice(0, 5).join(', ')}` };
  const applied = texts('select name from kysely_migration');
  const unknown = applied.find((name) => !isKnownMigration(name));
  if (unknown !== undefined) return { ...facts, problem: `it was last used by a newer version of mcpgateway (its schema has ${unknown})` };
  const newest = ['gateways', 'servers']
    .flatMap((table) => texts(`select coalesce(max(updated_at), '') from ${table}`))
    .toSorted()
    .at(-1);
  return { ...facts, problem: undefined, pendingMigrations: MIGRATION_COUNT - applied.length, newestChange: newest === '' ? undefined : newest };
}
