import { describe, expect, it } from 'vitest';
import { normaliseBody, snakeCaseKeys } from './request-body.ts';

describe('a body of any era becomes one flat camelCase object', () => {
  it.each([
    [{ name: 'a', team_id: 't' }, undefined, { name: 'a', teamId: 't' }],
    [{ server: { name: 'a', mirror_gateway_id: 'g' } }, 'server', { name: 'a', mirrorGatewayId: 'g' }],
    [{ server: { name: 'a', visibility: 'private' }, visibility: 'public', team_id: null }, 'server', { name: 'a', visibility: 'public' }],
    [{ name: 'a', server: 'a text' }, 'server', { name: 'a', server: 'a text' }],
    [{ name: '  a ', auth_password: ' p ', tags: [' x '] }, undefined, { name: 'a', authPassword: ' p ', tags: [' x '] }],
    [{ associated_a2a_agents: [], _meta: 1 }, undefined, { associatedA2aAgents: [], _meta: 1 }],
  ])('%j', (raw, wrapper, expected) => {
    expect(normaliseBody(raw, wrapper).value).toEqual(expected);
  });

  it('remembers how the client spelled a field', () => {
    const { spelling } = normaliseBody({ server: { mirror_gateway_id: 'g', teamId: 't' } }, 'server');
    expect([spelling('mirrorGatewayId'), spelling('teamId'), spelling('name')]).toEqual(['mirror_gateway_id', 'teamId', 'name']);
  });

  it.each([[[]], ['text'], [null], [7], [undefined]])('leaves %j for the schema to refuse', (raw) => {
    expect(normaliseBody(raw).value).toBe(raw);
  });

  it('makes an own field of __proto__, never a prototype', () => {
    const { value } = normaliseBody(JSON.parse('{"__proto__":{"isAdmin":true}}'));
    expect((value as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });
});

it('entities inside /state answers have snake_case keys', () => {
  expect(snakeCaseKeys({ ownerEmail: 'a', inputSchema: { maxItems: 1 }, id: 1, _meta: null })).toEqual({
    owner_email: 'a',
    input_schema: { maxItems: 1 },
    id: 1,
    _meta: null,
  });
});
