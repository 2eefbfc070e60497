import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isForeignKeyViolation, isUniqueViolation, openDatabase, type Database, type Tx } from './index.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

let folder: string;
let opened: Database[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcpgateway-db-'));
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((database) => database.close()));
  await rm(folder, { recursive: true, force: true });
});

async function open(url = 'sqlite:///:memory:', busyTimeoutMs = 5_000): Promise<Database> {
  const database = await openDatabase({ url, busyTimeoutMs });
  opened.push(database);
  return database;
}

const fileUrl = (): string => `sqlite:///${join(folder, 'sub', 'mcp.db')}`;

async function revoke(tx: Tx, jti: string): Promise<void> {
  await tx.insertInto('revoked_tokens').values({ jti, revoked_at: '2026-11-21T00:00:00.000Z', revoked_by: null, expires_at: null }).execute();
}

async function revoked(database: Database): Promise<string[]> {
  const rows = await database.db.selectFrom('revoked_tokens').select('jti').orderBy('jti').execute();
  return rows.map((row) => row.jti);
}

/** Another process that runs this module text with the database open as `database` and `say` to print a line. */
function otherProcess(url: string, body: string): ChildProcess {
  const script = `
    import { openDatabase } from '#control-plane/db';
    const database = await openDatabase({ url: ${JSON.stringify(url)}, busyTimeoutMs: 10_000 });
    const say = (line) => process.stdout.write(line + '\\n');
    const revoke = (jti) => database.change((tx) => tx.insertInto('revoked_tokens').values({ jti, revoked_at: 'then', revoked_by: null, expires_at: null }).execute());
    ${body}`;
  return spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', script], { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
}

describe('changes', () => {
  it('a change is committed and counted once', async () => {
    const database = await open();
    const before = await database.version();
    const answer = await database.change(async (tx) => {
      await revoke(tx, 'a');
      await revoke(tx, 'b');
      return 'done';
    });
    expect(answer).toBe('done');
    expect(await revoked(database)).toEqual(['a', 'b']);
    expect(await database.version()).toBe(before + 1);
  });

  it('a change that throws leaves nothing behind, counts nothing and tells nobody', async () => {
    const database = await open();
    const told: number[] = [];
    database.onChange((version) => void told.push(version));
    const before = await database.version();
    await expect(
      database.change(async (tx) => {
        await revoke(tx, 'a');
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    expect(await revoked(database)).toEqual([]);
    expect(await database.version()).toBe(before);
    expect(told).toEqual([]);
  });

  it('a change resolves only after its listeners have dealt with it, and not at all earlier', async () => {
    const database = await open();
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    database.onChange(async () => {
      order.push(`heard with ${(await revoked(database)).join()}`);
      await gate.promise;
      order.push('dealt with');
    });
    const change = database.change((tx) => revoke(tx, 'a')).then(() => order.push('resolved'));
    await expect.poll(() => order.length).toBe(1);
    gate.resolve();
    await change;
    expect(order).toEqual(['heard with a', 'dealt with', 'resolved']);
  });

  it('a listener that fails is logged, and the change stands', async () => {
    const errors: string[] = [];
    const log = { debug() {}, info() {}, warn() {}, error: (message: string) => void errors.push(message) };
    const database = await openDatabase({ url: 'sqlite://', busyTimeoutMs: 1_000, log });
    opened.push(database);
    database.onChange(() => {
      throw new Error('no');
    });
    await database.change((tx) => revoke(tx, 'a'));
    expect(await revoked(database)).toEqual(['a']);
    expect(errors).toHaveLength(1);
  });

  it('nobody reads what an unfinished change has written', async () => {
    const database = await open();
    const written = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const change = database.change(async (tx) => {
      await revoke(tx, 'a');
      written.resolve();
      await gate.promise;
      throw new Error('undone');
    });
    await written.promise;
    const reading = revoked(database);
    gate.resolve();
    await expect(change).rejects.toThrow('undone');
    expect(await reading).toEqual([]);
  });

  it('twenty changes at once all happen, one after the other', async () => {
    const database = await open();
    const before = await database.version();
    await Promise.all(Array.from({ length: 20 }, (_, i) => database.change((tx) => revoke(tx, `t${i}`))));
    expect(await revoked(database)).toHaveLength(20);
    expect(await database.version()).toBe(before + 20);
  });

  it('listeners hear of one version after the other, and of the last one before its change resolves', async () => {
    const database = await open();
    const heard: number[] = [];
    let running = 0;
    let runningMax = 0;
    database.onChange(async (version) => {
      runningMax = Math.max(runningMax, ++running);
      await revoked(database);
      running--;
      heard.push(version);
    });
    const changes = Array.from({ length: 20 }, async (_, i) => {
      await database.change((tx) => revoke(tx, `t${i}`));
      return heard.at(-1);
    });
    const seen = await Promise.all(changes);
    expect(heard).toEqual(heard.toSorted((a, b) => a - b));
    expect(heard.at(-1)).toBe(20);
    expect(runningMax).toBe(1);
    seen.forEach((version, i) => expect(version).toBeGreaterThanOrEqual(i + 1));
  });

  it('using the database inside its own change is an error, not a wait for ever', async () => {
    const database = await open();
    await expect(database.change(() => revoked(database))).rejects.toThrow(/use the transaction/);
    expect(await revoked(database)).toEqual([]);
  });
});

describe('constraints', () => {
  it('a duplicate is recognisable, and the next change works', async () => {
    const database = await open();
    await database.change((tx) => revoke(tx, 'a'));
    const error: unknown = await database.change((tx) => revoke(tx, 'a')).catch((reason: unknown) => reason);
    expect(isUniqueViolation(error)).toBe(true);
    expect(isForeignKeyViolation(error)).toBe(false);
    await database.change((tx) => revoke(tx, 'b'));
    expect(await revoked(database)).toEqual(['a', 'b']);
  });

  it('items go with their gateway, but a mirrored gateway stays', async () => {
    const database = await open();
    const shared = { name: 'n', enabled: 1, visibility: 'public', owner_email: null, team_id: null, tags: '[]', description: null } as const;
    const history = {
      created_at: 't',
      updated_at: 't',
      created_by: null,
      created_from_ip: null,
      created_via: null,
      created_user_agent: null,
      modified_by: null,
      modified_from_ip: null,
      modified_via: null,
      modified_user_agent: null,
      version: 1,
    };
    const limits = { calls_per_minute: null, concurrent: null };
    await database.change(async (tx) => {
      await tx
        .insertInto('gateways')
        .values({
          ...shared,
          ...history,
          ...limits,
          id: 'g',
          slug: 'n',
          url: 'http://x',
          transport: 'STREAMABLEHTTP',
          command: null,
          args: null,
          cwd: null,
          process_env: null,
          stdio_isolation: 'auto',
          auth_type: null,
          auth_secret: null,
          passthrough_headers: null,
          modern: 1,
          legacy: 0,
          protocol_version: null,
          server_info: null,
          capabilities: null,
          instructions: null,
          skipped_tools: '[]',
          last_refresh_at: null,
          stale_since: null,
          refresh_interval_seconds: null,
          items_version: 0,
        })
        .execute();
      await tx
        .insertInto('items')
        .values({
          ...shared,
          ...history,
          id: 't',
          gateway_id: 'g',
          kind: 'tool',
          key: 'o',
          original_name: 'o',
          former_names: '[]',
          title: null,
          source_json: '{}',
          needs: '[]',
          custom_name: null,
          display_name: null,
          custom_title: null,
          custom_description: null,
          custom_annotations: null,
        })
        .execute();
      await tx
        .insertInto('servers')
        .values({ ...shared, ...history, ...limits, id: 's', icon: null, mirror_gateway_id: 'g', strict_schema: 0 })
        .execute();
    });
    const error: unknown = await database.change((tx) => tx.deleteFrom('gateways').execute()).catch((reason: unknown) => reason);
    expect(isForeignKeyViolation(error)).toBe(true);
    await database.change(async (tx) => {
      await tx.deleteFrom('servers').execute();
      await tx.deleteFrom('gateways').execute();
    });
    expect(await database.db.selectFrom('items').select('id').execute()).toEqual([]);
  });
});

describe('the file', () => {
  it('keeps what was committed, and is not migrated twice', async () => {
    const first = await open(fileUrl());
    expect(first.migrated).toEqual(['0001-catalogue', '0002-stdio-gateways', '0003-items', '0004-strict-schema']);
    await first.change((tx) => revoke(tx, 'a'));
    const version = await first.version();
    await first.close();
    const second = await open(fileUrl());
    expect(second.migrated).toEqual([]);
    expect(await revoked(second)).toEqual(['a']);
    expect(await second.version()).toBe(version);
  });

  it('of an earlier version is brought up to date: its gateways are what they were, its tools keep their ids and switches', async () => {
    await (await open(fileUrl())).close();
    const old = new DatabaseSync(join(folder, 'sub', 'mcp.db'));
    old.exec('drop table server_items; drop table items');
    const later = ['command', 'args', 'cwd', 'process_env', 'stdio_isolation', 'stale_since', 'refresh_interval_seconds', 'items_version'];
    for (const column of later) old.exec(`alter table gateways drop column ${column}`);
    old.exec('alter table servers drop column strict_schema');
    old.exec("delete from kysely_migration where name > '0002'");
    old.exec(`create table tools (id text primary key, gateway_id text not null references gateways (id), original_name text, name text,
      display_name text, title text, description text, input_schema text, output_schema text, annotations text, meta text, source_json text,
      enabled integer, visibility text, owner_email text, team_id text, tags text, created_at text, updated_at text, created_by text,
      created_from_ip text, created_via text, created_user_agent text, modified_by text, modified_from_ip text, modified_via text,
      modified_user_agent text, version integer)`);
    old.exec("delete from kysely_migration where name = '0002-stdio-gateways'");
    old.exec(`insert into gateways (id, name, slug, url, transport, modern, legacy, skipped_tools, enabled, visibility, tags, created_at, updated_at, version)
      values ('g', 'n', 'n', 'http://x', 'STREAMABLEHTTP', 1, 0, '[]', 1, 'public', '[]', 't', 't', 1)`);
    old.exec(`insert into tools (id, gateway_id, original_name, name, source_json, enabled, visibility, tags, created_at, updated_at, version)
      values ('t', 'g', 'get_time', 'n-get-time', '{"name":"get_time"}', 0, 'team', '["x"]', 't', 't', 7)`);
    old.close();
    const database = await open(fileUrl());
    expect(database.migrated).toEqual(['0002-stdio-gateways', '0003-items', '0004-strict-schema']);
    expect(await database.db.selectFrom('gateways').selectAll().execute()).toMatchObject([
      { id: 'g', url: 'http://x', command: null, args: null, cwd: null, process_env: null, stdio_isolation: 'auto', stale_since: null },
    ]);
    expect(await database.db.selectFrom('items').selectAll().execute()).toMatchObject([
      { id: 't', gateway_id: 'g', kind: 'tool', key: 'get_time', name: 'n-get-time', enabled: 0, visibility: 'team', tags: '["x"]', version: 7 },
    ]);
  });

  it('refuses a newer version’s and another program’s, and leaves both as they were', async () => {
    const newer = await open(fileUrl());
    await newer.close();
    const path = join(folder, 'sub', 'mcp.db');
    const newerFile = new DatabaseSync(path);
    newerFile.prepare('insert into kysely_migration values (?, ?)').run('0999-future', '');
    newerFile.close();
    await expect(open(fileUrl())).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringMatching(/newer version.*0999-future/) as string,
    });

    const other = join(folder, 'other.db');
    const otherFile = new DatabaseSync(other);
    otherFile.exec('create table gateways (id integer)');
    await expect(open(`sqlite:///${other}`)).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringContaining('another program') as string,
    });
    expect(otherFile.prepare('select name from sqlite_master').all()).toMatchObject([{ name: 'gateways' }]);
    otherFile.close();
  });

  it('opens for several processes at once, of which one migrates', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => open(fileUrl())));
    expect(all.flatMap((database) => database.migrated)).toEqual(['0001-catalogue', '0002-stdio-gateways', '0003-items', '0004-strict-schema']);
  });

  it('another process that holds the lock for too long gives 503 database.unavailable, and nothing is changed', async () => {
    const database = await open(fileUrl(), 50);
    const other = new DatabaseSync(join(folder, 'sub', 'mcp.db'));
    other.exec('begin immediate');
    await expect(database.change((tx) => revoke(tx, 'a'))).rejects.toMatchObject({ code: 'database.unavailable', status: 503 });
    other.exec('rollback');
    other.close();
    await database.change((tx) => revoke(tx, 'b'));
    expect(await revoked(database)).toEqual(['b']);
  });

  it('a path that cannot be opened, or holds something else, gives database.unavailable', async () => {
    await writeFile(join(folder, 'text.db'), 'this is not a database, and long enough for its header to be read'.repeat(20));
    for (const path of [folder, join(folder, 'text.db'), join(folder, 'text.db', 'below.db')]) {
      await expect(openDatabase({ url: `sqlite:///${path}`, busyTimeoutMs: 50 })).rejects.toMatchObject({ code: 'database.unavailable' });
    }
  });

  it('a closed database says so instead of waiting', async () => {
    const database = await open();
    await database.close();
    await expect(database.ping()).rejects.toMatchObject({ code: 'database.unavailable' });
  });
});

describe('two processes', () => {
  it('a commit of another process is noticed', async () => {
    const database = await open(fileUrl());
    const heard: string[] = [];
    database.onChange(async () => void heard.push(...(await revoked(database))));
    const stop = database.pollChanges(20);
    const other = otherProcess(fileUrl(), `await revoke('theirs'); await database.close();`);
    await once(other, 'exit');
    await expect.poll(() => heard, { timeout: 10_000 }).toEqual(['theirs']);
    stop();
  });

  it('kill -9 right after a change was acknowledged loses nothing', async () => {
    const other = otherProcess(fileUrl(), `await revoke('kept'); say('acknowledged'); setInterval(() => {}, 1000);`);
    await once(other.stdout ?? other, 'data');
    other.kill('SIGKILL');
    await once(other, 'exit');
    expect(await revoked(await open(fileUrl()))).toEqual(['kept']);
  });
});
