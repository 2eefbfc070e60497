// Reads what comes back on the stream of a request of the gateway's own that takes as long as a task: questions, words and in the end the
// answer, whether it comes as a stream or as one document.
import type { AppError } from '#base/kernel';
import { scanMessage, type Envelope } from '#base/protocol';
import type { AnswerHead, AnswerSink, StreamEvent } from '#data-plane/gateway';

export interface TaskAnswerReader {
  /** The upstream asks something. */
  asked(envelope: Envelope, text: string): void;
  told(envelope: Envelope, text: string): void;
  /** The whole response, as latin1. Once at most. */
  answered(text: string): void;
  /** Nothing more comes; `answered` may not have been. */
  over(error: AppError | undefined): void;
}

const DOCUMENT_MAX = 32 * 1024 * 1024;

export class TaskAnswer implements AnswerSink {
  readonly #reader: TaskAnswerReader;
  #parts: Buffer[] = [];
  #sizeBytes = 0;
  #isAnswered = false;

  constructor(reader: TaskAnswerReader) {
    this.#reader = reader;
  }

  head(_head: AnswerHead): void {}

  chunk(bytes: Buffer): boolean {
    this.#sizeBytes += bytes.length;
    if (this.#sizeBytes <= DOCUMENT_MAX) this.#parts.push(bytes);
    else this.#parts = [];
    return true;
  }

  event({ data }: StreamEvent): boolean {
    if (data !== undefined && data !== '') this.#take(data);
    return true;
  }

  end(): void {
    if (this.#parts.length > 0) this.#take(Buffer.concat(this.#parts).toString('latin1'));
    this.#reader.over(undefined);
  }

  fail(error: AppError): void {
    this.#reader.over(error);
  }

  #take(text: string): void {
    let envelope: Envelope;
    try {
      envelope = scanMessage(text);
    } catch {
      return;
    }
    if (envelope.kind === 'request') this.#reader.asked(envelope, text);
    else if (envelope.kind === 'notification') this.#reader.told(envelope, text);
    else if (!this.#isAnswered) {
      this.#isAnswered = true;
      this.#reader.answered(text);
    }
  }
}
