// A registered upstream as REST shows it, under the contract's name: gateway (api.md 2.8.1). What is live comes from health, not
// from a row.
import { z } from 'zod';
import type { ItemKind, ProcessSpec, SkippedItem, UpstreamHealth } from '#base/protocol';
import { fromJsonColumn, type GatewaysTable } from '#control-plane/db';
import { historyOf, historyOut, limitsOf, limitsOut, ownershipOf, ownershipOut } from '#control-plane/http-contract';
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
    refreshIntervalSeconds: z.number().int().nullable(),
    reachable: z.boolean(),
    state: z.enum(['connecting', 'ready', 'needs_auth', 'degraded', 'down']),
    stateSince: z.string(),
    status: z.enum(['active', 'pending']),
    statusMessage: text,
    lastSeen: text,
    lastError: z.object({ code: z.string(), message: z.string(), remedy: z.string(), at: z.string() }).nullable(),
    lastRefreshAt: text,
    staleSince: text.describe('Since when its items may be out of date, because it could not be read.'),
    toolCount: z.number().int(),
    promptCount: z.number().int(),
    resourceCount: z.number().int().describe('With resource templates.'),
    skippedTools: z.array(z.object({ name: z.string(), reason: z.string() })),
    skippedItems: z.array(z.object({ kind: z.string(), name: z.string(), reason: z.string() })).describe('What of its lists was left out, and why.'),
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
  readonly counts: Partial<Record<ItemKind, number>>;
  readonly mask: string;
}

export function upstreamEntity({ row, secret, process, health, counts, mask }: UpstreamShown): UpstreamEntity {
  const skipped = fromJsonColumn<(Omit<SkippedItem, 'kind'> & Partial<SkippedItem>)[]>(row.skipped_tools, []).map((item) => ({
    ...item,
    kind: item.kind ?? 'tool',
  }));
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
    refreshIntervalSeconds: row.refresh_interval_seconds,
    reachable: health.state === 'ready' || health.state === 'degraded',
    state: health.state,
    stateSince: health.since,
    status: health.state === 'connecting' ? 'pending' : 'active',
    statusMessage: health.lastError?.message ?? null,
    lastSeen: health.lastSeen ?? null,
    lastError: health.lastError ?? null,
    lastRefreshAt: row.last_refresh_at,
    staleSince: row.stale_since ?? (health.state === 'down' && row.last_refresh_at !== null ? health.since : null),
    toolCount: counts.tool ?? 0,
    promptCount: counts.prompt ?? 0,
    resourceCount: (counts.resource ?? 0) + (counts.template ?? 0),
    skippedTools: skipped.filter(({ kind }) => kind === 'tool').map(({ name, reason }) => ({ name, reason })),
    skippedItems: skipped,
    ...limitsOf(row),
    ...ownershipOf(row),
    ...historyOf(row),
  };
}
