// The client's side of a bridged call: one JSON document when nothing is said before the answer, else a stream of events with ids, so
// that whoever loses it can come back for the rest.
import type { AppError } from '#base/kernel';
import type { AnswerSink, StreamEvent } from '#data-plane/gateway';
import { CALL_EVENT_ID, type CallManners } from '../../channel/pending-call.ts';

export class CallStream {
  readonly #sink: AnswerSink;
  readonly #manners: CallManners;
  #isOpen = false;
  #isOver = false;

  constructor(sink: AnswerSink, manners: CallManners) {
    this.#sink = sink;
    this.#manners = manners;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** From now on the client can be told things. */
  open(): void {
    if (this.#isOpen || this.#isOver) return;
    this.#isOpen = true;
    this.#sink.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined });
    if (this.#manners.primes) this.#sink.event({ id: CALL_EVENT_ID, event: undefined, retry: undefined, data: '', comment: undefined });
  }

  /** @returns false when the client is full */
  say(text: string): boolean {
    this.open();
    return this.#isOver || this.#sink.event(this.#event(text));
  }

  /** The answer. */
  finish(text: string, status = 200): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#isOpen) this.#sink.event(this.#event(text));
    else {
      const bytes = Buffer.from(text, 'latin1');
      this.#sink.head({ status, kind: 'json', headers: [], contentLength: bytes.length });
      this.#sink.chunk(bytes);
    }
    this.#sink.end();
  }

  /** No answer comes. A client that was told nothing yet gets its status from whoever took the call back. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#isOpen) this.#sink.end();
  }

  fail(error: AppError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.fail(error);
  }

  #event(data: string): StreamEvent {
    return { id: this.#manners.isResumable ? CALL_EVENT_ID : undefined, event: 'message', retry: undefined, data, comment: undefined };
  }
}
