export { systemRoutes, type SystemParts } from './system-routes.ts';
