// The client's side of one round of a bridged call: its request, and where its answer goes. A call that asks has several, one after
// the other, and none while it waits.
import type { AppError } from '#base/kernel';
import { replaceAt, scanMessage, setMember, valueAt, type Envelope } from '#base/protocol';
import type { AnswerHead, AnswerSink, UpstreamCall, UpstreamRequest } from '#data-plane/gateway';
import { logRank } from '../../channel/log-levels.ts';
import { modernStatus } from '../../channel/modern-manners.ts';
import { stringAt } from '../../channel/string-at.ts';

const LOG_LEVEL = ['params', '_meta', 'io.modelcontextprotocol/logLevel'];

/** Within this an upstream that answers at once has answered. */
const HEAD_WAIT_MS = 100;

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
  /** A stream that nothing has come on yet. */
  #waiting: { readonly headers: readonly string[]; readonly timer: NodeJS.Timeout } | undefined;

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

  /**
   * The answer comes as a stream. An upstream of the older era may have nothing but an answer to send on it: then that comes alone, with the
   * status that its error has in the modern era (MCP 2026-07-28, "Streamable HTTP").
   */
  startStream(headers: readonly string[]): void {
    if (this.#isOver || this.#hasHead || this.#waiting !== undefined) return;
    const timer = setTimeout(() => this.#begin(), HEAD_WAIT_MS);
    this.#waiting = { headers, timer };
  }

  /** A message about this call. */
  tell(text: string): void {
    if (this.#isOver) return;
    this.#begin();
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
    clearTimeout(this.#waiting?.timer);
    const own = withId(text, this.message.id ?? 'null');
    if (this.#hasHead) {
      this.tell(own);
      this.#isOver = true;
    } else {
      this.#isOver = true;
      const body = Buffer.from(own, 'latin1');
      const status = modernStatus(own, { isError: valueAt(own, ['error']) !== undefined });
      const shown = headers.length > 0 ? headers : (this.#waiting?.headers ?? []);
      const head: AnswerHead = { status, kind: 'json', headers: shown, contentLength: body.length };
      this.#sink.head(head);
      this.#sink.chunk(body);
    }
    this.#sink.end();
  }

  fail(error: AppError): void {
    if (this.#isOver) return;
    clearTimeout(this.#waiting?.timer);
    this.#isOver = true;
    this.#sink.fail(error);
  }

  cancel(): void {
    if (this.#isOver) return;
    clearTimeout(this.#waiting?.timer);
    this.#isOver = true;
    this.#owner.left(this);
  }

  pause(): void {
    if (!this.#isOver) this.#owner.paused(true);
  }

  resume(): void {
    if (!this.#isOver) this.#owner.paused(false);
  }

  #begin(): void {
    if (this.#isOver || this.#hasHead) return;
    clearTimeout(this.#waiting?.timer);
    this.#hasHead = true;
    this.#sink.head({ status: 200, kind: 'stream', headers: this.#waiting?.headers ?? [], contentLength: undefined });
  }
}

/** Puts the id in, also where an upstream left it out. */
function withId(text: string, id: string): string {
  return valueAt(text, ['id']) === undefined ? setMember(text, ['id'], id) : replaceAt(text, ['id'], id);
}
