export { createChannelUpstream, type ChannelUpstream, type ChannelUpstreamSettings } from './channel/channel-upstream.ts';
export { type LineParts } from './channel/line-parts.ts';
export { startHealthProbe, type HealthProbe } from './health-probe.ts';
export { HealthBook, type HealthSettings } from './health.ts';
export { createMcpHttpUpstream } from './mcp-http/mcp-http-upstream.ts';
export { createUpstreamReader, type UpstreamReaderParts } from './reading/upstream-reader.ts';
export { createUpstreamByTransport } from './upstream-by-transport.ts';
