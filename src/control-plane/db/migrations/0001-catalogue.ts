// Upstreams, servers, tools, revoked tokens and the change counter. Columns are explained in ../tables.ts.
import type { CreateTableBuilder, Kysely } from 'kysely';

const ID = 'varchar(64)';
const KEY_TEXT = 'varchar(255)';

export async function up(db: Kysely<unknown>): Promise<void> {
  await createGateways(db);
  await createServers(db);
  await createTools(db);
  await db.schema
    .createTable('revoked_tokens')
    .addColumn('jti', KEY_TEXT, (column) => column.primaryKey())
    .addColumn('revoked_at', 'text', (column) => column.notNull())
    .addColumn('revoked_by', 'text')
    .addColumn('expires_at', 'text')
    .execute();
  await db.schema
    .createTable('change_counter')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('value', 'integer', (column) => column.notNull())
    .execute();
  await (db as Kysely<{ change_counter: { id: number; value: number } }>).insertInto('change_counter').values({ id: 1, value: 0 }).execute();
}

async function createGateways(db: Kysely<unknown>): Promise<void> {
  const table = db.schema
    .createTable('gateways')
    .addColumn('id', ID, (column) => column.primaryKey())
    .addColumn('name', KEY_TEXT, (column) => column.notNull())
    .addColumn('slug', KEY_TEXT, (column) => column.notNull())
    .addColumn('url', 'text', (column) => column.notNull())
    .addColumn('description', 'text')
    .addColumn('transport', 'varchar(32)', (column) => column.notNull())
    .addColumn('auth_type', 'varchar(32)')
    .addColumn('auth_secret', 'text')
    .addColumn('passthrough_headers', 'text')
    .addColumn('modern', 'integer', (column) => column.notNull())
    .addColumn('legacy', 'integer', (column) => column.notNull())
    .addColumn('protocol_version', 'varchar(32)')
    .addColumn('server_info', 'text')
    .addColumn('capabilities', 'text')
    .addColumn('instructions', 'text')
    .addColumn('skipped_tools', 'text', (column) => column.notNull())
    .addColumn('last_refresh_at', 'text');
  await withAudit(withLimits(withOwnership(table))).execute();
  await db.schema.createIndex('gateways_slug').on('gateways').column('slug').execute();
}

async function createServers(db: Kysely<unknown>): Promise<void> {
  const table = db.schema
    .createTable('servers')
    .addColumn('id', ID, (column) => column.primaryKey())
    .addColumn('name', KEY_TEXT, (column) => column.notNull())
    .addColumn('description', 'text')
    .addColumn('icon', 'text')
    .addColumn('mirror_gateway_id', ID, (column) => column.references('gateways.id').onDelete('restrict'));
  await withAudit(withLimits(withOwnership(table))).execute();
  await db.schema.createIndex('servers_mirror_gateway_id').on('servers').column('mirror_gateway_id').execute();
}

async function createTools(db: Kysely<unknown>): Promise<void> {
  const table = db.schema
    .createTable('tools')
    .addColumn('id', ID, (column) => column.primaryKey())
    .addColumn('gateway_id', ID, (column) => column.notNull().references('gateways.id').onDelete('cascade'))
    .addColumn('original_name', KEY_TEXT, (column) => column.notNull())
    .addColumn('name', KEY_TEXT, (column) => column.notNull())
    .addColumn('display_name', 'text')
    .addColumn('title', 'text')
    .addColumn('description', 'text')
    .addColumn('input_schema', 'text', (column) => column.notNull())
    .addColumn('output_schema', 'text')
    .addColumn('annotations', 'text')
    .addColumn('meta', 'text')
    .addColumn('source_json', 'text', (column) => column.notNull())
    .addUniqueConstraint('tools_gateway_id_original_name', ['gateway_id', 'original_name']);
  await withAudit(withOwnership(table)).execute();
}

type Table = CreateTableBuilder<string, string>;

function withOwnership(table: Table): Table {
  return table
    .addColumn('enabled', 'integer', (column) => column.notNull())
    .addColumn('visibility', 'varchar(16)', (column) => column.notNull())
    .addColumn('owner_email', KEY_TEXT)
    .addColumn('team_id', ID)
    .addColumn('tags', 'text', (column) => column.notNull());
}

function withLimits(table: Table): Table {
  return table.addColumn('calls_per_minute', 'integer').addColumn('concurrent', 'integer');
}

function withAudit(table: Table): Table {
  return table
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
    .addColumn('version', 'integer', (column) => column.notNull());
}
