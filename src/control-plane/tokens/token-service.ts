// Revoked tokens: written as rows, read into the snapshot, asked on every call. An entry is kept as long as its token could be
// used; without a known expiry, for ever.
import type { Database } from '#control-plane/db';
import { AppError } from '#base/kernel';

/** Covers the verifier's leeway and clocks that differ between processes. */
const KEPT_AFTER_EXPIRY_MS = 10 * 60_000;
const JTI_MAX = 255;

export interface TokenService {
  /**
   * Revokes at once, for good; doing it twice is fine.
   * @param expiresAt when the token would expire by itself, if known
   */
  revoke(jti: string, by: string | null, expiresAt?: Date): Promise<void>;
  /** Every `jti` that must be refused, for the snapshot. */
  listRevoked(now: Date): Promise<string[]>;
}

export function createTokenService(database: Database, now: () => Date = () => new Date()): TokenService {
  return {
    async revoke(jti, by, expiresAt) {
      if (jti === '' || jti.length > JTI_MAX) throw new AppError('request.bad_input', `A token id (jti) has 1 to ${JTI_MAX} characters.`);
      const at = now();
      await database.change(async (tx) => {
        await tx.deleteFrom('revoked_tokens').where('expires_at', '<=', forgetBefore(at)).execute();
        await tx
          .insertInto('revoked_tokens')
          .values({ jti, revoked_at: at.toISOString(), revoked_by: by, expires_at: expiresAt?.toISOString() ?? null })
          // Two opinions about its expiry: keep it for ever rather than trust the shorter.
          .onConflict((conflict) => conflict.column('jti').doUpdateSet({ expires_at: null }))
          .execute();
      });
    },
    async listRevoked(at) {
      const rows = await database.db
        .selectFrom('revoked_tokens')
        .select('jti')
        .where((row) => row.or([row('expires_at', 'is', null), row('expires_at', '>', forgetBefore(at))]))
        .execute();
      return rows.map((row) => row.jti);
    },
  };
}

function forgetBefore(at: Date): string {
  return new Date(at.getTime() - KEPT_AFTER_EXPIRY_MS).toISOString();
}
