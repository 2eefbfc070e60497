// Before anything of a request is read, we know who sends it and whether they may use this route at all.
import type { Authenticator, Principal } from '#base/access';
import { AppError } from '#base/kernel';
import type { RouteSpec } from '#control-plane/http-contract';

/** Who is meant on routes that look at no credential, and by attempts that failed before anybody was known. */
export const NOBODY: Principal = {
  key: '',
  subject: '',
  email: '',
  isAdmin: false,
  reach: 'public',
  scopes: undefined,
  audience: undefined,
  tokenId: undefined,
  via: 'anonymous',
};

/** Throws AppError `auth.required`, `auth.invalid` or `access.denied`. */
export async function guard(route: RouteSpec, authenticator: Authenticator, authorization: string | undefined): Promise<Principal> {
  if (route.auth === 'none') return NOBODY;
  const principal = await authenticator.authenticate({ authorization });
  if (route.auth === 'admin' && !principal.isAdmin) throw new AppError('access.denied', 'Access denied: administrators only.');
  return principal;
}
