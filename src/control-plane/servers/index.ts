export { serverRoutes } from './server-routes.ts';
export { loadServerRows } from './server-rows.ts';
export { createServerService, type ServerService, type ServerServiceParts } from './server-service.ts';
export { type ServerEntity } from './server.ts';
