// An upstream of 2025-11-25 that wants pages visited first says so with the error −32042. In the modern era that is a question, and the
// client's retry makes the call anew, which was not carried out (protocol.md 2.2).
import { jsonText, parsedJson, valueAt } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamRequest } from '#data-plane/gateway';
import { stringAt } from '../../channel/string-at.ts';
import { CallClient } from './call-client.ts';
import type { Parked } from './parked-calls.ts';

const URL_ELICITATION_REQUIRED = '-32042';
const PAGES_MAX = 100;

/** Must pages be visited before this call can be made? */
export function wantsVisits(answer: string): boolean {
  return valueAt(answer, ['error', 'code']) === URL_ELICITATION_REQUIRED;
}

/** The `inputRequests` of the visits, as JSON text; undefined when the upstream does not say which. */
export function visitRequests(answer: string): string | undefined {
  const pages = valueAt(answer, ['error', 'data', 'elicitations']);
  const list = pages?.startsWith('[') === true ? (parsedJson(pages) as unknown[]) : [];
  const entries = list.slice(0, PAGES_MAX).flatMap((page, at) => {
    if (typeof page !== 'object' || page === null) return [];
    const { elicitationId: _unknownThere, ...params } = page as Record<string, unknown>;
    return typeof params['url'] === 'string'
      ? [[`visit-${at + 1}`, { method: 'elicitation/create', params: { message: '', ...params, mode: 'url' } }] as const]
      : [];
  });
  return entries.length === 0 ? undefined : jsonText(Object.fromEntries(entries));
}

/** A call that waits until its client has been where the upstream wants it to go. */
export class PageVisit implements Parked {
  readonly upstreamId: string;
  readonly #keys: readonly string[];
  readonly #again: (request: UpstreamRequest, text: string, sink: AnswerSink) => UpstreamCall;

  /** @param again makes the call anew */
  constructor(upstreamId: string, requests: string, again: (request: UpstreamRequest, text: string, sink: AnswerSink) => UpstreamCall) {
    this.upstreamId = upstreamId;
    this.#keys = Object.keys(parsedJson(requests) as object);
    this.#again = again;
  }

  resume(request: UpstreamRequest, text: string, sink: AnswerSink): UpstreamCall {
    const isWilling = this.#keys.every((key) => stringAt(text, ['params', 'inputResponses', key, 'action']) === 'accept');
    if (isWilling) return this.#again(request, text, sink);
    const client = new CallClient({ upstreamId: this.upstreamId, left() {}, paused() {} }, request, text, sink);
    const why = 'The user did not visit the page that is needed first.';
    const outcome =
      request.message?.method === 'tools/call'
        ? `"result":${jsonText({ resultType: 'complete', content: [{ type: 'text', text: why }], isError: true })}`
        : `"error":${jsonText({ code: -32603, message: why })}`;
    client.answer(`{"jsonrpc":"2.0","id":null,${outcome}}`);
    return client;
  }

  /** Nothing waits at the upstream. */
  giveUp(): void {}
}
