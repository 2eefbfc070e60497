// Upstream credentials are sealed before they reach a row, so that a copied database file gives none away.
// AES-256-GCM (NIST SP 800-38D) with a key stretched once from AUTH_ENCRYPTION_SECRET by scrypt (RFC 7914).
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { AppError, type Secret } from '#base/kernel';

const PREFIX = 'v1:';
const SALT = 'mcpgateway/crypto-column/v1';
const IV_BYTES = 12;
const TAG_BYTES = 16;

export interface ColumnCipher {
  /** @param context where the value belongs, e.g. `gateways.auth_secret:<id>`; a value moved elsewhere cannot be unsealed */
  seal(plain: string, context: string): string;
  /** Throws AppError `config.invalid` when the secret is not the one it was sealed with, or the value was altered or moved. */
  unseal(sealed: string, context: string): string;
}

/** Takes some tens of milliseconds: make one at start. */
export function createColumnCipher(secret: Secret): ColumnCipher {
  const key = scryptSync(secret.reveal(), SALT, 32);
  return {
    seal(plain, context) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return PREFIX + Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url');
    },
    unseal(sealed, context) {
      try {
        if (!sealed.startsWith(PREFIX)) throw new Error('unknown format');
        const bytes = Buffer.from(sealed.slice(PREFIX.length), 'base64url');
        const body = bytes.subarray(IV_BYTES + TAG_BYTES);
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
          .setAAD(Buffer.from(context))
          .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
        return decipher.update(body, undefined, 'utf8') + decipher.final('utf8');
      } catch (error) {
        throw new AppError(
          'config.invalid',
          'A stored credential cannot be read with this AUTH_ENCRYPTION_SECRET. Set the secret it was stored with, or enter the credential again.',
          { internal: `${context}: ${String(error)}`, cause: error },
        );
      }
    },
  };
}
