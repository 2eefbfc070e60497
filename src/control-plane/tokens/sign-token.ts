// Makes tokens for the command line and, later, for the token registry: the claims of api.md 8.2, signed with the configured key.
import { SignJWT } from 'jose';
import { AppError, newId } from '#base/kernel';
import { signingKey } from './token-keys.ts';
import type { TokenSettings } from './token-settings.ts';

export interface TokenSpec {
  /** `sub` and `username`: an e-mail address or user name. */
  readonly username: string;
  /** Default: true when the name is the platform administrator's or the Basic user's. */
  readonly isAdmin?: boolean | undefined;
  /** Team ids; `[]` sees public rows only; null is unrestricted for an administrator. Default: null for an administrator, else left out. */
  readonly teams?: readonly string[] | null | undefined;
  /** 0 means no expiry; default: the configured one. */
  readonly expiresInMinutes?: number | undefined;
  readonly scopes?: { readonly serverId?: string | undefined; readonly permissions?: readonly string[] | undefined } | undefined;
  /** Default: a new id. */
  readonly jti?: string | undefined;
}

/** Throws AppError `config.invalid` without a fitting key, `request.bad_input` for a token that would be refused at once. */
export async function signToken(settings: TokenSettings, spec: TokenSpec, now: () => number = Date.now): Promise<string> {
  if (spec.username === '') throw new AppError('request.bad_input', 'A token needs a user name.');
  const minutes = spec.expiresInMinutes ?? settings.expiryMinutes;
  if (!Number.isFinite(minutes) || minutes < 0) throw new AppError('request.bad_input', 'The expiry must be 0 or more minutes.');
  if (minutes === 0 && settings.requireExpiration) {
    throw new AppError('request.bad_input', 'A token without expiry would be refused: REQUIRE_TOKEN_EXPIRATION is on.');
  }
  const isAdmin = spec.isAdmin ?? (spec.username === settings.adminEmail || spec.username === settings.basic.user);
  const teams = spec.teams === undefined && isAdmin ? null : spec.teams;
  const issuedAt = Math.floor(now() / 1000);
  const token = new SignJWT({
    username: spec.username,
    is_admin: isAdmin,
    ...(teams === undefined ? {} : { teams }),
    ...(spec.scopes === undefined ? {} : { scopes: { server_id: spec.scopes.serverId ?? null, permissions: spec.scopes.permissions ?? [] } }),
  })
    .setProtectedHeader({ alg: settings.algorithm, typ: 'JWT' })
    .setSubject(spec.username)
    .setIssuer(settings.issuer)
    .setAudience(settings.audience)
    .setJti(spec.jti ?? newId())
    .setIssuedAt(issuedAt);
  if (minutes > 0) token.setExpirationTime(issuedAt + Math.round(minutes * 60));
  return token.sign(signingKey(settings));
}
