// REST for resources and resource templates (api.md 2.5): what is known of them, not their content.
import { z } from 'zod';
import { defineRoute, idParams, type PageSizes, type RouteSpec } from '#control-plane/http-contract';
import { resourceUpdate } from './item-input.ts';
import { TEMPLATE } from './item-noun.ts';
import type { ItemService } from './item-service.ts';
import { itemListQuery, nounRoutes } from './noun-routes.ts';
import { resourceOut, templateEntity, templateOut, type ResourceEntity } from './resource.ts';

const common = { tags: ['resources'], auth: 'user', successStatus: 200 } as const;

export function resourceRoutes(service: ItemService<ResourceEntity>, pageSizes: PageSizes): RouteSpec[] {
  const routes = nounRoutes({ noun: 'resource', plural: 'resources', service, output: resourceOut, update: resourceUpdate }, pageSizes);
  const templates = defineRoute({
    ...common,
    method: 'GET',
    path: '/resources/templates/list',
    summary: 'List resource templates',
    input: { query: itemListQuery(pageSizes, 'templates').omit({ include_pagination: true }) },
    output: z.object({
      _meta: z.object({}),
      next_cursor: z.string().nullable(),
      resource_templates: z.array(templateOut),
    }),
    statuses: [],
    handler: async (context) => {
      const { rows, nextCursor } = await service.list(context, { ...context.query, include_pagination: true }, TEMPLATE);
      return { _meta: {}, next_cursor: nextCursor, resource_templates: rows.map(templateEntity) };
    },
  });
  const info = defineRoute({
    ...common,
    method: 'GET',
    path: '/resources/:id/info',
    summary: 'Show what is known of a resource',
    input: { params: idParams },
    output: resourceOut,
    statuses: [404],
    handler: (context) => service.get(context, context.params.id),
  });
  return [routes.list, templates, info, routes.update, ...routes.switches];
}
