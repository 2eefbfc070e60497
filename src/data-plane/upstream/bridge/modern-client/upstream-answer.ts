// What an upstream sends in answer to one request of ours in a session: one document, or a stream that may break and be taken up again.
// Whoever sent the request is told of messages, and exactly once of the end.
import { AppError, toAppError } from '#base/kernel';
import { scanMessage, type Envelope } from '#base/protocol';
import { readLoosely, type AnswerHead, type AnswerSink, type StreamEvent, type UpstreamCall, type UpstreamEntry } from '#data-plane/gateway';
import { refusal } from '../../refusal.ts';
import type { Leg } from '../../leg/leg.ts';

export interface AnswerReader {
  /** It comes as a stream. @param headers of the answer that may pass, flat */
  streams(headers: readonly string[]): void;
  /** A request or notification on the way. */
  said(envelope: Envelope, text: string): void;
  /** Something that is no JSON-RPC message, passed on as it is. */
  commented(comment: string): void;
  /** The answer; nothing follows. */
  answered(text: string, headers: readonly string[]): void;
  /** There will be none; nothing follows. */
  failed(error: AppError): void;
}

const HELD_MAX = 64 * 1024 * 1024;
const RESUMES_WITHOUT_NEWS_MAX = 5;
const RETRY_DEFAULT_MS = 1000;
/** `retry: 0` is not an invitation to knock without a pause. */
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 30_000;
/** An upstream that has answered should close the stream; one that does not must not keep the connection. */
const LINGER_MS = 1000;

export class UpstreamAnswer implements AnswerSink {
  readonly #upstream: UpstreamEntry;
  readonly #leg: Leg;
  readonly #reader: AnswerReader;
  #call: UpstreamCall | undefined;
  #isOver = false;
  #isPaused = false;
  /** The stream could not be taken up again; what else comes of the attempt is nobody's. */
  #isRefused = false;
  /** The connection's side is over. */
  #hasEnded = false;
  #held: { readonly head: AnswerHead; readonly parts: Buffer[]; size: number } | undefined;
  #lastEventId: string | undefined;
  #retryMs = RETRY_DEFAULT_MS;
  #resumes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(upstream: UpstreamEntry, leg: Leg, reader: AnswerReader) {
    this.#upstream = upstream;
    this.#leg = leg;
    this.#reader = reader;
  }

  /** Sends the request. */
  send(open: (sink: AnswerSink) => UpstreamCall): void {
    this.#hasEnded = this.#isRefused = false;
    const call = open(this);
    if (this.#hasEnded) return;
    if (this.#isOver || this.#isRefused) call.cancel();
    else {
      this.#call = call;
      if (this.#isPaused) call.pause();
    }
  }

  /** Nothing more is wanted; the reader is told nothing. */
  cancel(): void {
    if (!this.#isOver) this.#end();
    this.#close();
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (isPaused) this.#call?.pause();
    else this.#call?.resume();
  }

  head(head: AnswerHead): void {
    if (this.#isOver || this.#isRefused) return;
    if (head.kind === 'stream' && head.status < 400) this.#reader.streams(head.headers);
    else if (this.#lastEventId === undefined) this.#held = { head, parts: [], size: 0 };
    else {
      this.#isRefused = true;
      this.#close();
      this.#resumeOr(this.#broken());
    }
  }

  chunk(bytes: Buffer): boolean {
    const held = this.#held;
    if (this.#isOver || this.#isRefused || held === undefined) return true;
    held.parts.push(bytes);
    held.size += bytes.length;
    if (held.size > HELD_MAX) this.#fail(new AppError('upstream.too_large', `The answer is larger than ${HELD_MAX} bytes.`));
    return true;
  }

  event({ id, retry, data, comment }: StreamEvent): boolean {
    if (this.#isOver || this.#isRefused) return true;
    if (id !== undefined && id !== '') this.#lastEventId = id;
    if (retry !== undefined) this.#retryMs = Math.max(RETRY_MIN_MS, Math.min(RETRY_MAX_MS, Number(retry) || 0));
    if (data === undefined || data === '') {
      if (comment !== undefined) this.#reader.commented(comment);
      return true;
    }
    this.#resumes = 0;
    const envelope = tryScan(data);
    if (envelope !== undefined && envelope.kind !== 'response') this.#reader.said(envelope, data);
    else if (envelope !== undefined || readLoosely(data) !== undefined) this.#answer(data, []);
    else this.#fail(new AppError('upstream.bad_answer', `Gateway "${this.#upstream.row.name}" sent something that cannot be read.`));
    return true;
  }

  end(): void {
    if (this.#isRefused) return;
    this.#hasEnded = true;
    this.#call = undefined;
    clearTimeout(this.#timer);
    if (this.#isOver) return;
    const held = this.#held;
    if (held === undefined) {
      this.#resumeOr(this.#broken());
      return;
    }
    const { status, headers } = held.head;
    const text = Buffer.concat(held.parts).toString('latin1');
    const refused = status >= 400 ? refusal(this.#upstream, status, text) : undefined;
    if (refused !== undefined) this.#fail(refused);
    else if (tryScan(text)?.kind === 'response' || readLoosely(text) !== undefined) this.#answer(text, headers);
    else this.#fail(new AppError('upstream.bad_answer', `Gateway "${this.#upstream.row.name}" gave an answer (HTTP ${status}) that cannot be read.`));
  }

  fail(error: AppError): void {
    if (this.#isRefused) return;
    this.#hasEnded = true;
    this.#call = undefined;
    clearTimeout(this.#timer);
    if (this.#isOver) return;
    if (this.#held === undefined && this.#lastEventId !== undefined) this.#resumeOr(error);
    else this.#fail(error);
  }

  /** Streams of the older era may be closed before the answer, to be taken up again (MCP 2025-11-25, SSE polling). */
  #resumeOr(error: AppError): void {
    const lastEventId = this.#lastEventId;
    if (lastEventId === undefined || this.#resumes >= RESUMES_WITHOUT_NEWS_MAX) {
      this.#fail(error);
      return;
    }
    this.#resumes++;
    this.#call = undefined;
    this.#timer = setTimeout(() => {
      try {
        this.send((sink) => this.#leg.resume(lastEventId, sink));
      } catch (thrown) {
        this.#fail(toAppError(thrown));
      }
    }, this.#retryMs);
  }

  #broken(): AppError {
    return new AppError('upstream.connection_lost', `The stream of gateway "${this.#upstream.row.name}" ended before the answer.`);
  }

  #answer(text: string, headers: readonly string[]): void {
    this.#end();
    if (this.#call !== undefined) this.#timer = setTimeout(() => this.#close(), LINGER_MS);
    this.#reader.answered(text, headers);
  }

  #fail(error: AppError): void {
    this.#end();
    this.#close();
    this.#reader.failed(error);
  }

  #end(): void {
    this.#isOver = true;
    this.#held = undefined;
    clearTimeout(this.#timer);
  }

  #close(): void {
    clearTimeout(this.#timer);
    const call = this.#call;
    this.#call = undefined;
    call?.cancel();
  }
}

function tryScan(text: string): Envelope | undefined {
  try {
    return scanMessage(text);
  } catch {
    return undefined;
  }
}
