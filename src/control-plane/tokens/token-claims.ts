// Verified claims to a Principal (api.md 8.2, decisions.md 12). Whatever a token says in a form we do not understand, or asks to
// be restricted by in a way we cannot enforce, is refused: claims are signed, so a strange one is somebody's mistake, and
// reading it kindly could widen what the token may do.
import { normaliseId } from '#base/kernel';
import type { Principal, Reach, TokenScopes } from '#base/access';
import type { TokenSettings } from './token-settings.ts';

export type Claims = Readonly<Record<string, unknown>>;

/** Why a token is refused although its signature is good; for the log. */
export class UnusableClaims extends Error {}

export function principalOf(claims: Claims, settings: TokenSettings): Principal {
  const user = optionalObject(claims['user'], 'user');
  const subject = optionalText(claims['sub'], 'sub') ?? firstText(claims['username'], user?.['email']);
  if (subject === undefined) throw new UnusableClaims('no subject: neither sub nor username nor user.email');
  const isAdmin = claims['is_admin'] === true || user?.['is_admin'] === true || subject === settings.adminEmail || subject === settings.basic.user;
  return {
    key: JSON.stringify([optionalText(claims['iss'], 'iss') ?? '', subject]),
    subject,
    email: firstText(user?.['email']) ?? subject,
    isAdmin,
    reach: reachOf(claims['teams'], isAdmin),
    scopes: scopesOf(claims['scopes']),
    audience: audienceOf(claims['aud'], settings),
    tokenId: optionalText(claims['jti'], 'jti'),
    via: 'jwt',
  };
}

function reachOf(teams: unknown, isAdmin: boolean): Reach {
  if (teams === undefined) return isAdmin ? 'everything' : { teams: [] };
  if (teams === null) return isAdmin ? 'everything' : 'public';
  if (!Array.isArray(teams)) throw new UnusableClaims('teams is neither a list nor null');
  if (teams.length === 0) return 'public';
  return {
    teams: teams.map((team: unknown) => {
      const id = typeof team === 'object' && team !== null && 'id' in team ? team.id : team;
      if (typeof id !== 'string' || id === '') throw new UnusableClaims('teams holds something that is not a team id');
      return normaliseId(id);
    }),
  };
}

/** Restrictions of later versions: until they can be enforced, a token that carries one is not accepted. */
const UNENFORCED = ['ip_restrictions', 'time_restrictions', 'usage_limits'] as const;

function scopesOf(value: unknown): TokenScopes | undefined {
  const scopes = optionalObject(value, 'scopes');
  if (scopes === undefined) return undefined;
  for (const name of UNENFORCED) {
    if (!isEmpty(scopes[name])) throw new UnusableClaims(`scopes.${name} cannot be enforced by this version`);
  }
  const permissions = scopes['permissions'] ?? [];
  if (!Array.isArray(permissions) || !permissions.every((held) => typeof held === 'string')) {
    throw new UnusableClaims('scopes.permissions is not a list of texts');
  }
  const serverId = optionalText(scopes['server_id'], 'scopes.server_id');
  return { serverId: serverId === undefined ? undefined : normaliseId(serverId), permissions };
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

function audienceOf(aud: unknown, settings: TokenSettings): string | undefined {
  if (settings.verifyAudience) return settings.audience;
  return firstText(...(Array.isArray(aud) ? (aud as unknown[]) : [aud]));
}

function firstText(...candidates: unknown[]): string | undefined {
  return candidates.find((candidate): candidate is string => typeof candidate === 'string' && candidate !== '');
}

function optionalText(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value === '') throw new UnusableClaims(`${name} is not a text`);
  return value;
}

function optionalObject(value: unknown, name: string): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) throw new UnusableClaims(`${name} is not an object`);
  return value as Record<string, unknown>;
}
