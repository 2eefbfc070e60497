// Cache hints of combined servers: from what the gateway knows, with a clock in the hands of the test.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ItemRow, ServerRow } from '../../src/data-plane/gateway/index.ts';
import { TTL_MAX_MS } from '../../src/data-plane/upstream/cache-hints.ts';
import { itemRow, upstreamRow } from './combined-rig.ts';
import { MODERN_META, PlayedCombined, type Said } from './played-combined.ts';

interface Hinted {
  readonly ttlMs: number;
  readonly cacheScope: string;
}

const NOW_MS = Date.parse('2026-11-21T12:00:00Z');
beforeEach(() => void vi.useFakeTimers({ now: NOW_MS, toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

function hints(rig: PlayedCombined, method = 'tools/list', said: Said = {}, params: object = {}): Hinted {
  const client = rig.post({ id: 1, method, params: { ...params, _meta: MODERN_META } }, said);
  return (JSON.parse(client.body) as { result: Hinted }).result;
}

function rigOf(items: ItemRow[] = [itemRow('tool', 'a', 'x')], freshForMs: Record<string, number> = { a: 30_000, b: 40_000 }): PlayedCombined {
  const rig = new PlayedCombined({ items });
  for (const [id, ms] of Object.entries(freshForMs)) rig.freshUntil.set(id, NOW_MS + ms);
  return rig;
}

const serverOf = (more: Partial<ServerRow>): ServerRow => ({
  id: 's',
  name: 's',
  enabled: true,
  visibility: 'public',
  ownerEmail: null,
  teamId: null,
  limits: { callsPerMinute: null, concurrent: null },
  mirrorGatewayId: null,
  itemIds: ['tool a x'],
  ...more,
});

describe('a list is good', () => {
  it('until the first upstream that could change it is read again, and less with every second', () => {
    const rig = rigOf();
    expect(hints(rig).ttlMs).toBe(30_000);
    vi.setSystemTime(NOW_MS + 10_000);
    expect(hints(rig).ttlMs).toBe(20_000);
    expect(hints(rig, 'server/discover').ttlMs).toBe(20_000);
    vi.setSystemTime(NOW_MS + 60_000);
    expect(hints(rig).ttlMs).toBe(0);
  });

  it('of a server of chosen items, until one of theirs is read again', () => {
    const rig = rigOf([itemRow('tool', 'a', 'x'), itemRow('tool', 'b', 'y')], { a: 60_000, b: 1000 });
    rig.change({ servers: [serverOf({})] });
    expect(hints(rig, 'tools/list', { server: 's' }).ttlMs).toBe(60_000);
    expect(hints(rig).ttlMs).toBe(1000);
  });

  it('never longer than who does not listen may be left with what is old', () => {
    expect(hints(rigOf([itemRow('tool', 'a', 'x')], { a: Number.POSITIVE_INFINITY, b: Number.POSITIVE_INFINITY })).ttlMs).toBe(TTL_MAX_MS);
  });

  it('for no time while an upstream is known to be out of date, and while there is none', () => {
    const rig = rigOf();
    rig.change({ upstreams: [upstreamRow('a', { staleSince: '2026-11-21T11:59:00Z' }), upstreamRow('b')] });
    expect(hints(rig).ttlMs).toBe(0);
    rig.change({ upstreams: [upstreamRow('a', { staleSince: '2026-11-21T11:59:00Z', enabled: false }), upstreamRow('b')] });
    expect(hints(rig).ttlMs).toBe(40_000);
    rig.change({ upstreams: [], items: [] });
    expect(hints(rig).ttlMs).toBe(0);
  });
});

describe('a list is for everybody', () => {
  const scopeWith = (item: Partial<ItemRow>, said: Said = {}): string =>
    hints(rigOf([itemRow('tool', 'a', 'x'), itemRow('tool', 'a', 'y', item)]), 'tools/list', said).cacheScope;

  it('only when everybody sees the same of it', () => {
    expect(scopeWith({})).toBe('public');
    // Nobody sees it.
    expect(scopeWith({ enabled: false, visibility: 'private' })).toBe('public');
    expect(scopeWith({ visibility: 'team', teamId: 't' })).toBe('private');
    expect(scopeWith({ visibility: 'private', ownerEmail: 'ann@example.com' })).toBe('private');
    expect(scopeWith({ needs: ['sampling'] })).toBe('private');
  });

  it('unless its upstream is not, or its server', () => {
    const rig = rigOf();
    rig.change({ upstreams: [upstreamRow('a', { visibility: 'private', ownerEmail: 'ann@example.com' })] });
    expect(hints(rig).cacheScope).toBe('private');
    rig.change({ upstreams: [upstreamRow('a')], servers: [serverOf({ visibility: 'private', ownerEmail: 'ann@example.com' })] });
    expect(hints(rig).cacheScope).toBe('public');
    expect(hints(rig, 'tools/list', { server: 's' }).cacheScope).toBe('private');
  });

  it('each kind by itself; what the server says of itself is made of all', () => {
    const rig = rigOf([itemRow('tool', 'a', 'x'), itemRow('prompt', 'a', 'p', { visibility: 'private', ownerEmail: 'bob@example.com' })]);
    expect(hints(rig).cacheScope).toBe('public');
    expect(hints(rig, 'prompts/list').cacheScope).toBe('private');
    expect(hints(rig, 'server/discover').cacheScope).toBe('private');
  });

  it('on all of its pages alike', () => {
    const rig = rigOf(Array.from({ length: 150 }, (_, at) => itemRow('tool', 'a', `t${at}`)));
    const first = hints(rig) as Hinted & { readonly nextCursor: string };
    const second = hints(rig, 'tools/list', {}, { cursor: first.nextCursor }) as Hinted & { readonly tools: unknown[] };
    expect(second.tools).toHaveLength(50);
    expect([first.cacheScope, second.cacheScope]).toEqual(['public', 'public']);
  });
});

describe('a legacy client', () => {
  it('hears nothing of all this', () => {
    const rig = rigOf();
    const session = rig.openSession();
    expect(rig.post({ id: 2, method: 'tools/list' }, { session }).body).toBe('{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"a-x","x":1}]}}');
  });
});
