import { describe, expect, it } from 'vitest';
import { authHeaders, maskedAuth, readAuth, type AuthInput, type AuthSecret } from './upstream-auth.ts';

const BEARER: AuthSecret = { type: 'bearer', token: 'stored' };
const HEADERS: AuthSecret = {
  type: 'authheaders',
  headers: [
    { key: 'X-A', value: '1' },
    { key: 'X-B', value: '2' },
  ],
};

describe('upstream credentials', () => {
  it.each<[string, AuthInput, AuthSecret | null, AuthSecret | null | undefined]>([
    ['stay when nothing is said of them', {}, BEARER, undefined],
    ['stay when only null is said of them', { authToken: null }, BEARER, undefined],
    ['go with an empty auth_type', { authType: '' }, BEARER, null],
    ['stay behind their mask', { authToken: '*****' }, BEARER, BEARER],
    ['change without naming the type again', { authToken: 'new' }, BEARER, { type: 'bearer', token: 'new' }],
    ['change their type', { authType: 'basic', authUsername: 'u', authPassword: 'p' }, BEARER, { type: 'basic', username: 'u', password: 'p' }],
    [
      'keep masked headers while others change',
      {
        authHeaders: [
          { key: 'x-a', value: '*****' },
          { key: 'X-C', value: '3' },
        ],
      },
      HEADERS,
      {
        type: 'authheaders',
        headers: [
          { key: 'x-a', value: '1' },
          { key: 'X-C', value: '3' },
        ],
      },
    ],
    ['keep all headers when only the type is repeated', { authType: 'authheaders' }, HEADERS, HEADERS],
  ])('%s', (_, body, stored, expected) => {
    expect(readAuth(body, stored, '*****')).toEqual(expected);
  });

  it.each<[string, AuthInput, AuthSecret | null]>([
    ['without a type', { authToken: 't' }, null],
    ['half given', { authType: 'basic', authUsername: 'u' }, null],
    ['that are only a mask', { authType: 'bearer', authToken: '*****' }, HEADERS],
    ['of another type than the stored mask', { authType: 'bearer', authToken: '*****' }, { type: 'basic', username: 'u', password: 'p' }],
    ['without any header', { authType: 'authheaders' }, null],
  ])('%s are refused', (_, body, stored) => {
    expect(() => readAuth(body, stored, '*****')).toThrow(expect.objectContaining({ code: 'request.bad_input' }));
  });

  it('stay behind the mask of this installation, which is no value of its own', () => {
    expect(readAuth({ authToken: '(hidden)' }, BEARER, '(hidden)')).toEqual(BEARER);
    expect(() => readAuth({ authType: 'bearer', authToken: '(hidden)' }, null, '(hidden)')).toThrow('nothing is stored behind it');
  });

  it('become header pairs, UTF-8 in Basic (RFC 7617)', () => {
    expect(authHeaders({ type: 'basic', username: 'ü', password: 'p:q' })).toEqual([
      ['authorization', `Basic ${Buffer.from('ü:p:q').toString('base64')}`],
    ]);
    expect(authHeaders(HEADERS)).toEqual([
      ['x-a', '1'],
      ['x-b', '2'],
    ]);
    expect(authHeaders(null)).toEqual([]);
  });

  it('never show a secret', () => {
    for (const secret of [BEARER, HEADERS, { type: 'basic', username: 'u', password: 'hidden' } as const]) {
      expect(JSON.stringify(maskedAuth(secret, '*****'))).not.toMatch(/stored|hidden|"1"|"2"/);
    }
  });
});
