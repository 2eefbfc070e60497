// Upstream credentials at rest: sealed for the row they belong to.
import { toAppError, type AppError } from '#base/kernel';
import type { ColumnCipher, GatewaysTable } from '#control-plane/db';
import type { AuthSecret } from './upstream-auth.ts';

export interface UpstreamVault {
  seal(id: string, secret: AuthSecret | null): Pick<GatewaysTable, 'auth_type' | 'auth_secret'>;
  /** Throws AppError `config.invalid` when the row was sealed with another AUTH_ENCRYPTION_SECRET. */
  open(row: Pick<GatewaysTable, 'id' | 'auth_secret'>): AuthSecret | null;
  /** As open(), with the error as a value. */
  tryOpen(row: Pick<GatewaysTable, 'id' | 'auth_secret'>): AuthSecret | null | AppError;
}

export function createUpstreamVault(cipher: ColumnCipher): UpstreamVault {
  const open = ({ id, auth_secret: sealed }: Pick<GatewaysTable, 'id' | 'auth_secret'>): AuthSecret | null =>
    sealed === null ? null : (JSON.parse(cipher.unseal(sealed, contextOf(id))) as AuthSecret);
  return {
    open,
    seal: (id, secret) => ({
      auth_type: secret?.type ?? null,
      auth_secret: secret === null ? null : cipher.seal(JSON.stringify(secret), contextOf(id)),
    }),
    tryOpen(row) {
      try {
        return open(row);
      } catch (error) {
        return toAppError(error);
      }
    },
  };
}

function contextOf(id: string): string {
  return `gateways.auth_secret:${id}`;
}
