// One request to a modern upstream and all that comes of it: what is said on the way, and the answer, whole, whichever form it came in.
import { AppError, toAppError } from '#base/kernel';
import { scanMessage, type Envelope } from '#base/protocol';
import { readLoosely, type AnswerHead, type AnswerSink, type StreamEvent, type UpstreamCall } from '#data-plane/gateway';

export interface AttemptOwner {
  /** The upstream answers with a stream. */
  streams(): void;
  /** @returns false when the client is full */
  said(envelope: Envelope, text: string): boolean;
  /** @param status HTTP, 200 on a stream */
  answered(text: string, status: number): void;
  failed(error: AppError): void;
}

const HELD_MAX = 64 * 1024 * 1024;
/** An upstream that has answered should close the stream; one that does not must not keep the connection. */
const LINGER_MS = 1000;

export class Attempt implements AnswerSink {
  readonly #owner: AttemptOwner;
  readonly #name: string;
  #call: UpstreamCall | undefined;
  #status = 200;
  #isStream = false;
  readonly #parts: Buffer[] = [];
  #size = 0;
  /** Nobody waits for what may still come. */
  #isOver = false;
  #hasEnded = false;

  /** @param upstreamName for errors */
  constructor(owner: AttemptOwner, upstreamName: string) {
    this.#owner = owner;
    this.#name = upstreamName;
  }

  start(open: (sink: AnswerSink) => UpstreamCall): void {
    try {
      this.#call = open(this);
    } catch (error) {
      this.fail(toAppError(error));
    }
    if (this.#isOver) this.#lingerOrCancel();
  }

  cancel(): void {
    this.#isOver = true;
    if (!this.#hasEnded) this.#call?.cancel();
  }

  pause(): void {
    if (!this.#isOver) this.#call?.pause();
  }

  resume(): void {
    this.#call?.resume();
  }

  head(head: AnswerHead): void {
    if (this.#isOver) return;
    this.#status = head.status;
    this.#isStream = head.kind === 'stream';
    if (this.#isStream) this.#owner.streams();
  }

  chunk(bytes: Buffer): boolean {
    if (this.#isOver) return true;
    this.#size += bytes.length;
    this.#parts.push(bytes);
    if (this.#size <= HELD_MAX) return true;
    this.#parts.length = 0;
    this.#failed(new AppError('upstream.too_large', `The answer of gateway "${this.#name}" is larger than ${HELD_MAX} bytes.`));
    this.#call?.cancel();
    return true;
  }

  event({ data }: StreamEvent): boolean {
    if (this.#isOver || data === undefined || data === '') return true;
    const envelope = tryScan(data);
    if (envelope === undefined ? readLoosely(data) !== undefined : envelope.kind === 'response') this.#answered(data, 200);
    else if (envelope !== undefined) return this.#owner.said(envelope, data);
    return true;
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#isOver) return;
    const text = Buffer.concat(this.#parts).toString('latin1');
    this.#parts.length = 0;
    if (this.#isStream) this.#failed(new AppError('upstream.connection_lost', `The stream of gateway "${this.#name}" ended before its answer.`));
    else if ((tryScan(text) ?? readLoosely(text))?.kind === 'response') this.#answered(text, this.#status);
    else this.#failed(new AppError('upstream.bad_answer', `Gateway "${this.#name}" answered HTTP ${this.#status} without a JSON-RPC answer.`));
  }

  fail(error: AppError): void {
    this.#hasEnded = true;
    this.#failed(error);
  }

  #failed(error: AppError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.failed(error);
  }

  #answered(text: string, status: number): void {
    this.#isOver = true;
    this.#lingerOrCancel();
    this.#owner.answered(text, status);
  }

  #lingerOrCancel(): void {
    if (this.#hasEnded) return;
    setTimeout(() => {
      if (!this.#hasEnded) this.#call?.cancel();
    }, LINGER_MS).unref();
  }
}

function tryScan(text: string): Envelope | undefined {
  try {
    return scanMessage(text);
  } catch {
    return undefined;
  }
}
