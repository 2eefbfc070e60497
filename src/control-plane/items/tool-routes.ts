// REST for tools (api.md 2.4).
import { defineRoute, idParams, type PageSizes, type RouteSpec } from '#control-plane/http-contract';
import { namedItemUpdate } from './item-input.ts';
import type { ItemService } from './item-service.ts';
import { nounRoutes } from './noun-routes.ts';
import { toolOut, type ToolEntity } from './tool.ts';

export function toolRoutes(service: ItemService<ToolEntity>, pageSizes: PageSizes): RouteSpec[] {
  const routes = nounRoutes({ noun: 'tool', plural: 'tools', service, output: toolOut, update: namedItemUpdate, params: idParams }, pageSizes);
  const show = defineRoute({
    method: 'GET',
    path: '/tools/:id',
    summary: 'Show a tool',
    tags: ['tools'],
    auth: 'user',
    input: { params: idParams },
    output: toolOut,
    successStatus: 200,
    statuses: [404],
    handler: (context) => service.get(context, context.params.id),
  });
  return [routes.list, show, routes.update, ...routes.switches, routes.remove];
}
