// REST for prompts (api.md 2.6): what is known of them; they are rendered over MCP.
import { type PageSizes, type RouteSpec } from '#control-plane/http-contract';
import { namedItemUpdate } from './item-input.ts';
import type { ItemService } from './item-service.ts';
import { nounRoutes } from './noun-routes.ts';
import { promptOut, type PromptEntity } from './prompt.ts';

export function promptRoutes(service: ItemService<PromptEntity>, pageSizes: PageSizes): RouteSpec[] {
  const routes = nounRoutes({ noun: 'prompt', plural: 'prompts', service, output: promptOut, update: namedItemUpdate }, pageSizes);
  return [routes.list, routes.update, ...routes.switches];
}
