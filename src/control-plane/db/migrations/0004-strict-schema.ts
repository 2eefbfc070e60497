// Servers that check every message against the schema of its revision.
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('servers')
    .addColumn('strict_schema', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
}
