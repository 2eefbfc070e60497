// REST for tools (api.md 2.4): what upstreams offer can be seen and switched.
import { z } from 'zod';
import {
  defineRoute,
  idParams,
  listQuery,
  pageAnswer,
  snakeCaseKeys,
  stateQuery,
  type PageSizes,
  type RouteSpec,
} from '#control-plane/http-contract';
import { toolOut } from './tool.ts';
import type { ToolService } from './tool-service.ts';

const tags = ['tools'];
const change = { action: 'state', resourceType: 'tool' } as const;
const stateOut = z.object({
  status: z.literal('success'),
  message: z.string(),
  tool: z.record(z.string(), z.unknown()).describe('The tool, keys in snake_case.'),
});

export function toolRoutes(service: ToolService, pageSizes: PageSizes): RouteSpec[] {
  const query = listQuery(pageSizes).extend({ gateway_id: z.string().max(255).optional().describe('Tools of this gateway.') });
  return [
    defineRoute({
      method: 'GET',
      path: '/tools',
      summary: 'List tools',
      tags,
      auth: 'user',
      input: { query },
      output: z.union([z.array(toolOut), z.object({ tools: z.array(toolOut), nextCursor: z.string().nullable() })]),
      successStatus: 200,
      statuses: [],
      handler: async (context) => pageAnswer(context.query, 'tools', await service.list(context, context.query)),
    }),
    defineRoute({
      method: 'GET',
      path: '/tools/:id',
      summary: 'Show a tool',
      tags,
      auth: 'user',
      input: { params: idParams },
      output: toolOut,
      successStatus: 200,
      statuses: [404],
      handler: (context) => service.get(context, context.params.id),
    }),
    ...['state', 'toggle'].map((verb) =>
      defineRoute({
        method: 'POST',
        path: `/tools/:id/${verb}`,
        summary: verb === 'state' ? 'Switch a tool on or off' : 'The same under its older name',
        tags,
        auth: 'user',
        input: { params: idParams, query: stateQuery },
        output: stateOut,
        successStatus: 200,
        statuses: [404],
        change,
        handler: async ({ params, query: { activate }, ...caller }) => {
          const tool = await service.setEnabled(caller, params.id, activate);
          return { status: 'success', message: `Tool ${tool.id} ${activate ? 'activated' : 'deactivated'}`, tool: snakeCaseKeys(tool) };
        },
      }),
    ),
  ];
}
