export { type Authenticator, type Credentials } from './authenticator.ts';
export { decide, isVisible, type Action, type Decision, type EntityKind, type Owned, type Visibility } from './decide.ts';
export { type Principal, type Reach, type TokenScopes } from './principal.ts';
