// Gateways that are programs: what is started, with which part of its environment, and for whom. Columns are explained in ../tables.ts.
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // One column a statement: SQLite takes no more.
  await db.schema.alterTable('gateways').addColumn('command', 'text').execute();
  await db.schema.alterTable('gateways').addColumn('args', 'text').execute();
  await db.schema.alterTable('gateways').addColumn('cwd', 'text').execute();
  await db.schema.alterTable('gateways').addColumn('process_env', 'text').execute();
  await db.schema
    .alterTable('gateways')
    .addColumn('stdio_isolation', 'varchar(16)', (column) => column.notNull().defaultTo('auto'))
    .execute();
}
