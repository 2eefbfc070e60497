// Sends one message through the pipeline and waits for its one answer: what the upstream asks meanwhile is answered, and a stream
// that breaks off on purpose is taken up again, as any client of streamable HTTP does (MCP 2025-11-25, "Resumability").
import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, toAppError } from '#base/kernel';
import { scanMessage, type Envelope } from '#base/protocol';
import type { ClientRequest, Era, Gateway } from '#data-plane/gateway';
import { END_SESSION, NO_BODY, OPEN_STREAM } from '../bodyless.ts';
import { CollectedAnswer, type Collected, type Waiting } from './collected-answer.ts';

export interface Outgoing {
  readonly text: string;
  readonly envelope: Envelope;
  readonly era: Era;
  readonly serverId: string;
  readonly headers: IncomingHttpHeaders;
  readonly clientAddress: string;
}

const RESUMES_WITHOUT_NEWS_MAX = 5;

/** Never rejects: what goes wrong is in the answer. */
export async function exchange(gateway: Gateway, outgoing: Outgoing, waiting: Waiting): Promise<Collected> {
  const { text, envelope } = outgoing;
  let collected = await once(gateway, { ...requestOf(outgoing, 'POST', envelope), body: Buffer.from(text, 'latin1') }, waiting, envelope.id);
  let withoutNews = 0;
  for (let seen = ''; collected.resume !== undefined && !waiting.isGone;) {
    const { lastEventId, afterMs } = collected.resume;
    withoutNews = lastEventId === seen ? withoutNews + 1 : 0;
    if (withoutNews > RESUMES_WITHOUT_NEWS_MAX) return { status: 0, headers: [], body: undefined, error: lost() };
    seen = lastEventId;
    await sleep(afterMs, undefined, { ref: false });
    const headers = { ...outgoing.headers, accept: 'text/event-stream', 'last-event-id': lastEventId };
    collected = await once(gateway, requestOf({ ...outgoing, headers }, 'GET', OPEN_STREAM), waiting, envelope.id);
  }
  return collected;
}

/** Lets the upstream know that nobody will use the session any more. */
export function endSession(gateway: Gateway, outgoing: Omit<Outgoing, 'text' | 'envelope' | 'era'>): void {
  const request = requestOf({ ...outgoing, text: '', envelope: END_SESSION, era: 'legacy' }, 'DELETE', END_SESSION);
  void once(gateway, request, nobody(), undefined);
}

/** For messages of the door's own, whose answers go nowhere. */
export function nobody(): Waiting {
  return { isGone: false, answers: new Set(), heldBytes: 0 };
}

export function requestOf(outgoing: Outgoing, verb: ClientRequest['verb'], envelope: Envelope): ClientRequest {
  const { era, serverId, headers, clientAddress } = outgoing;
  return { verb, era, serverId, headers, clientAddress, envelope, body: NO_BODY, onlyFor: undefined, isHeaderless: true };
}

function once(gateway: Gateway, request: ClientRequest, waiting: Waiting, id: string | undefined): Promise<Collected> {
  const owedId = request.verb === 'DELETE' ? undefined : id;
  return new Promise((resolve) => {
    const asked = (askId: string, method: string): void => reply(gateway, request, askId, method);
    const answer = new CollectedAnswer(waiting, owedId, resolve, asked, request.headers['last-event-id'] as string | undefined);
    try {
      gateway.handle(request, answer);
    } catch (error) {
      answer.fail(toAppError(error));
    }
  });
}

/** Whoever calls with one request and takes one answer can be asked nothing; an upstream that asks must not wait for ever. */
function reply(gateway: Gateway, asking: ClientRequest, askId: string, method: string): void {
  const outcome =
    method === 'ping'
      ? '"result":{}'
      : '"error":{"code":-32601,"message":"This client can be asked nothing: it sends one request and takes one answer."}';
  const text = `{"jsonrpc":"2.0","id":${askId},${outcome}}`;
  const { 'last-event-id': _, ...headers } = asking.headers;
  const { era, serverId, clientAddress } = asking;
  const outgoing: Outgoing = { text, envelope: scanMessage(text), era, serverId, headers: { ...headers, accept: BOTH }, clientAddress };
  void exchange(gateway, outgoing, nobody());
}

function lost(): AppError {
  return new AppError('upstream.connection_lost', 'The upstream’s stream was taken up again several times and brought no answer.');
}

/** Servers of streamable HTTP insist on a client that takes both. */
export const BOTH = 'application/json, text/event-stream';
