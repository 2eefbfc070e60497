// A tool as REST shows it (api.md 2.4.3). This version knows tools that gateways offer; keys of other kinds of tools are null.
import { z } from 'zod';
import type { UpstreamHealth } from '#base/protocol';
import { fromJsonColumn } from '#control-plane/db';
import { historyOf, historyOut, ownershipOf, ownershipOut } from '#control-plane/http-contract';
import { slugOf } from './tool-name.ts';
import type { ToolRecord } from './tool-store.ts';

const text = z.string().nullable();

export const toolOut = z
  .object({
    id: z.string(),
    name: z.string().describe('The published name.'),
    originalName: z.string().describe('The name the upstream uses, and the clients of a mirror with it.'),
    customName: z.string(),
    customNameSlug: z.string(),
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
    jsonpathFilter: z.string(),
    auth: z.null(),
    reachable: z.boolean(),
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

/** `enabled` is false as well while the gateway is switched off; the tool's own switch comes back with the gateway's. */
export function toolEntity(row: ToolRecord, health: UpstreamHealth): ToolEntity {
  const ownership = ownershipOf(row);
  return {
    id: row.id,
    name: row.name,
    originalName: row.original_name,
    customName: row.original_name,
    customNameSlug: slugOf(row.original_name),
    displayName: row.display_name,
    title: row.title,
    gatewaySlug: row.gateway_slug,
    gatewayId: row.gateway_id,
    url: row.gateway_transport === 'STDIO' ? null : row.gateway_url,
    description: row.description,
    originalDescription: row.description,
    requestType: row.gateway_transport,
    integrationType: 'MCP',
    headers: null,
    inputSchema: fromJsonColumn<unknown>(row.input_schema, null),
    outputSchema: fromJsonColumn<unknown>(row.output_schema, null),
    annotations: fromJsonColumn<unknown>(row.annotations, null),
    jsonpathFilter: '',
    auth: null,
    reachable: health.state === 'ready' || health.state === 'degraded',
    executionCount: null,
    metrics: null,
    baseUrl: null,
    pathTemplate: null,
    queryMapping: null,
    headerMapping: null,
    timeoutMs: null,
    exposePassthrough: true,
    allowlist: null,
    pluginChainPre: null,
    pluginChainPost: null,
    _meta: fromJsonColumn<unknown>(row.meta, null),
    ...ownership,
    enabled: ownership.enabled && row.gateway_enabled === 1,
    ...historyOf(row, row.gateway_name),
  };
}
