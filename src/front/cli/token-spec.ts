// What `mcpgateway token` was asked for, from flags or from `--data`, as the claims it stands for.
import type { TokenSpec } from '#control-plane/tokens';
import { AppError } from '#base/kernel';
import { z } from 'zod';

export interface TokenFlags {
  readonly username?: string | undefined;
  readonly exp?: number | undefined;
  readonly admin?: boolean | undefined;
  readonly teams?: string | undefined;
  readonly data?: string | undefined;
}

const claims = z.strictObject({
  username: z.string().min(1).optional(),
  sub: z.string().min(1).optional(),
  is_admin: z.boolean().optional(),
  teams: z.array(z.string().min(1)).nullable().optional(),
  scopes: z.strictObject({ server_id: z.string().min(1).nullish(), permissions: z.array(z.string().min(1)).optional() }).optional(),
  jti: z.string().min(1).optional(),
});

/**
 * Flags win over `--data`. Throws AppError `request.bad_input`.
 * @param defaultUsername for whom a token is made when nobody is named
 */
export function tokenSpec(flags: TokenFlags, defaultUsername: string): TokenSpec {
  const given = flags.data === undefined ? {} : readClaims(flags.data);
  const username = flags.username ?? given.username ?? given.sub ?? defaultUsername;
  const teams = flags.teams === undefined ? given.teams : splitList(flags.teams);
  return {
    username,
    isAdmin: flags.admin ?? given.is_admin,
    teams,
    expiresInMinutes: flags.exp,
    scopes: given.scopes === undefined ? undefined : { serverId: given.scopes.server_id ?? undefined, permissions: given.scopes.permissions ?? [] },
    jti: given.jti,
  };
}

function readClaims(text: string): z.output<typeof claims> {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch {
    throw new AppError('request.bad_input', '--data is not JSON.');
  }
  const parsed = claims.safeParse(input);
  if (!parsed.success) throw new AppError('request.bad_input', `--data cannot be used:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

export interface TokenReference {
  readonly jti: string;
  readonly expiresAt: Date | undefined;
}

/** A token id, or the whole token, whose signature does not matter here: revoking a forged one harms nobody. */
export function tokenReference(text: string): TokenReference {
  const parts = text.trim().split('.');
  if (parts.length !== 3) return { jti: text.trim(), expiresAt: undefined };
  const payload = z.object({ jti: z.string().min(1), exp: z.number().optional() }).safeParse(decode(parts[1] ?? ''));
  if (!payload.success)
    throw new AppError('request.bad_input', 'This token has no id (jti), so it cannot be revoked by itself. A new JWT_SECRET_KEY ends every token.');
  const { jti, exp } = payload.data;
  return { jti, expiresAt: exp === undefined ? undefined : new Date(exp * 1000) };
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
