// From the modern era into the older one and back: a request loses the envelope by which it describes itself, a result gets what only
// the modern era says (protocol.md 2.2).
import { removeMember, replaceAt, setMember, valueAt } from '#base/protocol';

export const MODERN_VERSION = '2026-07-28';
const PREFIX = 'io.modelcontextprotocol/';
const ENVELOPE_KEYS = ['protocolVersion', 'clientCapabilities', 'clientInfo', 'logLevel'];

/** A modern request for an upstream with sessions: without the envelope. */
export function withoutEnvelope(text: string): string {
  let stripped = text;
  for (const key of ENVELOPE_KEYS) stripped = removeMember(stripped, ['params', '_meta', PREFIX + key]);
  return valueAt(stripped, ['params', '_meta'])?.replaceAll(/\s/g, '') === '{}' ? removeMember(stripped, ['params', '_meta']) : stripped;
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
  let answer = valueAt(text, ['result', 'resultType']) === undefined ? setMember(text, ['result', 'resultType'], '"complete"') : text;
  if (hints !== undefined) {
    answer = setMember(answer, ['result', 'ttlMs'], String(hints.ttlMs));
    answer = setMember(answer, ['result', 'cacheScope'], `"${hints.cacheScope}"`);
  }
  const isUnsaid = serverInfo !== undefined && valueAt(answer, ['result', '_meta', `${PREFIX}serverInfo`]) === undefined;
  return isUnsaid ? setMember(answer, ['result', '_meta', `${PREFIX}serverInfo`], serverInfo) : answer;
}
