// Pages in the order of creation, newest first. The cursor names the last row shown, so that rows which come and go between two
// pages neither repeat nor hide others (api.md 1.4).
import { normaliseTagFilter, type Tag } from './tag.ts';
import type { ListQuery } from './list-query.ts';

/** A place in the order: rows after it are older, or as old with a smaller id. */
export interface PagePosition {
  readonly createdAt: string;
  readonly id: string;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextCursor: string | null;
}

export interface Pageable {
  readonly id: string;
  readonly created_at: string;
}

const BATCH_ROWS = 500;

/**
 * Reads batches until the page is full of rows that pass `isWanted`.
 * @param limit rows in the page; 0 for everything
 * @param readBatch rows after a position in the order above, at most `rowsMax`
 */
export async function collectPage<Row extends Pageable>(
  cursor: string | undefined,
  limit: number,
  readBatch: (after: PagePosition | undefined, rowsMax: number) => Promise<readonly Row[]>,
  isWanted: (row: Row) => boolean,
): Promise<Page<Row>> {
  const rows: Row[] = [];
  let after = cursor === undefined ? undefined : decodeCursor(cursor);
  for (;;) {
    const batch = await readBatch(after, BATCH_ROWS);
    for (const row of batch) {
      if (!isWanted(row)) continue;
      if (limit > 0 && rows.length === limit) return { rows, nextCursor: encodeCursor(rows[rows.length - 1] as Row) };
      rows.push(row);
    }
    const last = batch[batch.length - 1];
    if (last === undefined || batch.length < BATCH_ROWS) return { rows, nextCursor: null };
    after = { createdAt: last.created_at, id: last.id };
  }
}

/** The contract's answer: a bare array, or `{ [plural]: rows, nextCursor }`. */
export function pageAnswer(query: ListQuery, plural: string, page: Page<unknown>): unknown {
  return query.include_pagination ? { [plural]: page.rows, nextCursor: page.nextCursor } : page.rows;
}

/** Does a row have one of the tags asked for, or was none asked for? */
export function tagFilter(query: ListQuery): (tags: readonly Tag[]) => boolean {
  if (query.tags === undefined) return () => true;
  const wanted = normaliseTagFilter(query.tags);
  return (tags) => tags.some((tag) => wanted.has(tag.id));
}

function encodeCursor(row: Pageable): string {
  return Buffer.from(JSON.stringify({ created_at: row.created_at, id: row.id })).toString('base64url');
}

/** Undefined for anything we did not make ourselves: the contract answers that with the first page. */
export function decodeCursor(cursor: string): PagePosition | undefined {
  try {
    const { created_at: createdAt, id } = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as Record<string, unknown>;
    return typeof createdAt === 'string' && typeof id === 'string' ? { createdAt, id } : undefined;
  } catch {
    return undefined;
  }
}
