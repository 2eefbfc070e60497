// A client's place on a shared line: what it subscribed to, the level it wants logs at, and its own calls among everybody's.
import { jsonText, replaceAt, type Envelope } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamRequest } from '#data-plane/gateway';
import { accepted, refusedByHeaders } from './http-manners.ts';
import { LineSession } from './line-session.ts';
import { PendingCall } from './pending-call.ts';
import type { SharedLine } from './shared-line.ts';
import { stringAt } from './string-at.ts';

export class SharedSession extends LineSession {
  level: string | undefined;
  readonly subscriptions = new Set<string>();
  readonly #line: SharedLine;
  /** By the client's own ids, for its cancellations. */
  readonly #calls = new Map<string, PendingCall>();

  constructor(line: SharedLine) {
    super();
    this.#line = line;
  }

  post(request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const { message, body } = request;
    const refusal = refusedByHeaders(request, sink);
    if (refusal !== undefined || message === undefined || body === undefined) return refusal ?? accepted(sink);
    this.lastUsedAtMs = Date.now();
    this.#line.follow(request.upstream);
    if (message.kind === 'request') return this.#request(message, body, sink);
    if (message.kind === 'notification') this.#notification(message, body);
    return accepted(sink);
  }

  /** Everything worth remembering is kept by this session and its line. */
  remember(): void {}
  forget(): void {}

  async end(): Promise<void> {
    for (const call of this.#calls.values()) this.#cancel(call);
    this.endListener();
    this.#line.leave(this);
  }

  // Others read from the same line: it waits for nobody.
  protected pauseFor(): void {}
  protected resumeFor(): void {}

  #request(message: Envelope, body: Buffer, sink: AnswerSink): UpstreamCall {
    const call = new PendingCall(message, sink, this.manners);
    const id = message.id ?? 'null';
    this.#calls.set(id, call);
    call.onOver = () => {
      if (this.#calls.get(id) === call) this.#calls.delete(id);
    };
    switch (message.method) {
      case 'logging/setLevel':
        this.#setLevel(call, body);
        break;
      case 'resources/subscribe':
        this.#subscribe(call, body, message.uri);
        break;
      case 'resources/unsubscribe':
        this.#unsubscribe(call, body, message.uri);
        break;
      default:
        this.#line.start(call, body);
    }
    return call;
  }

  #setLevel(call: PendingCall, body: Buffer): void {
    const text = body.toString('latin1');
    const wanted = stringAt(text, ['params', 'level']);
    const before = this.level;
    if (wanted === undefined) {
      this.#line.start(call, body);
      return;
    }
    this.level = wanted;
    call.onAnswer = (answer, { isError }) => {
      if (isError) this.level = before;
      return answer;
    };
    const lowest = this.#line.lowestLevel() ?? wanted;
    this.#line.start(call, Buffer.from(replaceAt(text, ['params', 'level'], jsonText(lowest)), 'latin1'));
  }

  #subscribe(call: PendingCall, body: Buffer, uri: string | undefined): void {
    call.onAnswer = (answer, { isError }) => {
      if (!isError && uri !== undefined) this.subscriptions.add(uri);
      return answer;
    };
    this.#line.start(call, body);
  }

  /** The upstream is told only when nobody else wants to know any more. */
  #unsubscribe(call: PendingCall, body: Buffer, uri: string | undefined): void {
    if (uri !== undefined && this.subscriptions.delete(uri) && this.#line.isSubscribed(uri)) {
      call.answer(`{"jsonrpc":"2.0","id":${call.message.id},"result":{}}`, call.message);
      return;
    }
    this.#line.start(call, body);
  }

  #notification(message: Envelope, body: Buffer): void {
    switch (message.method) {
      // Said for this client alone; the line has shaken hands already.
      case 'notifications/initialized':
      case 'notifications/roots/list_changed':
        break;
      case 'notifications/cancelled': {
        const call = message.requestId === undefined ? undefined : this.#calls.get(message.requestId);
        if (call !== undefined) this.#tellCancelled(call, body.toString('latin1'));
        break;
      }
      default:
        this.#line.tell(body);
    }
  }

  #tellCancelled(call: PendingCall, text: string): void {
    if (call.upstreamId !== '') this.#line.tell(replaceAt(text, ['params', 'requestId'], call.upstreamId));
  }

  #cancel(call: PendingCall): void {
    this.#tellCancelled(call, '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":0}}');
    call.cancel();
  }
}
