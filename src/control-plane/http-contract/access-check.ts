// decide() answers; here its answer becomes an error. What a caller may not see does not exist for them (404), what they see and
// may not touch is refused (403).
import { decide, type Action, type EntityKind, type Owned, type Principal } from '#base/access';
import { AppError } from '#base/kernel';
import type { OwnershipColumns } from '#control-plane/db';

const NOT_FOUND = {
  gateway: 'gateway.not_found',
  server: 'server.not_found',
  tool: 'tool.not_found',
  resource: 'resource.not_found',
  prompt: 'prompt.not_found',
} as const;

const REFUSED = {
  disabled: 'is switched off',
  not_owner: 'belongs to somebody else; its owner or an administrator may change it',
  scope: 'is outside the scope of this token',
  admin_only: 'may be changed by administrators only',
} as const;

export function ownedOf(kind: EntityKind, row: OwnershipColumns & { readonly id: string }): Owned {
  return { kind, id: row.id, visibility: row.visibility, ownerEmail: row.owner_email, teamId: row.team_id, enabled: row.enabled === 1 };
}

/** Throws AppError `<kind>.not_found` or `access.denied` unless the caller may do it. */
export function ensureAllowed(principal: Principal, action: Action, entity: Owned): void {
  const decision = decide(principal, action, entity);
  if (decision.allowed) return;
  if (decision.reason === 'not_visible') throw notFound(entity.kind, entity.id);
  throw new AppError('access.denied', `This ${entity.kind} ${REFUSED[decision.reason]}.`);
}

export function mayRead(principal: Principal, entity: Owned): boolean {
  return decide(principal, 'read', entity).allowed;
}

/** Rows of a team are asked for by who reaches that team (api.md 1.4). Throws AppError `access.denied`. */
export function ensureTeamInReach(principal: Principal, kind: EntityKind, teamId: string | undefined): void {
  if (teamId === undefined) return;
  const teamRow: Owned = { kind, id: '', visibility: 'team', ownerEmail: null, teamId, enabled: true };
  if (!mayRead(principal, teamRow)) throw new AppError('access.denied', 'This token does not reach that team.');
}

export function notFound(kind: EntityKind, id: string): AppError {
  return new AppError(NOT_FOUND[kind], `${kind.charAt(0).toUpperCase()}${kind.slice(1)} not found: ${id.slice(0, 64)}`);
}

export interface OwnershipInput {
  readonly visibility?: 'public' | 'team' | 'private' | undefined;
  readonly teamId?: string | null | undefined;
}

/**
 * Who will own a new row: its creator. Team rows need a team.
 * Throws AppError `request.bad_input` or `access.denied` (a team or a reach that is not the caller's).
 */
export function newOwnership(principal: Principal, kind: EntityKind, id: string, input: OwnershipInput): Owned {
  const visibility = input.visibility ?? 'public';
  const teamId = input.teamId ?? null;
  if (visibility === 'team' && teamId === null) throw new AppError('request.bad_input', 'team_id: visibility "team" needs a team.');
  const owned: Owned = { kind, id, visibility, teamId, ownerEmail: principal.email, enabled: true };
  if (decide(principal, 'create', owned).allowed) return owned;
  throw new AppError('access.denied', `This caller may not create a ${visibility} ${kind}${teamId === null ? '' : ' in that team'}.`);
}
