import { expect, test } from 'vitest';
import type { Principal } from '#base/access';
import { AppError } from '#base/kernel';
import { scanMessage } from '#base/protocol';
import type { Exchange } from '../exchange.ts';
import type { ServerEntry } from '../snapshot.ts';
import { authorize } from './authorize.ts';

const owned = { visibility: 'public', ownerEmail: null, teamId: null, enabled: true } as const;
const anybody: Principal = {
  key: 'k',
  subject: 's',
  email: 'e',
  isAdmin: false,
  reach: 'public',
  scopes: undefined,
  audience: undefined,
  tokenId: undefined,
  via: 'jwt',
};
const scoped = (...permissions: string[]): Principal => ({ ...anybody, scopes: { permissions } });

function refusalOf(params: string, principal: Principal, isDisabled = true): string | undefined {
  const tools = new Map([['known', { ...owned, kind: 'tool', id: 't', name: 'known', enabled: !isDisabled }]]);
  const server = {
    ...owned,
    kind: 'server',
    id: 's',
    upstream: { ...owned, kind: 'gateway', id: 'g', row: { name: 'g' }, tools, hasHiddenTools: isDisabled },
  } as unknown as ServerEntry;
  const envelope = scanMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`);
  try {
    authorize({ principal, server, request: { envelope } } as unknown as Exchange);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

test('a disabled tool is not called, however its name is written; one the gateway has not read is the upstream’s to refuse', () => {
  expect(refusalOf('{"name":"known"}', anybody, false)).toBeUndefined();
  expect(refusalOf('{"name":"known"}', anybody)).toBe('tool.not_found');
  expect(refusalOf('{"name":"\\u006bnown"}', anybody)).toBe('tool.not_found');
  expect(refusalOf('{"name":"unread"}', anybody)).toBeUndefined();
});

test.each(['{"name":["known"]}', '{"name":{"toString":"known"}}', '{"name":7}', '{}', '["known"]'])(
  'a name that cannot be decided on is not passed on where something is hidden: %s',
  (params) => {
    expect(refusalOf(params, anybody)).toBe('request.bad_params');
    expect(refusalOf(params, scoped('servers.use'), false)).toBe('request.bad_params');
    expect(refusalOf(params, anybody, false)).toBeUndefined();
  },
);

test('a token whose scopes do not cover calling tools calls none, also none the gateway has not read', () => {
  for (const name of ['known', 'unread']) {
    expect(refusalOf(`{"name":"${name}"}`, scoped('tools.read'), false)).toBe('access.denied');
    expect(refusalOf(`{"name":"${name}"}`, scoped('tools.execute'), false)).toBeUndefined();
  }
});
