// What must stay secret of an upstream, at rest: its credentials and the environment of its process, each sealed for the row and
// the column it belongs to.
import { toAppError, type AppError } from '#base/kernel';
import type { ColumnCipher, GatewaysTable } from '#control-plane/db';
import type { AuthSecret } from './upstream-auth.ts';
import type { Environment } from './upstream-process.ts';

export interface UpstreamVault {
  seal(id: string, secret: AuthSecret | null): Pick<GatewaysTable, 'auth_type' | 'auth_secret'>;
  /** Throws AppError `config.invalid` when the row was sealed with another AUTH_ENCRYPTION_SECRET. */
  open(row: Pick<GatewaysTable, 'id' | 'auth_secret'>): AuthSecret | null;
  /** As open(), with the error as a value. */
  tryOpen(row: Pick<GatewaysTable, 'id' | 'auth_secret'>): AuthSecret | null | AppError;
  sealEnvironment(id: string, env: Environment): Pick<GatewaysTable, 'process_env'>;
  /** {} for a row without one. Throws as open() does. */
  openEnvironment(row: Pick<GatewaysTable, 'id' | 'process_env'>): Environment;
  tryOpenEnvironment(row: Pick<GatewaysTable, 'id' | 'process_env'>): Environment | AppError;
}

export function createUpstreamVault(cipher: ColumnCipher): UpstreamVault {
  const open: UpstreamVault['open'] = ({ id, auth_secret: sealed }) =>
    sealed === null ? null : (JSON.parse(cipher.unseal(sealed, contextOf('auth_secret', id))) as AuthSecret);
  const openEnvironment: UpstreamVault['openEnvironment'] = ({ id, process_env: sealed }) =>
    sealed === null ? {} : (JSON.parse(cipher.unseal(sealed, contextOf('process_env', id))) as Environment);
  return {
    open,
    openEnvironment,
    seal: (id, secret) => ({
      auth_type: secret?.type ?? null,
      auth_secret: secret === null ? null : cipher.seal(JSON.stringify(secret), contextOf('auth_secret', id)),
    }),
    sealEnvironment: (id, env) => ({
      process_env: Object.keys(env).length === 0 ? null : cipher.seal(JSON.stringify(env), contextOf('process_env', id)),
    }),
    tryOpen: (row) => orError(() => open(row)),
    tryOpenEnvironment: (row) => orError(() => openEnvironment(row)),
  };
}

function orError<T>(work: () => T): T | AppError {
  try {
    return work();
  } catch (error) {
    return toAppError(error);
  }
}

function contextOf(column: 'auth_secret' | 'process_env', id: string): string {
  return `gateways.${column}:${id}`;
}
