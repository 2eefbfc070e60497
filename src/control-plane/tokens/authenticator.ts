// The adapter of the Authenticator port: JSON Web Tokens, Basic behind its switch, and nobody at all where that is allowed.
// Every refusal has one public text, so that a caller learns nothing from it; the reason is in `internal`.
import { jwtVerify, type JWTVerifyOptions } from 'jose';
import { AppError } from '#base/kernel';
import type { Authenticator, Credentials, Principal } from '#base/access';
import { basicPrincipal, isBasicUser } from './basic-credentials.ts';
import { principalOf } from './token-claims.ts';
import { verificationKey } from './token-keys.ts';
import type { TokenSettings } from './token-settings.ts';
import { VerifiedTokens } from './verified-tokens.ts';

const LEEWAY_SECONDS = 5;
const REMEMBERED_MAX = 10_000;
const REMEMBERED_MS = 60_000;

export interface AuthenticatorPorts {
  /** Asked on every call; reads the snapshot. */
  readonly isRevoked: (jti: string) => boolean;
  /** Epoch ms. */
  readonly now?: () => number;
}

/** Throws AppError `config.invalid` when the keys do not fit the algorithm. */
export function createAuthenticator(settings: TokenSettings, ports: AuthenticatorPorts): Authenticator {
  return new TokenAuthenticator(settings, ports);
}

class TokenAuthenticator implements Authenticator {
  readonly #settings: TokenSettings;
  readonly #isRevoked: (jti: string) => boolean;
  readonly #now: () => number;
  readonly #key: ReturnType<typeof verificationKey>;
  readonly #options: JWTVerifyOptions;
  readonly #remembered = new VerifiedTokens(REMEMBERED_MAX);
  /** For streams, which keep a principal longer than the token is remembered. */
  readonly #expiryMs = new WeakMap<Principal, number>();

  constructor(settings: TokenSettings, ports: AuthenticatorPorts) {
    this.#settings = settings;
    this.#isRevoked = ports.isRevoked;
    this.#now = ports.now ?? Date.now;
    this.#key = verificationKey(settings);
    this.#options = {
      algorithms: [settings.algorithm],
      clockTolerance: LEEWAY_SECONDS,
      requiredClaims: [...(settings.requireExpiration ? ['exp'] : []), ...(settings.requireJti ? ['jti'] : [])],
      ...(settings.verifyAudience ? { audience: settings.audience } : {}),
      ...(settings.verifyIssuer ? { issuer: settings.issuer } : {}),
    };
  }

  authenticate(credentials: Credentials): Principal | Promise<Principal> {
    const header = credentials.authorization;
    if (header === undefined || header === '') return this.#withoutCredential();
    const known = this.#remembered.get(header);
    if (known !== undefined) {
      if (this.#now() < known.untilMs) return this.#unrevoked(known.principal);
      this.#remembered.delete(header);
    }
    const [, scheme, value] = /^([A-Za-z]+) +([^\s]+) *$/.exec(header) ?? [];
    if (scheme === undefined || value === undefined) throw refused('the Authorization header is not a scheme and a value');
    switch (scheme.toLowerCase()) {
      case 'bearer':
        return this.#bearer(header, value);
      case 'basic':
        return this.#basic(value);
      default:
        throw refused(`the scheme ${scheme} is not accepted`);
    }
  }

  isStillValid(principal: Principal): boolean {
    if (principal.tokenId !== undefined && this.#isRevoked(principal.tokenId)) return false;
    const expiryMs = this.#expiryMs.get(principal);
    return expiryMs === undefined || this.#now() < expiryMs;
  }

  async #bearer(header: string, token: string): Promise<Principal> {
    const nowMs = this.#now();
    let principal: Principal;
    let expiryMs: number;
    try {
      const { payload } = await jwtVerify(token, this.#key, { ...this.#options, currentDate: new Date(nowMs) });
      principal = principalOf(payload, this.#settings);
      expiryMs = payload.exp === undefined ? Number.POSITIVE_INFINITY : (payload.exp + LEEWAY_SECONDS) * 1000;
    } catch (error) {
      throw refused(error instanceof Error ? error.message : String(error), error);
    }
    this.#unrevoked(principal);
    this.#expiryMs.set(principal, expiryMs);
    this.#remembered.set(header, { principal, untilMs: Math.min(expiryMs, nowMs + REMEMBERED_MS) });
    return principal;
  }

  #basic(encoded: string): Principal {
    const { basic } = this.#settings;
    if (!basic.allowed) throw refused('Basic is switched off; API_ALLOW_BASIC_AUTH=true switches it on');
    if (!isBasicUser(encoded, basic)) throw refused('Basic: wrong user or password');
    return basicPrincipal(basic);
  }

  #withoutCredential(): Principal {
    if (this.#settings.authRequired) throw new AppError('auth.required', 'A credential is required: send Authorization: Bearer <token>.');
    return this.#settings.anonymousIsAdmin ? ANONYMOUS_ADMIN : ANONYMOUS_READER;
  }

  #unrevoked(principal: Principal): Principal {
    if (principal.tokenId !== undefined && this.#isRevoked(principal.tokenId)) throw refused(`the token ${principal.tokenId} is revoked`);
    return principal;
  }
}

const ANONYMOUS_ADMIN: Principal = {
  key: JSON.stringify(['anonymous', '']),
  subject: 'anonymous',
  email: 'anonymous',
  isAdmin: true,
  reach: 'everything',
  scopes: undefined,
  audience: undefined,
  tokenId: undefined,
  via: 'anonymous',
};
const ANONYMOUS_READER: Principal = { ...ANONYMOUS_ADMIN, isAdmin: false, reach: 'public' };

function refused(internal: string, cause?: unknown): AppError {
  return new AppError('auth.invalid', 'The credential is not valid.', { internal, cause });
}
