export { createBridge, type Bridge } from './bridge/bridge.ts';
export { startCatalogueWatch, type CatalogueWatch, type CatalogueWatchSettings } from './catalogue-watch.ts';
export { createCombinedUpstream, type CombinedUpstream } from './combined/combined-upstream.ts';
export { uriOfItem } from './combined/item-uri.ts';
export { startHealthProbe, type HealthProbe } from './health-probe.ts';
export { HealthBook, remedyFor, type HealthSettings } from './health.ts';
export { openUpstreams, type Upstreams, type UpstreamsParts, type UpstreamsSettings } from './upstreams.ts';
