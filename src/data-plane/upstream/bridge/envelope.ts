// Plain calls across the eras: a request that describes itself becomes one of a session, and the other way round; results get or lose what
// only one era knows (protocol.md 2.2, 2.3). What an upstream asks in the middle of such a call is refused at once.
import { AppError } from '#base/kernel';
import { stringAt } from '../channel/string-at.ts';
import { jsonText, removeMember, replaceAt, rpcErrorText, setMember, valueAt } from '#base/protocol';

export const MODERN_VERSION = '2026-07-28';
const PREFIX = 'io.modelcontextprotocol/';
const ENVELOPE_KEYS = ['protocolVersion', 'clientCapabilities', 'clientInfo', 'logLevel'];
/** The client would have to declare something (MCP 2026-07-28), where the gateway declares nothing for it. */
const CAPABILITY_MISSING = '-32021';

/** A modern request for an upstream with sessions: without the envelope. */
export function withoutEnvelope(text: string): string {
  let stripped = text;
  for (const key of ENVELOPE_KEYS) stripped = removeMember(stripped, ['params', '_meta', PREFIX + key]);
  return valueAt(stripped, ['params', '_meta'])?.replaceAll(/\s/g, '') === '{}' ? removeMember(stripped, ['params', '_meta']) : stripped;
}

/**
 * A legacy request for a modern upstream: with an envelope that declares nothing, so that nothing is asked.
 * @param logLevel what the client has set for its session, if it has
 */
export function withEnvelope(text: string, clientInfo: string, logLevel?: string): string {
  let wrapped = valueAt(text, ['params']) === undefined ? setMember(text, ['params'], '{}') : text;
  wrapped = setMember(wrapped, ['params', '_meta', `${PREFIX}protocolVersion`], `"${MODERN_VERSION}"`);
  wrapped = setMember(wrapped, ['params', '_meta', `${PREFIX}clientCapabilities`], '{}');
  if (logLevel !== undefined) wrapped = setMember(wrapped, ['params', '_meta', `${PREFIX}logLevel`], jsonText(logLevel));
  return setMember(wrapped, ['params', '_meta', `${PREFIX}clientInfo`], clientInfo);
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

/** A modern upstream's answer for a legacy client. */
export function asLegacyAnswer(text: string, id: string | undefined): string {
  const resultType = stringAt(text, ['result', 'resultType']);
  // It asks for input, or promises the result for later in a way that the client does not know.
  const isUndeclared = valueAt(text, ['error', 'code']) === CAPABILITY_MISSING;
  if (isUndeclared || (resultType !== undefined && resultType !== 'complete')) return rpcErrorText(midCall(), id);
  let answer = text;
  for (const key of ['resultType', 'ttlMs', 'cacheScope']) answer = removeMember(answer, ['result', key]);
  answer = removeMember(answer, ['result', '_meta', `${PREFIX}serverInfo`]);
  return valueAt(answer, ['result', '_meta'])?.replaceAll(/\s/g, '') === '{}' ? removeMember(answer, ['result', '_meta']) : answer;
}

/** Does this answer say that the headers of the request are not what they have to be? */
export function isHeaderMismatch(answer: string): boolean {
  return valueAt(answer, ['error', 'code']) === '-32020';
}

export function midCall(): AppError {
  return new AppError(
    'bridge.mid_call',
    'The upstream asks something in the middle of this call, which cannot be brought to a client of another protocol era.',
  );
}
