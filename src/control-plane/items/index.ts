export { type CallContext, type ItemCalls } from './item-calls.ts';
export { settleNames } from './item-naming.ts';
export { nounOf, PROMPT, RESOURCE, TOOL, type ItemNoun } from './item-noun.ts';
export { findDifference, isNone } from './item-difference.ts';
export { createItemRows, type ItemRows } from './item-rows.ts';
export { cleanText, screenItems, type Screened } from './item-screening.ts';
export {
  createItemServices,
  type ItemListQuery,
  type ItemOrigin,
  type ItemService,
  type ItemServiceParts,
  type ItemServices,
} from './item-service.ts';
export { countItems, type Kind } from './item-store.ts';
export { followGateway, NO_DIFFERENCE, syncItems, type SyncContext, type SyncReport } from './item-sync.ts';
export { slugOf, type NameRules } from './names.ts';
export { promptOut, type PromptEntity } from './prompt.ts';
export { promptRoutes } from './prompt-routes.ts';
export { resourceOut, type ResourceEntity } from './resource.ts';
export { resourceRoutes } from './resource-routes.ts';
export { toolOut, type ToolEntity } from './tool.ts';
export { toolRoutes } from './tool-routes.ts';
