// The standalone stream of a client on a line: opened for it after the handshake and opened again when it ends, since the line has no
// other way to hear what the server says on its own account.
import { AppError } from '#base/kernel';
import type { AnswerHead, AnswerListener, ClientAnswer, StreamEvent } from '#data-plane/gateway';
import { messagesIn } from './line-message.ts';

const RETRY_FIRST_MS = 1000;
/** A server that asks to be asked again at once, and ends each stream at once, would keep the gateway busy with nothing else. */
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 30_000;
/** The token is no longer good, the server gone or out of reach. */
const LOST: ReadonlySet<number> = new Set([401, 403, 404]);
/** Busy, or taken by a stream that has not been noticed to have ended. */
const LATER: ReadonlySet<number> = new Set([408, 409, 429]);

export interface ListeningParts {
  /** @returns false when the line is full */
  send(message: string): boolean;
  /** Sends a GET through the pipeline. */
  open(answer: ClientAnswer, lastEventId: string | undefined): void;
  /** The line's owner may not listen any more. */
  lost(error: AppError): void;
}

export class LineListening {
  readonly #parts: ListeningParts;
  #answer: ListeningAnswer | undefined;
  #retry: NodeJS.Timeout | undefined;
  #waitMs = RETRY_FIRST_MS;
  #lastEventId: string | undefined;
  #isClosed = false;

  constructor(parts: ListeningParts) {
    this.#parts = parts;
  }

  open(): void {
    if (this.#isClosed) return;
    const answer = new ListeningAnswer({
      event: (event) => this.#event(event),
      over: (status, error) => {
        if (this.#answer === answer) this.#over(status, error);
      },
    });
    this.#answer = answer;
    this.#parts.open(answer, this.#lastEventId);
  }

  hasRoom(): void {
    this.#answer?.listener?.clientHasRoom();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.leave();
  }

  #event(event: StreamEvent): boolean {
    if (event.id !== undefined && event.id !== '') this.#lastEventId = event.id;
    if (event.retry !== undefined) this.#waitMs = Math.min(Math.max(Number(event.retry), RETRY_MIN_MS), RETRY_MAX_MS);
    if (event.data === undefined || event.data === '') return true;
    let hasRoom = true;
    // Answers belong on the streams of their requests, and each request has got one.
    for (const { text, answers } of messagesIn(event.data)) if (answers === undefined) hasRoom = this.#parts.send(text) && hasRoom;
    if (event.retry === undefined) this.#waitMs = RETRY_FIRST_MS;
    return hasRoom;
  }

  #over(status: number, error: AppError | undefined): void {
    this.#answer = undefined;
    if (this.#isClosed) return;
    // Of ours; what an upstream says to a GET is no error of this kind.
    if (error !== undefined && LOST.has(error.status) && error.code !== 'session.not_found') {
      this.#parts.lost(error);
      return;
    }
    const isOutOfPlace = status === 400 && this.#lastEventId !== undefined;
    if (status >= 400) this.#lastEventId = undefined;
    // No such stream here, or no such session any more, which the next request finds out.
    if (status >= 400 && status < 500 && !isOutOfPlace && !LATER.has(status)) return;
    const waitMs = this.#waitMs;
    this.#waitMs = Math.min(waitMs * 2, RETRY_MAX_MS);
    this.#retry = setTimeout(() => this.open(), waitMs);
    this.#retry.unref();
  }
}

interface ListeningOwner {
  event(event: StreamEvent): boolean;
  over(status: number, error: AppError | undefined): void;
}

/** One GET of it. */
class ListeningAnswer implements ClientAnswer {
  listener: AnswerListener | undefined;
  status = 0;
  sentBytes = 0;
  isGone = false;
  readonly #owner: ListeningOwner;
  #isEnded = false;

  constructor(owner: ListeningOwner) {
    this.#owner = owner;
  }

  setHeader(): void {}

  head(head: AnswerHead): void {
    if (this.#isEnded) return;
    // JSON is no stream; servers say so in many ways, and none of them is worth asking again.
    this.status = head.kind !== 'stream' && head.status < 400 ? 405 : head.status;
  }

  reply(head: AnswerHead): void {
    this.head(head);
    this.end();
  }

  chunk(): boolean {
    return true;
  }

  event(event: StreamEvent): boolean {
    if (this.#isEnded) return true;
    this.sentBytes += event.data?.length ?? 0;
    return this.#owner.event(event);
  }

  end(): void {
    this.#over(undefined);
  }

  fail(error: AppError): void {
    if (this.#isEnded) return;
    this.status = error.status;
    this.#over(error);
  }

  leave(): void {
    if (this.#isEnded) return;
    this.#isEnded = this.isGone = true;
    this.listener?.clientGone();
    this.listener?.clientHasRoom();
  }

  #over(error: AppError | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#owner.over(this.status, error);
  }
}
