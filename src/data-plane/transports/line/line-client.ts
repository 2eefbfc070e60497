// One client on a two-way line – HTTP+SSE, stdio – to one server. Towards the pipeline it behaves as a good streamable HTTP client:
// it holds the session, sends the negotiated revision along, listens on the standalone stream, fetches what a closed stream still
// owes, and ends the session when the line closes. Whoever is on the line knows nothing of all this.
import type { IncomingHttpHeaders } from 'node:http';
import type { AppError } from '#base/kernel';
import { rpcErrorText, scanMessage, type Envelope } from '#base/protocol';
import type { Era, Gateway } from '#data-plane/gateway';
import { END_SESSION, NO_BODY, OPEN_STREAM } from '../bodyless.ts';
import { HandshakeQueue, INITIALIZED, isHandshake, negotiatedIn } from './handshake-queue.ts';
import { eraOf, type Line, type LineRequest, type LineSettings, type Sent } from './line.ts';
import { LineAnswer, NOBODY, type AnswerOwner } from './line-answer.ts';
import { bodylessHeaders, messageHeaders, NO_SESSION, type LineState } from './line-headers.ts';
import { readInput } from './line-input.ts';
import { LineListening } from './line-listening.ts';
import { idOf, isSameId, type LineMessage } from './line-message.ts';
import { LineResumptions } from './line-resumptions.ts';

const ENDS_WITHOUT_NEWS_MAX = 5;

export class LineClient implements AnswerOwner {
  readonly #gateway: Gateway;
  readonly #line: Line;
  readonly #settings: LineSettings;
  /** The latest that were let in: a client may renew its token while the line is open. */
  #sent: Sent;
  #state: LineState = NO_SESSION;
  readonly #running = new Map<LineAnswer, LineRequest>();
  readonly #resumptions = new LineResumptions();
  readonly #waiting = new HandshakeQueue();
  /** `initialize`, or `notifications/initialized`, under way: upstreams refuse what overtakes it. */
  #handshake: LineAnswer | undefined;
  /** The client's own `initialize`, to open a session anew that has expired. */
  #opening: string | undefined;
  #isReopening = false;
  #listening: LineListening | undefined;
  #isClosed = false;
  #idle: (() => void) | undefined;

  constructor(gateway: Gateway, settings: LineSettings, line: Line) {
    this.#gateway = gateway;
    this.#settings = settings;
    this.#line = line;
    this.#sent = { headers: settings.headers, clientAddress: settings.clientAddress };
  }

  /**
   * Takes one message, or an array of them.
   * @param text its bytes as latin1
   * Throws AppError `request.malformed_json`, `request.invalid` or `request.ambiguous`.
   */
  receive(text: string, sent: Sent = this.#sent): void {
    for (const input of readInput(text)) {
      if ('envelope' in input) this.#take({ ...input, sent });
      else {
        // Let in, with this as its answer.
        sent.delivery?.accepted();
        this.send(rpcErrorText(input.fault, idOf(input.text)));
      }
    }
  }

  /** The line can take more after a `false`. */
  hasRoom(): void {
    for (const answer of this.#running.keys()) answer.listener?.clientHasRoom();
    this.#listening?.hasRoom();
  }

  /** Resolves when nothing is owed any more, or after `graceMs`. Streams that have no end of their own are not waited for. */
  async idle(graceMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      timer = setTimeout(resolve, graceMs);
      this.#tellIdle();
    });
    clearTimeout(timer);
  }

  /** The line is gone. Modern requests are cancelled by that; a session is ended, and its calls with it. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listening?.close();
    this.#resumptions.clear();
    this.#waiting.clear();
    for (const answer of this.#running.keys()) {
      // One that has been opened, and is not known by its answer yet.
      if (answer.sessionId !== this.#state.sessionId) this.#endSession({ ...NO_SESSION, sessionId: answer.sessionId });
      answer.leave();
    }
    this.#endSession(this.#state);
    this.#tellIdle();
  }

  #take(message: LineRequest): void {
    if (this.#isClosed) return;
    const { envelope, sent } = message;
    if (envelope.method === 'notifications/cancelled' && this.#takeBack(envelope)) {
      sent.delivery?.accepted();
      return;
    }
    if (this.#handshake === undefined || envelope.kind === 'response' || eraOf(envelope) === 'modern') this.#post(message);
    else this.#waiting.add(message);
  }

  /** A modern request is cancelled by its connection's end; on a line a message says it (MCP 2026-07-28, stdio). */
  #takeBack({ requestId }: Envelope): boolean {
    if (requestId === undefined) return false;
    for (const answer of this.#running.keys()) {
      if (eraOf(answer.envelope) !== 'modern' || answer.id === undefined || !isSameId(requestId, answer.id)) continue;
      answer.leave();
      return true;
    }
    return false;
  }

  #post(message: LineRequest): void {
    const { text, envelope, sent } = message;
    const era = eraOf(envelope);
    const answer = new LineAnswer(this, envelope, sent.delivery);
    this.#running.set(answer, { ...message, sessionId: this.#state.sessionId });
    if (era === 'legacy' && isHandshake(envelope)) this.#handshake = answer;
    const headers = messageHeaders(sent.headers, envelope, this.#state);
    this.#handle('POST', era, headers, envelope, Buffer.from(text, 'latin1'), sent.clientAddress, answer);
  }

  #handle(
    verb: 'POST' | 'GET' | 'DELETE',
    era: Era,
    headers: IncomingHttpHeaders,
    envelope: Envelope,
    body: Buffer,
    clientAddress: string,
    answer: Parameters<Gateway['handle']>[1],
  ): void {
    const { serverId, onlyFor } = this.#settings;
    this.#gateway.handle({ verb, era, serverId, headers, clientAddress, envelope, body, onlyFor }, answer);
  }

  send(message: string): boolean {
    if (this.#isClosed) return true;
    // Line breaks between the tokens of a document mean nothing, and inside a string they cannot be.
    return this.#line.send(/[\r\n]/.test(message) ? message.replaceAll(/[\r\n]+/g, ' ') : message);
  }

  accepted(answer: LineAnswer): void {
    const message = this.#running.get(answer);
    if (message !== undefined) this.#sent = { headers: message.sent.headers, clientAddress: message.sent.clientAddress };
  }

  settled(answer: LineAnswer, response: LineMessage | undefined): boolean {
    const { envelope } = answer;
    const isWelcome = envelope.method === 'initialize' && response !== undefined && !response.isError;
    if (isWelcome) this.#opened(answer, response.text);
    const hasRoom = response === undefined || (this.#isReopening && envelope.method === 'initialize') || this.send(response.text);
    if (answer === this.#handshake) {
      this.#handshake = undefined;
      if (this.#isReopening && isWelcome) this.#post({ text: INITIALIZED, envelope: scanMessage(INITIALIZED), sent: this.#sent });
      else {
        this.#isReopening = false;
        if (envelope.method === 'notifications/initialized' && answer.status > 0 && answer.status < 400) this.#listen();
        this.#release();
      }
    }
    return hasRoom;
  }

  resume(answer: LineAnswer): boolean {
    const { place } = answer;
    const message = this.#running.get(answer);
    if (this.#isClosed || place === undefined || message === undefined || this.#state.sessionId === undefined) return false;
    if (++answer.endsWithoutNews > ENDS_WITHOUT_NEWS_MAX) return false;
    this.#running.delete(answer);
    const next = new LineAnswer(this, answer.envelope).continues(answer);
    this.#running.set(next, message);
    this.#resumptions.plan(place, () => {
      const headers = { ...bodylessHeaders(this.#sent.headers, this.#state), 'last-event-id': place.lastEventId };
      this.#handle('GET', 'legacy', headers, OPEN_STREAM, NO_BODY, this.#sent.clientAddress, next);
    });
    return true;
  }

  /** A session ends when nobody uses it for long; the client on the line still does, and knows of no session. */
  mends(answer: LineAnswer, error: AppError): boolean {
    const message = this.#running.get(answer);
    if (error.code !== 'session.not_found' || this.#opening === undefined || message === undefined) return false;
    if (this.#isClosed || message.isSecondTry === true || eraOf(answer.envelope) === 'modern') return false;
    const again: LineRequest = { ...message, isSecondTry: true };
    this.#running.set(answer, again);
    // To somebody else there is no such session either, and their message must not open one.
    const headers = { ...messageHeaders(message.sent.headers, answer.envelope, NO_SESSION) };
    const { serverId, onlyFor } = this.#settings;
    const request = { verb: 'POST', era: 'legacy', serverId, headers, envelope: answer.envelope, body: NO_BODY, onlyFor } as const;
    const refused = new LineAnswer({ ...NOBODY, over: () => answer.fail(error) }, END_SESSION);
    this.#gateway.admit({ ...request, clientAddress: message.sent.clientAddress }, refused, () => this.#reopen(answer, again));
    return true;
  }

  #reopen(answer: LineAnswer, message: LineRequest): void {
    if (!this.#running.delete(answer) || this.#opening === undefined) return;
    if (this.#handshake === undefined && message.sessionId !== this.#state.sessionId) {
      this.#post(message);
      return;
    }
    this.#waiting.add(message);
    if (this.#isReopening) return;
    this.#isReopening = true;
    this.#state = NO_SESSION;
    this.#post({ text: this.#opening, envelope: scanMessage(this.#opening), sent: this.#sent });
  }

  over(answer: LineAnswer): void {
    this.#running.delete(answer);
    this.#tellIdle();
  }

  #opened(answer: LineAnswer, response: string): void {
    const before = this.#state;
    this.#listening?.close();
    this.#listening = undefined;
    this.#opening = this.#running.get(answer)?.text;
    this.#state = { sessionId: answer.sessionId, protocolVersion: negotiatedIn(response) };
    this.#endSession(before);
  }

  #release(): void {
    while (this.#handshake === undefined) {
      const next = this.#waiting.take();
      if (next === undefined) break;
      this.#post(next);
    }
  }

  #listen(): void {
    if (this.#isClosed || this.#listening !== undefined) return;
    this.#listening = new LineListening({
      send: (message) => this.send(message),
      open: (answer, lastEventId) => {
        const headers = bodylessHeaders(this.#sent.headers, this.#state);
        if (lastEventId !== undefined) headers['last-event-id'] = lastEventId;
        this.#handle('GET', 'legacy', headers, OPEN_STREAM, NO_BODY, this.#sent.clientAddress, answer);
      },
      lost: (error) => {
        if (!this.#isClosed) this.#line.lost(error);
      },
    });
    this.#listening.open();
  }

  #endSession(state: LineState): void {
    if (state.sessionId === undefined) return;
    const headers = bodylessHeaders(this.#sent.headers, state);
    this.#handle('DELETE', 'legacy', headers, END_SESSION, NO_BODY, this.#sent.clientAddress, new LineAnswer(NOBODY, END_SESSION));
  }

  #tellIdle(): void {
    const owes = [...this.#running.keys()].some(({ envelope }) => envelope.method !== 'subscriptions/listen');
    if (!owes && this.#waiting.isEmpty) this.#idle?.();
  }
}
