// REST for registered upstreams, under the contract's name: gateways (api.md 2.8). Errors of these routes say `message`.
import { z } from 'zod';
import {
  defineRoute,
  idParams,
  listQuery,
  pageAnswer,
  queryBoolean,
  snakeCaseKeys,
  stateQuery,
  type PageSizes,
  type RouteSpec,
} from '#control-plane/http-contract';
import { refreshReportOut } from './upstream-refresh.ts';
import { upstreamCreate, upstreamUpdate } from './upstream-input.ts';
import { upstreamOut } from './upstream.ts';
import type { UpstreamService } from './upstream-service.ts';

const common = { tags: ['gateways'], auth: 'user', errorKey: 'message', successStatus: 200 } as const;
const resourceType = 'gateway';
const statusOut = z.object({ status: z.literal('success'), message: z.string() });
const stateOut = statusOut.extend({ gateway: z.record(z.string(), z.unknown()).describe('The gateway, keys in snake_case.') });
const refreshQuery = z.object({ include_resources: queryBoolean.default(false), include_prompts: queryBoolean.default(false) });

export function upstreamRoutes(service: UpstreamService, pageSizes: PageSizes): RouteSpec[] {
  return [
    defineRoute({
      ...common,
      method: 'GET',
      path: '/gateways',
      summary: 'List registered MCP servers',
      input: { query: listQuery(pageSizes) },
      output: z.union([z.array(upstreamOut), z.object({ gateways: z.array(upstreamOut), nextCursor: z.string().nullable() })]),
      statuses: [],
      handler: async (context) => pageAnswer(context.query, 'gateways', await service.list(context, context.query)),
    }),
    defineRoute({
      ...common,
      method: 'POST',
      path: '/gateways',
      summary: 'Register an MCP server',
      input: { body: upstreamCreate, bodyWrapper: 'gateway' },
      output: upstreamOut,
      statuses: [400, 409, 502, 504],
      change: { action: 'create', resourceType },
      handler: (context) => service.register(context, context.body),
    }),
    defineRoute({
      ...common,
      method: 'GET',
      path: '/gateways/:id',
      summary: 'Show a registered MCP server',
      input: { params: idParams },
      output: upstreamOut,
      statuses: [404],
      handler: (context) => service.get(context, context.params.id),
    }),
    defineRoute({
      ...common,
      method: 'PUT',
      path: '/gateways/:id',
      summary: 'Change a registered MCP server',
      input: { params: idParams, body: upstreamUpdate, bodyWrapper: 'gateway' },
      output: upstreamOut,
      statuses: [400, 404, 409, 502, 504],
      change: { action: 'update', resourceType },
      handler: (context) => service.update(context, context.params.id, context.body),
    }),
    defineRoute({
      ...common,
      method: 'DELETE',
      path: '/gateways/:id',
      summary: 'Delete a registered MCP server and its tools',
      input: { params: idParams },
      output: statusOut,
      statuses: [404, 409],
      change: { action: 'delete', resourceType },
      handler: async (context) => {
        await service.remove(context, context.params.id);
        return { status: 'success', message: `Gateway ${context.params.id} deleted` };
      },
    }),
    ...['state', 'toggle'].map((verb) => stateRoute(service, verb)),
    ...['tools/refresh', 'refresh'].map((verb) =>
      defineRoute({
        ...common,
        method: 'POST',
        path: `/gateways/:id/${verb}`,
        summary: 'Read the lists of a registered MCP server again',
        input: { params: idParams, query: refreshQuery },
        output: refreshReportOut,
        statuses: [404, 409],
        change: { action: 'refresh', resourceType },
        handler: (context) => service.refresh(context, context.params.id),
      }),
    ),
  ];
}

function stateRoute(service: UpstreamService, verb: string): RouteSpec {
  return defineRoute({
    ...common,
    method: 'POST',
    path: `/gateways/:id/${verb}`,
    summary: verb === 'state' ? 'Switch a registered MCP server on or off' : 'The same under its older name',
    input: { params: idParams, query: stateQuery },
    output: stateOut,
    statuses: [400, 409],
    statusOf: { 'gateway.not_found': 400 },
    change: { action: 'state', resourceType },
    handler: async ({ params, query: { activate }, ...caller }) => {
      const gateway = await service.setEnabled(caller, params.id, activate);
      return { status: 'success', message: `Gateway ${gateway.id} ${activate ? 'activated' : 'deactivated'}`, gateway: snakeCaseKeys(gateway) };
    },
  });
}
