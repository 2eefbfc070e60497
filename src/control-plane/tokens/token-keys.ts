// Keys for signing and verifying, checked against the configured algorithm once at start: a key of the wrong kind is the
// operator's fault and must not look like a bad token later.
import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { AppError } from '#base/kernel';
import type { TokenAlgorithm, TokenSettings } from './token-settings.ts';

/** OpenSSL's names of the curves of RFC 7518 §3.4. */
const CURVES: Partial<Record<TokenAlgorithm, string>> = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' };
/** RFC 7518 §3.3. */
const RSA_BITS_MIN = 2048;

/** Throws AppError `config.invalid`. */
export function verificationKey(settings: TokenSettings): KeyObject {
  if (settings.algorithm.startsWith('HS')) return hmacKey(settings);
  const pem = settings.publicKeyPem ?? settings.privateKeyPem?.reveal();
  if (pem === undefined) throw invalid(`JWT_ALGORITHM ${settings.algorithm} needs JWT_PUBLIC_KEY_PATH.`);
  return fitting(settings.algorithm, 'JWT_PUBLIC_KEY_PATH', () => createPublicKey(pem));
}

/** Throws AppError `config.invalid`. */
export function signingKey(settings: TokenSettings): KeyObject {
  if (settings.algorithm.startsWith('HS')) return hmacKey(settings);
  const pem = settings.privateKeyPem?.reveal();
  if (pem === undefined) throw invalid(`Signing with JWT_ALGORITHM ${settings.algorithm} needs JWT_PRIVATE_KEY_PATH.`);
  return fitting(settings.algorithm, 'JWT_PRIVATE_KEY_PATH', () => createPrivateKey(pem));
}

function hmacKey(settings: TokenSettings): KeyObject {
  const secret = settings.secret.reveal();
  if (secret === '') throw invalid(`JWT_ALGORITHM ${settings.algorithm} needs JWT_SECRET_KEY.`);
  return createSecretKey(secret, 'utf8');
}

function fitting(algorithm: TokenAlgorithm, setting: string, read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (error) {
    throw invalid(`The key in ${setting} cannot be read as PEM.`, error);
  }
  const details = key.asymmetricKeyDetails;
  const curve = CURVES[algorithm];
  const fits =
    curve === undefined
      ? key.asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= RSA_BITS_MIN
      : key.asymmetricKeyType === 'ec' && details?.namedCurve === curve;
  if (fits) return key;
  throw invalid(
    `The key in ${setting} does not fit ${algorithm}: it needs ${curve === undefined ? `RSA with at least ${RSA_BITS_MIN} bits` : `an EC key on ${curve}`}.`,
  );
}

function invalid(message: string, cause?: unknown): AppError {
  return new AppError('config.invalid', message, { cause });
}
