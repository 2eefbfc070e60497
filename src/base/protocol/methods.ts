// What the gateway knows of each MCP method: which params decide its routing, and whether it makes an upstream work.

/** A key inside `params` that routing or authorisation reads; duplicates and look-alikes of these are refused (decisions.md 9). */
export type RoutingKey = 'name' | 'uri' | 'ref' | 'taskId' | 'requestId' | 'arguments' | 'task' | 'requestState' | '_meta';

const META_ONLY: readonly RoutingKey[] = ['_meta'];
const keys = (...names: RoutingKey[]): readonly RoutingKey[] => [...names, '_meta'];

const ROUTING_KEYS: ReadonlyMap<string, readonly RoutingKey[]> = new Map([
  ['tools/call', keys('name', 'arguments', 'task', 'requestState')],
  ['prompts/get', keys('name', 'arguments', 'requestState')],
  ['resources/read', keys('uri', 'requestState')],
  ['resources/subscribe', keys('uri')],
  ['resources/unsubscribe', keys('uri')],
  ['completion/complete', keys('ref')],
  ['tasks/get', keys('taskId')],
  ['tasks/result', keys('taskId')],
  ['tasks/cancel', keys('taskId')],
  ['tasks/update', keys('taskId')],
  ['notifications/cancelled', keys('requestId')],
  ...[
    'initialize',
    'server/discover',
    'ping',
    'tools/list',
    'resources/list',
    'resources/templates/list',
    'prompts/list',
    'logging/setLevel',
    'subscriptions/listen',
    'tasks/list',
    'notifications/initialized',
    'notifications/progress',
    'notifications/roots/list_changed',
    'notifications/tasks/status',
    'notifications/elicitation/complete',
    'sampling/createMessage',
    'elicitation/create',
    'roots/list',
    'notifications/message',
    'notifications/resources/updated',
    'notifications/tools/list_changed',
    'notifications/prompts/list_changed',
    'notifications/resources/list_changed',
  ].map((method): [string, readonly RoutingKey[]] => [method, META_ONLY]),
]);

/** The params keys this method routes by, or undefined for a method we do not know (whose params are never looked into). */
export function routingKeys(method: string): readonly RoutingKey[] | undefined {
  return ROUTING_KEYS.get(method);
}

const BOOKKEEPING: ReadonlySet<string> = new Set([
  'initialize',
  'server/discover',
  'ping',
  'tools/list',
  'resources/list',
  'resources/templates/list',
  'prompts/list',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'subscriptions/listen',
  'tasks/get',
  'tasks/list',
  'tasks/result',
  'tasks/cancel',
  'tasks/update',
]);

/** Does `limits.callsPerMinute` count this request? Calls, reads, gets, completions and unknown methods; not lists and housekeeping. */
export function isLimited(method: string): boolean {
  return !BOOKKEEPING.has(method);
}

/** May this request be sent again when it is unknown whether the upstream carried it out? Only what changes nothing there. */
export function isSafeToRepeat(method: string): boolean {
  switch (method) {
    case 'ping':
    case 'server/discover':
    case 'tools/list':
    case 'resources/list':
    case 'resources/templates/list':
    case 'prompts/list':
    case 'resources/read':
    case 'prompts/get':
    case 'completion/complete':
    case 'tasks/get':
    case 'tasks/list':
    case 'logging/setLevel':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return true;
    default:
      return false;
  }
}

/** Of the revisions with sessions; in 2026-07-28 they are no methods any more (its change log; protocol.md 1.12). */
const REMOVED: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'tasks/list',
  'tasks/result',
]);

export function isRemovedMethod(method: string): boolean {
  return REMOVED.has(method);
}
