// What the client of a line sends through the pipeline: messages, the GETs and DELETEs a line has no words for, and the question
// whether a sender may use the line at all – each with the session and the credentials that belong to it.
import type { Envelope } from '#base/protocol';
import type { ClientAnswer, Gateway } from '#data-plane/gateway';
import { END_SESSION, NO_BODY, OPEN_STREAM } from '../bodyless.ts';
import { eraOf, type LineRequest, type LineSettings, type Sent } from './line.ts';
import { LineAnswer, NOBODY } from './line-answer.ts';
import { bodylessHeaders, messageHeaders, NO_SESSION, type LineState } from './line-headers.ts';

export class LineSender {
  readonly #gateway: Gateway;
  readonly #settings: LineSettings;
  /** The latest that were let in: a client may renew its token while the line is open. */
  #sent: Sent;
  /** What `initialize` has brought. */
  state: LineState = NO_SESSION;

  constructor(gateway: Gateway, settings: LineSettings) {
    this.#gateway = gateway;
    this.#settings = settings;
    this.#sent = { headers: settings.headers, clientAddress: settings.clientAddress };
  }

  get sent(): Sent {
    return this.#sent;
  }

  wasLetIn({ headers, clientAddress }: Sent): void {
    this.#sent = { headers, clientAddress };
  }

  post({ text, envelope, sent }: LineRequest, answer: ClientAnswer): void {
    const { serverId, onlyFor } = this.#settings;
    const headers = messageHeaders(sent.headers, envelope, this.state);
    const { clientAddress } = sent;
    const body = Buffer.from(text, 'latin1');
    this.#gateway.handle(
      { verb: 'POST', era: eraOf(envelope), serverId, headers, clientAddress, envelope, body, onlyFor, isHeaderless: true },
      answer,
    );
  }

  /** @param lastEventId where a stream is taken up again; undefined for a new one */
  openStream(lastEventId: string | undefined, answer: ClientAnswer): void {
    const at = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    this.#bodyless('GET', this.state, OPEN_STREAM, at, answer);
  }

  endSession(state: LineState): void {
    if (state.sessionId !== undefined) this.#bodyless('DELETE', state, END_SESSION, {}, new LineAnswer(NOBODY, END_SESSION));
  }

  /** Calls `admitted` when this sender may use the line; else what stands against it becomes the answer. Nothing is sent on. */
  admit({ headers, clientAddress }: Sent, envelope: Envelope, answer: ClientAnswer, admitted: () => void): void {
    const { serverId, onlyFor } = this.#settings;
    const own = messageHeaders(headers, envelope, NO_SESSION);
    const request = { verb: 'POST', era: 'legacy', serverId, headers: own, clientAddress, envelope, body: NO_BODY, onlyFor } as const;
    this.#gateway.admit(request, answer, admitted);
  }

  #bodyless(verb: 'GET' | 'DELETE', state: LineState, envelope: Envelope, more: Record<string, string>, answer: ClientAnswer): void {
    const { serverId, onlyFor } = this.#settings;
    const headers = { ...bodylessHeaders(this.#sent.headers, state), ...more };
    const { clientAddress } = this.#sent;
    this.#gateway.handle({ verb, era: 'legacy', serverId, headers, clientAddress, envelope, body: NO_BODY, onlyFor }, answer);
  }
}
