import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide, isVisible, type Action, type Owned } from './decide.ts';
import type { Principal, Reach, TokenScopes } from './principal.ts';

const TEAMS = ['red', 'blue'];
const EMAILS = ['ann@example.com', 'bob@example.com'];
const ACTIONS: readonly Action[] = ['read', 'use', 'create', 'update', 'delete', 'administer'];

const reach: fc.Arbitrary<Reach> = fc.oneof(
  fc.constantFrom<Reach>('everything', 'public'),
  fc.subarray(TEAMS).map((teams) => ({ teams })),
);
const scopes: fc.Arbitrary<TokenScopes | undefined> = fc.option(
  fc.record({
    serverId: fc.option(fc.constantFrom('s1', 's2'), { nil: undefined }),
    permissions: fc.subarray(['*', 'tools.read', 'tools.execute', 'servers.*', 'servers.use', 'gateways.read', 'resources.read']),
  }),
  { nil: undefined },
);
const principals: fc.Arbitrary<Principal> = fc
  .record({ email: fc.constantFrom(...EMAILS), isAdmin: fc.boolean(), reach, scopes })
  .map((fields) => ({ key: fields.email, subject: fields.email, audience: undefined, tokenId: undefined, via: 'jwt', ...fields }));
const entities: fc.Arbitrary<Owned> = fc.record({
  kind: fc.constantFrom('gateway', 'server', 'tool'),
  id: fc.constantFrom('s1', 's2', 'x'),
  visibility: fc.constantFrom('public', 'team', 'private'),
  ownerEmail: fc.option(fc.constantFrom(...EMAILS)),
  teamId: fc.option(fc.constantFrom(...TEAMS)),
  enabled: fc.boolean(),
});

const allows = (principal: Principal, action: Action, entity: Owned, within?: Owned): boolean => decide(principal, action, entity, within).allowed;
const holds = (check: (principal: Principal, entity: Owned) => void): void => fc.assert(fc.property(principals, entities, check), { numRuns: 3000 });

test('nobody can do anything with what they cannot see', () => {
  holds((principal, entity) => {
    if (isVisible(principal, entity)) return;
    for (const action of ACTIONS) expect(allows(principal, action, entity)).toBe(false);
  });
});

test('an unrestricted administrator may do everything but use what is switched off', () => {
  holds((principal, entity) => {
    const admin: Principal = { ...principal, isAdmin: true, reach: 'everything', scopes: undefined };
    for (const action of ACTIONS) expect(allows(admin, action, entity)).toBe(action !== 'use' || entity.enabled);
  });
});

test('what is switched off is used by nobody, and is still there to be read', () => {
  holds((principal, entity) => {
    const off = { ...entity, enabled: false };
    expect(allows(principal, 'use', off)).toBe(false);
    expect(allows(principal, 'read', off)).toBe(allows(principal, 'read', { ...entity, enabled: true }));
  });
});

test('only its owner or an administrator changes or deletes an entity', () => {
  holds((principal, entity) => {
    for (const action of ['update', 'delete'] as const) {
      if (allows(principal, action, entity)) expect(principal.isAdmin || entity.ownerEmail === principal.email).toBe(true);
    }
    if (!principal.isAdmin) expect(allows(principal, 'administer', entity)).toBe(false);
  });
});

test('a caller of public reach sees public entities only, not even their own private ones', () => {
  holds((principal, entity) => {
    expect(isVisible({ ...principal, reach: 'public' }, entity)).toBe(entity.visibility === 'public');
  });
});

test('a team’s entity is seen by that team and its owner; a private one by its owner', () => {
  holds((principal, entity) => {
    if (principal.reach === 'everything' || principal.reach === 'public' || entity.visibility === 'public') return;
    const isOwner = entity.ownerEmail === principal.email;
    const isMember = entity.visibility === 'team' && entity.teamId !== null && principal.reach.teams.includes(entity.teamId);
    expect(isVisible(principal, entity)).toBe(isOwner || isMember);
  });
});

test('scopes only ever take away, and more teams only ever add', () => {
  holds((principal, entity) => {
    for (const action of ACTIONS) {
      if (allows(principal, action, entity)) expect(allows({ ...principal, scopes: undefined }, action, entity)).toBe(true);
    }
    if (principal.reach === 'everything' || principal.reach === 'public') return;
    if (isVisible(principal, entity)) expect(isVisible({ ...principal, reach: { teams: TEAMS } }, entity)).toBe(true);
  });
});

test('a token bound to one server reaches that server and what is used through it, nothing else', () => {
  const server = (id: string): Owned => ({ kind: 'server', id, visibility: 'public', ownerEmail: null, teamId: null, enabled: true });
  const tool: Owned = { ...server('t'), kind: 'tool' };
  holds((principal) => {
    const bound: Principal = { ...principal, scopes: { serverId: 's1', permissions: [] } };
    expect(allows(bound, 'use', server('s1'))).toBe(true);
    expect(allows(bound, 'use', tool, server('s1'))).toBe(true);
    for (const action of ACTIONS) {
      expect(allows(bound, action, server('s2'))).toBe(false);
      expect(allows(bound, action, tool)).toBe(false);
      expect(allows(bound, action, tool, server('s2'))).toBe(false);
      expect(allows(bound, action, { ...server('s1'), kind: 'gateway' })).toBe(false);
    }
  });
});

test.each<[readonly string[], Owned['kind'], Action, boolean]>([
  [[], 'tool', 'use', true],
  [['*'], 'gateway', 'read', true],
  [['tools.execute'], 'tool', 'use', true],
  [['tools.read'], 'tool', 'use', false],
  [['tools.read'], 'server', 'use', true],
  [['gateways.read'], 'server', 'use', false],
  [['servers.*'], 'server', 'read', true],
  [['servers.*'], 'tool', 'read', false],
  [['server.*'], 'server', 'read', false],
  [['servers'], 'server', 'read', false],
])('permissions %j on a %s to %s: %s', (permissions, kind, action, expected) => {
  const entity: Owned = { kind, id: 'x', visibility: 'public', ownerEmail: null, teamId: null, enabled: true };
  const principal: Principal = {
    key: 'k',
    subject: 's',
    email: 'e',
    isAdmin: false,
    reach: 'public',
    scopes: { permissions },
    audience: undefined,
    tokenId: undefined,
    via: 'jwt',
  };
  expect(allows(principal, action, entity)).toBe(expected);
});
