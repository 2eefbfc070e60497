// The main thread's end of sqlite-worker.ts: asks, waits, and says honestly when the worker is gone.
import { Worker } from 'node:worker_threads';
import { databaseError, unavailable } from './database-errors.ts';
import type { SqliteReply, SqliteRequest, SqliteWorkerData } from './sqlite-worker.ts';

export interface SqliteAnswer {
  readonly rows: unknown[];
  /** Rows changed, for statements that return none. */
  readonly changes: number | undefined;
}

interface Waiting {
  readonly resolve: (answer: SqliteAnswer) => void;
  readonly reject: (error: Error) => void;
}

export class SqliteClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #gone: Error | undefined;

  constructor(data: SqliteWorkerData) {
    const file = import.meta.url.endsWith('.ts') ? './sqlite-worker.ts' : './sqlite-worker.js';
    this.#worker = new Worker(new URL(file, import.meta.url), { execArgv: [], workerData: data });
    this.#worker.on('message', (reply: SqliteReply) => this.#settle(reply));
    this.#worker.on('error', (error) =>
      this.#fail(unavailable(`The database worker failed: ${error instanceof Error ? error.stack : String(error)}`)),
    );
    this.#worker.on('exit', () => this.#fail(unavailable('The database worker has ended.')));
  }

  /** Throws ConstraintError, or AppError `database.unavailable`. */
  query(sql: string, parameters: readonly unknown[]): Promise<SqliteAnswer> {
    return this.#ask('query', sql, parameters);
  }

  async rollback(): Promise<void> {
    await this.#ask('rollback', '', []);
  }

  async close(): Promise<void> {
    if (this.#gone !== undefined) return;
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    await this.#ask('close', '', []);
    await ended;
  }

  #ask(kind: SqliteRequest['kind'], sql: string, parameters: readonly unknown[]): Promise<SqliteAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== undefined) {
        reject(this.#gone);
        return;
      }
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, kind, sql, parameters } satisfies SqliteRequest);
    });
  }

  #settle(reply: SqliteReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('failure' in reply) waiting?.reject(databaseError(reply.resultCode, reply.failure));
    else waiting?.resolve(reply);
  }

  #fail(error: Error): void {
    this.#gone ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#gone);
    this.#waiting.clear();
  }
}
