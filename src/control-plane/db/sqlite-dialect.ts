// Kysely on the worker. One connection; whoever holds it, holds it until the transaction ends, and transactions take the write
// lock at once, so that two processes on one file wait for each other instead of failing half-way.
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
} from 'kysely';
import type { SqliteClient } from './sqlite-client.ts';

/** Marks the code that runs inside a transaction: if it asked for the connection, it would wait for itself for ever. */
const holder = new AsyncLocalStorage<{ isOpen: boolean }>();

export function holdingConnection<T>(work: () => Promise<T>): Promise<T> {
  const hold = { isOpen: true };
  return holder.run(hold, work).finally(() => {
    hold.isOpen = false;
  });
}

export class SqliteWorkerDialect implements Dialect {
  readonly #client: SqliteClient;

  constructor(client: SqliteClient) {
    this.#client = client;
  }

  createDriver(): Driver {
    return new SqliteWorkerDriver(this.#client);
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new SqliteWorkerAdapter();
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

class SqliteWorkerAdapter extends SqliteAdapter {
  /** So that the migrator does all it does in one immediate transaction, and a second process finds it done. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }

  /** Turns off Kysely's own queue; ours can tell a wait from a deadlock. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

class SqliteWorkerDriver implements Driver {
  readonly #connection: WorkerConnection;
  readonly #client: SqliteClient;
  readonly #queue: (() => void)[] = [];
  #isHeld = false;

  constructor(client: SqliteClient) {
    this.#client = client;
    this.#connection = new WorkerConnection(client);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    if (holder.getStore()?.isOpen === true) {
      throw new Error('Inside change() use the transaction it hands you: the database itself is busy with that transaction.');
    }
    if (this.#isHeld) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#isHeld = true;
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    const next = this.#queue.shift();
    // Handed over while still held, so that nobody slips in between.
    if (next === undefined) this.#isHeld = false;
    else next();
  }

  async beginTransaction(): Promise<void> {
    await this.#client.query('begin immediate', []);
  }

  async commitTransaction(): Promise<void> {
    await this.#client.query('commit', []);
  }

  async rollbackTransaction(): Promise<void> {
    await this.#client.rollback();
  }

  async destroy(): Promise<void> {
    await this.#client.close();
  }
}

class WorkerConnection implements DatabaseConnection {
  readonly #client: SqliteClient;

  constructor(client: SqliteClient) {
    this.#client = client;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = await this.#client.query(query.sql, query.parameters);
    if (changes === undefined) return { rows: rows as R[] };
    return { rows: [], numAffectedRows: BigInt(changes) };
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query);
  }
}
