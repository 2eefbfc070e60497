// The client's side of one exchange on a line: whatever form the answer comes in, the line gets messages, and a request gets exactly
// one response. Where HTTP would end with a status, a line has nothing but another message.
import { AppError } from '#base/kernel';
import { rpcErrorText, type Envelope } from '#base/protocol';
import type { AnswerHead, AnswerListener, ClientAnswer, StreamEvent } from '#data-plane/gateway';
import { isSameId, messagesIn, refusalText, type LineMessage } from './line-message.ts';

/** A document is held until it is whole: a piece of a message cannot be sent while others share the line. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

/** Somebody waits to hear whether the message was let in, apart from its answer (HTTP+SSE: the 202). */
export interface Delivery {
  /** It is being sent on; what comes of it comes on the line. */
  accepted(): void;
  /** It was not. @returns true when the sender has been told there; false sends the error on the line. */
  refused(error: AppError): boolean;
}

/** The line as its answers know it. */
export interface AnswerOwner {
  /** @returns false when the line is full */
  send(message: string): boolean;
  accepted(answer: LineAnswer): void;
  /** The request has its response, or the notification has been taken or refused; `response` is to be sent on, if there is one. */
  settled(answer: LineAnswer, response: LineMessage | undefined): boolean;
  /** The stream has ended before the response, and there is more to fetch. @returns false when that is not possible */
  resume(answer: LineAnswer): boolean;
  /** The error may be of the session, which the owner mends by itself; otherwise it makes the answer fail once more. */
  mends(answer: LineAnswer, error: AppError): boolean;
  over(answer: LineAnswer): void;
}

/** An owner to whom what comes of it is all the same, as of the end of a session. */
export const NOBODY: AnswerOwner = {
  send: () => true,
  accepted() {},
  settled: () => true,
  resume: () => false,
  mends: () => false,
  over() {},
};

/** How a stream is taken up again after its end. */
export interface StreamPlace {
  readonly lastEventId: string;
  readonly retryMs: number | undefined;
}

export class LineAnswer implements ClientAnswer {
  listener: AnswerListener | undefined;
  status = 0;
  sentBytes = 0;
  isGone = false;
  readonly envelope: Envelope;
  /** The session that the answer names. */
  sessionId: string | undefined;
  /** Counted by whoever resumes: ends in a row that brought nothing. */
  endsWithoutNews = 0;
  readonly #owner: AnswerOwner;
  readonly #delivery: Delivery | undefined;
  #isAccepted = false;
  #isSettled = false;
  #isEnded = false;
  /** The client has taken its request back: an answer still passes, but none is owed. */
  #isTakenBack = false;
  #pieces: string[] = [];
  #lastEventId: string | undefined;
  #retryMs: number | undefined;

  constructor(owner: AnswerOwner, envelope: Envelope, delivery?: Delivery) {
    this.#owner = owner;
    this.envelope = envelope;
    this.#delivery = delivery;
  }

  /** Of a request, as it is written; undefined when no answer is due. */
  get id(): string | undefined {
    return this.envelope.kind === 'request' ? this.envelope.id : undefined;
  }

  get place(): StreamPlace | undefined {
    return this.#lastEventId === undefined ? undefined : { lastEventId: this.#lastEventId, retryMs: this.#retryMs };
  }

  /** Goes on with what another answer, whose stream has ended, still owes. */
  continues(other: LineAnswer): this {
    this.#isAccepted = true;
    this.#isTakenBack = other.#isTakenBack;
    this.#lastEventId = other.#lastEventId;
    this.#retryMs = other.#retryMs;
    this.endsWithoutNews = other.endsWithoutNews;
    return this;
  }

  setHeader(name: string, value: string): void {
    if (name === 'mcp-session-id') this.sessionId = value;
  }

  takenBack(): void {
    this.#isTakenBack = true;
  }

  accepted(): void {
    this.#isAccepted = true;
    this.#delivery?.accepted();
    this.#owner.accepted(this);
  }

  head(head: AnswerHead): void {
    if (this.#isEnded) return;
    this.status = head.status;
    if (this.id === undefined) this.#settle(undefined);
  }

  reply(head: AnswerHead, document: Buffer): void {
    this.head(head);
    this.chunk(document);
    this.end();
  }

  /** Throws AppError `upstream.too_large`. */
  chunk(bytes: Buffer): boolean {
    if (this.#isEnded) return true;
    this.sentBytes += bytes.length;
    if (this.sentBytes > HELD_BYTES_MAX) {
      this.#pieces = [];
      throw new AppError(
        'upstream.too_large',
        `The answer is larger than ${HELD_BYTES_MAX} bytes, which is more than a line carries as one message.`,
      );
    }
    this.#pieces.push(bytes.toString('latin1'));
    return true;
  }

  event(event: StreamEvent): boolean {
    if (this.#isEnded) return true;
    if (event.id !== undefined && event.id !== '') this.#lastEventId = event.id;
    if (event.retry !== undefined) this.#retryMs = Number(event.retry);
    // A comment, or the priming event: nothing to a client that cannot come back for what it missed.
    if (event.data === undefined || event.data === '') return true;
    this.endsWithoutNews = 0;
    this.sentBytes += event.data.length;
    return this.#pass(messagesIn(event.data));
  }

  end(): void {
    if (this.#isEnded) return;
    const { id } = this;
    const text = this.#pieces.join('');
    this.#pieces = [];
    // To whom a notification was, nothing that comes of it is a message.
    if (text !== '' && id !== undefined) this.#pass(messagesIn(text));
    if (id !== undefined && !this.#isSettled && !this.#isTakenBack) {
      if (this.place !== undefined && this.#owner.resume(this)) {
        this.#isEnded = true;
        return;
      }
      this.#settle({ text: refusalText(text, id, this.status), answers: id, isError: true });
    }
    this.#over();
  }

  fail(error: AppError): void {
    if (this.#isEnded) return;
    this.status = error.status;
    this.#pieces = [];
    if (!this.#isSettled && !this.#isTakenBack && this.#owner.mends(this, error)) return;
    const isTold = !this.#isAccepted && this.#delivery?.refused(error) === true;
    const { id } = this;
    if (!this.#isSettled)
      this.#settle(id === undefined || isTold || this.#isTakenBack ? undefined : { text: rpcErrorText(error, id), answers: id, isError: true });
    this.#over();
  }

  /**
   * The client has gone, or has taken its request back: it is owed nothing more.
   * @param refusal for whoever still waits to hear whether the message was let in, when it was not taken back
   */
  leave(refusal?: AppError): void {
    if (this.#isEnded) return;
    this.#isEnded = this.isGone = true;
    if (!this.#isAccepted && refusal === undefined) this.#delivery?.accepted();
    else if (!this.#isAccepted && refusal !== undefined) this.#delivery?.refused(refusal);
    this.listener?.clientGone();
    // Whoever waits for room must not wait for ever.
    this.listener?.clientHasRoom();
    if (!this.#isSettled) this.#settle(undefined);
    this.#owner.over(this);
  }

  #pass(messages: readonly LineMessage[]): boolean {
    let hasRoom = true;
    for (const message of messages) hasRoom = this.#passOne(message) && hasRoom;
    return hasRoom;
  }

  #passOne(message: LineMessage): boolean {
    const { id } = this;
    if (message.answers === undefined) return this.#owner.send(message.text);
    // Of another request, or a second one: it would be taken for what it is not.
    if (id === undefined || this.#isSettled) return true;
    const isForNobody = message.answers === 'null' && message.isError;
    if (isForNobody) return this.#settle({ ...message, text: refusalText(message.text, id, this.status) });
    return isSameId(message.answers, id) ? this.#settle(message) : true;
  }

  #settle(response: LineMessage | undefined): boolean {
    if (this.#isSettled) return true;
    this.#isSettled = true;
    return this.#owner.settled(this, response);
  }

  #over(): void {
    this.#isEnded = true;
    this.#owner.over(this);
  }
}
