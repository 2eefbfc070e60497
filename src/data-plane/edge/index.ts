export { type DoorTable } from './door-routes.ts';
export { createEdge, type Edge, type EdgeSettings } from './listener.ts';
