export { startHealthProbe, type HealthProbe } from './health-probe.ts';
export { HealthBook, type HealthSettings } from './health.ts';
export { createMcpHttpReader } from './mcp-http/mcp-http-reader.ts';
export { createMcpHttpUpstream } from './mcp-http/mcp-http-upstream.ts';
