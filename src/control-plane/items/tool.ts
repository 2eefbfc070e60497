// A tool as REST shows it (api.md 2.4.3). This version knows tools that gateways offer; keys of other kinds of tools are null.
import { z } from 'zod';
import type { UpstreamHealth } from '#base/protocol';
import { historyOut, ownershipOut } from '#control-plane/http-contract';
import { objectIn, shownOf, sourceOf } from './item-shown.ts';
import type { ItemRecord } from './item-store.ts';
import { displayNameOf, slugOf } from './names.ts';

const text = z.string().nullable();

export const toolOut = z
  .object({
    id: z.string(),
    name: z.string().describe('The published name.'),
    originalName: z.string().describe('The name the upstream uses, and the clients of a mirror with it.'),
    customName: z.string(),
    customNameSlug: z.string(),
    formerNames: z.array(z.string()).describe('Names it had, good for calls until something else has one.'),
    displayName: text,
    title: text,
    gatewaySlug: z.string(),
    gatewayId: text,
    url: text,
    description: text,
    originalDescription: text,
    requestType: z.string(),
    integrationType: z.string(),
    headers: z.null(),
    inputSchema: z.unknown(),
    outputSchema: z.unknown(),
    annotations: z.unknown(),
    needs: z.array(z.string()).describe('What a client must be able to do to be shown it.'),
    jsonpathFilter: z.string(),
    auth: z.null(),
    reachable: z.boolean(),
    staleSince: text.describe('Since when it may be out of date, because its gateway could not be read.'),
    executionCount: z.null(),
    metrics: z.null(),
    baseUrl: z.null(),
    pathTemplate: z.null(),
    queryMapping: z.null(),
    headerMapping: z.null(),
    timeoutMs: z.null(),
    exposePassthrough: z.boolean(),
    allowlist: z.null(),
    pluginChainPre: z.null(),
    pluginChainPost: z.null(),
    _meta: z.unknown(),
    ...ownershipOut,
    ...historyOut,
  })
  .meta({ id: 'Tool' });

export type ToolEntity = z.output<typeof toolOut>;

export function toolEntity(row: ItemRecord, health: UpstreamHealth): ToolEntity {
  const source = sourceOf(row);
  const shown = shownOf(row, source, health);
  return {
    id: row.id,
    name: row.name,
    originalName: row.original_name,
    customName: row.custom_name ?? row.original_name,
    customNameSlug: slugOf(row.custom_name ?? row.original_name),
    formerNames: JSON.parse(row.former_names),
    displayName: row.display_name ?? shown.title ?? displayNameOf(row.original_name),
    url: row.gateway_transport === 'STDIO' ? null : row.gateway_url,
    requestType: row.gateway_transport,
    integrationType: 'MCP',
    headers: null,
    inputSchema: objectIn(source, 'inputSchema') ?? { type: 'object', properties: {} },
    outputSchema: objectIn(source, 'outputSchema'),
    jsonpathFilter: '',
    auth: null,
    executionCount: null,
    baseUrl: null,
    pathTemplate: null,
    queryMapping: null,
    headerMapping: null,
    timeoutMs: null,
    exposePassthrough: true,
    allowlist: null,
    pluginChainPre: null,
    pluginChainPost: null,
    ...shown,
  };
}
