import { describe, expect, it } from 'vitest';
import { scanMessage } from '#base/protocol';
import type { UpstreamRequest } from '#data-plane/gateway';
import { bindingOf } from './call-binding.ts';

function binding(params: unknown, { method = 'tools/call', caller = 'ann', upstream = 'u' } = {}): string {
  const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const request = { caller: { key: caller }, upstream: { id: upstream }, message: scanMessage(text), body: Buffer.from(text) };
  return bindingOf(request as unknown as UpstreamRequest);
}

const call = { name: 'tool', arguments: { a: 1, b: { c: [1, 2], d: null } } };

describe('what a parked call belongs to', () => {
  it('is the same for a retry, whatever order its members are in and whatever belongs to the round', () => {
    const retry = {
      requestState: 's',
      inputResponses: { q: {} },
      _meta: { progressToken: 7 },
      arguments: { b: { d: null, c: [1, 2] }, a: 1 },
      name: 'tool',
    };
    expect(binding(retry)).toBe(binding(call));
  });

  it.each([
    ['another caller', call, { caller: 'bob' }],
    ['another upstream', call, { upstream: 'v' }],
    ['another method', call, { method: 'prompts/get' }],
    ['another tool', { ...call, name: 'other' }, {}],
    ['another argument', { ...call, arguments: { ...call.arguments, a: 2 } }, {}],
    ['a list in another order', { ...call, arguments: { ...call.arguments, b: { c: [2, 1], d: null } } }, {}],
    ['a member more', { ...call, arguments: { ...call.arguments, e: null } }, {}],
    ['a list that looks like an object’s members', { ...call, arguments: [['a', 1]] }, {}],
  ])('is not that of %s', (_what, params, who) => {
    expect(binding(params, who)).not.toBe(binding(call));
  });

  it('tells an object from a list of its members', () => {
    expect(binding({ arguments: { a: 1 } })).not.toBe(binding({ arguments: [['a', 1]] }));
    expect(binding({ arguments: { a: 1 } })).not.toBe(binding({ arguments: { members: [['a', 1]] } }));
  });
});
