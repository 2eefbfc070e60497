import { describe, expect, it } from 'vitest';
import { collectPage, decodeCursor, type PagePosition } from './page.ts';

interface Row {
  readonly id: string;
  readonly created_at: string;
}

/** Newest first; several rows share each time of creation, and there are more than one batch of them. */
const ROWS: Row[] = Array.from({ length: 1203 }, (_, at) => ({
  id: String(9999 - at),
  created_at: new Date(Date.UTC(2026, 0, 1) - Math.floor(at / 7) * 1000).toISOString(),
}));

async function read(after: PagePosition | undefined, rowsMax: number): Promise<Row[]> {
  const start =
    after === undefined ? 0 : ROWS.findIndex((row) => row.created_at < after.createdAt || (row.created_at === after.createdAt && row.id < after.id));
  return start === -1 ? [] : ROWS.slice(start, start + rowsMax);
}

async function allPages(limit: number, isWanted: (row: Row) => boolean): Promise<Row[]> {
  const rows: Row[] = [];
  let cursor: string | undefined;
  do {
    const page = await collectPage(cursor, limit, read, isWanted);
    rows.push(...page.rows);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return rows;
}

describe('pages', () => {
  it.each([1, 7, 100, 500, 501, 1203, 2000, 0])('of %i show every wanted row exactly once, in order', async (limit) => {
    expect(await allPages(limit, () => true)).toEqual(ROWS);
    const isWanted = (row: Row): boolean => Number(row.id) % 3 === 0;
    expect(await allPages(limit, isWanted)).toEqual(ROWS.filter(isWanted));
  });

  it('end with null when nothing follows, even if unwanted rows do', async () => {
    const page = await collectPage(undefined, 5, read, (row) => Number(row.id) > 9994);
    expect([page.rows.length, page.nextCursor]).toEqual([5, null]);
  });

  it('go on where the row that was shown last has been deleted', async () => {
    const first = await collectPage(undefined, 10, read, () => true);
    const position = decodeCursor(first.nextCursor as string);
    expect(position?.id).toBe(ROWS[9]?.id);
    const second = await collectPage(
      first.nextCursor as string,
      10,
      (after, rowsMax) => read(after, rowsMax).then((rows) => rows.filter((row) => row.id !== position?.id)),
      () => true,
    );
    expect(second.rows[0]).toEqual(ROWS[10]);
  });

  it.each(['', 'nonsense', 'e30', Buffer.from('{"created_at":1,"id":2}').toString('base64url'), Buffer.from('null').toString('base64url')])(
    'start anew for the cursor "%s"',
    (cursor) => {
      expect(decodeCursor(cursor)).toBeUndefined();
    },
  );
});
