export { createEdge, type Edge, type EdgeSettings } from './listener.ts';
