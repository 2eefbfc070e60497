import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase, type Database } from '#control-plane/db';
import { createTokenService } from './index.ts';

const NOW = new Date('2026-11-21T12:00:00.000Z');
const HOUR_MS = 3_600_000;
const after = (ms: number): Date => new Date(NOW.getTime() + ms);

let database: Database;
beforeEach(async () => {
  database = await openDatabase({ url: 'sqlite:///:memory:', busyTimeoutMs: 1_000 });
});
afterEach(() => database.close());

describe('revoked tokens', () => {
  it('are listed until they have expired by themselves', async () => {
    const tokens = createTokenService(database, () => NOW);
    await tokens.revoke('short', 'admin', after(HOUR_MS));
    await tokens.revoke('endless', 'admin');
    expect((await tokens.listRevoked(NOW)).sort()).toEqual(['endless', 'short']);
    expect(await tokens.listRevoked(after(2 * HOUR_MS))).toEqual(['endless']);
  });

  it('are forgotten by the next revocation once they have expired', async () => {
    await createTokenService(database, () => NOW).revoke('old', null, after(HOUR_MS));
    await createTokenService(database, () => after(24 * HOUR_MS)).revoke('new', null);
    expect(await database.db.selectFrom('revoked_tokens').select('jti').execute()).toEqual([{ jti: 'new' }]);
  });

  it('can be revoked twice, and then stay revoked for good', async () => {
    const tokens = createTokenService(database, () => NOW);
    await tokens.revoke('a', 'admin', after(HOUR_MS));
    await tokens.revoke('a', 'admin', after(2 * HOUR_MS));
    expect(await tokens.listRevoked(after(1000 * HOUR_MS))).toEqual(['a']);
  });

  it('are announced like any other change before revoke() resolves', async () => {
    const tokens = createTokenService(database, () => NOW);
    const heard: string[][] = [];
    database.onChange(async () => void heard.push(await tokens.listRevoked(NOW)));
    await tokens.revoke('a', 'admin');
    expect(heard).toEqual([['a']]);
  });

  it.each(['', 'x'.repeat(256)])('an impossible token id is refused', async (jti) => {
    await expect(createTokenService(database).revoke(jti, null)).rejects.toMatchObject({ code: 'request.bad_input' });
  });
});
