export { startHealthProbe, type HealthProbe } from './health-probe.ts';
export { HealthBook, remedyFor, type HealthSettings } from './health.ts';
export { openUpstreams, type Upstreams, type UpstreamsParts, type UpstreamsSettings } from './upstreams.ts';
