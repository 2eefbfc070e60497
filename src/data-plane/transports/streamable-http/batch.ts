// A JSON-RPC batch (revision 2025-03-26; older clients still send them) is taken apart: each element is a message of its own,
// authorised, limited and recorded like any other, and the answers are put together again (decisions.md 1; checklist 36).
import { AppError } from '#base/kernel';
import { rpcErrorText } from '#base/protocol';
import type { AnswerHead, AnswerListener, ClientAnswer, StreamEvent } from '#data-plane/gateway';
import { mcpStatus } from './http-answer.ts';

/** Answers of one batch are held until all are there; this is for all of them together. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

/** Collects the answers of one batch. A JSON array while all answers are JSON; a stream from the first that is one. */
export class BatchAnswer implements AnswerListener {
  readonly #client: ClientAnswer;
  #open: number;
  readonly #parts: BatchPart[] = [];
  readonly #documents: string[] = [];
  #isStream = false;
  readonly #statuses = new Set<number>();
  #heldBytes = 0;

  /** @param parts how many elements will answer */
  constructor(client: ClientAnswer, parts: number) {
    this.#client = client;
    this.#open = parts;
    client.listener = this;
  }

  clientGone(): void {
    for (const part of this.#parts) if (!part.isEnded) part.listener?.clientGone();
  }

  clientHasRoom(): void {
    for (const part of this.#parts) part.listener?.clientHasRoom();
  }

  /** @param id the element's id as it is written, or undefined when it is not a request */
  part(id: string | undefined): BatchPart {
    const part = new BatchPart(this, this.#client, id);
    this.#parts.push(part);
    return part;
  }

  /** Throws AppError `upstream.too_large` when the answers of this batch are more than is held. */
  hold(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes > HELD_BYTES_MAX)
      throw new AppError('upstream.too_large', `The answers of this batch are larger than ${HELD_BYTES_MAX} bytes.`);
  }

  document(text: string): void {
    if (this.#isStream) this.#client.event(messageEvent(text));
    else this.#documents.push(text);
  }

  stream(): void {
    if (this.#isStream) return;
    this.#isStream = true;
    this.#client.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined });
    for (const text of this.#documents) this.#client.event(messageEvent(text));
  }

  partEnded(status: number): void {
    this.#statuses.add(status);
    if (--this.#open > 0) return;
    if (this.#isStream) this.#client.end();
    else if (this.#documents.length === 0) {
      this.#client.head({ status: this.#sharedRefusal() ?? 202, kind: 'empty', headers: [], contentLength: 0 });
      this.#client.end();
    } else {
      const body = Buffer.from(`[${this.#documents.join(',')}]`, 'latin1');
      const status = this.#sharedRefusal() ?? 200;
      if (status === 401) this.#client.setHeader('www-authenticate', 'Bearer');
      this.#client.head({ status, kind: 'json', headers: [], contentLength: body.length });
      this.#client.chunk(body);
      this.#client.end();
    }
  }

  /** What all elements were refused with: no token, no such session. A client that looks at the status alone must see it. */
  #sharedRefusal(): number | undefined {
    const [status] = this.#statuses;
    return this.#statuses.size === 1 && status !== undefined && status >= 400 ? status : undefined;
  }
}

/** One element's answer. */
class BatchPart implements ClientAnswer {
  listener: AnswerListener | undefined;
  status = 0;
  sentBytes = 0;
  readonly #batch: BatchAnswer;
  readonly #client: ClientAnswer;
  readonly #id: string | undefined;
  #pieces: string[] = [];
  #isStream = false;
  isEnded = false;

  constructor(batch: BatchAnswer, client: ClientAnswer, id: string | undefined) {
    this.#batch = batch;
    this.#client = client;
    this.#id = id;
  }

  get isGone(): boolean {
    return this.#client.isGone;
  }

  /** A batch opens no session, so its parts have no headers of their own. */
  setHeader(): void {}

  head(head: AnswerHead): void {
    this.status = head.status;
    if (head.kind !== 'stream') return;
    this.#isStream = true;
    this.#batch.stream();
  }

  /** Throws AppError `upstream.too_large`. */
  reply(head: AnswerHead, document: Buffer): void {
    this.head(head);
    this.chunk(document);
    this.end();
  }

  chunk(bytes: Buffer): boolean {
    this.sentBytes += bytes.length;
    this.#batch.hold(bytes.length);
    this.#pieces.push(bytes.toString('latin1'));
    return true;
  }

  event(event: StreamEvent): boolean {
    this.sentBytes += event.data?.length ?? 0;
    return this.#client.event(event);
  }

  end(): void {
    if (this.isEnded) return;
    // Alone it would be told by its status; inside a batch there is none, and the request would wait for ever.
    if (this.#id !== undefined && this.#pieces.length === 0 && !this.#isStream) {
      this.fail(new AppError('upstream.bad_answer', `The upstream answered HTTP ${this.status} without a body.`));
      return;
    }
    this.isEnded = true;
    if (this.#pieces.length > 0 && this.#id !== undefined) this.#batch.document(this.#pieces.join(''));
    this.#batch.partEnded(this.status);
  }

  fail(error: AppError): void {
    if (this.isEnded) return;
    this.status = mcpStatus(error);
    // Half an answer is no answer.
    this.#pieces = this.#id === undefined ? [] : [rpcErrorText(error, this.#id)];
    this.end();
  }
}

function messageEvent(data: string): StreamEvent {
  return { id: undefined, event: 'message', retry: undefined, data, comment: undefined };
}
