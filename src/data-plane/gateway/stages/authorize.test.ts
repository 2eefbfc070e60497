import { expect, test } from 'vitest';
import type { Principal } from '#base/access';
import { AppError } from '#base/kernel';
import { scanMessage } from '#base/protocol';
import type { Exchange } from '../exchange.ts';
import type { ServerRow, SnapshotInput } from '../snapshot-input.ts';
import { createSnapshotHolder, type ServerEntry } from '../snapshot.ts';
import { itemRow, upstreamRow } from '../../../../test/combined/combined-rig.ts';
import { authorize } from './authorize.ts';

const mirror: ServerRow = {
  id: 's',
  name: 's',
  enabled: true,
  visibility: 'public',
  ownerEmail: null,
  teamId: null,
  limits: { callsPerMinute: null, concurrent: null },
  mirrorGatewayId: 'g',
  itemIds: [],
};
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

function refusal(method: string, params: string, principal: Principal, server: ServerEntry): string | undefined {
  const text = `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`;
  try {
    authorize({ principal, server, request: { envelope: scanMessage(text), body: Buffer.from(text) } } as unknown as Exchange);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

function serverWith(items: SnapshotInput['items']): ServerEntry {
  const holder = createSnapshotHolder(() => []);
  holder.swap({ version: 1, upstreams: [upstreamRow('g')], servers: [mirror], items, revokedTokenIds: [] });
  return holder.current.servers.get('s') as ServerEntry;
}

function refusalOf(params: string, principal: Principal, isDisabled = true): string | undefined {
  return refusal('tools/call', params, principal, serverWith([itemRow('tool', 'g', 'known', { enabled: !isDisabled })]));
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

test('a switched off prompt, resource or template is neither used nor completed; whoever may use another template that fits may read', () => {
  const server = serverWith([
    itemRow('prompt', 'g', 'off', { enabled: false }),
    itemRow('resource', 'g', 'x://off', { enabled: false }),
    itemRow('template', 'g', 'x://t/{id}', { enabled: false }),
    itemRow('template', 'g', 'x://t/{+path}/on'),
  ]);
  const at = (method: string, params: object): string | undefined => refusal(method, JSON.stringify(params), anybody, server);
  expect(at('prompts/get', { name: 'off' })).toBe('prompt.not_found');
  expect(at('prompts/get', { name: 'unread' })).toBeUndefined();
  expect(at('completion/complete', { ref: { type: 'ref/prompt', name: 'off' } })).toBe('prompt.not_found');
  expect(at('resources/read', { uri: 'x://off' })).toBe('resource.not_found');
  expect(at('resources/subscribe', { uri: 'x://off' })).toBe('resource.not_found');
  expect(at('resources/unsubscribe', { uri: 'x://off' })).toBeUndefined();
  expect(at('resources/read', { uri: 'x://t/1' })).toBe('resource.not_found');
  expect(at('resources/read', { uri: 'x://t/1/on' })).toBeUndefined();
  expect(at('resources/read', { uri: 'x://elsewhere' })).toBeUndefined();
  expect(at('completion/complete', { ref: { type: 'ref/resource', uri: 'x://t/{id}' } })).toBe('resource.not_found');
});

test('a hidden resource or template is not read under another spelling, or in a wider reading of the template than ours', () => {
  const server = serverWith([
    itemRow('resource', 'g', 'x://host/off', { enabled: false }),
    itemRow('template', 'g', 'x://t/{+a}/m/{b}', { enabled: false }),
    itemRow('template', 'g', 'x://host/{any}'),
  ]);
  const read = (uri: string): string | undefined => refusal('resources/read', JSON.stringify({ uri }), anybody, server);
  // What `new URL(uri).href`, which SDK servers look resources up by, makes of them is x://host/off.
  for (const uri of ['X://host/off', ' x://host/off', 'x://ho\nst/off', 'x://host/./off', 'x://host/a/../off', 'x://host/%6fff'])
    expect(read(uri), uri).toBe('resource.not_found');
  expect(read('x://t/1/m/2/m/3')).toBe('resource.not_found');
  expect(read('X://t/1/m/2')).toBe('resource.not_found');
  expect(read('x://host/on')).toBeUndefined();
  expect(read('x://else/where')).toBeUndefined();
});

test('a token that may not read resources or prompts reads none', () => {
  const server = serverWith([]);
  expect(refusal('resources/read', '{"uri":"x://a"}', scoped('tools.execute'), server)).toBe('access.denied');
  expect(refusal('resources/read', '{"uri":"x://a"}', scoped('resources.read'), server)).toBeUndefined();
  expect(refusal('prompts/get', '{"name":"p"}', scoped('tools.execute'), server)).toBe('access.denied');
});
