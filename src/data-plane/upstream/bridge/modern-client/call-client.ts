// The client's side of one round of a bridged call: its request, and where its answer goes. A call that asks has several, one after
// the other, and none while it waits.
import type { AppError } from '#base/kernel';
import { replaceAt, scanMessage, setMember, valueAt, type Envelope } from '#base/protocol';
import type { AnswerHead, AnswerSink, UpstreamCall, UpstreamRequest } from '#data-plane/gateway';
import { logRank } from '../../channel/log-levels.ts';
import { modernStatus } from '../../channel/modern-manners.ts';
import { stringAt } from '../../channel/string-at.ts';

const LOG_LEVEL = ['params', '_meta', 'io.modelcontextprotocol/logLevel'];

export interface RoundOwner {
  /** The client has gone away. */
  left(client: CallClient): void;
  paused(isPaused: boolean): void;
  readonly upstreamId: string;
}

export class CallClient implements UpstreamCall {
  readonly message: Envelope;
  /** The level of log lines it wants; undefined for none. */
  readonly logLevel: string | undefined;
  readonly #sink: AnswerSink;
  readonly #owner: RoundOwner;
  #hasHead = false;
  #isOver = false;

  /** @param text the request as latin1 */
  constructor(owner: RoundOwner, request: UpstreamRequest, text: string, sink: AnswerSink) {
    this.message = request.message ?? scanMessage(text);
    this.logLevel = stringAt(text, LOG_LEVEL);
    this.#owner = owner;
    this.#sink = sink;
  }

  get upstreamId(): string {
    return this.#owner.upstreamId;
  }

  get isStream(): boolean {
    return this.#hasHead;
  }

  /** The answer comes as a stream. */
  startStream(headers: readonly string[]): void {
    if (this.#isOver || this.#hasHead) return;
    this.#hasHead = true;
    this.#sink.head({ status: 200, kind: 'stream', headers, contentLength: undefined });
  }

  /** A message about this call. */
  tell(text: string): void {
    if (this.#isOver) return;
    this.startStream([]);
    this.#sink.event({ id: undefined, event: 'message', retry: undefined, data: text, comment: undefined });
  }

  /** Keeps the connection visibly alive. */
  comment(comment: string): void {
    if (!this.#isOver && this.#hasHead) this.#sink.event({ id: undefined, event: undefined, retry: undefined, data: undefined, comment });
  }

  /** Progress of this call, if it wants to hear of it. */
  progressed(text: string): void {
    const { progressToken } = this.message;
    if (progressToken !== undefined) this.tell(replaceAt(text, ['params', 'progressToken'], progressToken));
  }

  /** A log line of this call, if it wants lines of that level. */
  logged(text: string): void {
    if (this.logLevel !== undefined && logRank(stringAt(text, ['params', 'level']) ?? '') >= logRank(this.logLevel)) this.tell(text);
  }

  /** The answer, whose id is the upstream's: the client gets its own. */
  answer(text: string, headers: readonly string[] = []): void {
    if (this.#isOver) return;
    const own = withId(text, this.message.id ?? 'null');
    if (this.#hasHead) {
      this.tell(own);
      this.#isOver = true;
    } else {
      this.#isOver = true;
      const body = Buffer.from(own, 'latin1');
      const status = modernStatus(own, { isError: valueAt(own, ['error']) !== undefined });
      const head: AnswerHead = { status, kind: 'json', headers, contentLength: body.length };
      this.#sink.head(head);
      this.#sink.chunk(body);
    }
    this.#sink.end();
  }

  fail(error: AppError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.fail(error);
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.left(this);
  }

  pause(): void {
    if (!this.#isOver) this.#owner.paused(true);
  }

  resume(): void {
    if (!this.#isOver) this.#owner.paused(false);
  }
}

/** Puts the id in, also where an upstream left it out. */
function withId(text: string, id: string): string {
  return valueAt(text, ['id']) === undefined ? setMember(text, ['id'], id) : replaceAt(text, ['id'], id);
}
