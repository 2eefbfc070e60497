import { expect, test } from 'vitest';
import { itemRow, upstreamRow } from '../../../test/combined/combined-rig.ts';
import { createSnapshotHolder, type Snapshot } from './snapshot.ts';
import type { ServerRow, SnapshotInput } from './snapshot-input.ts';

const combined = (id: string, itemIds: readonly string[], change: Partial<ServerRow> = {}): ServerRow => ({
  id,
  name: id,
  enabled: true,
  visibility: 'public',
  ownerEmail: null,
  teamId: null,
  limits: { callsPerMinute: null, concurrent: null },
  mirrorGatewayId: null,
  itemIds,
  ...change,
});
const items = [itemRow('tool', 'a', 'one'), itemRow('tool', 'b', 'two')];
const [ofA, ofB] = items.map(({ id }) => id) as [string, string];

/** The tables before and after; rows are read anew each time, items only when they have changed. */
function both(change: (input: SnapshotInput) => Partial<SnapshotInput>): [Snapshot, Snapshot] {
  const holder = createSnapshotHolder(() => []);
  const read = (version: number): SnapshotInput => ({
    version,
    upstreams: [upstreamRow('a'), upstreamRow('b')],
    servers: [combined('of a', [ofA]), combined('of b', [ofB]), combined('mirror', [], { mirrorGatewayId: 'b' })],
    items,
    revokedTokenIds: [],
  });
  holder.swap(read(1));
  const before = holder.current;
  const next = read(2);
  holder.swap({ ...next, ...change(next) });
  return [before, holder.current];
}

const kept = ([before, after]: [Snapshot, Snapshot]): string[] => [
  ...[...after.upstreams].flatMap(([id, upstream]) => (before.upstreams.get(id) === upstream ? [`upstream ${id}`] : [])),
  ...[...after.servers].flatMap(([id, server]) => (before.servers.get(id) === server ? [`server ${id}`] : [])),
];

test('what a change does not concern stays the same object, so that lists made of it stay good', () => {
  const all = ['upstream a', 'upstream b', 'server of a', 'server of b', 'server mirror', 'server '];
  expect(kept(both(() => ({ revokedTokenIds: ['x'] })))).toEqual(all);
  expect(kept(both((input) => ({ servers: [...input.servers, combined('new', [ofA])] })))).toEqual(all);
  const switched = both(() => ({ items: [itemRow('tool', 'a', 'one', { enabled: false }), items[1] as (typeof items)[1]] }));
  expect(kept(switched)).toEqual(['upstream b', 'server of b', 'server mirror']);
  expect(switched[1].servers.get('of a')?.items?.map(({ enabled }) => enabled)).toEqual([false]);
});

test.each([
  ['credentials', upstreamRow('b', { headers: [['authorization', 'Bearer new']] })],
  ['limits', upstreamRow('b', { limits: { callsPerMinute: 1, concurrent: null } })],
  ['visibility', upstreamRow('b', { visibility: 'private' })],
  ['its switch', upstreamRow('b', { enabled: false })],
])('another upstream is another for all that stand on it: %s', (_what, row) => {
  const [before, after] = both(() => ({ upstreams: [upstreamRow('a'), row] }));
  expect(kept([before, after])).toEqual(['upstream a', 'server of a']);
  expect(after.upstreams.get('b')?.row).toEqual(row);
  expect(after.servers.get('of b')?.items?.map(({ upstream }) => upstream)).toEqual([after.upstreams.get('b')]);
  expect(after.servers.get('mirror')?.upstream).toBe(after.upstreams.get('b'));
});

test.each([
  ['its switch', { enabled: false }],
  ['its owner', { ownerEmail: 'e' }],
  ['its name', { name: 'other' }],
  ['its limits', { limits: { callsPerMinute: null, concurrent: 1 } }],
  ['its items', { itemIds: [ofB, ofA] }],
])('another server is another: %s', (_what, change) => {
  const [before, after] = both(() => ({ servers: [combined('of b', [ofB], change)] }));
  expect(kept([before, after])).toEqual(['upstream a', 'upstream b', 'server ']);
  expect(after.servers.get('of b')).toMatchObject('itemIds' in change ? { items: [{ id: ofB }, { id: ofA }] } : 'limits' in change ? {} : change);
  expect(after.servers.get('of b')?.gates).toHaveLength('limits' in change ? 1 : 0);
});
