// One table for all that upstreams list, in place of one for tools; which of it servers combine; what is known to be old.
// Columns are explained in ../tables.ts.
import { sql, type Kysely } from 'kysely';

const ID = 'varchar(64)';
const KEY_TEXT = 'varchar(255)';

export async function up(db: Kysely<unknown>): Promise<void> {
  await createItems(db);
  await takeOverTools(db);
  await db.schema.dropTable('tools').execute();
  await db.schema
    .createTable('server_items')
    .addColumn('server_id', ID, (column) => column.notNull().references('servers.id').onDelete('cascade'))
    .addColumn('item_id', ID, (column) => column.notNull().references('items.id').onDelete('cascade'))
    .addPrimaryKeyConstraint('server_items_pk', ['server_id', 'item_id'])
    .execute();
  await db.schema.createIndex('server_items_item_id').on('server_items').column('item_id').execute();
  await db.schema.alterTable('gateways').addColumn('stale_since', 'text').execute();
  await db.schema.alterTable('gateways').addColumn('refresh_interval_seconds', 'integer').execute();
  await db.schema
    .alterTable('gateways')
    .addColumn('items_version', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
}

async function createItems(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('items')
    .addColumn('id', ID, (column) => column.primaryKey())
    .addColumn('gateway_id', ID, (column) => column.notNull().references('gateways.id').onDelete('cascade'))
    .addColumn('kind', 'varchar(16)', (column) => column.notNull())
    .addColumn('key', 'varchar(2048)', (column) => column.notNull())
    .addColumn('original_name', 'text', (column) => column.notNull())
    .addColumn('name', KEY_TEXT, (column) => column.notNull())
    .addColumn('former_names', 'text', (column) => column.notNull())
    .addColumn('title', 'text')
    .addColumn('description', 'text')
    .addColumn('source_json', 'text', (column) => column.notNull())
    .addColumn('needs', 'text', (column) => column.notNull())
    .addColumn('custom_name', KEY_TEXT)
    .addColumn('display_name', 'text')
    .addColumn('custom_title', 'text')
    .addColumn('custom_description', 'text')
    .addColumn('custom_annotations', 'text')
    .addColumn('gone_since', 'text')
    .addColumn('enabled', 'integer', (column) => column.notNull())
    .addColumn('visibility', 'varchar(16)', (column) => column.notNull())
    .addColumn('owner_email', KEY_TEXT)
    .addColumn('team_id', ID)
    .addColumn('tags', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('updated_at', 'text', (column) => column.notNull())
    .addColumn('created_by', 'text')
    .addColumn('created_from_ip', 'text')
    .addColumn('created_via', 'text')
    .addColumn('created_user_agent', 'text')
    .addColumn('modified_by', 'text')
    .addColumn('modified_from_ip', 'text')
    .addColumn('modified_via', 'text')
    .addColumn('modified_user_agent', 'text')
    .addColumn('version', 'integer', (column) => column.notNull())
    .addUniqueConstraint('items_gateway_id_kind_key', ['gateway_id', 'kind', 'key'])
    .execute();
  await db.schema.createIndex('items_created_at').on('items').columns(['created_at', 'id']).execute();
}

/** Ids, switches and tags stay; names are settled at the start that follows. */
async function takeOverTools(db: Kysely<unknown>): Promise<void> {
  await sql`
    insert into items (
      id, gateway_id, kind, key, original_name, name, former_names, title, description, source_json, needs,
      enabled, visibility, owner_email, team_id, tags, created_at, updated_at, created_by, created_from_ip, created_via,
      created_user_agent, modified_by, modified_from_ip, modified_via, modified_user_agent, version
    )
    select
      id, gateway_id, 'tool', original_name, original_name, name, '[]', title, description, source_json, '[]',
      enabled, visibility, owner_email, team_id, tags, created_at, updated_at, created_by, created_from_ip, created_via,
      created_user_agent, modified_by, modified_from_ip, modified_via, modified_user_agent, version
    from tools`.execute(db);
}
