// What the routes of tools, resources and prompts have in common (api.md 1.4, 1.5): lists, changes, and the switch.
import { z } from 'zod';
import { defineRoute, listQuery, pageAnswer, snakeCaseKeys, stateQuery, type PageSizes, type RouteSpec } from '#control-plane/http-contract';
import type { ItemUpdate } from './item-input.ts';
import type { ItemService } from './item-service.ts';

export interface NounRoutes<Entity> {
  /** `tool` */
  readonly noun: 'tool' | 'resource' | 'prompt';
  readonly plural: 'tools' | 'resources' | 'prompts';
  readonly service: ItemService<Entity>;
  readonly output: z.ZodType<Entity>;
  readonly update: z.ZodType<ItemUpdate>;
  readonly params: z.ZodType<{ id: string }>;
  /** Its URI may stand for its id. */
  readonly takesUri?: boolean;
}

export function itemListQuery(pageSizes: PageSizes, plural: string) {
  return listQuery(pageSizes).extend({ gateway_id: z.string().max(255).optional().describe(`Only ${plural} of this gateway.`) });
}

export function nounRoutes<Entity extends { readonly id: string }>(
  { noun, plural, service, output, update, params, takesUri = false }: NounRoutes<Entity>,
  pageSizes: PageSizes,
): { list: RouteSpec; update: RouteSpec; switches: RouteSpec[]; remove: RouteSpec } {
  const common = { tags: [plural], auth: 'user', successStatus: 200 } as const;
  const kind = `${noun.charAt(0).toUpperCase()}${noun.slice(1)}`;
  const list = defineRoute({
    ...common,
    method: 'GET',
    path: `/${plural}`,
    summary: `List ${plural}`,
    input: { query: itemListQuery(pageSizes, plural) },
    output: z.union([z.array(output), z.object({ [plural]: z.array(output), nextCursor: z.string().nullable() })]),
    statuses: [],
    handler: async (context) => pageAnswer(context.query, plural, await service.list(context, context.query)),
  });
  const change = defineRoute({
    ...common,
    method: 'PUT',
    path: `/${plural}/:id`,
    summary: `Give a ${noun} words, tags and visibility of your own`,
    input: { params, body: update, bodyWrapper: noun },
    takesUri,
    output,
    statuses: [400, 404],
    change: { action: 'update', resourceType: noun },
    handler: (context) => service.update(context, context.params.id, context.body),
  });
  const stateOut = z.object({
    status: z.literal('success'),
    message: z.string(),
    [noun]: z.record(z.string(), z.unknown()).describe(`The ${noun}, keys in snake_case.`),
  });
  const switches = ['state', 'toggle'].map((verb) =>
    defineRoute({
      ...common,
      method: 'POST',
      path: `/${plural}/:id/${verb}`,
      summary: verb === 'state' ? `Switch a ${noun} on or off` : 'The same under its older name',
      input: { params, query: stateQuery },
      takesUri,
      output: stateOut,
      statuses: [404],
      change: { action: 'state', resourceType: noun },
      handler: async ({ params: { id }, query: { activate }, ...caller }) => {
        const entity = await service.setEnabled(caller, id, activate);
        return { status: 'success', message: `${kind} ${entity.id} ${activate ? 'activated' : 'deactivated'}`, [noun]: snakeCaseKeys(entity) };
      },
    }),
  );
  const remove = defineRoute({
    ...common,
    method: 'DELETE',
    path: `/${plural}/:id`,
    summary: `Forget a ${noun} that its gateway does not list any more; 409 while it does`,
    input: { params },
    takesUri,
    output: z.object({ status: z.literal('success'), message: z.string() }),
    statuses: [404, 409],
    change: { action: 'delete', resourceType: noun },
    handler: async (context) => {
      await service.remove(context, context.params.id);
      return { status: 'success', message: `${kind} ${context.params.id} permanently deleted` };
    },
  });
  return { list, update: change, switches, remove };
}
