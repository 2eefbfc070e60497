// How long, and for whom, a list that the gateway answers for is good (MCP 2026-07-28 "Caching"): from what the gateway itself knows of
// its upstreams, not from guesses (ADR 37).
import type { UpstreamEntry } from '#data-plane/gateway';

export interface CacheHints {
  readonly ttlMs: number;
  readonly cacheScope: 'public' | 'private';
}

/** Until when (epoch ms) an upstream's lists are not read again unless somebody says that they are others; 0 when that may be any moment. */
export type FreshUntil = (upstreamId: string) => number;

/** Changes that are told are told to listening clients only: nobody else is kept from asking again for longer than this. */
export const TTL_MAX_MS = 5 * 60_000;

/** Of a list that these upstreams make: until the first of them is read again. 0 when there are none, since one may come any moment. */
export function ttlOf(upstreams: Iterable<UpstreamEntry>, freshUntilMs: FreshUntil, nowMs: number): number {
  let untilMs = Number.POSITIVE_INFINITY;
  let isEmpty = true;
  for (const { id, row } of upstreams) {
    if (!row.enabled) continue;
    isEmpty = false;
    untilMs = Math.min(untilMs, row.staleSince === null ? freshUntilMs(id) : 0);
  }
  return isEmpty ? 0 : Math.max(0, Math.min(TTL_MAX_MS, untilMs - nowMs));
}
