import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret, silentLogger } from '#base/kernel';
import { createColumnCipher, openDatabase, type Database } from '#control-plane/db';
import { UNREAD_COLUMNS } from './upstream-reading.ts';
import { loadUpstreamRows } from './upstream-rows.ts';
import { insertUpstream } from './upstream-store.ts';
import { createUpstreamVault } from './upstream-vault.ts';

const CIPHER = createColumnCipher(new Secret('the secret'));
const OTHER_CIPHER = createColumnCipher(new Secret('another secret'));

let database: Database;
beforeEach(async () => void (database = await openDatabase({ url: 'sqlite://', busyTimeoutMs: 1000 })));
afterEach(() => database.close());

async function insert(id: string, auth = createUpstreamVault(CIPHER).seal(id, { type: 'bearer', token: 'abc' })): Promise<void> {
  const now = new Date().toISOString();
  const nothing = {
    created_by: null,
    created_from_ip: null,
    created_via: null,
    created_user_agent: null,
    modified_by: null,
    modified_from_ip: null,
    modified_via: null,
    modified_user_agent: null,
  };
  const row = {
    id,
    name: id,
    slug: id,
    url: 'http://h.example/mcp',
    description: null,
    transport: 'STREAMABLEHTTP',
    command: null,
    args: null,
    cwd: null,
    process_env: null,
    stdio_isolation: 'auto',
    ...auth,
    passthrough_headers: '["x-a"]',
    ...UNREAD_COLUMNS,
    refresh_interval_seconds: null,
    items_version: 0,
  } as const;
  const owned = { enabled: 1, visibility: 'public', owner_email: null, team_id: null, tags: '[]', calls_per_minute: 7, concurrent: null } as const;
  await database.change((tx) => insertUpstream(tx, { ...row, ...owned, ...nothing, created_at: now, updated_at: now, version: 1 }));
}

describe('upstreams as the data plane takes them', () => {
  it('have their credentials as header pairs, their limits and what may pass', async () => {
    await insert('a');
    const [row] = await loadUpstreamRows(database, CIPHER, silentLogger);
    expect(row).toMatchObject({
      id: 'a',
      enabled: true,
      headers: [['authorization', 'Bearer abc']],
      passthroughHeaders: ['x-a'],
      limits: { callsPerMinute: 7, concurrent: null },
    });
  });

  it('are switched off, not called without credentials, when the secret they were sealed with is lost; the others work on', async () => {
    await insert('a');
    await insert('b', { auth_type: null, auth_secret: null });
    const errors: string[] = [];
    const rows = await loadUpstreamRows(database, OTHER_CIPHER, { ...silentLogger, error: (message) => void errors.push(message) });
    expect(rows.map((row) => [row.id, row.enabled, row.headers])).toEqual([
      ['a', false, []],
      ['b', true, []],
    ]);
    expect(errors).toEqual([expect.stringContaining('AUTH_ENCRYPTION_SECRET')]);
  });

  it('cannot be given the credentials of another row', async () => {
    await insert('a');
    const [stored] = await database.db.selectFrom('gateways').select(['auth_type', 'auth_secret']).execute();
    await insert('b', { auth_type: stored?.auth_type ?? null, auth_secret: stored?.auth_secret ?? null });
    const rows = await loadUpstreamRows(database, CIPHER, silentLogger);
    expect(rows.find((row) => row.id === 'b')).toMatchObject({ enabled: false, headers: [] });
  });
});
