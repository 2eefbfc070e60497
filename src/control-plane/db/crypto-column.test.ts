import { describe, expect, it } from 'vitest';
import { Secret } from '#base/kernel';
import { createColumnCipher } from './crypto-column.ts';

const cipher = createColumnCipher(new Secret('one secret'));
const PLAIN = '{"token":"größer"}';

describe('sealed columns', () => {
  it('come back as they were, and never look the same twice', () => {
    const sealed = cipher.seal(PLAIN, 'gateways:1');
    expect(cipher.unseal(sealed, 'gateways:1')).toBe(PLAIN);
    expect(sealed).toMatch(/^v1:/);
    expect(sealed).not.toContain('token');
    expect(cipher.seal(PLAIN, 'gateways:1')).not.toBe(sealed);
  });

  it('can be read after a restart with the same secret', () => {
    const again = createColumnCipher(new Secret('one secret'));
    expect(again.unseal(cipher.seal(PLAIN, 'c'), 'c')).toBe(PLAIN);
  });

  it('with another secret give an error that names the setting', () => {
    const other = createColumnCipher(new Secret('another secret'));
    const sealed = cipher.seal(PLAIN, 'c');
    expect(() => other.unseal(sealed, 'c')).toThrow(
      expect.objectContaining({ code: 'config.invalid', message: expect.stringContaining('AUTH_ENCRYPTION_SECRET') }),
    );
  });

  it('are refused when altered, moved to another row, cut short or of an unknown format', () => {
    const sealed = cipher.seal(PLAIN, 'gateways:1');
    const altered = sealed.slice(0, -2) + (sealed.endsWith('AA') ? 'BB' : 'AA');
    for (const [value, context] of [
      [altered, 'gateways:1'],
      [sealed, 'gateways:2'],
      [sealed.slice(0, 12), 'gateways:1'],
      [sealed.slice(0, 30), 'gateways:1'],
      [`v9:${sealed.slice(3)}`, 'gateways:1'],
      [PLAIN, 'gateways:1'],
    ] as const) {
      expect(() => cipher.unseal(value, context)).toThrow(expect.objectContaining({ code: 'config.invalid' }));
    }
  });
});
