// Cache hints of a mirrored upstream of the older era, which knows none: from what the gateway has read of it (ADR 37).
import type { ItemKind } from '#base/protocol';
import type { UpstreamEntry, UpstreamRequest } from '#data-plane/gateway';
import { ttlOf, type CacheHints } from '../../cache-hints.ts';
import type { BridgeParts } from '../bridge-parts.ts';

const LISTED: Readonly<Record<string, ItemKind>> = {
  'tools/list': 'tool',
  'resources/list': 'resource',
  'resources/templates/list': 'template',
  'prompts/list': 'prompt',
};

/** Of a resource's content the gateway knows nothing. */
const UNKNOWN: CacheHints = { ttlMs: 0, cacheScope: 'private' };

/**
 * For a result of this method in answer to this request; undefined for methods whose results are not to be cached. What only the pipeline
 * knows – the server in front, the caller's scopes – can make it less public still (gateway/views.ts).
 */
export function cacheHints(
  { freshUntilMs }: Pick<BridgeParts, 'freshUntilMs'>,
  upstream: UpstreamEntry,
  { headers }: Pick<UpstreamRequest, 'headers'>,
  method: string,
  nowMs: number,
): CacheHints | undefined {
  if (method === 'resources/read') return UNKNOWN;
  const kind = LISTED[method];
  if (kind === undefined && method !== 'server/discover') return undefined;
  const isForAll = upstream.visibility === 'public' && !isAnsweredByCaller(upstream, headers) && (kind === undefined || !varies(upstream, kind));
  return { ttlMs: ttlOf([upstream], freshUntilMs, nowMs), cacheScope: isForAll ? 'public' : 'private' };
}

/** The upstream may answer by who asks, or by what that one sends along. */
function isAnsweredByCaller({ row }: UpstreamEntry, headers: readonly string[]): boolean {
  return row.passthroughHeaders.length > 0 || headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'authorization');
}

/** Some of it is hidden from some, or shown only to clients that declare something. */
function varies({ hidden, tools, prompts, resources, templates }: UpstreamEntry, kind: ItemKind): boolean {
  if (hidden.has(kind)) return true;
  const listed = { tool: tools.values(), prompt: prompts.values(), resource: resources.values(), template: templates.map(({ item }) => item) }[kind];
  for (const { row } of listed) if (row.needs.length > 0) return true;
  return false;
}
