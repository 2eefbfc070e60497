// What a modern upstream says of itself (`server/discover`) as an answer to a legacy client's `initialize` (protocol.md 2.3). Asked of the
// upstream each time: what is shown may be the caller's own, and a session with an upstream that is down is no use to anybody.
import { AppError } from '#base/kernel';
import { jsonText, removeMember, setMember, valueAt } from '#base/protocol';
import type { UpstreamRequest } from '#data-plane/gateway';
import { stringAt } from '../../channel/string-at.ts';
import { askOnce } from '../../leg/ask-once.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { TASKS_EXTENSION, TASKS_SINCE } from '../tasks/task-forms.ts';
import type { ClientWords } from './client-words.ts';
import { plainResult } from './legacy-answer.ts';
import { selfDescribing, withEnvelope } from './self-describing.ts';

const DISCOVER = '{"jsonrpc":"2.0","id":"mcpgateway-discover","method":"server/discover"}';
const SERVER_INFO = ['result', '_meta', 'io.modelcontextprotocol/serverInfo'];

/**
 * The result of `initialize` as latin1.
 * @param request the client's `initialize`
 * Throws AppError as askOnce() does, `upstream.bad_answer` when the upstream does not introduce itself.
 */
export async function discovered({ port, handshakeTimeoutMs }: BridgeParts, request: UpstreamRequest, words: ClientWords): Promise<string> {
  const asking = selfDescribing({ ...request, lane: 'reply', isSafeToRepeat: true }, withEnvelope(DISCOVER, words, undefined));
  const { text, status } = await askOnce(port, asking, handshakeTimeoutMs);
  const result = text === '' ? undefined : valueAt(text, ['result']);
  const { name } = request.upstream;
  if (result?.startsWith('{') !== true) {
    const why = (text === '' ? undefined : stringAt(text, ['error', 'message'])) ?? `HTTP ${status}`;
    throw new AppError('upstream.bad_answer', `Gateway "${name}" did not introduce itself: ${why.slice(0, 200)}`);
  }
  const serverInfo = valueAt(text, SERVER_INFO) ?? jsonText({ name, version: '1' });
  let introduced = removeMember(plainResult(result), ['supportedVersions']);
  introduced = setMember(introduced, ['protocolVersion'], jsonText(words.version));
  introduced = setMember(introduced, ['capabilities'], offered(valueAt(introduced, ['capabilities']) ?? '{}', words.version));
  return setMember(introduced, ['serverInfo'], serverInfo);
}

/** Tasks of the extension are carried over to those of 2025-11-25, but for their list; everything else is the upstream's to offer. */
function offered(capabilities: string, version: string): string {
  const named = removeMember(capabilities, ['tasks']);
  const rest = removeMember(named, ['extensions', TASKS_EXTENSION]);
  if (rest === named) return named;
  const offer = valueAt(rest, ['extensions'])?.replaceAll(/\s/g, '') === '{}' ? removeMember(rest, ['extensions']) : rest;
  return version < TASKS_SINCE ? offer : setMember(offer, ['tasks'], '{"cancel":{},"requests":{"tools":{"call":{}}}}');
}
