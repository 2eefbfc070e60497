// One `subscriptions/listen` stream of a modern client at an upstream of the older era (MCP 2026-07-28; protocol.md 2.2): acknowledged with
// what that upstream can tell, then told of nothing else.
import { AppError } from '#base/kernel';
import type { AnswerSink, UpstreamCall } from '#data-plane/gateway';
import { isPartOf } from '../../channel/resource-part.ts';
import { NewsStream, RESOURCE_UPDATED, TASK_CHANGED, type ListNews, type Wanted } from '../../listen-words.ts';

export class Listening implements UpstreamCall {
  readonly upstreamId: string;
  readonly #sink: AnswerSink;
  readonly #stream: NewsStream;
  readonly #onOver: (listening: Listening, honoured: Wanted | undefined) => void;
  /** Undefined before it is acknowledged: what comes before that is not owed. */
  #honoured: Wanted | undefined;
  #isOver = false;

  /** @param onOver called once, however it ends */
  constructor(upstreamId: string, sink: AnswerSink, idText: string, onOver: (listening: Listening, honoured: Wanted | undefined) => void) {
    this.upstreamId = upstreamId;
    this.#sink = sink;
    this.#stream = new NewsStream(sink, idText);
    this.#onOver = onOver;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  acknowledge(honoured: Wanted): void {
    if (this.#isOver) return;
    this.#honoured = honoured;
    this.#stream.acknowledge(honoured);
  }

  heardOfList(news: ListNews, text: string): void {
    if (this.#honoured?.lists.includes(news) === true) this.#stream.pass(text);
  }

  heardOfResource(uri: string, text: string): void {
    if (this.#honoured?.uris.some((whole) => isPartOf(uri, whole)) === true) this.#stream.pass(text);
  }

  /** @param params of the notification, as JSON text */
  heardOfTask(params: string): void {
    this.#stream.pass(`{"jsonrpc":"2.0","method":"${TASK_CHANGED}","params":${params}}`);
  }

  /** The upstream was not heard for a while: whatever is listened to may be another now. */
  mayHaveMissed(): void {
    for (const { method } of this.#honoured?.lists ?? []) this.#stream.say(method);
    for (const uri of this.#honoured?.uris ?? []) this.#stream.say(RESOURCE_UPDATED, { uri });
  }

  /** On purpose: the client need not come back. */
  end(): void {
    if (this.#isOver) return;
    const isAcknowledged = this.#honoured !== undefined;
    this.#over();
    if (isAcknowledged) this.#stream.end();
    else this.#sink.fail(new AppError('upstream.connection_lost', 'The gateway was changed while its upstream was being asked.'));
  }

  fail(error: AppError): void {
    if (this.#isOver) return;
    this.#over();
    this.#sink.fail(error);
  }

  cancel(): void {
    if (!this.#isOver) this.#over();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#isOver) this.#stream.resume();
  }

  #over(): void {
    this.#isOver = true;
    this.#onOver(this, this.#honoured);
  }
}
