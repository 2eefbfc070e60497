// HTTP Basic (RFC 7617) for the one configured user, compared in a time that says nothing about how much of it was right.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Principal } from '#base/access';
import type { TokenSettings } from './token-settings.ts';

/** @param encoded what follows `Basic ` in the header */
export function isBasicUser(encoded: string, basic: TokenSettings['basic']): boolean {
  const password = basic.password.reveal();
  if (basic.user === '' || password === '') return false;
  const given = Buffer.from(encoded, 'base64').toString('utf8');
  return timingSafeEqual(digest(given), digest(`${basic.user}:${password}`));
}

export function basicPrincipal(basic: TokenSettings['basic']): Principal {
  return {
    key: JSON.stringify(['basic', basic.user]),
    subject: basic.user,
    email: basic.user,
    isAdmin: true,
    reach: 'everything',
    scopes: undefined,
    audience: undefined,
    tokenId: undefined,
    via: 'basic',
  };
}

/** Hashed first, because timingSafeEqual wants equal lengths and the length must not leak either. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
