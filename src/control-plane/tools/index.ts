export { toolOut, type ToolEntity } from './tool.ts';
export { displayNameOf, publishedNames, slugOf } from './tool-name.ts';
export { toolRoutes } from './tool-routes.ts';
export { createToolService, type ToolListQuery, type ToolService, type ToolServiceParts } from './tool-service.ts';
export { countTools, listToolNames, listToolSwitches } from './tool-store.ts';
export { cleanText, followGateway, screenTools, syncTools, type SkippedTool, type SyncReport } from './tool-sync.ts';
