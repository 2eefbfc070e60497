// What every bridged call has around it, whether its client holds a session or not: the way to the upstream, and what is known of tools.
import type { Envelope, ParamHeader } from '#base/protocol';
import type { UpstreamRequest } from '#data-plane/gateway';
import { stringAt } from '../../channel/string-at.ts';
import { PLAIN_MANNERS } from '../../channel/pending-call.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import type { CallHouse } from './bridged-call.ts';
import type { ClientWords } from './client-words.ts';
import { selfDescribing } from './self-describing.ts';
import { knownParams, readParams } from './tool-params.ts';

/**
 * For a client that cannot be asked; a session adds how it is.
 * @param wrappedTools see CallHouse
 */
export function callHouse(parts: BridgeParts, request: UpstreamRequest, words: ClientWords, message: Envelope, wrappedTools: Set<string>): CallHouse {
  const { upstream, body } = request;
  const tool = message.method === 'tools/call' ? stringAt(body?.toString('latin1') ?? '', ['params', 'name']) : undefined;
  let params: readonly ParamHeader[] = tool === undefined ? [] : knownParams(parts, upstream.id, tool);
  return {
    upstreamName: upstream.name,
    words,
    manners: PLAIN_MANNERS,
    wrappedTools,
    answerTimeoutMs: parts.answerTimeoutMs,
    send: (text, sink) => parts.port.open(selfDescribing(request, text, params), sink),
    noteChange: () => parts.onListChanged(upstream.id),
    async relearn() {
      parts.onListChanged(upstream.id);
      if (tool !== undefined) params = await readParams(parts, request, words, tool);
    },
  };
}
