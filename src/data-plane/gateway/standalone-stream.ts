// The stream of a client's GET: what the upstream says outside any request. It outlives the client's connection when its events
// can be fetched later, and is opened again when a client returns after the upstream had ended it.
import { toAppError, type AppError } from '#base/kernel';
import type { Exchange } from './exchange.ts';
import type { AnswerHead, AnswerListener, AnswerSink, ClientAnswer, StreamEvent, UpstreamCall, UpstreamPort } from './seams.ts';
import { listenerOf, type Listener, type ServerMessages } from './server-messages.ts';
import { SessionStream } from './session-stream.ts';
import type { Session, StandaloneHandle } from './session.ts';

const STREAM_HEAD: AnswerHead = { status: 200, kind: 'stream', headers: [], contentLength: undefined };
/** An upstream that has not yet noticed that the last reader left answers 409; a moment later it has. */
const TAKEN_RETRY_MS = 150;

export interface StandaloneContext {
  readonly upstream: UpstreamPort;
  readonly messages: ServerMessages;
}

export class StandaloneStream implements AnswerSink, AnswerListener, StandaloneHandle {
  readonly stream: SessionStream;
  readonly #exchange: Exchange;
  readonly #listener: Listener;
  readonly #session: Session;
  readonly #context: StandaloneContext;
  readonly #headers: string[];
  #call: UpstreamCall | undefined;
  #isOpen = false;
  #isStarted = false;
  #hasRetried = false;
  #lastEventId: string | undefined;

  /** @param headers the client's headers that may pass upstream */
  constructor(exchange: Exchange, session: Session, headers: string[], context: StandaloneContext) {
    this.#exchange = exchange;
    this.#listener = listenerOf(exchange);
    this.#session = session;
    this.#context = context;
    this.#headers = headers;
    this.stream = new SessionStream(exchange.answer);
    exchange.answer.listener = this;
  }

  open(): void {
    this.#isOpen = true;
    this.#session.watch(this);
    this.#call = this.#context.upstream.open(
      {
        upstream: this.#listener.server.upstream.row,
        method: 'GET',
        lane: 'stream',
        headers: this.#headers,
        body: undefined,
        session: this.#session.upstream,
        lastEventId: this.#lastEventId,
        isSafeToRepeat: true,
      },
      this,
    );
  }

  join(client: ClientAnswer, sequence: number | undefined): void {
    client.head(STREAM_HEAD);
    client.listener = this;
    if (sequence === undefined) this.stream.attachLive(client);
    else this.stream.attach(client, sequence);
    if (!this.#isOpen) this.open();
  }

  head(head: AnswerHead): void {
    if (this.#isStarted) {
      if (head.kind !== 'stream' || head.status >= 300) this.#close();
      return;
    }
    if (head.status === 409 && !this.#hasRetried) {
      this.#hasRetried = true;
      this.#call?.cancel();
      setTimeout(() => this.open(), TAKEN_RETRY_MS);
      return;
    }
    if (head.namesSession === true) this.#exchange.answer.setHeader('mcp-session-id', this.#session.id);
    this.#exchange.answer.head(head);
    if (head.kind === 'stream') {
      this.#isStarted = true;
      this.#session.addStream(this.stream);
      this.#exchange.finish('ok');
    }
  }

  chunk(bytes: Buffer): boolean {
    return this.#isStarted ? true : this.#exchange.answer.chunk(bytes);
  }

  event(event: StreamEvent): boolean {
    if (event.id !== undefined) this.#lastEventId = event.id;
    if (event.data !== undefined && event.data !== '') {
      try {
        this.#context.messages.admit(event.data, this.#listener);
      } catch (error) {
        this.fail(toAppError(error));
        return true;
      }
    }
    const hasRoom = this.stream.deliver(event, undefined);
    if (!hasRoom) this.#call?.pause();
    return hasRoom;
  }

  end(): void {
    if (this.#isStarted) {
      this.#close();
      return;
    }
    this.#session.unwatch(this);
    this.#exchange.answer.end();
    this.#exchange.finish(this.#exchange.answer.status < 400 ? 'ok' : 'rpc_error');
    this.#forget();
  }

  fail(error: AppError): void {
    if (this.#isStarted) {
      this.#exchange.noteDefect(error);
      this.#call?.cancel();
      this.#close();
      return;
    }
    this.#session.unwatch(this);
    this.#exchange.refuse(error);
    this.#forget();
  }

  /** The upstream's side has ended: so does the client's connection, but a client that comes back opens it again. */
  #close(): void {
    this.#isOpen = false;
    this.#session.unwatch(this);
    this.stream.releaseReader();
    if (!this.stream.isResumable) this.#forget();
  }

  #forget(): void {
    if (this.#session.standalone === this) this.#session.standalone = undefined;
  }

  clientHasRoom(): void {
    this.#call?.resume();
  }

  clientGone(): void {
    this.stream.detach();
    this.#call?.resume();
    // Nobody can ask for what comes meanwhile, so nothing may come: the same as without a gateway.
    if (!this.stream.isResumable) {
      this.#call?.cancel();
      this.#close();
    }
  }

  /** The session ends. */
  close(): void {
    this.#call?.cancel();
  }
}
