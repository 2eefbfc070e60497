import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/kernel/index.ts';
import type { ItemKind } from '../../src/base/protocol/index.ts';
import type { ItemRow, ServerEntry } from '../../src/data-plane/gateway/index.ts';
import type { CallerView } from '../../src/data-plane/upstream/combined/caller-view.ts';
import { listOf, pageOf } from '../../src/data-plane/upstream/combined/list-pages.ts';
import { routeOf } from '../../src/data-plane/upstream/combined/route.ts';
import { everything, itemRow, NOTHING_KNOWN, request, snapshotOf, upstreamRow, viewOf } from './combined-rig.ts';

const LIST_KEY: Record<ItemKind, string> = { tool: 'tools', resource: 'resources', template: 'resourceTemplates', prompt: 'prompts' };

/** All pages, by their cursors, as a client reads them. */
function readAll(server: ServerEntry, view: CallerView, kind: ItemKind, pageSize: number): Record<string, unknown>[] {
  const list = listOf(server, view, kind, pageSize);
  const all: Record<string, unknown>[] = [];
  let cursor: string | undefined;
  do {
    const page = JSON.parse(pageOf(list, cursor).toString()) as Record<string, unknown>;
    all.push(...(page[LIST_KEY[kind]] as Record<string, unknown>[]));
    cursor = page['nextCursor'] as string | undefined;
  } while (cursor !== undefined);
  return all;
}

function mayCall(server: ServerEntry, view: CallerView, name: string): boolean {
  const { message, text } = request('tools/call', { name });
  try {
    return routeOf(server, view, message, text, ...NOTHING_KNOWN) !== undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === 'tool.not_found') return false;
    throw error;
  }
}

describe('lists of a combined server', () => {
  it('show each item once over all pages, in the same order whatever the order of the rows', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { maxLength: 30 }),
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        (keys, pageSize, isTurned) => {
          const rows = keys.map((key, at) => itemRow('tool', at % 2 === 0 ? 'a' : 'b', key));
          const server = everything(snapshotOf([upstreamRow('a'), upstreamRow('b')], isTurned ? rows.toReversed() : rows));
          const names = readAll(server, viewOf(), 'tool', pageSize).map(({ name }) => name);
          expect(names).toEqual(rows.map(({ name }) => name).toSorted());
        },
      ),
    );
  });

  it('show exactly what the same caller may call', () => {
    const visibility = fc.constantFrom('public', 'team', 'private' as const);
    const item = fc.record({
      visibility,
      enabled: fc.boolean(),
      owner: fc.constantFrom('ann@example.com', 'bob@example.com'),
      team: fc.constantFrom('t1', 't2'),
      needs: fc.subarray(['sampling', 'elicitation'] as const),
      upstream: fc.constantFrom('a', 'b', 'off', 'private'),
    });
    const who = fc.record({
      reach: fc.oneof(fc.constantFrom('everything', 'public'), fc.record({ teams: fc.subarray(['t1', 't2']) })),
      permissions: fc.constantFrom([], ['tools.read'], ['tools.execute'], ['tools.*']),
      declares: fc.subarray(['sampling', 'elicitation'] as const),
    });
    fc.assert(
      fc.property(fc.array(item, { maxLength: 20 }), fc.array(who, { minLength: 1, maxLength: 4 }), (items, callers) => {
        const rows: ItemRow[] = items.map(({ visibility: seen, enabled, owner, team, needs, upstream }, at) =>
          itemRow('tool', upstream, `t${at}`, { visibility: seen, enabled, ownerEmail: owner, teamId: team, needs }),
        );
        const upstreams = [
          upstreamRow('a'),
          upstreamRow('b'),
          upstreamRow('off', { enabled: false }),
          upstreamRow('private', { visibility: 'private', ownerEmail: 'bob@example.com' }),
        ];
        const server = everything(snapshotOf(upstreams, rows));
        for (const { reach, permissions, declares } of callers) {
          const view = viewOf({ reach: reach as never, scopes: permissions.length === 0 ? undefined : { permissions } }, declares);
          const listed = readAll(server, view, 'tool', 3).map(({ name }) => name);
          expect(
            rows
              .filter(({ name }) => mayCall(server, view, name))
              .map(({ name }) => name)
              .toSorted(),
          ).toEqual(listed);
        }
      }),
    );
  });

  it('refuse a cursor of a list that has changed, and any other text', () => {
    const before = listOf(
      everything(
        snapshotOf(
          [upstreamRow('a')],
          ['x', 'y'].map((key) => itemRow('tool', 'a', key)),
        ),
      ),
      viewOf(),
      'tool',
      1,
    );
    const after = listOf(
      everything(
        snapshotOf(
          [upstreamRow('a')],
          ['x', 'z'].map((key) => itemRow('tool', 'a', key)),
        ),
      ),
      viewOf(),
      'tool',
      1,
    );
    const { nextCursor } = JSON.parse(pageOf(before, undefined).toString()) as { nextCursor: string };
    expect(pageOf(before, nextCursor).toString()).toContain('a-y');
    for (const cursor of [nextCursor, '', 'x', `${after.hash}.7`, `${after.hash}.-1`]) {
      expect(() => pageOf(after, cursor)).toThrow(expect.objectContaining({ code: 'cursor.stale' }));
    }
  });

  it('keep the upstream’s own text but for the name and what people here wrote over it', () => {
    const row = itemRow('tool', 'a', 'x', { json: '{"name":"x","n":1.0,"title":"T","é":"\\u00e9"}', overrides: { description: 'ours' } });
    const list = listOf(everything(snapshotOf([upstreamRow('a')], [row])), viewOf(), 'tool', 10);
    expect(pageOf(list, undefined).toString()).toBe('{"tools":[{"name":"a-x","n":1.0,"title":"T","é":"\\u00e9","description":"ours"}]}');
  });

  it('are the same bytes for every caller with the same view', () => {
    const server = everything(
      snapshotOf(
        [upstreamRow('a')],
        [itemRow('tool', 'a', 'x'), itemRow('tool', 'a', 'mine', { visibility: 'private', ownerEmail: 'ann@example.com' })],
      ),
    );
    const first = pageOf(listOf(server, viewOf(), 'tool', 10), undefined);
    expect(pageOf(listOf(server, viewOf(), 'tool', 10), undefined)).toBe(first);
    expect(pageOf(listOf(server, viewOf({ email: 'bob@example.com' }), 'tool', 10), undefined)).not.toBe(first);
  });
});
