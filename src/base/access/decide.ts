// The one authorisation decision. Pure, synchronous, used by every door for listing, reading, calling and changing alike, so
// that nobody can call what they cannot list (decisions.md 12; api.md 8.3, 8.4).
import type { Principal } from './principal.ts';

export type EntityKind = 'gateway' | 'server' | 'tool' | 'resource' | 'prompt';
export type Visibility = 'public' | 'team' | 'private';

/** `use` is an MCP message to a server or a call of a tool; `administer` is what only administrators may do. */
export type Action = 'read' | 'use' | 'create' | 'update' | 'delete' | 'administer';

/** What decide() must know of an entity; rows of all kinds have these fields. */
export interface Owned {
  readonly kind: EntityKind;
  readonly id: string;
  readonly visibility: Visibility;
  readonly ownerEmail: string | null;
  readonly teamId: string | null;
  readonly enabled: boolean;
}

export type Decision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly reason: 'not_visible' | 'disabled' | 'not_owner' | 'scope' | 'admin_only' };

const ALLOWED: Decision = { allowed: true };
const no = (reason: 'not_visible' | 'disabled' | 'not_owner' | 'scope' | 'admin_only'): Decision => ({ allowed: false, reason });
const NOT_VISIBLE = no('not_visible');
const DISABLED = no('disabled');
const NOT_OWNER = no('not_owner');
const SCOPE = no('scope');
const ADMIN_ONLY = no('admin_only');

/**
 * May this caller do this to that entity? `not_visible` must look like "does not exist" (404), the rest is 403.
 * @param within the server through which a tool is used, for tokens that are bound to one server
 */
export function decide(principal: Principal, action: Action, entity: Owned, within?: Owned): Decision {
  if (principal.scopes !== undefined && !isInScope(principal, action, entity, within)) return SCOPE;
  if (!isVisible(principal, entity)) return NOT_VISIBLE;
  switch (action) {
    case 'read':
      return ALLOWED;
    case 'use':
      return entity.enabled ? ALLOWED : DISABLED;
    case 'create':
      return mayCreate(principal, entity) ? ALLOWED : NOT_OWNER;
    case 'update':
    case 'delete':
      return principal.isAdmin || owns(principal, entity) ? ALLOWED : NOT_OWNER;
    case 'administer':
      return principal.isAdmin ? ALLOWED : ADMIN_ONLY;
  }
}

export function isVisible(principal: Principal, entity: Owned): boolean {
  const reach = principal.reach;
  if (entity.visibility === 'public' || reach === 'everything') return true;
  if (reach === 'public') return false;
  if (owns(principal, entity)) return true;
  return entity.visibility === 'team' && entity.teamId !== null && reach.teams.includes(entity.teamId);
}

function owns(principal: Principal, entity: Owned): boolean {
  return entity.ownerEmail !== null && entity.ownerEmail === principal.email;
}

/** A caller creates public rows and rows of their own reach; a public-only token creates only public rows (api.md 8.3). */
function mayCreate(principal: Principal, entity: Owned): boolean {
  if (principal.reach === 'everything') return true;
  if (entity.visibility === 'public' && entity.teamId === null) return true;
  if (principal.reach === 'public') return false;
  return entity.teamId === null || principal.reach.teams.includes(entity.teamId);
}

/** What a token must hold to use an entity: a tool is executed, a resource or prompt read (api.md 8.6). */
const USE_VERB: Record<EntityKind, string> = { gateway: 'use', server: 'use', tool: 'execute', resource: 'read', prompt: 'read' };

const PERMISSION_VERB: Record<Action, string> = {
  read: 'read',
  use: 'use',
  create: 'create',
  update: 'update',
  delete: 'delete',
  administer: 'admin',
};

function isInScope(principal: Principal, action: Action, entity: Owned, within: Owned | undefined): boolean {
  const scopes = principal.scopes;
  if (scopes === undefined) return true;
  if (scopes.serverId !== undefined) {
    const server = within ?? entity;
    if (server.kind !== 'server' || server.id !== scopes.serverId) return false;
  }
  if (scopes.permissions.length === 0) return true;
  const category = `${entity.kind}s`;
  const wanted = `${category}.${action === 'use' ? USE_VERB[entity.kind] : PERMISSION_VERB[action]}`;
  return scopes.permissions.some((held) => permits(held, wanted));
}

/** Holding any tools., resources. or prompts. permission implies `servers.use` (api.md 8.4). */
function permits(held: string, wanted: string): boolean {
  if (held === '*' || held === wanted) return true;
  if (held.endsWith('.*') && wanted.startsWith(held.slice(0, -1))) return true;
  return wanted === 'servers.use' && /^(tools|resources|prompts)\./.test(held);
}
