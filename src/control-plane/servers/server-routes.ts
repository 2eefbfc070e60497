// REST for servers (api.md 2.7). /state answers with the bare server, unlike the other nouns.
import { z } from 'zod';
import { defineRoute, idParams, listQuery, pageAnswer, queryBoolean, stateQuery, type PageSizes, type RouteSpec } from '#control-plane/http-contract';
import { promptOut, resourceOut, toolOut } from '#control-plane/items';
import { serverCreate, serverUpdate } from './server-input.ts';
import { serverOut } from './server.ts';
import type { ServerService } from './server-service.ts';

const common = { tags: ['servers'], auth: 'user', successStatus: 200 } as const;
const resourceType = 'server';

export function serverRoutes(service: ServerService, pageSizes: PageSizes): RouteSpec[] {
  return [
    defineRoute({
      ...common,
      method: 'GET',
      path: '/servers',
      summary: 'List servers',
      input: { query: listQuery(pageSizes) },
      output: z.union([z.array(serverOut), z.object({ servers: z.array(serverOut), nextCursor: z.string().nullable() })]),
      statuses: [],
      handler: async (context) => pageAnswer(context.query, 'servers', await service.list(context, context.query)),
    }),
    defineRoute({
      ...common,
      method: 'POST',
      path: '/servers',
      summary: 'Create a server that mirrors a gateway or combines items of several',
      input: { body: serverCreate, bodyWrapper: 'server' },
      output: serverOut,
      successStatus: 201,
      statuses: [400, 409],
      change: { action: 'create', resourceType },
      handler: (context) => service.create(context, context.body),
    }),
    defineRoute({
      ...common,
      method: 'GET',
      path: '/servers/:id',
      summary: 'Show a server',
      input: { params: idParams },
      output: serverOut,
      statuses: [404],
      handler: (context) => service.get(context, context.params.id),
    }),
    defineRoute({
      ...common,
      method: 'PUT',
      path: '/servers/:id',
      summary: 'Change a server',
      input: { params: idParams, body: serverUpdate, bodyWrapper: 'server' },
      output: serverOut,
      statuses: [400, 409],
      statusOf: { 'server.not_found': 400, 'access.denied': 400 },
      change: { action: 'update', resourceType },
      handler: (context) => service.update(context, context.params.id, context.body),
    }),
    defineRoute({
      ...common,
      method: 'DELETE',
      path: '/servers/:id',
      summary: 'Delete a server',
      input: { params: idParams },
      output: z.object({ status: z.literal('success'), message: z.string() }),
      statuses: [404],
      change: { action: 'delete', resourceType },
      handler: async (context) => {
        await service.remove(context, context.params.id);
        return { status: 'success', message: `Server ${context.params.id} deleted successfully` };
      },
    }),
    ...['state', 'toggle'].map((verb) =>
      defineRoute({
        ...common,
        method: 'POST',
        path: `/servers/:id/${verb}`,
        summary: verb === 'state' ? 'Switch a server on or off' : 'The same under its older name',
        input: { params: idParams, query: stateQuery },
        output: serverOut,
        statuses: [404],
        change: { action: 'state', resourceType },
        handler: (context) => service.setEnabled(context, context.params.id, context.query.activate),
      }),
    ),
    ...(
      [
        { noun: 'tools', output: toolOut, list: 'listTools' },
        { noun: 'resources', output: resourceOut, list: 'listResources' },
        { noun: 'prompts', output: promptOut, list: 'listPrompts' },
      ] as const
    ).map(({ noun, output, list }) =>
      defineRoute({
        ...common,
        method: 'GET',
        path: `/servers/:id/${noun}`,
        summary: `List the ${noun} of a server`,
        input: { params: idParams, query: z.object({ include_inactive: queryBoolean.default(false) }) },
        output: z.array(output as z.ZodType),
        statuses: [404],
        handler: (context) => service[list](context, context.params.id, context.query.include_inactive),
      }),
    ),
  ];
}
