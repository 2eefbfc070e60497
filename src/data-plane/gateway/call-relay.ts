// Brings the answer of one request back to its client: lets server messages pass, knows when the answer is complete, and sees to
// it that a broken stream ends in an answer or an error, never in silence.
import { AppError, toAppError } from '#base/kernel';
import type { RecordOutcome } from './call-record.ts';
import type { Exchange } from './exchange.ts';
import { rpcErrorText, scanMessage, type Envelope } from '#base/protocol';
import { askInClientsWords, isTakenForNewer, withoutEmptyData } from './client-revision.ts';
import { followUpHeaders } from './forward-headers.ts';
import { isSameId, JsonAnswer } from './json-answer.ts';
import { readLoosely } from './loose-response.ts';
import type { AnswerHead, AnswerListener, AnswerSink, StreamEvent, UpstreamPort } from './seams.ts';
import { listenerOf, type Listener, type ServerMessages } from './server-messages.ts';
import { SessionStream } from './session-stream.ts';
import { tellUpstream } from './tell-upstream.ts';
import { isLookedThrough, shownAnswer } from './views.ts';

const RETRY_DEFAULT_MS = 1000;
/** `retry: 0` is not an invitation to knock without a pause. */
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 60_000;
const RESUMES_WITHOUT_NEWS_MAX = 5;
/** An upstream that has answered should close the stream; one that does not is not waited for longer than this. */
const LINGER_MS = 5000;

export interface RelayContext {
  readonly upstream: UpstreamPort;
  readonly messages: ServerMessages;
  /** Restarted on progress. */
  readonly toolTimeoutMs: number;
}

export class CallRelay implements AnswerSink, AnswerListener {
  readonly #exchange: Exchange;
  readonly #context: RelayContext;
  #json: JsonAnswer | undefined;
  #stream: SessionStream | undefined;
  #isStream = false;
  #outcome: RecordOutcome | undefined;
  #isOver = false;
  #lastEventId: string | undefined;
  #retryMs = RETRY_DEFAULT_MS;
  #resumesWithoutNews = 0;
  #isResuming = false;
  #isTakenBack = false;
  /** Set between two streams of the upstream; what the first still says is nobody's. */
  #resumption: NodeJS.Timeout | undefined;
  #linger: NodeJS.Timeout | undefined;

  constructor(exchange: Exchange, context: RelayContext) {
    this.#exchange = exchange;
    this.#context = context;
    exchange.answer.listener = this;
    exchange.relay = this;
  }

  /** A running call keeps its session; one that was taken back only while somebody listens. */
  get isInUse(): boolean {
    return !this.#isTakenBack || this.#stream?.hasReader === true;
  }

  head(head: AnswerHead): void {
    if (this.#isOver || this.#resumption !== undefined) return;
    if (this.#isResuming) {
      if (head.kind !== 'stream' || head.status >= 300) this.fail(lost('could not be taken up again'));
      return;
    }
    const exchange = this.#exchange;
    if (head.namesSession === true && exchange.session !== undefined) exchange.answer.setHeader('mcp-session-id', exchange.session.id);
    if (head.kind === 'json') {
      this.#json = new JsonAnswer(exchange, head);
      return;
    }
    const { envelope } = exchange.request;
    if (head.kind === 'empty' && head.status < 300 && envelope.kind === 'request' && envelope.id !== undefined) {
      this.fail(new AppError('upstream.bad_answer', `The upstream answered HTTP ${head.status} without a body, where a JSON-RPC answer is due.`));
      return;
    }
    this.#isStream = head.kind === 'stream';
    if (this.#isStream && exchange.session !== undefined) this.#openSessionStream();
    exchange.answer.head(head);
  }

  chunk(bytes: Buffer): boolean {
    if (this.#isOver || this.#resumption !== undefined || this.#json === undefined) return true;
    try {
      return this.#orPause(this.#json.chunk(bytes));
    } catch (error) {
      this.fail(toAppError(error));
      return true;
    }
  }

  event(event: StreamEvent): boolean {
    if (this.#isOver || this.#resumption !== undefined) return true;
    if (event.id !== undefined) this.#lastEventId = event.id;
    if (event.retry !== undefined) this.#retryMs = Math.min(Math.max(Number(event.retry), RETRY_MIN_MS), RETRY_MAX_MS);
    if (event.data === undefined || event.data === '') return this.#orPause(this.#send(withoutEmptyData(this.#exchange.session, event), undefined));
    this.#resumesWithoutNews = 0;
    try {
      return this.#orPause(this.#message(event, event.data));
    } catch (error) {
      this.fail(toAppError(error));
      return true;
    }
  }

  end(): void {
    if (this.#isOver || this.#resumption !== undefined) return;
    if (this.#json !== undefined) {
      try {
        this.#over(this.#json.end());
      } catch (error) {
        this.fail(toAppError(error));
      }
      return;
    }
    const { envelope } = this.#exchange.request;
    if (this.#isStream && this.#outcome === undefined && envelope.kind === 'request' && envelope.id !== undefined && !this.#isTakenBack) {
      this.#resumeOr(lost('ended before the answer was complete'));
      return;
    }
    if (this.#stream === undefined) this.#exchange.answer.end();
    this.#over(this.#outcome ?? (this.#exchange.answer.status < 400 ? 'ok' : 'rpc_error'));
  }

  fail(error: AppError): void {
    if (this.#isOver || this.#resumption !== undefined) return;
    if (this.#isTakenBack && this.#isStream) {
      this.#closeLingering();
      return;
    }
    if (error.code === 'upstream.connection_lost' && this.#stream?.isResumable === true && this.#outcome === undefined) {
      this.#resumeOr(error);
      return;
    }
    this.#giveUp(error);
  }

  /**
   * The client has cancelled the call: no answer is owed any more, and its place is free. What the upstream still says passes, but
   * not every upstream ends the stream of a call it has given up.
   */
  takenBack(): void {
    if (this.#isOver || this.#outcome !== undefined || this.#isTakenBack) return;
    this.#isTakenBack = true;
    const { request } = this.#exchange;
    if (request.envelope.id !== undefined) this.#stream?.owed.delete(request.envelope.id);
    this.#exchange.finish('cancelled');
    this.#linger = setTimeout(() => {
      // A stream stays as long as the upstream, the client or the session keeps it, as it would without a gateway.
      if (!this.#isStream || this.#stream?.hasReader === false) this.#closeLingering();
    }, LINGER_MS);
  }

  #message(event: StreamEvent, data: string): boolean {
    const exchange = this.#exchange;
    exchange.strict?.upstream(data);
    const listener = this.#listener();
    // What comes is kept for whoever comes back with a token that is good.
    if (this.#stream?.isResumable === true && !this.#context.messages.isStillValid(listener)) this.#stream.releaseReader();
    const envelope = this.#context.messages.admit(data, listener, exchange, this.#stream?.hasReader ?? true) ?? readLoosely(data);
    if (envelope === undefined) return this.#send(event, undefined);
    const { id } = exchange.request.envelope;
    if (envelope.kind === 'response' && id !== undefined && (envelope.id === id || isSameId(envelope.id, id))) {
      const shown = isLookedThrough(exchange) ? { ...event, data: shownAnswer(exchange, data) } : event;
      this.#outcome = envelope.isError ? 'rpc_error' : envelope.isToolError ? 'tool_error' : 'ok';
      const hasRoom = this.#send(shown, id);
      exchange.finish(this.#outcome);
      clearTimeout(this.#linger);
      this.#linger = setTimeout(() => this.#closeLingering(), LINGER_MS);
      return hasRoom;
    }
    if (envelope.method === 'notifications/progress' && exchange.deadlineAtMs !== Number.POSITIVE_INFINITY) {
      exchange.deadlineAtMs = Date.now() + this.#context.toolTimeoutMs;
    }
    if (envelope.kind === 'request' && exchange.session?.older !== undefined) return this.#ask(event, data, envelope, listener);
    return this.#send(event, undefined);
  }

  /** A question to a client of an older revision. */
  #ask(event: StreamEvent, data: string, envelope: Envelope, listener: Listener): boolean {
    const { request, session } = this.#exchange;
    const headers = followUpHeaders(request.headers, listener.server.upstream.row, 'application/json, text/event-stream', session?.hop);
    const worded = askInClientsWords(this.#context, listener, envelope, data, headers);
    return worded === undefined || this.#send(worded === data ? event : { ...event, data: worded }, undefined);
  }

  /** Who hears the answer: the caller, or whoever has come back for it since. */
  #listener(): Listener {
    const listener = listenerOf(this.#exchange);
    const principal = this.#stream?.readBy;
    if (principal === undefined) return listener;
    const { server, session, clientAddress } = listener;
    return { principal, server, session, clientAddress };
  }

  #send(event: StreamEvent, answers: string | undefined): boolean {
    if (this.#stream !== undefined) return this.#stream.deliver(event, answers);
    // Without a session nobody can come back for missed events, so ids would promise what cannot be kept.
    return this.#exchange.answer.event(event.id === undefined ? event : { ...event, id: undefined });
  }

  /** Stops reading when the client is full, until it has room again. */
  #orPause(hasRoom: boolean): boolean {
    if (hasRoom) return true;
    this.#exchange.call?.pause();
    // A reader that has come back is not this exchange's own client.
    if (this.#stream !== undefined) this.#stream.onDrain = () => this.clientHasRoom();
    return false;
  }

  #openSessionStream(): void {
    const { session, answer, request } = this.#exchange;
    this.#stream = new SessionStream(answer);
    if (request.envelope.id !== undefined) this.#stream.owed.add(request.envelope.id);
    // It left before there was a stream.
    if (answer.isGone) this.#stream.detach();
    session?.addStream(this.#stream);
    session?.watch(this);
  }

  /** Takes the upstream's stream up again after its `retry`; the client's own stream is closed meanwhile (decisions.md 2). */
  #resumeOr(error: AppError): void {
    const { session, server, request } = this.#exchange;
    const stream = this.#stream;
    const lastEventId = this.#lastEventId;
    if (
      stream === undefined ||
      session === undefined ||
      server === undefined ||
      lastEventId === undefined ||
      this.#resumesWithoutNews >= RESUMES_WITHOUT_NEWS_MAX
    ) {
      this.#giveUp(error);
      return;
    }
    this.#resumesWithoutNews++;
    this.#isResuming = true;
    this.#exchange.call?.cancel();
    // A client that would not know to come back waits on its stream, and the gateway goes and gets what is missing.
    if (!isTakenForNewer(session)) stream.releaseReader();
    this.#resumption = setTimeout(() => {
      this.#resumption = undefined;
      const headers = followUpHeaders(request.headers, server.upstream.row, 'text/event-stream', session.hop);
      this.#exchange.call = this.#context.upstream.open(
        {
          upstream: server.upstream.row,
          method: 'GET',
          lane: 'stream',
          headers,
          body: undefined,
          message: undefined,
          caller: this.#exchange.principal,
          session: session.upstream,
          lastEventId,
          isSafeToRepeat: false,
        },
        this,
      );
    }, this.#retryMs);
  }

  clientHasRoom(): void {
    this.#exchange.call?.resume();
  }

  /** The client has closed its connection: for modern traffic that is a cancel, for legacy traffic it is not (checklist 23, 33). */
  clientGone(): void {
    if (this.#isOver) return;
    const { era, verb } = this.#exchange.request;
    if (era === 'modern' || verb === 'GET') {
      this.#exchange.call?.cancel();
      this.#over('cancelled');
      return;
    }
    this.#stream?.detach();
    // Nothing is owed, and nobody listens.
    if (this.#isTakenBack) this.#closeLingering();
  }

  timedOut(): void {
    const { request, session, server } = this.#exchange;
    const { id } = request.envelope;
    if (request.era === 'legacy' && id !== undefined && session !== undefined && server !== undefined) {
      // The id is latin1 for bytes, so all of the text has to be.
      const body = Buffer.from(
        `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"The time limit of the gateway for this call has passed"}}`,
        'latin1',
      );
      const headers = [
        ...followUpHeaders(request.headers, server.upstream.row, 'application/json, text/event-stream', session.hop),
        'content-type',
        'application/json',
      ];
      void tellUpstream(this.#context.upstream, {
        upstream: server.upstream.row,
        method: 'POST',
        lane: 'reply',
        headers,
        body,
        message: scanMessage(body.toString('latin1')),
        caller: this.#exchange.principal,
        session: session.upstream,
        lastEventId: undefined,
        isSafeToRepeat: false,
      });
    }
    this.#exchange.call?.cancel();
    this.#giveUp(new AppError('upstream.timeout', 'The upstream did not answer in time (TOOL_TIMEOUT).'));
  }

  /** The gateway cannot wait any longer. */
  stop(error: AppError): void {
    if (!this.#isOver) this.#giveUp(error);
  }

  #giveUp(error: AppError): void {
    const { answer, request } = this.#exchange;
    this.#exchange.noteDefect(error);
    this.#exchange.call?.cancel();
    const stream = this.#stream;
    if (stream !== undefined && this.#outcome === undefined && request.envelope.id !== undefined) {
      const data = rpcErrorText(error, request.envelope.id);
      stream.deliver({ id: stream.isResumable ? '' : undefined, event: 'message', retry: undefined, data, comment: undefined }, request.envelope.id);
    } else if (this.#outcome === undefined) answer.fail(error);
    else if (stream === undefined) answer.end();
    this.#over(error.kind.fault === 'upstream' ? 'failed' : 'refused', error.code);
  }

  #closeLingering(): void {
    if (this.#isOver) return;
    this.#exchange.call?.cancel();
    const { answer } = this.#exchange;
    if (answer.status === 0) answer.head({ status: 202, kind: 'empty', headers: [], contentLength: 0 });
    if (this.#stream === undefined) answer.end();
    this.#over(this.#outcome ?? 'ok');
  }

  /** The session ends under the call. */
  close(): void {
    if (this.#isOver) return;
    this.#exchange.call?.cancel();
    this.#over('cancelled');
  }

  #over(outcome: RecordOutcome, errorCode = ''): void {
    this.#isOver = true;
    clearTimeout(this.#linger);
    clearTimeout(this.#resumption);
    this.#exchange.dropAsks();
    const stream = this.#stream;
    const { session } = this.#exchange;
    if (stream !== undefined && session !== undefined) {
      // An ended stream is kept for its tail; the call and its body need not be.
      stream.onDrain = undefined;
      stream.finish();
      session.unwatch(this);
      session.retire(stream);
    }
    this.#exchange.finish(outcome, errorCode);
  }
}

function lost(what: string): AppError {
  return new AppError('upstream.connection_lost', `The upstream’s stream ${what}.`);
}
