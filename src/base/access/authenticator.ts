// The port through which every door learns who is calling. One adapter: control-plane/tokens.
import type { Principal } from './principal.ts';

export interface Credentials {
  /** The Authorization header as it came. */
  readonly authorization: string | undefined;
}

export interface Authenticator {
  /**
   * The caller, at once when the token is remembered (signature good, claims, until), else as a promise.
   * Throws AppError `auth.required` or `auth.invalid`. Revocation is checked on every call, never remembered.
   */
  authenticate(credentials: Credentials): Principal | Promise<Principal>;
  /** Is this caller's token still good? For streams that outlive the request that opened them. */
  isStillValid(principal: Principal): boolean;
}
