// The rows as the database holds them, in one place so that stores, views and migrations mean the same thing.
// Ids are 32 hex characters made by us, booleans are 0 or 1, times are ISO 8601 text in UTC, lists and objects are JSON text
// (json-column.ts). Only what is true in every scope is a constraint here; names within a team or owner are checked by services.

/** SQLite has no booleans. */
export type Flag = 0 | 1;

/** Who wrote a row and how (api.md 1.12). `version` starts at 1 and grows by one per update. */
export interface AuditColumns {
  created_at: string;
  updated_at: string;
  created_by: string | null;
  created_from_ip: string | null;
  created_via: string | null;
  created_user_agent: string | null;
  modified_by: string | null;
  modified_from_ip: string | null;
  modified_via: string | null;
  modified_user_agent: string | null;
  version: number;
}

/** Whose a row is and who may see it. */
export interface OwnershipColumns {
  enabled: Flag;
  visibility: 'public' | 'team' | 'private';
  owner_email: string | null;
  team_id: string | null;
  /** JSON: { id, label }[] */
  tags: string;
}

export interface LimitColumns {
  calls_per_minute: number | null;
  concurrent: number | null;
}

/** Registered upstream MCP servers; `gateways` is the contract's word for them. */
export interface GatewaysTable extends OwnershipColumns, LimitColumns, AuditColumns {
  id: string;
  name: string;
  slug: string;
  /** '' for STDIO. */
  url: string;
  description: string | null;
  /** What was asked for or found; before a first reading, what the address looks like. */
  transport: 'STREAMABLEHTTP' | 'SSE' | 'STDIO';
  /** The program of a STDIO gateway, never run through a shell; NULL for the others, as the next three. */
  command: string | null;
  /** JSON: string[] */
  args: string | null;
  cwd: string | null;
  /** JSON: variable to value, sealed by crypto-column.ts; NULL when there are none. */
  process_env: string | null;
  /** How many processes a STDIO gateway gets (decisions.md 5). */
  stdio_isolation: 'auto' | 'shared' | 'session';
  auth_type: string | null;
  /** JSON, sealed by crypto-column.ts */
  auth_secret: string | null;
  /** JSON: string[] of lower-case header names */
  passthrough_headers: string | null;
  modern: Flag;
  legacy: Flag;
  protocol_version: string | null;
  /** JSON */
  server_info: string | null;
  /** JSON */
  capabilities: string | null;
  instructions: string | null;
  /** JSON: { kind, name, reason }[]; rows of before 0003 have no kind and are of tools. */
  skipped_tools: string;
  last_refresh_at: string | null;
  /** Since when its items may be out of date, because it could not be read; NULL while they are fresh. */
  stale_since: string | null;
  refresh_interval_seconds: number | null;
  /** Grows with every change of one of its items, so that only those are read again. */
  items_version: number;
}

export interface ServersTable extends OwnershipColumns, LimitColumns, AuditColumns {
  id: string;
  name: string;
  description: string | null;
  icon: string | null;
  /** A gateway cannot be deleted while a server mirrors it. */
  mirror_gateway_id: string | null;
  /** Check every message against the schema of its revision. */
  strict_schema: Flag;
}

/** What upstreams list: tools, resources, resource templates, prompts. They go when their gateway goes. */
export interface ItemsTable extends OwnershipColumns, AuditColumns {
  id: string;
  gateway_id: string;
  kind: 'tool' | 'resource' | 'template' | 'prompt';
  /** What the upstream knows it by: name, URI or URI template. One row for each of a gateway and kind. */
  key: string;
  /** `name` as the upstream gives it. */
  original_name: string;
  /** Published name of a tool or prompt (names.ts), unique within the kind; '' for the others. */
  name: string;
  /** JSON: string[], published names it had before */
  former_names: string;
  /** The upstream's, made fit to be shown. */
  title: string | null;
  description: string | null;
  /** The item's original text (decisions.md 10). */
  source_json: string;
  /** JSON: what a client must be able to do to be shown it (decisions.md 4) */
  needs: string;
  /** What people wrote over the upstream's words; NULL leaves them. */
  custom_name: string | null;
  display_name: string | null;
  custom_title: string | null;
  custom_description: string | null;
  /** JSON */
  custom_annotations: string | null;
  /** Since when the upstream does not list it any more; kept for what people made of it, should it come back. NULL while it is listed. */
  gone_since: string | null;
}

/** Which items a server combines. */
export interface ServerItemsTable {
  server_id: string;
  item_id: string;
}

export interface RevokedTokensTable {
  jti: string;
  revoked_at: string;
  revoked_by: string | null;
  /** When the token would have expired by itself and the row is no longer needed. */
  expires_at: string | null;
}

/** One row with id 1: grows with every committed change, so that other processes notice (decisions.md 18). */
export interface ChangeCounterTable {
  id: number;
  value: number;
}

export interface Tables {
  gateways: GatewaysTable;
  servers: ServersTable;
  items: ItemsTable;
  server_items: ServerItemsTable;
  revoked_tokens: RevokedTokensTable;
  change_counter: ChangeCounterTable;
}
