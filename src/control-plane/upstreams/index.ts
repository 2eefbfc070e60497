export { upstreamCreate, type UpstreamCreate, type UpstreamUpdate } from './upstream-input.ts';
export { createUpstreamService, type UpstreamService, type UpstreamServiceParts, type UpstreamSettings } from './upstream-service.ts';
export { findUpstream } from './upstream-store.ts';
export { loadUpstreamRows } from './upstream-rows.ts';
export { type RefreshReport } from './upstream-refresh.ts';
export { type UpstreamEntity } from './upstream.ts';
export { upstreamRoutes } from './upstream-routes.ts';
