// Runs in a thread of its own: SQLite is synchronous, and neither a lock nor a slow disk may hold up calls (decisions.md 20).
// Imports nothing but node: modules, so that it starts the same from sources and from the build.
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

/** Asked one at a time per id. `rollback` is not an error when SQLite has already rolled back by itself. */
export interface SqliteRequest {
  readonly id: number;
  readonly kind: 'query' | 'rollback' | 'close';
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** `resultCode` is SQLite's extended result code. */
export type SqliteReply =
  | { readonly id: number; readonly rows: unknown[]; readonly changes: number | undefined }
  | { readonly id: number; readonly failure: string; readonly resultCode: number | undefined };

export interface SqliteWorkerData {
  readonly path: string;
  readonly busyTimeoutMs: number;
}

const STATEMENTS_MAX = 200;
const SQLITE_BUSY = 5;

type Parameter = null | number | bigint | string | Uint8Array;

const { path, busyTimeoutMs } = workerData as SqliteWorkerData;
const statements = new Map<string, { readonly statement: StatementSync; readonly isReader: boolean }>();
let database: DatabaseSync | undefined;

function open(): DatabaseSync {
  const opened = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
  const deadlineMs = Date.now() + busyTimeoutMs;
  for (;;) {
    try {
      opened.exec('pragma journal_mode = wal; pragma synchronous = normal');
      return opened;
    } catch (error) {
      // Two processes that switch a new file to WAL at once: SQLite reports busy without asking the busy timeout.
      const isBusy = ((resultCodeOf(error) ?? 0) & 0xff) === SQLITE_BUSY;
      if (!isBusy || Date.now() >= deadlineMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function resultCodeOf(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' ? code : undefined;
}

function prepare(sql: string): { readonly statement: StatementSync; readonly isReader: boolean } {
  database ??= open();
  const known = statements.get(sql);
  if (known !== undefined) {
    statements.delete(sql);
    statements.set(sql, known);
    return known;
  }
  const statement = database.prepare(sql);
  const entry = { statement, isReader: statement.columns().length > 0 };
  if (/^\s*(create|alter|drop)\b/i.test(sql)) statements.clear();
  else statements.set(sql, entry);
  if (statements.size > STATEMENTS_MAX) {
    const [oldest] = statements.keys();
    if (oldest !== undefined) statements.delete(oldest);
  }
  return entry;
}

function answer(request: SqliteRequest): SqliteReply {
  if (request.kind === 'close') {
    statements.clear();
    database?.close();
    return { id: request.id, rows: [], changes: undefined };
  }
  if (request.kind === 'rollback') {
    if (database?.isTransaction === true) database.exec('rollback');
    return { id: request.id, rows: [], changes: undefined };
  }
  const { statement, isReader } = prepare(request.sql);
  const parameters = request.parameters as readonly Parameter[];
  if (isReader) return { id: request.id, rows: statement.all(...parameters), changes: undefined };
  return { id: request.id, rows: [], changes: Number(statement.run(...parameters).changes) };
}

parentPort?.on('message', (request: SqliteRequest) => {
  let reply: SqliteReply;
  try {
    reply = answer(request);
  } catch (error) {
    reply = { id: request.id, failure: error instanceof Error ? error.message : String(error), resultCode: resultCodeOf(error) };
  }
  parentPort?.postMessage(reply);
  if (request.kind === 'close') parentPort?.close();
});
