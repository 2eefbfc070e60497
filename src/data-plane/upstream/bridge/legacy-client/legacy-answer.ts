// A plain answer of a modern upstream as a legacy client knows it: without what only the newer era has (protocol.md 2.3; checklist 43).
// Clients read empty results strictly, so nothing may be left in them.
import { downLevelResult, removeMember, replaceAt, TOOLS_IN_SAMPLING_SINCE, valueAt, type Envelope } from '#base/protocol';

const NEWER_MEMBERS = ['resultType', 'ttlMs', 'cacheScope'];
const SERVER_INFO = ['_meta', 'io.modelcontextprotocol/serverInfo'];

/** A result object without what every result of 2026-07-28 carries. */
export function plainResult(result: string): string {
  let plain = result;
  for (const member of NEWER_MEMBERS) plain = removeMember(plain, [member]);
  const stripped = removeMember(plain, SERVER_INFO);
  return stripped !== plain && valueAt(stripped, ['_meta'])?.replaceAll(/\s/g, '') === '{}' ? removeMember(stripped, ['_meta']) : stripped;
}

/**
 * The whole answer with the client's own id.
 * @param wrappedTools tools that this client was shown with an object around what they return; see OlderClient
 */
export function legacyAnswer(text: string, request: Envelope, wrappedTools: Set<string>): string {
  const result = valueAt(text, ['result']);
  const plain = result === undefined ? text : replaceAt(text, ['result'], plainResult(result));
  // Before 2026-07-28 tools return objects; what else is older than a client is worded where its session is known.
  const worded = downLevelResult(plain, request, { version: TOOLS_IN_SAMPLING_SINCE, wrappedTools });
  const id = request.id ?? 'null';
  return valueAt(worded, ['id']) === undefined ? `{"id":${id},${worded.slice(worded.indexOf('{') + 1)}` : replaceAt(worded, ['id'], id);
}
