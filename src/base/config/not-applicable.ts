// Names from the gateway's known settings that people bring along and that do nothing here. They are taken without complaint
// and never silently: whoever sets one is told why it has no effect.

const PAGES = 'pages and their assets are part of the program';
const CLIENT = 'it is read by client programs, not by the gateway';
const DEPLOY = 'it is read by deployment scripts, not by the gateway';
const PAYLOADS = 'arguments and results never go into a span';
const POOL = 'an SQLite database has one connection and no pool';

/** Cannot mean anything here. */
const NEVER: Readonly<Record<string, string>> = {
  TEMPLATES_DIR: PAGES,
  STATIC_DIR: PAGES,
  RELOAD: 'use `npm run dev`, which restarts on changes',
  DEBUG: 'set LOG_LEVEL=DEBUG',
  DEV_MODE: 'set ENVIRONMENT=development',
  DB_POOL_SIZE: POOL,
  DB_MAX_OVERFLOW: POOL,
  DB_POOL_TIMEOUT: POOL,
  DB_POOL_RECYCLE: POOL,
  OTEL_EXPORTER_OTLP_INSECURE: 'the scheme of OTEL_EXPORTER_OTLP_ENDPOINT decides about TLS',
  OTEL_CAPTURE_INPUT_SPANS: PAYLOADS,
  OTEL_CAPTURE_OUTPUT_SPANS: PAYLOADS,
  OTEL_REDACT_FIELDS: PAYLOADS,
  OTEL_MAX_TRACE_PAYLOAD_SIZE: PAYLOADS,
  MCPGATEWAY_BEARER_TOKEN: CLIENT,
  MCP_SERVER_URL: CLIENT,
  MCP_AUTH: 'it is read by `mcpgateway stdio` and by client programs, not by the gateway that serves',
  MCP_AUTH_TOKEN: CLIENT,
  MCP_SERVER_CATALOG_URLS: CLIENT,
  MCP_TOOL_CALL_TIMEOUT: CLIENT,
  IBMCLOUD_REGION: DEPLOY,
  IBMCLOUD_RESOURCE_GROUP: DEPLOY,
  IBMCLOUD_PROJECT: DEPLOY,
  IBMCLOUD_CODE_ENGINE_APP: DEPLOY,
  IBMCLOUD_IMAGE_NAME: DEPLOY,
  IBMCLOUD_IMG_PROD: DEPLOY,
  IBMCLOUD_API_KEY: DEPLOY,
  IBMCLOUD_CPU: DEPLOY,
  IBMCLOUD_MEMORY: DEPLOY,
  IBMCLOUD_REGISTRY_SECRET: DEPLOY,
};

const later = (feature: string, names: readonly string[]): [string, string][] => names.map((name) => [name, feature]);

/** Will act when its feature is there. */
const LATER: Readonly<Record<string, string>> = Object.fromEntries([
  ...later('users', ['PLATFORM_ADMIN_PASSWORD', 'PLATFORM_ADMIN_FULL_NAME', 'PUBLIC_REGISTRATION_ENABLED', 'SECURE_COOKIES', 'COOKIE_SAMESITE']),
  ...later('the admin UI', ['MCPGATEWAY_UI_ENABLED', 'MCPGATEWAY_ADMIN_API_ENABLED', 'MCPGATEWAY_UI_AIRGAPPED']),
  ...later('bulk import', ['MCPGATEWAY_BULK_IMPORT_ENABLED']),
  ...later('A2A agents', ['MCPGATEWAY_A2A_ENABLED', 'MCPGATEWAY_A2A_MAX_AGENTS', 'MCPGATEWAY_A2A_DEFAULT_TIMEOUT', 'MCPGATEWAY_A2A_MAX_RETRIES']),
  ...later('the WebSocket door', ['WEBSOCKET_PING_INTERVAL']),
  ...later('federation', ['FEDERATION_ENABLED', 'FEDERATION_DISCOVERY', 'FEDERATION_PEERS', 'FEDERATION_SYNC_INTERVAL']),
  ...later('resources', ['RESOURCE_CACHE_SIZE', 'RESOURCE_CACHE_TTL', 'MAX_RESOURCE_SIZE', 'ALLOWED_MIME_TYPES']),
  ...later('prompts', ['PROMPT_CACHE_SIZE', 'MAX_PROMPT_SIZE', 'PROMPT_RENDER_TIMEOUT']),
  ...later('REST tools', ['MAX_TOOL_RETRIES', 'TOOL_RATE_LIMIT', 'TOOL_CONCURRENT_LIMIT']),
  ...later('scale-out', ['CACHE_TYPE', 'REDIS_URL', 'CACHE_PREFIX']),
  ...later('OAuth', ['OAUTH_PREFERRED_CODE_CHALLENGE_METHOD']),
  ...later('switches for single security headers', ['X_FRAME_OPTIONS', 'HSTS_ENABLED', 'HSTS_MAX_AGE', 'REMOVE_SERVER_HEADERS']),
]);

export interface NotApplicable {
  readonly name: string;
  readonly why: string;
}

export const NOT_APPLICABLE: readonly NotApplicable[] = [
  ...Object.entries(NEVER).map(([name, why]) => ({ name, why: `not applicable: ${why}` })),
  ...Object.entries(LATER).map(([name, feature]) => ({ name, why: `no effect yet: comes with ${feature}` })),
];

/** One line for each reason, naming the variables that are set. */
export function noticesFor(isSet: (name: string) => boolean): string[] {
  const byReason = new Map<string, string[]>();
  for (const { name, why } of NOT_APPLICABLE) {
    if (isSet(name)) byReason.set(why, [...(byReason.get(why) ?? []), name]);
  }
  return [...byReason].map(([why, names]) => `${names.join(', ')}: ${why}`);
}
