// What this room needs of the configuration: a plain slice, so that tests and the command line can make one up.
import type { Secret } from '#base/kernel';

export const TOKEN_ALGORITHMS = ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'] as const;
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

export interface TokenSettings {
  /** The only algorithm that is accepted, and the one that is signed with. */
  readonly algorithm: TokenAlgorithm;
  /** For HS*. */
  readonly secret: Secret;
  /** For RS* and ES*, SPKI or certificate; when absent it is taken from the private key. */
  readonly publicKeyPem?: string | undefined;
  /** For RS* and ES*, PKCS#8; needed only to sign. */
  readonly privateKeyPem?: Secret | undefined;
  readonly audience: string;
  readonly issuer: string;
  readonly verifyAudience: boolean;
  readonly verifyIssuer: boolean;
  readonly requireExpiration: boolean;
  readonly requireJti: boolean;
  /** Life of a token that is signed without saying; 0 means no expiry. */
  readonly expiryMinutes: number;
  readonly basic: { readonly user: string; readonly password: Secret; readonly allowed: boolean };
  /** PLATFORM_ADMIN_EMAIL: this subject is an administrator whatever its claims say. */
  readonly adminEmail: string;
  readonly authRequired: boolean;
  /** What somebody without a credential is when authRequired is false: an administrator (loopback), or a reader of public rows. */
  readonly anonymousIsAdmin: boolean;
}
