// Cache hints of what a combined server answers by itself: true for the caller who gets them, the same for all pages of a list.
import type { ItemKind } from '#base/protocol';
import type { ServerEntry, UpstreamEntry } from '#data-plane/gateway';
import { ttlOf, type CacheHints } from '../cache-hints.ts';
import type { CallerView } from './caller-view.ts';
import type { CombinedParts } from './combined-parts.ts';
import { indexOf } from './combined-index.ts';

const ALL_KINDS: readonly ItemKind[] = ['tool', 'resource', 'template', 'prompt'];

export type HintParts = Pick<CombinedParts, 'snapshot' | 'freshUntilMs'>;

/** @param kinds what the answer is made of; all of them for what the server says of itself */
export function hintsOf(parts: HintParts, server: ServerEntry, view: CallerView, kinds = ALL_KINDS, nowMs = Date.now()): CacheHints {
  return { ttlMs: ttlOf(upstreamsOf(parts, server), parts.freshUntilMs, nowMs), cacheScope: isForAll(server, view, kinds) ? 'public' : 'private' };
}

/** Does everybody who may use this server see the same of these kinds? A token of limited scope may see less. */
export function isForAll(server: ServerEntry, { principal }: CallerView, kinds: readonly ItemKind[]): boolean {
  if (server.visibility !== 'public' || principal.scopes !== undefined) return false;
  const { varying } = indexOf(server);
  return !kinds.some((kind) => varying.has(kind));
}

/** Of the server of everything any upstream may list something new; others show what was chosen. */
function upstreamsOf({ snapshot }: HintParts, server: ServerEntry): Iterable<UpstreamEntry> {
  return server.id === '' ? snapshot().upstreams.values() : indexOf(server).upstreams;
}
