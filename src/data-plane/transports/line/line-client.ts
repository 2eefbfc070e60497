// One client on a two-way line – HTTP+SSE, stdio – to one server. Towards the pipeline it behaves as a good streamable HTTP client:
// it holds the session, sends the negotiated revision along, listens on the standalone stream, fetches what a closed stream still
// owes, and ends the session when the line closes. Whoever is on the line knows nothing of all this.
import { AppError, toAppError } from '#base/kernel';
import { rpcErrorText, scanMessage, type Envelope } from '#base/protocol';
import type { Gateway } from '#data-plane/gateway';
import { END_SESSION, UNREADABLE } from '../bodyless.ts';
import { HandshakeQueue, INITIALIZED, isHandshake, negotiatedIn } from './handshake-queue.ts';
import { eraOf, type Line, type LineRequest, type LineSettings, type Sent } from './line.ts';
import { LineAnswer, NOBODY, type AnswerOwner } from './line-answer.ts';
import { NO_SESSION } from './line-headers.ts';
import { readInput } from './line-input.ts';
import { LineListening } from './line-listening.ts';
import { idOf, isSameId, type LineMessage } from './line-message.ts';
import { LineResumptions } from './line-resumptions.ts';
import { LineSender } from './line-sender.ts';

const ENDS_WITHOUT_NEWS_MAX = 5;

export class LineClient implements AnswerOwner {
  readonly #line: Line;
  readonly #sender: LineSender;
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
    this.#line = line;
    this.#sender = new LineSender(gateway, settings);
  }

  /**
   * Takes one message, or an array of them.
   * @param text its bytes as latin1
   * Throws AppError `request.malformed_json`, `request.invalid` or `request.ambiguous`.
   */
  receive(text: string, sent: Sent = this.#sender.sent): void {
    for (const input of readInput(text)) {
      if ('envelope' in input) this.#take({ ...input, sent });
      else this.#answerFault(input.text, input.fault, sent);
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
    for (let message = this.#waiting.take(); message !== undefined; message = this.#waiting.take()) message.sent.delivery?.refused(lineClosed());
    for (const answer of this.#running.keys()) {
      // One that has been opened, and is not known by its answer yet.
      if (answer.sessionId !== this.#sender.state.sessionId) this.#sender.endSession({ ...NO_SESSION, sessionId: answer.sessionId });
      answer.leave(lineClosed());
    }
    this.#sender.endSession(this.#sender.state);
    this.#tellIdle();
  }

  #take(message: LineRequest): void {
    if (this.#isClosed) return;
    const { envelope, sent } = message;
    if (envelope.method === 'notifications/cancelled' && this.#takeBack(envelope, sent)) return;
    if (this.#handshake === undefined || envelope.kind === 'response' || eraOf(envelope) === 'modern') this.#post(message);
    else this.#wait(message);
  }

  #wait(message: LineRequest): void {
    try {
      this.#waiting.add(message);
    } catch (error) {
      // The rest of its batch may have been let in, so it is answered by itself.
      new LineAnswer(this, message.envelope, message.sent.delivery).fail(toAppError(error));
    }
  }

  /** An answer like any other: whoever may not send on this line must not be heard on it either. */
  #answerFault(text: string, fault: AppError, sent: Sent): void {
    this.#sender.admit(sent, UNREADABLE, new LineAnswer(NOBODY, UNREADABLE, sent.delivery), () => {
      sent.delivery?.accepted();
      this.send(rpcErrorText(fault, idOf(text)));
    });
  }

  /** A modern request is cancelled by its connection's end; on a line a message says it (MCP 2026-07-28, stdio). */
  #takeBack(envelope: Envelope, sent: Sent): boolean {
    const { requestId } = envelope;
    if (requestId === undefined) return false;
    for (const answer of this.#running.keys()) {
      if (eraOf(answer.envelope) !== 'modern' || answer.id === undefined || !isSameId(requestId, answer.id)) continue;
      this.#sender.admit(sent, envelope, new LineAnswer(NOBODY, envelope, sent.delivery), () => {
        sent.delivery?.accepted();
        answer.leave();
      });
      return true;
    }
    return false;
  }

  #post(message: LineRequest): void {
    const { envelope, sent } = message;
    const answer = new LineAnswer(this, envelope, sent.delivery);
    this.#running.set(answer, { ...message, sessionId: this.#sender.state.sessionId });
    if (eraOf(envelope) === 'legacy' && isHandshake(envelope)) this.#handshake = answer;
    this.#sender.post(message, answer);
  }

  send(message: string): boolean {
    if (this.#isClosed) return true;
    // Line breaks between the tokens of a document mean nothing, and inside a string they cannot be.
    return this.#line.send(/[\r\n]/.test(message) ? message.replaceAll(/[\r\n]+/g, ' ') : message);
  }

  accepted(answer: LineAnswer): void {
    const { method, requestId } = answer.envelope;
    if (method === 'notifications/cancelled' && requestId !== undefined) {
      for (const running of this.#running.keys()) if (running.id !== undefined && isSameId(requestId, running.id)) running.takenBack();
    }
    const message = this.#running.get(answer);
    if (message !== undefined) this.#sender.wasLetIn(message.sent);
  }

  settled(answer: LineAnswer, response: LineMessage | undefined): boolean {
    const { envelope } = answer;
    const isWelcome = envelope.method === 'initialize' && response !== undefined && !response.isError;
    if (isWelcome) this.#opened(answer, response.text);
    const hasRoom = response === undefined || (this.#isReopening && envelope.method === 'initialize') || this.send(response.text);
    if (answer === this.#handshake) {
      this.#handshake = undefined;
      if (this.#isReopening && isWelcome) this.#post({ text: INITIALIZED, envelope: scanMessage(INITIALIZED), sent: this.#sender.sent });
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
    if (this.#isClosed || place === undefined || message === undefined || this.#sender.state.sessionId === undefined) return false;
    if (++answer.endsWithoutNews > ENDS_WITHOUT_NEWS_MAX) return false;
    this.#running.delete(answer);
    const next = new LineAnswer(this, answer.envelope).continues(answer);
    this.#running.set(next, message);
    this.#resumptions.plan(place, () => this.#sender.openStream(place.lastEventId, next));
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
    const refused = new LineAnswer({ ...NOBODY, over: () => answer.fail(error) }, END_SESSION);
    this.#sender.admit(message.sent, answer.envelope, refused, () => this.#reopen(answer, again));
    return true;
  }

  #reopen(answer: LineAnswer, message: LineRequest): void {
    if (!this.#running.delete(answer) || this.#opening === undefined) return;
    if (this.#handshake === undefined && message.sessionId !== this.#sender.state.sessionId) {
      this.#post(message);
      return;
    }
    this.#wait(message);
    if (this.#isReopening) return;
    this.#isReopening = true;
    this.#sender.state = NO_SESSION;
    this.#post({ text: this.#opening, envelope: scanMessage(this.#opening), sent: this.#sender.sent });
  }

  over(answer: LineAnswer): void {
    this.#running.delete(answer);
    this.#tellIdle();
  }

  #opened(answer: LineAnswer, response: string): void {
    const before = this.#sender.state;
    this.#listening?.close();
    this.#listening = undefined;
    this.#opening = this.#running.get(answer)?.text;
    this.#sender.state = { sessionId: answer.sessionId, protocolVersion: negotiatedIn(response) };
    this.#sender.endSession(before);
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
      open: (answer, lastEventId) => this.#sender.openStream(lastEventId, answer),
      lost: (error) => {
        if (!this.#isClosed) this.#line.lost(error);
      },
    });
    this.#listening.open();
  }

  #tellIdle(): void {
    const owes = [...this.#running.keys()].some(({ envelope }) => envelope.method !== 'subscriptions/listen');
    if (!owes && this.#waiting.isEmpty) this.#idle?.();
  }
}

/** Whoever still waits to hear whether a message was let in, when there is no line any more. */
function lineClosed(): AppError {
  return new AppError('session.not_found', 'The stream has ended, and its session with it. Open a new stream.');
}
