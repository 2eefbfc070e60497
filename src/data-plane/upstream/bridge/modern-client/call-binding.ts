// What a parked call belongs to: who called, at which upstream, what, with which arguments. A retry has to repeat all of it
// (MCP 2026-07-28, multi round-trip requests: the same request, with a new id).
import { hash } from 'node:crypto';
import { parsedJson, valueAt } from '#base/protocol';
import type { UpstreamRequest } from '#data-plane/gateway';

const OF_ONE_ROUND = ['_meta', 'inputResponses', 'requestState'];

export function bindingOf({ caller, upstream, message, body }: UpstreamRequest): string {
  const params = valueAt(body?.toString('latin1') ?? '{}', ['params']);
  const said = params?.startsWith('{') === true ? (parsedJson(params) as Record<string, unknown>) : {};
  for (const key of OF_ONE_ROUND) delete said[key];
  return hash('sha256', JSON.stringify([caller?.key, upstream.id, message?.method, inOrder(said)]), 'base64url');
}

/** Whoever writes a request anew may write its members in another order. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { members: members.map(([name, member]) => [name, inOrder(member)]) };
}
