// The one way to the database: opens it, brings its schema up to date, and makes every change a transaction that the running
// gateway and other processes notice.
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Kysely, type Transaction } from 'kysely';
import { silentLogger, type Logger } from '#base/kernel';
import { ChangeFeed, type ChangeListener } from './change-feed.ts';
import { unavailable } from './database-errors.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { migrate } from './migrate.ts';
import { SqliteClient } from './sqlite-client.ts';
import { holdingConnection, SqliteWorkerDialect } from './sqlite-dialect.ts';
import type { Tables } from './tables.ts';

export interface DatabaseOptions {
  /** See parseDatabaseUrl. */
  readonly url: string;
  /** How long to wait for another process's write before giving up with `database.unavailable`. */
  readonly busyTimeoutMs: number;
  readonly log?: Logger;
}

export type Db = Kysely<Tables>;
export type Tx = Transaction<Tables>;

export interface Database {
  /** For reading. Changes go through change(). */
  readonly db: Db;
  /** Names of the migrations that opening it applied. */
  readonly migrated: readonly string[];
  /**
   * Runs `work` in one transaction that holds the write lock, counts the change, commits, and resolves when every listener has
   * dealt with it. Nothing is changed when it throws. Inside, use only the transaction handed over.
   */
  change<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * The same for what nobody acts on, such as when something was last looked at: it is not counted, and nobody is told.
   */
  note(work: (tx: Tx) => Promise<void>): Promise<void>;
  /** Called with the new change counter after each commit, ours or another process's. Returns how to stop listening. */
  onChange(listener: ChangeListener): () => void;
  /** The change counter. */
  version(): Promise<number>;
  /** Looks for commits of other processes every `intervalMs`. Returns how to stop. */
  pollChanges(intervalMs: number): () => void;
  /** Throws AppError `database.unavailable` when the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Opens and migrates. Throws AppError `config.invalid` or `database.unavailable`. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { path, isMemory } = parseDatabaseUrl(options.url);
  if (!isMemory) await makeFolder(dirname(path));
  const client = new SqliteClient({ path, busyTimeoutMs: options.busyTimeoutMs });
  const db = new Kysely<Tables>({ dialect: new SqliteWorkerDialect(client) });
  try {
    const migrated = await migrate(db, isMemory ? path : resolve(path));
    return await describe(db, client, migrated, options.log ?? silentLogger);
  } catch (error) {
    await client.close();
    throw error;
  }
}

async function describe(db: Db, client: SqliteClient, migrated: readonly string[], log: Logger): Promise<Database> {
  const version = async (): Promise<number> => {
    const row = await db.selectFrom('change_counter').select('value').where('id', '=', 1).executeTakeFirstOrThrow();
    return row.value;
  };
  const feed = new ChangeFeed(log, await version());
  const stops = new Set<() => void>();

  return {
    db,
    migrated,
    version,
    async change(work) {
      const done = await db.transaction().execute((tx) =>
        holdingConnection(async () => {
          const result = await work(tx);
          const counter = await tx
            .updateTable('change_counter')
            .set((eb) => ({ value: eb('value', '+', 1) }))
            .where('id', '=', 1)
            .returning('value')
            .executeTakeFirstOrThrow();
          return { result, version: counter.value };
        }),
      );
      await feed.publish(done.version);
      return done.result;
    },
    async note(work) {
      await db.transaction().execute((tx) => holdingConnection(() => work(tx)));
    },
    onChange: (listener) => feed.add(listener),
    pollChanges(intervalMs) {
      const stop = feed.poll(version, intervalMs);
      stops.add(stop);
      return () => {
        stop();
        stops.delete(stop);
      };
    },
    async ping() {
      await version();
    },
    async close() {
      for (const stop of stops) stop();
      // Not db.destroy(): with nothing queried yet it would leave the worker running.
      await client.close();
    },
  };
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw unavailable(`The folder for the database cannot be made: ${String(error)}`);
  }
}
