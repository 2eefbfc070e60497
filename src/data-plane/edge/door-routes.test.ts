import { expect, test } from 'vitest';
import type { DoorHandler } from '#data-plane/transports';
import { createDoorRoutes } from './door-routes.ts';

const mcp: DoorHandler = () => {};
const rpc: DoorHandler = () => {};
const routeOf = createDoorRoutes({ '/servers/{id}/mcp': mcp, '/rpc': rpc });
const ID = '0123456789abcdef0123456789abcdef';

test.each([
  [`/servers/${ID}/mcp`, mcp, ID],
  [`/v1/servers/${ID}/mcp/`, mcp, ID],
  ['/servers/01234567-89AB-cdef-0123-456789abcdef/mcp', mcp, ID],
  ['/rpc', rpc, ''],
  ['/v1/rpc/', rpc, ''],
])('%s is a door’s, the second time as the first', (path, door, serverId) => {
  expect(routeOf(path)).toEqual({ door, serverId });
  expect(routeOf(path)).toEqual({ door, serverId });
});

test.each([
  '/servers',
  `/servers/${ID}`,
  `/servers/${ID}/mcp/x`,
  '/servers//mcp',
  '/rpcs',
  '/x/rpc',
  '/v1',
  '/v2/rpc',
  `/servers/${'a'.repeat(65)}/mcp`,
])('%s is the front’s', (path) => {
  expect(routeOf(path)).toBeUndefined();
});
