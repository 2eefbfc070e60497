// Brings the answer of one request back to its client: lets server messages pass, knows when the answer is complete, and sees to
// it that a broken stream ends in an answer or an error, never in silence.
import { AppError, toAppError } from '#base/kernel';
import type { RecordOutcome } from './call-record.ts';
import type { Exchange } from './exchange.ts';
import { rpcErrorText } from '#base/protocol';
import { isSameId, JsonAnswer } from './json-answer.ts';
import type { AnswerHead, AnswerListener, AnswerSink, StreamEvent, UpstreamPort } from './seams.ts';
import { listenerOf, type ServerMessages } from './server-messages.ts';
import { SessionStream } from './session-stream.ts';
import { filterAnswer, needsFilter } from './views.ts';

const RETRY_DEFAULT_MS = 1000;
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
  #linger: NodeJS.Timeout | undefined;

  constructor(exchange: Exchange, context: RelayContext) {
    this.#exchange = exchange;
    this.#context = context;
    exchange.answer.listener = this;
    exchange.relay = this;
  }

  head(head: AnswerHead): void {
    if (this.#isOver) return;
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
    if (this.#isOver || this.#json === undefined) return true;
    try {
      return this.#orPause(this.#json.chunk(bytes));
    } catch (error) {
      this.fail(toAppError(error));
      return true;
    }
  }

  event(event: StreamEvent): boolean {
    if (this.#isOver) return true;
    if (event.id !== undefined) this.#lastEventId = event.id;
    if (event.retry !== undefined) this.#retryMs = Math.min(Number(event.retry) || RETRY_DEFAULT_MS, 60_000);
    if (event.data === undefined || event.data === '') return this.#orPause(this.#send(event, undefined));
    this.#resumesWithoutNews = 0;
    try {
      return this.#orPause(this.#message(event, event.data));
    } catch (error) {
      this.fail(toAppError(error));
      return true;
    }
  }

  end(): void {
    if (this.#isOver) return;
    if (this.#json !== undefined) {
      try {
        this.#over(this.#json.end());
      } catch (error) {
        this.fail(toAppError(error));
      }
      return;
    }
    if (this.#isStream && this.#outcome === undefined && this.#exchange.request.envelope.kind === 'request' && !this.#isTakenBack) {
      this.#resumeOr(lost('ended before the answer was complete'));
      return;
    }
    if (this.#stream === undefined) this.#exchange.answer.end();
    this.#over(this.#outcome ?? 'ok');
  }

  fail(error: AppError): void {
    if (this.#isOver) return;
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
      if (!this.#isStream) this.#closeLingering();
    }, LINGER_MS);
  }

  #message(event: StreamEvent, data: string): boolean {
    const exchange = this.#exchange;
    const envelope = this.#context.messages.admit(data, listenerOf(exchange));
    if (envelope === undefined) return this.#send(event, undefined);
    const { id } = exchange.request.envelope;
    if (envelope.kind === 'response' && id !== undefined && (envelope.id === id || isSameId(envelope.id, id))) {
      this.#outcome = envelope.isError ? 'rpc_error' : envelope.isToolError ? 'tool_error' : 'ok';
      const shown = needsFilter(exchange) ? { ...event, data: filterAnswer(exchange, data) } : event;
      const hasRoom = this.#send(shown, id);
      exchange.finish(this.#outcome);
      clearTimeout(this.#linger);
      this.#linger = setTimeout(() => this.#closeLingering(), LINGER_MS);
      return hasRoom;
    }
    if (envelope.method === 'notifications/progress' && exchange.deadlineAtMs !== Number.POSITIVE_INFINITY) {
      exchange.deadlineAtMs = Date.now() + this.#context.toolTimeoutMs;
    }
    return this.#send(event, undefined);
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
    session?.addStream(this.#stream);
    session?.watch(this);
  }

  /** Takes the upstream's stream up again after its `retry`; the client's own stream is closed meanwhile (decisions.md 2). */
  #resumeOr(error: AppError): void {
    const { session, server, request } = this.#exchange;
    const stream = this.#stream;
    const lastEventId = this.#lastEventId;
    if (stream === undefined || session === undefined || server === undefined || lastEventId === undefined || this.#resumesWithoutNews >= RESUMES_WITHOUT_NEWS_MAX) {
      this.#giveUp(error);
      return;
    }
    this.#resumesWithoutNews++;
    this.#isResuming = true;
    stream.releaseReader();
    setTimeout(() => {
      if (this.#isOver) return;
      const version = request.headers['mcp-protocol-version'];
      const headers = ['accept', 'text/event-stream', ...(typeof version === 'string' ? ['mcp-protocol-version', version] : [])];
      this.#exchange.call = this.#context.upstream.open(
        { upstream: server.upstream.row, method: 'GET', lane: 'stream', headers, body: undefined, session: session.upstream, lastEventId, isSafeToRepeat: false },
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
    if (this.#exchange.request.era === 'modern') {
      this.#exchange.call?.cancel();
      this.#over('cancelled');
    } else this.#stream?.detach();
  }

  timedOut(): void {
    const { request, session, server } = this.#exchange;
    const { id } = request.envelope;
    if (request.era === 'legacy' && id !== undefined && session !== undefined && server !== undefined) {
      const body = Buffer.from(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"The gateway’s time limit for this call has passed"}}`);
      const version = request.headers['mcp-protocol-version'];
      const headers = ['content-type', 'application/json', 'accept', 'application/json, text/event-stream', ...(typeof version === 'string' ? ['mcp-protocol-version', version] : [])];
      this.#context.upstream.open(
        { upstream: server.upstream.row, method: 'POST', lane: 'reply', headers, body, session: session.upstream, lastEventId: undefined, isSafeToRepeat: false },
        IGNORE,
      );
    }
    this.#exchange.call?.cancel();
    this.#giveUp(new AppError('upstream.timeout', 'The upstream did not answer in time (TOOL_TIMEOUT).'));
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
    const stream = this.#stream;
    const { session } = this.#exchange;
    if (stream !== undefined && session !== undefined) {
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

/** For messages whose answer nobody waits for. */
export const IGNORE: AnswerSink = { head() {}, chunk: () => true, event: () => true, end() {}, fail() {} };
