// A registered upstream as REST shows it, under the contract's name: gateway (api.md 2.8.1). What is live comes from health, not
// from a row.
import { z } from 'zod';
import type { ProcessSpec, UpstreamHealth } from '#base/protocol';
import { fromJsonColumn, type GatewaysTable } from '#control-plane/db';
import { historyOf, historyOut, limitsOf, limitsOut, ownershipOf, ownershipOut } from '#control-plane/http-contract';
import type { SkippedTool } from '#control-plane/tools';
import { authOut, maskedAuth, type AuthSecret } from './upstream-auth.ts';
import { maskedProcess, processOut } from './upstream-process.ts';

const text = z.string().nullable();

export const upstreamOut = z
  .object({
    id: z.string(),
    name: z.string(),
    slug: z.string(),
    url: text.describe('null for STDIO.'),
    description: text,
    transport: z.enum(['STREAMABLEHTTP', 'SSE', 'STDIO']),
    ...processOut,
    capabilities: z.unknown(),
    serverInfo: z.unknown(),
    instructions: text,
    protocolVersion: text.describe('The newest revision the upstream answered in; null before it was first read.'),
    passthroughHeaders: z.array(z.string()).nullable(),
    ...authOut,
    oauthConfig: z.null(),
    caCertificate: z.null(),
    gatewayMode: z.string(),
    refreshIntervalSeconds: z.null(),
    reachable: z.boolean(),
    state: z.enum(['connecting', 'ready', 'needs_auth', 'degraded', 'down']),
    stateSince: z.string(),
    status: z.enum(['active', 'pending']),
    statusMessage: text,
    lastSeen: text,
    lastError: z.object({ code: z.string(), message: z.string(), remedy: z.string(), at: z.string() }).nullable(),
    lastRefreshAt: text,
    toolCount: z.number().int(),
    promptCount: z.number().int(),
    resourceCount: z.number().int(),
    skippedTools: z.array(z.object({ name: z.string(), reason: z.string() })),
    ...limitsOut,
    ...ownershipOut,
    ...historyOut,
  })
  .meta({ id: 'Gateway' });

export type UpstreamEntity = z.output<typeof upstreamOut>;

export interface UpstreamShown {
  readonly row: GatewaysTable;
  readonly secret: AuthSecret | null;
  /** Undefined as maskedProcess() takes it. */
  readonly process: ProcessSpec | undefined;
  readonly health: UpstreamHealth;
  readonly toolCount: number;
  readonly mask: string;
}

export function upstreamEntity({ row, secret, process, health, toolCount, mask }: UpstreamShown): UpstreamEntity {
  return {
    id: row.id,
    name: row.name,
    slug: row.slug,
    url: row.transport === 'STDIO' ? null : row.url,
    description: row.description,
    transport: row.transport,
    ...maskedProcess(process, row.stdio_isolation, mask),
    capabilities: fromJsonColumn<unknown>(row.capabilities, {}),
    serverInfo: fromJsonColumn<unknown>(row.server_info, null),
    instructions: row.instructions,
    protocolVersion: row.protocol_version,
    passthroughHeaders: fromJsonColumn<string[] | null>(row.passthrough_headers, null),
    ...maskedAuth(secret, mask),
    authType: row.auth_type,
    oauthConfig: null,
    caCertificate: null,
    gatewayMode: 'cache',
    refreshIntervalSeconds: null,
    reachable: health.state === 'ready' || health.state === 'degraded',
    state: health.state,
    stateSince: health.since,
    status: health.state === 'connecting' ? 'pending' : 'active',
    statusMessage: health.lastError?.message ?? null,
    lastSeen: health.lastSeen ?? null,
    lastError: health.lastError ?? null,
    lastRefreshAt: row.last_refresh_at,
    toolCount,
    promptCount: 0,
    resourceCount: 0,
    skippedTools: fromJsonColumn<SkippedTool[]>(row.skipped_tools, []),
    ...limitsOf(row),
    ...ownershipOf(row),
    ...historyOf(row),
  };
}
