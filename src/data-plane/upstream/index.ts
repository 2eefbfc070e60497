export { startHealthProbe, type HealthProbe } from './health-probe.ts';
export { HealthBook, type HealthSettings } from './health.ts';
export { openUpstreams, type Upstreams, type UpstreamsParts, type UpstreamsSettings } from './upstreams.ts';
export { noChildJournal, openChildJournal, type ChildJournal } from './mcp-stdio/child-journal.ts';
export { createStdioOpener, type StdioOpener, type StdioSettings } from './mcp-stdio/stdio-opener.ts';
