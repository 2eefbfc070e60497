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

export interface VisitHouse {
  /** Makes the call anew. */
  again(request: UpstreamRequest, text: string, sink: AnswerSink): UpstreamCall;
  /** Asks the client for these visits. @param requests as JSON text */
  ask(client: CallClient, requests: string): void;
}

/** A call that waits until its client has been where the upstream wants it to go. */
export class PageVisit implements Parked {
  readonly upstreamId: string;
  readonly #requests: string;
  readonly #house: VisitHouse;

  /** @param requests the `inputRequests` of the visits, as JSON text */
  constructor(upstreamId: string, requests: string, house: VisitHouse) {
    this.upstreamId = upstreamId;
    this.#requests = requests;
    this.#house = house;
  }

  resume(request: UpstreamRequest, text: string, sink: AnswerSink): UpstreamCall {
    const pages = Object.entries(parsedJson(this.#requests) as Record<string, unknown>);
    const unanswered = pages.filter(([key]) => valueAt(text, ['params', 'inputResponses', key])?.startsWith('{') !== true);
    const isWilling = pages.every(
      (page) => unanswered.includes(page) || stringAt(text, ['params', 'inputResponses', page[0], 'action']) === 'accept',
    );
    if (isWilling && unanswered.length === 0) return this.#house.again(request, text, sink);
    const client = new CallClient({ upstreamId: this.upstreamId, left() {}, paused() {} }, request, text, sink);
    // What is missing is asked again (MCP 2026-07-28, multi round-trip requests).
    if (isWilling) {
      this.#house.ask(client, jsonText(Object.fromEntries(unanswered)));
      return client;
    }
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
