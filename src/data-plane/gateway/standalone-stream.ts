// The stream of a client's GET: what the upstream says outside any request. It outlives the client's connection when its events
// can be fetched later, and is opened again when a client returns after the upstream had ended it.
import { AppError, toAppError } from '#base/kernel';
import { rpcErrorText, scanMessage } from '#base/protocol';
import { askInClientsWords, withoutEmptyData } from './client-revision.ts';
import type { Exchange } from './exchange.ts';
import type { AnswerHead, AnswerListener, AnswerSink, StreamEvent, UpstreamCall, UpstreamPort } from './seams.ts';
import { listenerOf, type Listener, type ServerMessages } from './server-messages.ts';
import { SessionStream } from './session-stream.ts';
import { sessionNotFound, type Session, type StandaloneHandle } from './session.ts';
import { tellUpstream } from './tell-upstream.ts';

const STREAM_HEAD: AnswerHead = { status: 200, kind: 'stream', headers: [], contentLength: undefined };
/** An upstream that has not yet noticed that the last reader left answers 409; a moment later it has. */
const TAKEN_RETRY_MS = 150;

export interface StandaloneContext {
  readonly upstream: UpstreamPort;
  readonly messages: ServerMessages;
}

export class StandaloneStream implements AnswerSink, AnswerListener, StandaloneHandle {
  readonly stream: SessionStream;
  /** Of the GET that opened it; finished when the upstream has answered. */
  readonly #exchange: Exchange;
  readonly #session: Session;
  readonly #context: StandaloneContext;
  /** Who reads now, and with which headers: a client that comes back may have a newer token than it left with. */
  #listener: Listener;
  #headers: string[];
  #call: UpstreamCall | undefined;
  #isOpen = false;
  #isStarted = false;
  /** Set while an upstream that said 409 is left alone for a moment; what it still says to the first request is nobody's. */
  #retry: NodeJS.Timeout | undefined;
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

  /** Does somebody read it? A session is not kept for a stream that nobody has come back to. */
  get isInUse(): boolean {
    return this.stream.hasReader;
  }

  open(): void {
    this.#isOpen = true;
    this.#session.watch(this);
    this.#ask();
  }

  #ask(): void {
    this.#call = this.#context.upstream.open(
      {
        upstream: this.#listener.server.upstream.row,
        method: 'GET',
        lane: 'stream',
        headers: [...this.#headers],
        body: undefined,
        message: undefined,
        caller: this.#listener.principal,
        session: this.#session.upstream,
        lastEventId: this.#lastEventId,
        isSafeToRepeat: true,
      },
      this,
    );
  }

  join(exchange: Exchange, headers: string[], sequence: number | undefined): void {
    const { answer } = exchange;
    this.#listener = listenerOf(exchange);
    this.#headers = headers;
    answer.head(STREAM_HEAD);
    answer.listener = this;
    if (sequence === undefined) this.stream.attachLive(answer);
    else this.stream.attach(answer, sequence);
    // The upstream may have been stopped for the former reader, who will not take any more.
    this.#call?.resume();
    if (!this.#isOpen) this.open();
  }

  head(head: AnswerHead): void {
    if (!this.#isOpen || this.#retry !== undefined) return;
    if (this.#isStarted) {
      if (head.kind === 'stream' && head.status < 300) return;
      // It cannot go on where it was: whoever comes next gets a stream from now on.
      if (head.status >= 400 && head.status < 500) this.#lastEventId = undefined;
      this.#call?.cancel();
      this.#close();
      return;
    }
    if (head.status === 409 && !this.#hasRetried) {
      this.#hasRetried = true;
      this.#call?.cancel();
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.#ask();
      }, TAKEN_RETRY_MS);
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
    if (!this.#isOpen || this.#isStarted || this.#retry !== undefined) return true;
    return this.#orPause(this.#exchange.answer.chunk(bytes));
  }

  event(event: StreamEvent): boolean {
    if (!this.#isOpen) return true;
    if (event.id !== undefined) this.#lastEventId = event.id;
    if (event.data === undefined || event.data === '') return this.#orPause(this.stream.deliver(withoutEmptyData(this.#session, event), undefined));
    // What comes is kept for whoever comes back with a token that is good.
    if (this.stream.isResumable && !this.#context.messages.isStillValid(this.#listener)) {
      this.stream.releaseReader();
      this.#session.touch();
    }
    try {
      const worded = this.#message(event.data);
      return worded === undefined || this.#orPause(this.stream.deliver(worded === event.data ? event : { ...event, data: worded }, undefined));
    } catch (error) {
      this.fail(toAppError(error));
      return true;
    }
  }

  /** @returns what the client is told; undefined when the upstream has been answered in its place */
  #message(data: string): string | undefined {
    try {
      this.#exchange.strict?.upstream(data);
    } catch (error) {
      this.#refuse(data, toAppError(error));
      return undefined;
    }
    const envelope = this.#context.messages.admit(data, this.#listener, undefined, this.stream.hasReader);
    if (envelope?.kind !== 'request' || this.#session.older === undefined) return data;
    return askInClientsWords(this.#context, this.#listener, envelope, data, this.#replyHeaders());
  }

  /** For an answer in the client's place, without what describes a body. */
  #replyHeaders(): string[] {
    const headers = this.#headers.flatMap((name, at) => (at % 2 === 0 && name !== 'accept' ? [name, this.#headers[at + 1] ?? ''] : []));
    return [...headers, 'accept', 'application/json, text/event-stream'];
  }

  /** The stream is nobody's call, which could fail: the message is left out, and who asked something is told why. */
  #refuse(data: string, error: AppError): void {
    const { server, principal } = this.#listener;
    const envelope = this.#context.messages.refused(data, this.#listener, error);
    if (envelope?.kind !== 'request') return;
    const reply = rpcErrorText(new AppError('schema.params', error.message), envelope.id);
    void tellUpstream(this.#context.upstream, {
      upstream: server.upstream.row,
      method: 'POST',
      lane: 'reply',
      headers: [...this.#replyHeaders(), 'content-type', 'application/json'],
      body: Buffer.from(reply, 'latin1'),
      message: scanMessage(reply),
      caller: principal,
      session: this.#session.upstream,
      lastEventId: undefined,
      isSafeToRepeat: false,
    });
  }

  #orPause(hasRoom: boolean): boolean {
    if (!hasRoom) this.#call?.pause();
    return hasRoom;
  }

  end(): void {
    if (!this.#isOpen || this.#retry !== undefined) return;
    if (!this.#isStarted) {
      this.#exchange.answer.end();
      this.#exchange.finish(this.#exchange.answer.status < 400 ? 'ok' : 'rpc_error');
    }
    this.#close();
  }

  fail(error: AppError): void {
    if (!this.#isOpen || this.#retry !== undefined) return;
    this.#call?.cancel();
    if (this.#isStarted) this.#exchange.noteDefect(error);
    else this.#exchange.refuse(error);
    this.#close();
  }

  /** The upstream's side has ended: so does the client's connection, but a client that comes back opens it again. */
  #close(): void {
    this.#isOpen = false;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#session.unwatch(this);
    if (this.#isStarted) this.stream.releaseReader();
    if (!this.stream.isResumable && this.#session.standalone === this) this.#session.standalone = undefined;
  }

  clientHasRoom(): void {
    this.#call?.resume();
  }

  clientGone(): void {
    this.stream.detach();
    this.#session.touch();
    this.#call?.resume();
    // Nobody can ask for what comes meanwhile, so nothing may come: the same as without a gateway.
    if (this.stream.isResumable) return;
    this.#call?.cancel();
    this.#exchange.finish('cancelled');
    this.#close();
  }

  /** The session ends. */
  close(): void {
    this.#isOpen = false;
    clearTimeout(this.#retry);
    this.#call?.cancel();
    if (!this.#isStarted) this.#exchange.refuse(sessionNotFound());
  }
}
