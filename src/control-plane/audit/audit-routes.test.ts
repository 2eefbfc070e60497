import { describe, expect, it } from 'vitest';
import type { Principal } from '#base/access';
import { auditRoutes } from './audit-routes.ts';
import type { AuditFilter } from './audit-row.ts';

const ADMIN: Principal = {
  key: 'k',
  subject: 'admin',
  email: 'admin@example.com',
  isAdmin: true,
  reach: 'everything',
  scopes: undefined,
  audience: undefined,
  tokenId: undefined,
  via: 'jwt',
};
const REQUEST = { headers: {}, signal: new AbortController().signal };
const ANN: Principal = { ...ADMIN, subject: 'ann', email: 'ann@example.com', isAdmin: false, reach: { teams: [] } };

async function asked(principal: Principal, rawQuery: object): Promise<AuditFilter[]> {
  const filters: AuditFilter[] = [];
  const records = {
    async query(filter: AuditFilter) {
      filters.push(filter);
      return [];
    },
  };
  const [route] = auditRoutes({ records });
  if (route?.input.query === undefined) throw new Error('no route');
  const query: unknown = route.input.query.parse(rawQuery);
  await route.handler({
    principal,
    query,
    params: {},
    body: undefined,
    clientAddress: '127.0.0.1',
    userAgent: undefined,
    correlationId: 'c',
    ...REQUEST,
  });
  return filters;
}

describe('the audit trail', () => {
  it('is at the contract’s path and at the short one', () => {
    const routes = auditRoutes({ records: { query: async () => [] } });
    expect(routes.map((route) => `${route.method} ${route.path} ${route.auth}`)).toEqual([
      'GET /audit-trails user',
      'GET /api/logs/audit-trails user',
    ]);
  });

  it('shows an administrator everybody’s rows', async () => {
    expect(await asked(ADMIN, {})).toMatchObject([{ userId: undefined, limit: 100, offset: 0 }]);
    expect(await asked(ADMIN, { user_id: 'ann@example.com' })).toMatchObject([{ userId: 'ann@example.com' }]);
  });

  it('shows anybody else, and an administrator whose token is narrowed, only their own rows', async () => {
    expect(await asked(ANN, {})).toMatchObject([{ userId: 'ann@example.com' }]);
    expect(await asked(ANN, { user_id: 'bob@example.com' })).toEqual([]);
    expect(await asked({ ...ADMIN, reach: 'public' }, {})).toMatchObject([{ userId: 'admin@example.com' }]);
  });

  it('is refused to a token bound to a server or to other permissions', async () => {
    const denied = expect.objectContaining({ code: 'access.denied', status: 403 });
    await expect(asked({ ...ADMIN, scopes: { serverId: 's', permissions: [] } }, {})).rejects.toEqual(denied);
    await expect(asked({ ...ADMIN, scopes: { permissions: ['tools.read'] } }, {})).rejects.toEqual(denied);
    expect(await asked({ ...ADMIN, scopes: { permissions: ['audit.read'] } }, {})).toHaveLength(1);
  });

  it('asks first for what has not been handed over yet', async () => {
    const order: string[] = [];
    const records = {
      async query() {
        order.push('query');
        return [];
      },
    };
    const [route] = auditRoutes({ records, beforeQuery: () => void order.push('hand over') });
    await route?.handler({
      principal: ADMIN,
      query: { limit: 1, offset: 0 },
      params: {},
      body: undefined,
      clientAddress: '',
      userAgent: undefined,
      correlationId: '',
      ...REQUEST,
    });
    expect(order).toEqual(['hand over', 'query']);
  });

  it('takes lists repeated or with commas, and times with or without an offset', async () => {
    const noon = Date.UTC(2026, 10, 21, 12);
    expect(
      await asked(ADMIN, {
        action: ['create', 'update,delete'],
        resource_type: 'tool',
        start_time: '2026-11-21T12:00:00Z',
        end_time: '2026-11-21T12:00:00',
      }),
    ).toMatchObject([{ actions: ['create', 'update', 'delete'], resourceTypes: ['tool'], fromMs: noon, untilMs: noon }]);
  });

  it.each([{ limit: '0' }, { limit: '1001' }, { offset: '-1' }, { limit: 'x' }, { start_time: 'yesterday' }])('%j does not fit', async (query) => {
    await expect(asked(ADMIN, query)).rejects.toThrow();
  });
});
