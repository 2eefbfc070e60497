// `server/discover` for an upstream that knows sessions only: what it said when one was opened for this client (protocol.md 2.2).
import { jsonText, LEGACY_VERSIONS, removeMember, setMember, valueAt, MODERN_VERSION } from '#base/protocol';
import type { ModernWords } from '../envelope.ts';
import { TASKS_EXTENSION } from '../tasks/task-forms.ts';

/** @param words the `result` of `initialize`, as latin1 */
export function discovered(words: string, { hints, serverInfo }: ModernWords): string {
  const capabilities = modernCapabilities(valueAt(words, ['capabilities']) ?? '{}');
  let result = removeMember(removeMember(words, ['protocolVersion']), ['serverInfo']);
  result = setMember(result, ['capabilities'], capabilities);
  result = setMember(result, ['supportedVersions'], jsonText([MODERN_VERSION, ...LEGACY_VERSIONS.toReversed()]));
  result = setMember(result, ['ttlMs'], String(hints?.ttlMs ?? 0));
  result = setMember(result, ['cacheScope'], `"${hints?.cacheScope ?? 'private'}"`);
  result = setMember(result, ['resultType'], '"complete"');
  return serverInfo === undefined ? result : setMember(result, ['_meta', 'io.modelcontextprotocol/serverInfo'], serverInfo);
}

/** Tasks of 2025-11-25 are another thing than those of the extension, which they are carried over to. */
function modernCapabilities(declared: string): string {
  const runs = valueAt(declared, ['tasks', 'requests', 'tools', 'call']) !== undefined;
  const capabilities = removeMember(declared, ['tasks']);
  return runs ? setMember(capabilities, ['extensions', TASKS_EXTENSION], '{}') : capabilities;
}
