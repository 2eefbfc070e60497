// Who is calling. One on every request, whichever door it came through (decisions.md 12).

export interface TokenScopes {
  /** Restricts the token to one server. */
  readonly serverId?: string | undefined;
  /** Permission names such as `tools.read`, `servers.*` or `*`; empty means no restriction. */
  readonly permissions: readonly string[];
}

/**
 * Which rows a caller may see:
 * `everything` – an unrestricted administrator;
 * `public` – public rows only, not even their own private ones (`teams: []`);
 * otherwise public rows, the rows of these teams, and the caller's own.
 */
export type Reach = 'everything' | 'public' | { readonly teams: readonly string[] };

export interface Principal {
  /** Issuer and subject: outlives a token's renewal, binds sessions. */
  readonly key: string;
  readonly subject: string;
  readonly email: string;
  readonly isAdmin: boolean;
  readonly reach: Reach;
  readonly scopes: TokenScopes | undefined;
  readonly audience: string | undefined;
  /** `jti`; looked up in the snapshot's revocations on every call. */
  readonly tokenId: string | undefined;
  readonly via: 'jwt' | 'basic' | 'anonymous';
}
