// Hints for results of a mirrored upstream that knows none.
import { expect, it } from 'vitest';
import type { ItemRow, UpstreamEntry, UpstreamRow } from '../../../src/data-plane/gateway/index.ts';
import { cacheHints } from '../../../src/data-plane/upstream/bridge/modern-client/cache-hints.ts';
import { itemRow, snapshotOf, upstreamRow } from '../../combined/combined-rig.ts';

const NOW_MS = 1_000_000;
const LISTS = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];

function upstreamWith(items: readonly ItemRow[], row: Partial<UpstreamRow> = {}): UpstreamEntry {
  return snapshotOf([upstreamRow('u', { modern: false, ...row })], items).upstreams.get('u') as UpstreamEntry;
}
const hints = (upstream: UpstreamEntry, method: string, headers: string[] = []): unknown =>
  cacheHints({ freshUntilMs: () => NOW_MS + 20_000 }, upstream, { headers }, method, NOW_MS);

it('a list is good for everybody until the gateway reads it again', () => {
  for (const method of [...LISTS, 'server/discover']) expect(hints(upstreamWith([]), method)).toEqual({ ttlMs: 20_000, cacheScope: 'public' });
  expect(hints(upstreamWith([], { staleSince: '2026-11-21T00:00:00Z' }), 'tools/list')).toEqual({ ttlMs: 0, cacheScope: 'public' });
});

it.each(['tool', 'prompt', 'resource', 'template'] as const)(
  'a list of which a %s is hidden, or shown to some clients only, is its reader’s alone',
  (kind) => {
    const method = { tool: 'tools/list', prompt: 'prompts/list', resource: 'resources/list', template: 'resources/templates/list' }[kind];
    for (const more of [{ visibility: 'team' as const }, { enabled: false }, { needs: ['sampling' as const] }]) {
      const upstream = upstreamWith([itemRow(kind, 'u', 'x://{a}', more)]);
      for (const each of LISTS) expect(hints(upstream, each)).toMatchObject({ cacheScope: each === method ? 'private' : 'public' });
    }
  },
);

it('what the upstream answers by its caller is that caller’s alone', () => {
  expect(hints(upstreamWith([], { visibility: 'private' }), 'tools/list')).toMatchObject({ cacheScope: 'private' });
  expect(hints(upstreamWith([], { passthroughHeaders: ['x-tenant'] }), 'tools/list')).toMatchObject({ cacheScope: 'private' });
  expect(hints(upstreamWith([]), 'server/discover', ['authorization', 'Bearer own'])).toMatchObject({ cacheScope: 'private' });
});

it('a content may be another the next moment, and other results are not kept at all', () => {
  expect(hints(upstreamWith([]), 'resources/read')).toEqual({ ttlMs: 0, cacheScope: 'private' });
  for (const method of ['tools/call', 'prompts/get', 'vendor/x']) expect(hints(upstreamWith([]), method)).toBeUndefined();
});
