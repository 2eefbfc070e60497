import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '#control-plane/http-contract';
import { RECORD_COLUMNS, RECORD_DIRECTIONS, RECORD_OUTCOMES, type RecordBatch } from '#data-plane/gateway';
import { openRecordStore, recordsPath, type RecordStore, type RecordStoreOptions } from './record-store.ts';

const START_MS = Date.now() - 60_000;
const SHAPE = { columns: RECORD_COLUMNS, directions: RECORD_DIRECTIONS, outcomes: RECORD_OUTCOMES };
const EVERYTHING = { limit: 10_000, offset: 0 };

const TEXTS = [
  [1, 'tools/call'],
  [2, 'echo'],
  [3, 'ann@example.com'],
  [4, 'bob@example.com'],
  [5, 's1'],
  [6, 'g1'],
  [7, 'jti-1'],
  [8, '127.0.0.1'],
  [9, 'limit.rate'],
  [10, 'tools/list'],
] as const;

type Numbers = Partial<Record<(typeof RECORD_COLUMNS)[number], number>>;

function batch(rows: readonly Numbers[], dictionary: RecordBatch['dictionary'] = []): RecordBatch {
  const numbers = new Float64Array(rows.length * RECORD_COLUMNS.length);
  rows.forEach((row, at) =>
    numbers.set(
      RECORD_COLUMNS.map((name) => row[name] ?? 0),
      at * RECORD_COLUMNS.length,
    ),
  );
  return { count: rows.length, rows: numbers, dictionary };
}

const call = (second: number, more: Numbers = {}): Numbers => ({
  atMs: START_MS + second * 1000,
  method: 1,
  target: 2,
  userEmail: 3,
  serverId: 5,
  ...more,
});

const CALLER: Caller = {
  principal: {
    key: 'k',
    subject: 'ann@example.com',
    email: 'ann@example.com',
    isAdmin: true,
    reach: 'everything',
    scopes: undefined,
    audience: undefined,
    tokenId: 'jti-1',
    via: 'jwt',
  },
  clientAddress: '127.0.0.1',
  userAgent: undefined,
  correlationId: 'request-1',
};

let folder: string;
let opened: RecordStore[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcpgateway-records-'));
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((store) => store.close()));
  await rm(folder, { recursive: true, force: true });
});

async function open(options: Partial<RecordStoreOptions> = {}): Promise<RecordStore> {
  const store = await openRecordStore({ path: join(folder, 'mcp.records.db'), shape: SHAPE, ...options });
  opened.push(store);
  return store;
}

describe('the record store', () => {
  it('gives back every field of a call', async () => {
    const store = await open();
    const [refused, trace3] = [RECORD_OUTCOMES.indexOf('refused'), 0x0000abcd];
    store.sink.write(
      batch(
        [
          call(1, {
            durationMs: 1.234,
            direction: RECORD_DIRECTIONS.indexOf('call'),
            outcome: refused,
            httpStatus: 429,
            requestBytes: 150,
            answerBytes: 90,
            trace0: 0xffffffff,
            trace3,
            errorCode: 9,
            upstreamId: 6,
            tokenId: 7,
            clientAddress: 8,
          }),
        ],
        TEXTS,
      ),
    );
    expect(await store.query(EVERYTHING)).toEqual([
      {
        id: expect.any(String),
        timestamp: new Date(START_MS + 1000).toISOString(),
        correlation_id: 'ffffffff00000000000000000000abcd',
        action: 'execute',
        resource_type: 'tool',
        resource_id: null,
        resource_name: 'echo',
        user_id: 'ann@example.com',
        user_email: 'ann@example.com',
        success: false,
        requires_review: false,
        data_classification: null,
        method: 'tools/call',
        direction: 'call',
        outcome: 'refused',
        error_code: 'limit.rate',
        duration_ms: 1.234,
        http_status: 429,
        server_id: 's1',
        gateway_id: 'g1',
        request_bytes: 150,
        response_bytes: 90,
        client_ip: '127.0.0.1',
        trace_id: 'ffffffff00000000000000000000abcd',
        token_id: 'jti-1',
      },
    ]);
  });

  it('shows changes and calls in one trail, newest first, page by page', async () => {
    const store = await open();
    store.sink.write(batch([call(1), call(2)], TEXTS));
    store.recordChange({
      caller: CALLER,
      action: 'create',
      resourceType: 'server',
      resourceId: 'srv',
      resourceName: 'm',
      httpStatus: 201,
      errorCode: '',
      atMs: START_MS + 3000,
      durationMs: 5,
    });
    store.sink.write(batch([call(4)]));
    const all = await store.query(EVERYTHING);
    expect(all.map((row) => Date.parse(row.timestamp) - START_MS)).toEqual([4000, 3000, 2000, 1000]);
    expect(all[1]).toMatchObject({
      action: 'create',
      resource_type: 'server',
      resource_id: 'srv',
      resource_name: 'm',
      user_email: 'ann@example.com',
      success: true,
      outcome: 'ok',
      http_status: 201,
      server_id: 'srv',
      correlation_id: 'request-1',
      token_id: 'jti-1',
      client_ip: '127.0.0.1',
      method: null,
    });
    expect(await store.query({ limit: 2, offset: 1 })).toEqual(all.slice(1, 3));
  });

  it('finds by user, server, action or method, outcome, kind and time', async () => {
    const store = await open();
    store.sink.write(batch([call(1), call(2, { userEmail: 4 }), call(3, { serverId: 0 }), call(4, { method: 10, outcome: 4 })], TEXTS));
    const seconds = async (filter: object): Promise<number[]> =>
      (await store.query({ ...EVERYTHING, ...filter })).map((row) => (Date.parse(row.timestamp) - START_MS) / 1000);
    expect(await seconds({ userId: 'bob@example.com' })).toEqual([2]);
    expect(await seconds({ serverId: 's1' })).toEqual([4, 2, 1]);
    expect(await seconds({ serverId: 'unknown' })).toEqual([]);
    expect(await seconds({ actions: ['list'] })).toEqual([4]);
    expect(await seconds({ actions: ['tools/call'] })).toEqual([3, 2, 1]);
    expect(await seconds({ actions: [] })).toEqual([4, 3, 2, 1]);
    expect(await seconds({ outcomes: ['failed'] })).toEqual([4]);
    expect(await seconds({ resourceTypes: ['prompt'] })).toEqual([]);
    expect(await seconds({ fromMs: START_MS + 2000, untilMs: START_MS + 4000 })).toEqual([3, 2]);
  });

  it('writes what is waiting when it is closed, and shows it after a restart', async () => {
    const first = await open();
    first.sink.write(batch([call(1)], TEXTS));
    first.sink.write(batch([call(2)]));
    await first.close();
    const second = await open();
    // The new process numbers its texts anew; the old rows keep their meaning.
    second.sink.write(batch([call(3, { target: 11 })], [...TEXTS, [11, 'add']]));
    expect((await second.query(EVERYTHING)).map((row) => row.resource_name)).toEqual(['add', 'echo', 'echo']);
  });

  it('a number that comes to mean another text does not change older rows', async () => {
    const store = await open();
    store.sink.write(batch([call(1)], TEXTS));
    store.sink.write(batch([call(2)], [[2, 'renamed']]));
    expect((await store.query(EVERYTHING)).map((row) => row.resource_name)).toEqual(['renamed', 'echo']);
  });

  it('drops and counts what its full queue cannot take, but remembers the texts that came with it', async () => {
    const store = await open({ queueMax: 2 });
    // In one go, so that the writer cannot answer in between.
    store.sink.write(batch([call(1)], TEXTS));
    store.sink.write(batch([call(2)]));
    store.sink.write(batch([call(3), call(4)], [[11, 'add']]));
    expect(store.dropped()).toBe(2);
    await store.flush();
    store.sink.write(batch([call(5, { target: 11 })]));
    expect((await store.query(EVERYTHING)).map((row) => row.resource_name)).toEqual(['add', 'echo', 'echo']);
    expect(store.dropped()).toBe(2);
  });

  it('keeps the newest records when there are too many, and the texts they need', async () => {
    const store = await open({ rowsMax: 50 });
    for (let i = 0; i < 40; i++)
      store.sink.write(batch([call(i), call(i, { target: 100 + i })], [...(i === 0 ? TEXTS : []), [100 + i, `tool-${i}`]]));
    const rows = await store.query(EVERYTHING);
    expect(rows).toHaveLength(50);
    expect(rows.filter((_, at) => at % 2 === 0).map((row) => row.resource_name)).toEqual(Array.from({ length: 25 }, (_, at) => `tool-${39 - at}`));
    expect(rows.every((row) => row.user_email === 'ann@example.com')).toBe(true);
  });

  it('forgets what is too old', async () => {
    const store = await open({ ageMaxDays: 1 });
    store.sink.write(batch([{ ...call(0), atMs: START_MS - 3 * 86_400_000 }], TEXTS));
    store.sink.write(batch([call(1)]));
    expect(await store.query(EVERYTHING)).toHaveLength(1);
  });

  it('two processes may write the same file', async () => {
    const [first, second] = [await open(), await open()];
    first.sink.write(batch([call(1)], TEXTS));
    second.sink.write(
      batch(
        [call(2, { target: 1 })],
        [
          [1, 'theirs'],
          [3, 'carl@example.com'],
        ],
      ),
    );
    await Promise.all([first.flush(), second.flush()]);
    expect((await first.query(EVERYTHING)).map((row) => [row.resource_name, row.user_email]).sort()).toEqual([
      ['echo', 'ann@example.com'],
      ['theirs', 'carl@example.com'],
    ]);
  });

  it('a file that cannot be opened is database.unavailable', async () => {
    await expect(openRecordStore({ path: join(folder, 'no', 'such', 'folder.db'), shape: SHAPE })).rejects.toMatchObject({
      code: 'database.unavailable',
    });
  });

  it('rows written before a column existed can still be read', async () => {
    const older = { ...SHAPE, columns: RECORD_COLUMNS.slice(0, 16) };
    const first = await open({ shape: older });
    const numbers = new Float64Array(16);
    numbers.set([START_MS, 1.5], 0);
    numbers.set([1, 2], RECORD_COLUMNS.indexOf('method'));
    first.sink.write({ count: 1, rows: numbers, dictionary: TEXTS });
    await first.close();
    const second = await open();
    second.sink.write(batch([call(1)], TEXTS));
    const rows = await second.query(EVERYTHING);
    expect(rows.map((row) => [row.method, row.resource_name, row.user_email])).toEqual([
      ['tools/call', 'echo', 'ann@example.com'],
      ['tools/call', 'echo', null],
    ]);
  });

  it('once closed it answers with an error and drops quietly', async () => {
    const store = await open();
    await store.close();
    await expect(store.query(EVERYTHING)).rejects.toMatchObject({ code: 'database.unavailable' });
    store.sink.write(batch([call(1)], TEXTS));
    expect(store.dropped()).toBe(1);
  });
});

describe('recordsPath', () => {
  it('is beside the database', () => {
    expect(recordsPath('data/mcp.db')).toBe('data/mcp.records.db');
    expect(recordsPath('data/mcp.sqlite')).toBe('data/mcp.sqlite.records.db');
    expect(recordsPath(':memory:')).toBe(':memory:');
  });
});
