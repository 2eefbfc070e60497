// The records' own SQLite file (decisions.md 31). A batch is kept as one blob, so that a call costs the bytes of its numbers
// and nothing else; whoever reads the trail pays for the reading. Batches belong to chapters: a chapter holds the texts
// its numbers stand for and how its columns are to be read, and goes when the last of its batches goes, so that neither old
// batches nor old texts pile up.
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { matches, type AuditFilter, type AuditRow } from './audit-row.ts';
import { changeRow, type ChangeRecord } from './change-row.ts';
import { messageRow, type RecordShape } from './message-row.ts';
import { packRows, unpackRows } from './record-packing.ts';

export interface RetentionOptions {
  readonly rowsMax: number;
  readonly ageMaxMs: number;
}

interface Segment {
  readonly id: number;
  readonly chapter: number;
  readonly count: number;
  readonly body: Uint8Array | string;
}

interface Chapter {
  readonly shape: RecordShape;
  readonly texts: ReadonlyMap<number, string>;
  readonly isCandidate: (numbers: Float64Array, start: number) => boolean;
}

/** Segments deleted at a time, so that pruning never holds up writing for long. */
const PRUNE_SEGMENTS = 200;
const CHAPTERS_PER_FILE = 10;

const SCHEMA = `
  create table if not exists chapters (id integer primary key autoincrement, shape text not null);
  create table if not exists texts (chapter integer not null, number integer not null, text text not null, primary key (chapter, number)) without rowid;
  create table if not exists segments (
    id integer primary key autoincrement, chapter integer not null, count integer not null, from_ms real not null, to_ms real not null, body not null);
  create index if not exists segments_chapter on segments (chapter);
`;
const EMPTY_CHAPTERS = 'select id from chapters where id <> ? and not exists (select 1 from segments where segments.chapter = chapters.id)';

export class RecordFile {
  readonly #database: DatabaseSync;
  readonly #shape: RecordShape;
  readonly #retention: RetentionOptions;
  readonly #statements = new Map<string, StatementSync>();
  /** This process's dictionary, as far as it has been told. */
  readonly #texts = new Map<number, string>();
  readonly #textColumns: readonly number[];
  #chapter = 0;
  #chapterRows = 0;
  #textsInChapter = new Set<number>();
  #rows: number;

  constructor(path: string, shape: RecordShape, textColumns: readonly string[], retention: RetentionOptions) {
    this.#database = new DatabaseSync(path, { timeout: 5_000 });
    this.#database.exec('pragma journal_mode = wal; pragma synchronous = normal');
    this.#database.exec(SCHEMA);
    this.#shape = shape;
    this.#retention = retention;
    this.#textColumns = textColumns.map((name) => shape.columns.indexOf(name));
    this.#rows = this.#countRows();
  }

  /** Texts numbered since the last batch. Never lose one, even when the batch it came with is lost. */
  learn(dictionary: readonly (readonly [number, string])[]): void {
    for (const [number, text] of dictionary) {
      const known = this.#texts.get(number);
      // A number that now means something else: what was written before keeps its meaning in the chapter it is in.
      if (known !== undefined && known !== text) this.#chapter = 0;
      this.#texts.set(number, text);
    }
  }

  /** Call records in one transaction. Throws when the file cannot be written; then none of them is. */
  appendMessages(count: number, rows: Float64Array): void {
    if (count === 0) return;
    const width = this.#shape.columns.length;
    const at = this.#shape.columns.indexOf('atMs');
    this.#append(count, () => {
      let fromMs = Number.POSITIVE_INFINITY;
      let toMs = 0;
      for (let row = 0; row < count; row++) {
        const start = row * width;
        const atMs = rows[start + at] ?? 0;
        fromMs = Math.min(fromMs, atMs);
        toMs = Math.max(toMs, atMs);
        for (const column of this.#textColumns) this.#keepText(rows[start + column] ?? 0);
      }
      this.#insertSegment(count, fromMs, toMs, packRows(rows, count, width));
    });
  }

  appendChange(change: ChangeRecord): void {
    this.#append(1, () => this.#insertSegment(1, change.atMs, change.atMs, JSON.stringify(change)));
  }

  query(filter: AuditFilter): AuditRow[] {
    const found: AuditRow[] = [];
    const chapters = new Map<number, Chapter>();
    let toSkip = filter.offset;
    const segments = this.#database
      .prepare('select id, chapter, count, body from segments where to_ms >= ? and from_ms < ? order by id desc')
      .iterate(filter.fromMs ?? 0, filter.untilMs ?? Number.MAX_SAFE_INTEGER) as unknown as Iterable<Segment>;
    for (const segment of segments) {
      for (const row of this.#rowsOf(segment, filter, chapters)) {
        if (!matches(row, filter)) continue;
        if (toSkip > 0) toSkip--;
        else found.push(row);
        if (found.length >= filter.limit) return found;
      }
    }
    return found;
  }

  close(): void {
    this.#database.close();
  }

  #append(count: number, write: () => void): void {
    this.#database.exec('begin immediate');
    try {
      this.#openChapter();
      write();
      const rows = this.#prune(this.#rows + count);
      this.#database.exec('commit');
      this.#rows = rows;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('rollback');
      // What was rolled back may have been the chapter or its texts: begin anew.
      this.#chapter = 0;
      throw error;
    }
    this.#chapterRows += count;
    if (this.#chapterRows >= this.#retention.rowsMax / CHAPTERS_PER_FILE) this.#chapter = 0;
  }

  #openChapter(): void {
    // Another process on this file may have pruned our chapter while we had nothing to write.
    const isOpen = this.#chapter !== 0 && this.#statement('select 1 from chapters where id = ?').get(this.#chapter) !== undefined;
    if (isOpen) return;
    const { lastInsertRowid } = this.#statement('insert into chapters (shape) values (?)').run(JSON.stringify(this.#shape));
    this.#chapter = Number(lastInsertRowid);
    this.#chapterRows = 0;
    this.#textsInChapter = new Set();
  }

  #insertSegment(count: number, fromMs: number, toMs: number, body: Uint8Array | string): void {
    this.#statement('insert into segments (chapter, count, from_ms, to_ms, body) values (?, ?, ?, ?, ?)').run(
      this.#chapter,
      count,
      fromMs,
      toMs,
      body,
    );
  }

  #keepText(number: number): void {
    if (number === 0 || this.#textsInChapter.has(number)) return;
    this.#statement('insert into texts (chapter, number, text) values (?, ?, ?)').run(this.#chapter, number, this.#texts.get(number) ?? '');
    this.#textsInChapter.add(number);
  }

  /** Returns how many rows are left of `rows`. */
  #prune(rows: number): number {
    const tooOldMs = Date.now() - this.#retention.ageMaxMs;
    const oldest = this.#statement('select id, count, to_ms from segments order by id limit ?').iterate(PRUNE_SEGMENTS) as unknown as Iterable<{
      id: number;
      count: number;
      to_ms: number;
    }>;
    let left = rows;
    let lastId = 0;
    for (const { id, count, to_ms: toMs } of oldest) {
      if (left <= this.#retention.rowsMax && toMs >= tooOldMs) break;
      left -= count;
      lastId = id;
    }
    if (lastId === 0) return rows;
    this.#statement('delete from segments where id <= ?').run(lastId);
    this.#statement(`delete from texts where chapter in (${EMPTY_CHAPTERS})`).run(this.#chapter);
    this.#statement(`delete from chapters where id in (${EMPTY_CHAPTERS})`).run(this.#chapter);
    return left;
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #countRows(): number {
    const row = this.#database.prepare('select coalesce(sum(count), 0) as rows from segments').get() as { rows: number };
    return row.rows;
  }

  *#rowsOf(segment: Segment, filter: AuditFilter, chapters: Map<number, Chapter>): Iterable<AuditRow> {
    if (typeof segment.body === 'string') {
      // A change is alone in its segment, so the segment's times were the change's own.
      yield changeRow(`${segment.id}-0`, JSON.parse(segment.body) as ChangeRecord);
      return;
    }
    const { shape, texts, isCandidate } = this.#chapterOf(segment.chapter, filter, chapters);
    const width = shape.columns.length;
    const numbers = unpackRows(segment.body, segment.count, width);
    for (let row = segment.count - 1; row >= 0; row--) {
      const start = row * width;
      if (!isCandidate(numbers, start)) continue;
      const read = (name: string): number => {
        const column = shape.columns.indexOf(name);
        return column < 0 ? 0 : (numbers[start + column] ?? 0);
      };
      yield messageRow(`${segment.id}-${row}`, shape, read, (number) => texts.get(number) ?? '');
    }
  }

  #chapterOf(id: number, filter: AuditFilter, known: Map<number, Chapter>): Chapter {
    const seen = known.get(id);
    if (seen !== undefined) return seen;
    const row = this.#statement('select shape from chapters where id = ?').get(id) as { shape: string } | undefined;
    const shape = row === undefined ? this.#shape : (JSON.parse(row.shape) as RecordShape);
    const rows = this.#statement('select number, text from texts where chapter = ?').all(id) as unknown as { number: number; text: string }[];
    const texts = new Map(rows.map(({ number, text }) => [number, text]));
    const chapter: Chapter = { shape, texts, isCandidate: candidateTest(shape, texts, filter) };
    known.set(id, chapter);
    return chapter;
  }
}

/** The cheap conditions, on numbers: what fails here is never made into a row. */
function candidateTest(shape: RecordShape, texts: ReadonlyMap<number, string>, filter: AuditFilter): Chapter['isCandidate'] {
  const at = shape.columns.indexOf('atMs');
  const fromMs = filter.fromMs ?? 0;
  const untilMs = filter.untilMs ?? Number.MAX_SAFE_INTEGER;
  const wanted = [
    ['userEmail', filter.userId],
    ['serverId', filter.serverId],
  ] as const;
  const conditions = wanted.flatMap(([name, value]) => {
    if (value === undefined) return [];
    const numbers = new Set([...texts].filter(([, text]) => text === value).map(([number]) => number));
    return [{ column: shape.columns.indexOf(name), numbers }];
  });
  return (numbers, start) => {
    const atMs = numbers[start + at] ?? 0;
    return atMs >= fromMs && atMs < untilMs && conditions.every((condition) => condition.numbers.has(numbers[start + condition.column] ?? 0));
  };
}
