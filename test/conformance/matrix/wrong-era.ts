// What a message must not hold for a client of one era, because only the other knows it (protocol.md 1.12, 2.2, 2.3).
import type { Json } from './player.ts';
import type { Revision } from './revisions.ts';

const META = 'io.modelcontextprotocol/';
const MODERN_MEMBERS = ['resultType', 'ttlMs', 'cacheScope', 'inputRequests', 'requestState', 'supportedVersions'];
const CACHEABLE = new Set(['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read']);

const asObject = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const metaOf = (holder: unknown): Json => asObject(asObject(holder)['_meta']);

/** @returns faults in words */
export function wrongForLegacy(message: Json, revision: Revision): string[] {
  const { method, result, error } = message;
  const params = asObject(message['params']);
  const faults = MODERN_MEMBERS.filter((member) => member in asObject(result)).map((member) => `a result with ${member}`);
  for (const holder of [result, params]) {
    for (const key of ['serverInfo', 'subscriptionId', 'protocolVersion']) {
      if (`${META}${key}` in metaOf(holder)) faults.push(`${String(method ?? 'a result')} with _meta ${key}`);
    }
  }
  if (method === 'elicitation/create') {
    if (revision < '2025-06-18') faults.push('a question of a revision after the client');
    if (params['mode'] === 'url' && revision < '2025-11-25') faults.push('a URL question of a revision after the client');
    if (params['mode'] === 'url' && typeof params['elicitationId'] !== 'string') faults.push('a URL question without elicitationId');
  }
  if (method === 'notifications/subscriptions/acknowledged' || method === 'notifications/tasks') faults.push(method);
  const { code } = asObject(error);
  if (code === -32_020 || code === -32_022) faults.push(`error ${code}`);
  return faults;
}

/** @param method of the request that this came for */
export function wrongForModern(method: string, message: Json, headers: Readonly<Record<string, unknown>>): string[] {
  const faults: string[] = [];
  if (headers['mcp-session-id'] !== undefined) faults.push(`${method} was answered with a session id`);
  if ('id' in message && typeof message['method'] === 'string') faults.push(`the request ${message['method']} on the stream of ${method}`);
  const { result, error } = message;
  if (result !== undefined) {
    const { resultType, ttlMs, cacheScope } = asObject(result);
    if (typeof resultType !== 'string') faults.push(`the result of ${method} has no resultType`);
    if (CACHEABLE.has(method) && resultType === 'complete' && !(Number(ttlMs) >= 0 && /^(public|private)$/.test(String(cacheScope)))) {
      faults.push(`the result of ${method} has no cache hints`);
    }
    for (const request of Object.values(asObject(asObject(result)['inputRequests']))) {
      if ('elicitationId' in asObject(asObject(request)['params'])) faults.push('a URL question with elicitationId');
    }
  }
  const { code } = asObject(error);
  if (code === -32_002 || code === -32_042) faults.push(`error ${String(code)} to ${method}`);
  const told = message['method'];
  if (method !== 'subscriptions/listen' && typeof told === 'string') {
    if (/list_changed$|updated$|elicitation\/complete$/.test(told)) faults.push(`${told} on the stream of ${method}`);
  } else if (typeof told === 'string' && !(`${META}subscriptionId` in metaOf(message['params']))) faults.push(`${told} without a subscription id`);
  return faults;
}
