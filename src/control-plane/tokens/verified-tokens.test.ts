import { describe, expect, it } from 'vitest';
import type { Principal } from '#base/access';
import { VerifiedTokens } from './verified-tokens.ts';

const principal: Principal = {
  key: 'k',
  subject: 's',
  email: 's',
  isAdmin: false,
  reach: 'public',
  scopes: undefined,
  audience: undefined,
  tokenId: undefined,
  via: 'jwt',
};
const token = { principal, untilMs: 1 };

describe('VerifiedTokens', () => {
  it('never holds more than it may', () => {
    const remembered = new VerifiedTokens(10);
    for (let i = 0; i < 1000; i++) remembered.set(`t${i}`, token);
    expect(remembered.size).toBeLessThanOrEqual(10);
    expect(remembered.get('t999')).toBe(token);
    expect(remembered.get('t0')).toBeUndefined();
  });

  it('keeps what is in use while others come and go', () => {
    const remembered = new VerifiedTokens(10);
    remembered.set('used', token);
    for (let i = 0; i < 1000; i++) {
      remembered.set(`t${i}`, token);
      expect(remembered.get('used')).toBe(token);
    }
  });
});
