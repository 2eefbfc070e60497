// Which arguments of a tool have to stand in headers too when it is called for a client that knows nothing of it: as the gateway has read
// the tool, or, when the upstream says that this is not so any more, as it lists the tool now (MCP 2026-07-28 "Header Mismatch").
import { jsonText, mapElements, setMember, toolParams, type ParamHeader } from '#base/protocol';
import { declaredParams, type UpstreamRequest } from '#data-plane/gateway';
import { stringAt } from '../../channel/string-at.ts';
import { askOnce } from '../../leg/ask-once.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import type { ClientWords } from './client-words.ts';
import { selfDescribing, withEnvelope } from './self-describing.ts';

const LIST = '{"jsonrpc":"2.0","id":"mcpgateway-tools","method":"tools/list","params":{}}';
const PAGES_MAX = 50;
const NONE: readonly ParamHeader[] = [];

/** @param tool as the upstream calls it */
export function knownParams({ snapshot }: BridgeParts, upstreamId: string, tool: string): readonly ParamHeader[] {
  const item = snapshot().upstreams.get(upstreamId)?.tools.get(tool);
  return item === undefined ? NONE : declaredParams(item.row).params;
}

/**
 * Of the tool as the upstream lists it now; none when it does not list it.
 * @param name of the tool
 * Throws AppError as askOnce() does.
 */
export async function readParams(
  { port, handshakeTimeoutMs }: BridgeParts,
  request: UpstreamRequest,
  words: ClientWords,
  name: string,
): Promise<readonly ParamHeader[]> {
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page++) {
    const asked = cursor === undefined ? LIST : setMember(LIST, ['params', 'cursor'], cursor);
    const listing = selfDescribing({ ...request, lane: 'reply', isSafeToRepeat: true }, withEnvelope(asked, words, undefined));
    const { text } = await askOnce(port, listing, handshakeTimeoutMs);
    let found: readonly ParamHeader[] | undefined;
    mapElements(text, ['result', 'tools'], (tool) => {
      if (stringAt(tool, ['name']) === name) found = toolParams(tool).params;
      return undefined;
    });
    if (found !== undefined) return found;
    const next = stringAt(text, ['result', 'nextCursor']);
    if (next === undefined) break;
    cursor = jsonText(next);
  }
  return NONE;
}
