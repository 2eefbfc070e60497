// One request to an upstream over streamable HTTP and its answer. Repairs a lost session and a stale connection once, where that
// is safe; translates everything else into the seam's terms. No callback of the HTTP client may throw: an exception there would
// end the process.
import { AppError, toAppError } from '#base/kernel';
import type { Outbound, OutboundRequest, ResponseController, ResponseHandler } from '#base/net';
import type { AnswerHead, AnswerSink, StreamEvent, UpstreamCall, UpstreamObserver, UpstreamRequest } from '#data-plane/gateway';
import { answerKind, passingHeaders, type Headers } from '../answer-head.ts';
import type { HealthBook } from '../health.ts';
import { networkError } from '../network-error.ts';
import { SseParser } from '../sse-parser.ts';
import { HttpUpstreamSession } from './upstream-session.ts';

const ERROR_BODY_MAX = 1024 * 1024;
const CANCELLED = new Error('cancelled');

export interface CallTarget {
  readonly origin: string;
  readonly path: string;
}

export class HttpCall implements UpstreamCall, ResponseHandler {
  readonly #outbound: Outbound;
  readonly #health: HealthBook;
  readonly #target: CallTarget;
  readonly #request: UpstreamRequest;
  readonly #sink: AnswerSink;
  readonly #observer: UpstreamObserver | undefined;
  #controller: ResponseController | undefined;
  #clientHeaders: number | undefined;
  #isOver = false;
  #isStarted = false;
  #hasRepeated = false;
  #hasReopened = false;
  #sentSessionId: string | undefined;
  #parser: SseParser | undefined;
  /** Collects the body of a refusal, which may have to be understood before it is passed on. */
  #refusal: { head: AnswerHead; parts: Buffer[]; size: number } | undefined;

  constructor(
    outbound: Outbound,
    health: HealthBook,
    target: CallTarget,
    request: UpstreamRequest,
    sink: AnswerSink,
    observer: UpstreamObserver | undefined,
  ) {
    this.#outbound = outbound;
    this.#health = health;
    this.#target = target;
    this.#request = request;
    this.#sink = sink;
    this.#observer = observer;
  }

  send(): void {
    const { upstream, session, lastEventId, headers } = this.#request;
    // A repeated request starts from the client's headers again.
    this.#clientHeaders ??= headers.length;
    headers.length = this.#clientHeaders;
    if (session instanceof HttpUpstreamSession) {
      this.#sentSessionId = session.id;
      headers.push('mcp-session-id', session.id);
      if (this.#request.method === 'DELETE') session.isEnding = true;
    }
    if (lastEventId !== undefined) headers.push('last-event-id', lastEventId);
    for (const [name, value] of upstream.headers) headers.push(name, value);
    const request: OutboundRequest = { method: this.#request.method, path: this.#target.path, headers, body: this.#request.body };
    this.#outbound.dispatch(this.#target.origin, this.#request.lane, request, this);
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#health.released(this.#request.upstream.id);
    this.#controller?.abort(CANCELLED);
  }

  // Once it is over, the connection may already carry somebody else's answer.
  pause(): void {
    if (!this.#isOver) this.#controller?.pause();
  }

  resume(): void {
    if (!this.#isOver) this.#controller?.resume();
  }

  onRequestStart(controller: ResponseController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(CANCELLED);
  }

  onResponseStart(_controller: ResponseController, status: number, headers: Headers): void {
    if (this.#isOver || status < 200) return;
    try {
      this.#start(status, headers);
    } catch (error) {
      this.#fail(toAppError(error));
    }
  }

  onResponseData(_controller: ResponseController, chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      if (this.#refusal !== undefined) {
        this.#refusal.size += chunk.length;
        if (this.#refusal.size > ERROR_BODY_MAX) {
          throw new AppError(
            'upstream.too_large',
            `Gateway "${this.#request.upstream.name}" refused with a body larger than ${ERROR_BODY_MAX} bytes.`,
          );
        }
        this.#refusal.parts.push(chunk);
      } else if (this.#parser !== undefined) this.#parser.push(chunk);
      else this.#sink.chunk(chunk);
    } catch (error) {
      this.#fail(toAppError(error));
    }
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    try {
      if (this.#refusal !== undefined) this.#refused(this.#refusal);
      else {
        this.#isOver = true;
        this.#sink.end();
      }
    } catch (error) {
      this.#fail(toAppError(error));
    }
  }

  onResponseError(_controller: ResponseController | undefined, error: Error): void {
    if (this.#isOver) return;
    try {
      const failure = networkError(error, this.#request.upstream.name, this.#request.upstream.url);
      // A kept connection that the upstream had just closed: nothing of an answer came, and repeating changes nothing there.
      const isStale = failure.code === 'upstream.connection_lost' && !this.#isStarted;
      if (isStale && this.#request.isSafeToRepeat && !this.#hasRepeated) {
        this.#hasRepeated = true;
        this.send();
        return;
      }
      this.#fail(failure);
    } catch (defect) {
      this.#fail(toAppError(defect));
    }
  }

  #start(status: number, headers: Headers): void {
    this.#isStarted = true;
    const { upstream } = this.#request;
    const kind = answerKind(status, headers, upstream.name);
    const length = headers['content-length'];
    const head: AnswerHead = {
      status,
      kind,
      headers: passingHeaders(headers),
      namesSession: typeof headers['mcp-session-id'] === 'string',
      contentLength: typeof length === 'string' ? Number(length) : undefined,
    };
    if (status >= 400) {
      this.#refusal = { head, parts: [], size: 0 };
      return;
    }
    this.#health.succeeded(upstream.id);
    const sessionId = headers['mcp-session-id'];
    if (this.#observer !== undefined && typeof sessionId === 'string' && this.#request.body !== undefined) {
      this.#observer.session(new HttpUpstreamSession(this.#outbound, sessionId, this.#request.body));
    }
    if (kind === 'stream') {
      this.#parser = new SseParser((event: StreamEvent) => {
        if (!this.#isOver) this.#sink.event(event);
      });
    }
    this.#sink.head(head);
  }

  #refused(refusal: { head: AnswerHead; parts: Buffer[]; size: number }): void {
    const body = Buffer.concat(refusal.parts);
    const { upstream, session } = this.#request;
    if (session instanceof HttpUpstreamSession && !this.#hasReopened && isSessionLost(refusal.head.status, body) && !session.isEnding) {
      this.#reopen(session);
      return;
    }
    // It does not let sessions be ended, and the client may go on.
    if (session instanceof HttpUpstreamSession && this.#request.method === 'DELETE') session.isEnding = false;
    const { status } = refusal.head;
    const isJson = refusal.head.kind === 'json' && body.length > 0;
    if (status >= 500 && !isJson) {
      this.#fail(
        new AppError('upstream.bad_answer', `Gateway "${upstream.name}" answered HTTP ${status}.`, { internal: body.toString('utf8').slice(0, 500) }),
      );
      return;
    }
    if (status >= 500) this.#health.troubled(upstream.id, new AppError('upstream.bad_answer', `It answered HTTP ${status}.`));
    else this.#health.succeeded(upstream.id);
    this.#isOver = true;
    // An upstream's 5xx is a bad gateway to our client; its JSON-RPC body says why. Bodies of other kinds are not passed on: a page
    // of a stranger must not be served from this origin.
    this.#sink.head({
      ...refusal.head,
      status: status >= 500 ? 502 : status,
      kind: isJson ? 'json' : 'empty',
      contentLength: isJson ? body.length : 0,
    });
    if (isJson) this.#sink.chunk(body);
    this.#sink.end();
  }

  #reopen(session: HttpUpstreamSession): void {
    this.#hasReopened = true;
    this.#refusal = undefined;
    this.#isStarted = false;
    session
      .reopen(this.#sentSessionId ?? '', this.#request.upstream, this.#request.headers.slice(0, this.#clientHeaders))
      .then(() => {
        // The upstream had not taken the request up, so sending it again repeats nothing.
        if (!this.#isOver) this.send();
      })
      .catch((error: unknown) => this.#fail(toAppError(error)));
  }

  #fail(error: AppError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (error.kind.fault === 'upstream') this.#health.failed(this.#request.upstream.id, error);
    this.#controller?.abort(CANCELLED);
    this.#sink.fail(error);
  }
}

/**
 * 404 by the specification; some servers answer 400 without an id instead (protocol.md 1.3). A refusal that says in so many words
 * that the method is unknown is the answer to the request, and opening another session would only lose the client’s state.
 */
function isSessionLost(status: number, body: Buffer): boolean {
  if (status !== 404 && status !== 400) return false;
  let refusal: { id?: unknown; error?: { code?: unknown; message?: unknown } | null } | null;
  try {
    refusal = JSON.parse(body.toString('utf8')) as typeof refusal;
  } catch {
    return status === 404;
  }
  const hasId = (refusal?.id ?? undefined) !== undefined;
  if (status === 404) return !(hasId && refusal?.error?.code === -32601);
  return !hasId && typeof refusal?.error?.message === 'string' && /session/i.test(refusal.error.message);
}
