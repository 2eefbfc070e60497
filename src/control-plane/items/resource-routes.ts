// REST for resources and resource templates (api.md 2.5): what is known of them, and their content, which their upstream is asked for.
import { z } from 'zod';
import { defineRoute, type PageSizes, type RouteSpec } from '#control-plane/http-contract';
import { CALL_STATUSES, type ItemCalls } from './item-calls.ts';
import { resourceUpdate } from './item-input.ts';
import { TEMPLATE } from './item-noun.ts';
import type { ItemService } from './item-service.ts';
import { itemListQuery, nounRoutes } from './noun-routes.ts';
import { contentOut, readContent } from './resource-content.ts';
import { resourceOut, templateEntity, templateOut, type ResourceEntity } from './resource.ts';

const resourceParams = z.object({ id: z.string().min(1).max(2048).describe('Its id, or its URI, percent-encoded or as it is.') });
const common = { tags: ['resources'], auth: 'user', successStatus: 200 } as const;

export function resourceRoutes(service: ItemService<ResourceEntity>, calls: ItemCalls, pageSizes: PageSizes): RouteSpec[] {
  const routes = nounRoutes(
    { noun: 'resource', plural: 'resources', service, output: resourceOut, update: resourceUpdate, params: resourceParams, takesUri: true },
    pageSizes,
  );
  const read = defineRoute({
    ...common,
    method: 'GET',
    path: '/resources/:id',
    summary: 'Read the content of a resource from its upstream; of a template, at a URI that fits it',
    input: { params: resourceParams },
    takesUri: true,
    output: contentOut,
    statuses: CALL_STATUSES,
    handler: (context) => readContent(service, calls, context.params.id, context),
  });
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
    input: { params: resourceParams },
    takesUri: true,
    output: resourceOut,
    statuses: [404],
    handler: (context) => service.get(context, context.params.id),
  });
  return [routes.list, templates, read, info, routes.update, ...routes.switches, routes.remove];
}
