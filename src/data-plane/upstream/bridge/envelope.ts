// From the modern era into the older one and back: a request loses the envelope by which it describes itself, a result gets what only
// the modern era says (protocol.md 2.2).
import { addMembers, removeMembers, replaceAt, valueAt } from '#base/protocol';

const COMPLETE = '"complete"';
const PREFIX = 'io.modelcontextprotocol/';
const SERVER_INFO = `${PREFIX}serverInfo`;
const OF_ENVELOPE: ReadonlySet<string> = new Set(['protocolVersion', 'clientCapabilities', 'clientInfo', 'logLevel'].map((key) => PREFIX + key));
/** Of a round of a call that asks, and of tasks, which sessions have in another form. */
const OF_ERA: ReadonlySet<string> = new Set(['inputResponses', 'requestState', 'task']);
const OF_ERA_AND_META: ReadonlySet<string> = new Set([...OF_ERA, '_meta']);

/** A modern message for an upstream with sessions: without the envelope, and without what belongs to a round. */
export function withoutEnvelope(text: string): string {
  const stripped = removeMembers(text, ['params', '_meta'], OF_ENVELOPE);
  const isEmpty = valueAt(stripped, ['params', '_meta'])?.replaceAll(/\s/g, '') === '{}';
  return removeMembers(stripped, ['params'], isEmpty ? OF_ERA_AND_META : OF_ERA);
}

/** What only the modern era says of a result. */
export interface ModernWords {
  /** How long it is good for, and for whom; undefined for results that are not kept. */
  readonly hints: { readonly ttlMs: number; readonly cacheScope: 'public' | 'private' } | undefined;
  /** Who answers, as JSON text. */
  readonly serverInfo: string | undefined;
}

/** A legacy upstream's answer for a modern client. */
export function asModernAnswer(text: string, { hints, serverInfo }: ModernWords): string {
  if (valueAt(text, ['result']) === undefined) {
    // What older revisions say of a resource that is not there.
    return valueAt(text, ['error', 'code']) === '-32002' ? replaceAt(text, ['error', 'code'], '-32602') : text;
  }
  const members: [name: string, value: string][] = [['resultType', COMPLETE]];
  if (hints !== undefined) members.push(['ttlMs', String(hints.ttlMs)], ['cacheScope', `"${hints.cacheScope}"`]);
  // An older server that says something of the kind cannot mean it: it knows no rounds and no such tasks.
  const complete = replaceAt(text, ['result', 'resultType'], COMPLETE);
  if (serverInfo === undefined) return addMembers(complete, ['result'], members);
  const info = [SERVER_INFO, serverInfo] as const;
  members.push(['_meta', `{"${SERVER_INFO}":${serverInfo}}`]);
  return addMembers(addMembers(complete, ['result'], members), ['result', '_meta'], [info]);
}
