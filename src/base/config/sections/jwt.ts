// How tokens are signed and checked.
import { z } from 'zod';
import { choice, flag, integer, optionalText, secret, text } from '../setting.ts';

export const jwtSection = z.strictObject({
  algorithm: choice(['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'], 'HS256', {
    env: 'JWT_ALGORITHM',
    description: 'The only signature algorithm that is accepted, and the one that is signed with.',
  }),
  secretKey: secret({
    env: 'JWT_SECRET_KEY',
    description: 'Key for HS256, HS384 and HS512.',
    fallback: 'generated once and kept beside the database',
  }),
  publicKeyPath: optionalText({
    env: 'JWT_PUBLIC_KEY_PATH',
    description: 'PEM file with the public key or certificate for RS* and ES*.',
    allowed: 'a path',
    fallback: 'taken from the private key',
  }),
  privateKeyPath: optionalText({
    env: 'JWT_PRIVATE_KEY_PATH',
    description: 'PEM file with the private key for RS* and ES*; needed only to sign.',
    allowed: 'a path',
    fallback: 'none',
  }),
  audience: text('mcpgateway-api', { env: 'JWT_AUDIENCE', description: 'Expected and issued `aud` claim.' }, z.string().min(1)),
  issuer: text('mcpgateway', { env: 'JWT_ISSUER', description: 'Expected and issued `iss` claim.' }, z.string().min(1)),
  verifyAudience: flag(true, { env: 'JWT_AUDIENCE_VERIFICATION', description: 'Check the `aud` claim.' }),
  verifyIssuer: flag(true, { env: 'JWT_ISSUER_VERIFICATION', description: 'Check the `iss` claim.' }),
  requireExpiration: flag(true, { env: 'REQUIRE_TOKEN_EXPIRATION', description: 'Refuse tokens without an `exp` claim.' }),
  requireJti: flag(true, { env: 'REQUIRE_JTI', description: 'Refuse tokens without a `jti` claim; such tokens cannot be revoked.' }),
  expiryMinutes: integer(
    10_080,
    { min: 1, max: 5_256_000 },
    { env: 'TOKEN_EXPIRY', description: 'Life in minutes of a token that is issued without saying.' },
  ),
});
