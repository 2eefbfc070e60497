import { createHmac, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Principal } from '#base/access';
import { Secret } from '#base/kernel';
import { createAuthenticator, signToken, type TokenAlgorithm, type TokenSettings } from './index.ts';

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const NOW_S = NOW_MS / 1000;

const SETTINGS: TokenSettings = {
  algorithm: 'HS256',
  secret: new Secret('my-test-key'),
  audience: 'mcpgateway-api',
  issuer: 'mcpgateway',
  verifyAudience: true,
  verifyIssuer: true,
  requireExpiration: true,
  requireJti: true,
  expiryMinutes: 60,
  basic: { user: 'admin', password: new Secret('changeme'), allowed: false },
  adminEmail: 'admin@example.com',
  authRequired: true,
  anonymousIsAdmin: true,
};

const GOOD = { sub: 'ann@example.com', iss: 'mcpgateway', aud: 'mcpgateway-api', jti: 'j1', iat: NOW_S, exp: NOW_S + 3600 };

/** A token written by hand, so that nothing but the authenticator decides what is acceptable. */
function forge(claims: object | string, header: object = { alg: 'HS256', typ: 'JWT' }, key = 'my-test-key', hash = 'sha256'): string {
  const part = (value: object | string): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  const head = `${part(header)}.${part(claims)}`;
  return `${head}.${createHmac(hash, key).update(head).digest('base64url')}`;
}

function authenticator(changes: Partial<TokenSettings> = {}, isRevoked: (jti: string) => boolean = () => false, now: () => number = () => NOW_MS) {
  return createAuthenticator({ ...SETTINGS, ...changes }, { isRevoked, now });
}

async function who(claims: object, changes: Partial<TokenSettings> = {}): Promise<Principal> {
  return authenticator(changes).authenticate({ authorization: `Bearer ${forge(claims)}` });
}

async function refusal(authorization: string, changes: Partial<TokenSettings> = {}): Promise<unknown> {
  try {
    return await authenticator(changes).authenticate({ authorization });
  } catch (error) {
    return error;
  }
}

const INVALID = expect.objectContaining({ code: 'auth.invalid', status: 401, message: 'The credential is not valid.' });

describe('a token is refused, always with the same public text,', () => {
  const without = (name: keyof typeof GOOD): object => Object.fromEntries(Object.entries(GOOD).filter(([key]) => key !== name));
  const unsigned = forge(GOOD, { alg: 'none' }).replace(/\.[^.]*$/, '.');
  it.each<[string, string]>([
    ['when it is not signed (alg none)', unsigned],
    ['when it is signed with another algorithm of the same family', forge(GOOD, { alg: 'HS512' }, 'my-test-key', 'sha512')],
    ['when its header names another algorithm than it was signed with', forge(GOOD, { alg: 'RS256' })],
    ['when it is signed with another key', forge(GOOD, undefined, 'another-key')],
    [
      'when its claims were changed after signing',
      forge(GOOD).replace(/\.[^.]+\./, `.${Buffer.from(JSON.stringify({ ...GOOD, is_admin: true })).toString('base64url')}.`),
    ],
    ['when its signature is cut short', forge(GOOD).slice(0, -4)],
    ['when it is expired', forge({ ...GOOD, exp: NOW_S - 60 })],
    ['when it is not valid yet', forge({ ...GOOD, nbf: NOW_S + 60 })],
    ['when it has no expiry', forge(without('exp'))],
    ['when its expiry is not a number', forge({ ...GOOD, exp: '9999999999' })],
    ['when it is for another audience', forge({ ...GOOD, aud: 'somebody-else' })],
    ['when it is for no audience', forge(without('aud'))],
    ['when it is from another issuer', forge({ ...GOOD, iss: 'somebody-else' })],
    ['when it has no jti', forge(without('jti'))],
    ['when its jti is not a text', forge({ ...GOOD, jti: 7 })],
    ['when it has no subject', forge(without('sub'))],
    ['when its subject is not a text', forge({ ...GOOD, sub: 7, username: 'admin' })],
    ['when it demands an extension we do not know (crit)', forge(GOOD, { alg: 'HS256', crit: ['b64'], b64: false })],
    ['when its teams are not a list', forge({ ...GOOD, teams: 'all' })],
    ['when a team is not an id', forge({ ...GOOD, teams: [7] })],
    ['when it carries a restriction that is not enforced', forge({ ...GOOD, scopes: { ip_restrictions: ['10.0.0.0/8'] } })],
    ['when its permissions are not a list', forge({ ...GOOD, scopes: { permissions: '*' } })],
    ['when its claims are not an object', forge('"ann"')],
    ['when it is not a token', 'abc'],
    ['when it has too many parts', `${forge(GOOD)}.x`],
  ])('%s', async (_why, token) => {
    expect(await refusal(`Bearer ${token}`)).toEqual(INVALID);
  });

  it.each(['Bearer', 'Bearer ', 'Digest abc', 'Bearer a b', forge(GOOD)])('when the header is "%s"', async (header) => {
    expect(await refusal(header)).toEqual(INVALID);
  });

  it('when it is signed with the public key as if that were a shared secret', async () => {
    const { publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const token = forge(GOOD, { alg: 'HS256' }, publicKey);
    expect(await refusal(`Bearer ${token}`, { algorithm: 'RS256', publicKeyPem: publicKey })).toEqual(INVALID);
  });

  it('also where nobody needs a credential', async () => {
    expect(await refusal('Bearer abc', { authRequired: false })).toEqual(INVALID);
  });
});

describe('checks that can be switched off', () => {
  it.each<[string, object, Partial<TokenSettings>]>([
    ['audience', { ...GOOD, aud: 'x' }, { verifyAudience: false }],
    ['issuer', { ...GOOD, iss: 'x' }, { verifyIssuer: false }],
    ['expiry', { ...GOOD, exp: undefined }, { requireExpiration: false }],
    ['jti', { ...GOOD, jti: undefined }, { requireJti: false }],
  ])('%s', async (_check, claims, off) => {
    expect((await who(claims, off)).subject).toBe('ann@example.com');
    expect(await refusal(`Bearer ${forge(claims)}`)).toEqual(INVALID);
  });

  it('an expired token stays expired when expiry is optional', async () => {
    expect(await refusal(`Bearer ${forge({ ...GOOD, exp: NOW_S - 60 })}`, { requireExpiration: false })).toEqual(INVALID);
  });
});

describe('claims to principals', () => {
  const ADMIN = { ...GOOD, is_admin: true };
  it.each<[string, object, boolean, Principal['reach']]>([
    ['an administrator without teams', ADMIN, true, 'everything'],
    ['an administrator with teams null', { ...ADMIN, teams: null }, true, 'everything'],
    ['an administrator with teams []', { ...ADMIN, teams: [] }, true, 'public'],
    ['an administrator with teams', { ...ADMIN, teams: ['t1', { id: 't2' }] }, true, { teams: ['t1', 't2'] }],
    ['somebody without teams', GOOD, false, { teams: [] }],
    ['somebody with teams null', { ...GOOD, teams: null }, false, 'public'],
    ['somebody with teams []', { ...GOOD, teams: [] }, false, 'public'],
    ['somebody with teams', { ...GOOD, teams: ['t1'] }, false, { teams: ['t1'] }],
    ['user.is_admin', { ...GOOD, user: { is_admin: true } }, true, 'everything'],
    ['is_admin as a text', { ...GOOD, is_admin: 'true' }, false, { teams: [] }],
    ['the platform administrator', { ...GOOD, sub: 'admin@example.com' }, true, 'everything'],
    ['the Basic user', { ...GOOD, sub: 'admin' }, true, 'everything'],
    ['a user name instead of a subject', { ...GOOD, sub: undefined, username: 'admin' }, true, 'everything'],
  ])('%s', async (_who, claims, isAdmin, reach) => {
    expect(await who(claims)).toMatchObject({ isAdmin, reach, via: 'jwt' });
  });

  it('a renewed token is the same principal, another issuer is not', async () => {
    const first = await who(GOOD);
    expect((await who({ ...GOOD, jti: 'j2', exp: NOW_S + 9999 })).key).toBe(first.key);
    expect((await who({ ...GOOD, iss: 'x' }, { verifyIssuer: false })).key).not.toBe(first.key);
    expect((await who({ ...GOOD, sub: 'bob@example.com' })).key).not.toBe(first.key);
  });

  it('scopes, audience and token id are carried', async () => {
    const principal = await who({ ...GOOD, scopes: { server_id: 'S1', permissions: ['tools.read'] } });
    expect(principal).toMatchObject({ scopes: { serverId: 'S1', permissions: ['tools.read'] }, audience: 'mcpgateway-api', tokenId: 'j1' });
  });
});

describe('a remembered token', () => {
  const authorization = `Bearer ${forge(GOOD)}`;

  it('is answered at once', async () => {
    const subject = authenticator();
    const first = await subject.authenticate({ authorization });
    expect(subject.authenticate({ authorization })).toBe(first);
  });

  it('is refused from the moment it is revoked', async () => {
    const revoked = new Set<string>();
    const subject = authenticator({}, (jti) => revoked.has(jti));
    const principal = await subject.authenticate({ authorization });
    expect(subject.isStillValid(principal)).toBe(true);
    revoked.add('j1');
    expect(() => subject.authenticate({ authorization })).toThrow(INVALID);
    expect(subject.isStillValid(principal)).toBe(false);
  });

  it('is refused when it is revoked before it was ever seen', async () => {
    await expect(authenticator({}, () => true).authenticate({ authorization })).rejects.toEqual(INVALID);
  });

  it('is refused from the moment it expires', async () => {
    let nowMs = NOW_MS;
    const subject = authenticator(
      {},
      () => false,
      () => nowMs,
    );
    const short = `Bearer ${forge({ ...GOOD, exp: NOW_S + 20 })}`;
    const principal = await subject.authenticate({ authorization: short });
    nowMs += 30_000;
    await expect(async () => subject.authenticate({ authorization: short })).rejects.toEqual(INVALID);
    expect(subject.isStillValid(principal)).toBe(false);
  });

  it('is verified afresh after a minute', async () => {
    let nowMs = NOW_MS;
    const subject = authenticator(
      {},
      () => false,
      () => nowMs,
    );
    await subject.authenticate({ authorization });
    nowMs += 61_000;
    expect(subject.authenticate({ authorization })).toBeInstanceOf(Promise);
  });
});

describe('without a token', () => {
  it('nobody gets in where a credential is required', () => {
    expect(() => authenticator().authenticate({ authorization: undefined })).toThrow(expect.objectContaining({ code: 'auth.required', status: 401 }));
  });

  it('everyone is an administrator, or a reader of public rows, where none is required', () => {
    expect(authenticator({ authRequired: false }).authenticate({ authorization: undefined })).toMatchObject({
      isAdmin: true,
      reach: 'everything',
      via: 'anonymous',
    });
    expect(authenticator({ authRequired: false, anonymousIsAdmin: false }).authenticate({ authorization: undefined })).toMatchObject({
      isAdmin: false,
      reach: 'public',
    });
  });
});

describe('Basic', () => {
  const header = (credentials: string): string => `Basic ${Buffer.from(credentials).toString('base64')}`;
  const allowed = { basic: { ...SETTINGS.basic, allowed: true } };

  it('is the administrator where it is switched on', () => {
    expect(authenticator(allowed).authenticate({ authorization: header('admin:changeme') })).toMatchObject({
      isAdmin: true,
      reach: 'everything',
      via: 'basic',
      subject: 'admin',
    });
  });

  it('is refused where it is not switched on', async () => {
    expect(await refusal(header('admin:changeme'))).toEqual(INVALID);
  });

  it.each(['admin:wrong', 'root:changeme', 'admin:', ':changeme', 'admin', ''])('"%s" is refused', async (credentials) => {
    expect(await refusal(header(credentials), allowed)).toEqual(INVALID);
  });

  it('is refused for everyone while no password is set', async () => {
    expect(await refusal(header('admin:'), { basic: { user: 'admin', password: new Secret(''), allowed: true } })).toEqual(INVALID);
  });
});

describe('signed tokens', () => {
  const rsa = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const ec = (namedCurve: string) =>
    generateKeyPairSync('ec', {
      namedCurve,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
  const keys: Record<TokenAlgorithm, { publicKey: string; privateKey: string } | undefined> = {
    HS256: undefined,
    HS384: undefined,
    HS512: undefined,
    RS256: rsa,
    RS384: rsa,
    RS512: rsa,
    ES256: ec('P-256'),
    ES384: ec('P-384'),
    ES512: ec('P-521'),
  };

  it.each(Object.keys(keys) as TokenAlgorithm[])('%s: what we sign we accept, and no other key does', async (algorithm) => {
    const pair = keys[algorithm];
    const settings: TokenSettings = { ...SETTINGS, algorithm, publicKeyPem: pair?.publicKey, privateKeyPem: pair && new Secret(pair.privateKey) };
    const token = await signToken(settings, { username: 'ann@example.com' }, () => NOW_MS);
    const authorization = `Bearer ${token}`;
    const principal = await authenticator(settings).authenticate({ authorization });
    expect(principal).toMatchObject({ subject: 'ann@example.com', isAdmin: false, reach: { teams: [] } });
    expect(await refusal(authorization)).toEqual(algorithm === 'HS256' ? expect.objectContaining({ subject: 'ann@example.com' }) : INVALID);
  });

  it('the administrator’s token is unrestricted and carries the contract’s claims', async () => {
    const token = await signToken(SETTINGS, { username: 'admin@example.com', expiresInMinutes: 10_080 }, () => NOW_MS);
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toEqual({
      sub: 'admin@example.com',
      username: 'admin@example.com',
      is_admin: true,
      teams: null,
      iss: 'mcpgateway',
      aud: 'mcpgateway-api',
      jti: expect.stringMatching(/^[0-9a-f]{32}$/),
      iat: NOW_S,
      exp: NOW_S + 10_080 * 60,
    });
  });

  it('a token without expiry is made only where it would be accepted', async () => {
    await expect(signToken(SETTINGS, { username: 'a', expiresInMinutes: 0 })).rejects.toMatchObject({ code: 'request.bad_input' });
    const settings = { ...SETTINGS, requireExpiration: false };
    const token = await signToken(settings, { username: 'a', expiresInMinutes: 0 });
    expect(await authenticator(settings).authenticate({ authorization: `Bearer ${token}` })).toMatchObject({ subject: 'a' });
  });

  it.each<[string, Partial<TokenSettings>]>([
    ['an RSA algorithm without a key', { algorithm: 'RS256' }],
    ['an EC key for RSA', { algorithm: 'RS256', publicKeyPem: keys.ES256?.publicKey }],
    ['the wrong curve', { algorithm: 'ES384', publicKeyPem: keys.ES256?.publicKey }],
    ['text that is no key', { algorithm: 'ES256', publicKeyPem: 'hello' }],
    ['an empty secret', { secret: new Secret('') }],
  ])('%s is refused at start', (_what, changes) => {
    expect(() => authenticator(changes)).toThrow(expect.objectContaining({ code: 'config.invalid' }));
  });
});
