// One message on its way to an HTTP+SSE upstream: a POST whose answer only says whether it was taken. A few servers put the JSON-RPC
// answer into it all the same, and that is passed on. No callback of the HTTP client may throw.
import { AppError, toAppError } from '#base/kernel';
import type { Outbound, ResponseController, ResponseHandler } from '#base/net';
import { isSafeToRepeat, scanMessage, type Envelope } from '#base/protocol';
import { answerKind, type Headers } from '../answer-head.ts';
import { networkError } from '../network-error.ts';

/** A response or a notification is a matter of taking it in, not of working on it. */
const TAKE_TIMEOUT_MS = 30_000;
/** For the body once the head is there, and for the whole answer once the call itself has been answered. */
const REST_TIMEOUT_MS = 5_000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const REFUSAL_BYTES_MAX = 16 * 1024;
const WORDS_MAX = 200;
const ENOUGH = new Error('enough');

export interface PostEndpoint {
  /** The gateway's name for the upstream, for error texts. */
  readonly name: string;
  readonly url: URL;
  /** Flat names and values, content type included. */
  readonly headers: readonly string[];
}

export interface PostListener {
  /** The other side has taken or refused the message, or cannot be waited for: what had to come after it may go. */
  settled(): void;
  refused(error: AppError): void;
  /** The other side no longer knows the session this message belongs to. */
  sessionLost(error: AppError): void;
  /** A JSON-RPC response in the answer's body, as latin1 text. */
  message(text: string): void;
  /** Nothing of it is left. Called once, last. */
  over(): void;
}

export class MessagePost implements ResponseHandler {
  readonly #outbound: Outbound;
  readonly #endpoint: PostEndpoint;
  readonly #body: Buffer;
  readonly #envelope: Envelope | undefined;
  readonly #listener: PostListener;
  #controller: ResponseController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #status = 0;
  #isJson = false;
  #parts: Buffer[] = [];
  #sizeBytes = 0;
  #hasRepeated = false;
  #isSettled = false;
  #isOver = false;

  /** @param envelope undefined for a message that is none we can read; it is sent all the same */
  constructor(outbound: Outbound, endpoint: PostEndpoint, body: Buffer, envelope: Envelope | undefined, listener: PostListener) {
    this.#outbound = outbound;
    this.#endpoint = endpoint;
    this.#body = body;
    this.#envelope = envelope;
    this.#listener = listener;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  send(): void {
    const { url, headers } = this.#endpoint;
    const isCall = this.#isCall();
    if (!isCall) this.#within(TAKE_TIMEOUT_MS);
    this.#outbound.dispatch(
      url.origin,
      isCall ? 'call' : 'reply',
      { method: 'POST', path: url.pathname + url.search, headers: [...headers], body: this.#body },
      this,
    );
  }

  /** The call has had its answer over the stream, or was given up: a server that holds the POST open for it has no reason to any more. */
  callIsOver(): void {
    if (!this.#isOver) this.#within(REST_TIMEOUT_MS);
  }

  abort(): void {
    this.#over();
  }

  onRequestStart(controller: ResponseController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(ENOUGH);
  }

  onResponseStart(_controller: ResponseController, status: number, headers: Headers): void {
    if (this.#isOver || status < 200) return;
    try {
      this.#status = status;
      this.#isJson = /^application\/json\b/i.test(String(headers['content-type'] ?? ''));
      // An answer in the body takes as long as the call.
      if (status >= 300 || !this.#isJson || !this.#isCall()) this.#within(REST_TIMEOUT_MS);
      if (status < 300) this.#settle();
      // Throws for what has words of its own.
      else if (status < 400 || status === 401 || status === 403) answerKind(status, headers, this.#endpoint.name);
    } catch (error) {
      this.#refuse(toAppError(error));
    }
  }

  onResponseData(_controller: ResponseController, chunk: Buffer): void {
    if (this.#isOver) return;
    this.#sizeBytes += chunk.length;
    if (this.#isJson || this.#status >= 300) this.#parts.push(chunk);
    if (this.#sizeBytes > (this.#isJson && this.#isCall() ? ANSWER_BYTES_MAX : REFUSAL_BYTES_MAX)) this.#answered();
  }

  onResponseEnd(): void {
    if (!this.#isOver) this.#answered();
  }

  onResponseError(_controller: ResponseController | undefined, error: Error): void {
    if (this.#isOver) return;
    try {
      // Taken already: what broke is only the rest of an answer that says no more.
      if (this.#isSettled) return this.#over();
      const { name, url } = this.#endpoint;
      const failure = networkError(error, name, url.origin + url.pathname);
      if (failure.code !== 'upstream.connection_lost') return this.#refuse(failure);
      if (this.#status === 0 && !this.#hasRepeated && this.#isRepeatable()) {
        this.#hasRepeated = true;
        return this.send();
      }
      // Not `connection_lost`: the stream stands, and there is nothing to resume.
      this.#refuse(
        new AppError('upstream.unreachable', `The connection to gateway "${name}" broke while a message was sent to it, which may have arrived.`, {
          ...(failure.internal === undefined ? {} : { internal: failure.internal }),
          cause: error,
        }),
      );
    } catch (defect) {
      this.#refuse(toAppError(defect));
    }
  }

  #isCall(): boolean {
    return this.#envelope === undefined || this.#envelope.kind === 'request';
  }

  /** A kept connection may have been closed just when it was used; whether the message had arrived cannot be known then. */
  #isRepeatable(): boolean {
    return this.#envelope !== undefined && (this.#envelope.kind !== 'request' || isSafeToRepeat(this.#envelope.method));
  }

  #answered(): void {
    try {
      const text = Buffer.concat(this.#parts).toString('latin1');
      if (this.#isJson && this.#isOwnAnswer(text)) {
        this.#settle();
        this.#listener.message(text);
        this.#over();
      } else if (this.#status >= 300) this.#refuseWith(text);
      else this.#over();
    } catch (error) {
      this.#refuse(toAppError(error));
    }
  }

  #isOwnAnswer(text: string): boolean {
    if (this.#envelope?.kind !== 'request' || this.#sizeBytes > ANSWER_BYTES_MAX) return false;
    try {
      const { kind, id } = scanMessage(text);
      return kind === 'response' && id === this.#envelope.id;
    } catch {
      return false;
    }
  }

  #refuseWith(text: string): void {
    const said = words(text);
    const about = `HTTP ${this.#status}${said === '' ? '' : `: ${said}`}`;
    const { name } = this.#endpoint;
    // 404 by custom; the examples of the official SDK say 400 and that they have no transport for this session id. A refusal of the
    // message itself quotes it, whatever it may hold.
    if (this.#status === 404 || this.#status === 410 || (this.#status === 400 && /^(?!invalid message).{0,40}session/i.test(said))) {
      const error = new AppError('upstream.session_lost', `Gateway "${name}" no longer knows the session (${about}).`);
      this.#refuse(error);
      this.#listener.sessionLost(error);
      return;
    }
    this.#refuse(new AppError('upstream.bad_answer', `Gateway "${name}" refused the message with ${about}`));
  }

  #within(timeoutMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#expired(), timeoutMs);
  }

  #expired(): void {
    if (this.#status >= 300) this.#answered();
    else if (this.#isSettled || this.#isCall()) this.#over();
    else
      this.#refuse(new AppError('upstream.timeout', `Gateway "${this.#endpoint.name}" did not take a message within ${TAKE_TIMEOUT_MS / 1000} s.`));
  }

  #settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#listener.settled();
  }

  #refuse(error: AppError): void {
    if (this.#isOver) return;
    this.#listener.refused(error);
    this.#over();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#parts = [];
    this.#controller?.abort(ENOUGH);
    this.#settle();
    this.#listener.over();
  }
}

/** What a refusal says, short enough for a message; a page of HTML says nothing. */
function words(body: string): string {
  let said = Buffer.from(body, 'latin1').toString('utf8').trim();
  if (said.startsWith('<')) return '';
  try {
    const refusal = JSON.parse(said) as { error?: { message?: unknown } | string; message?: unknown; detail?: unknown } | null;
    const found = [typeof refusal?.error === 'object' ? refusal.error.message : refusal?.error, refusal?.message, refusal?.detail];
    said = found.find((text): text is string => typeof text === 'string') ?? said;
  } catch {
    // Not JSON: plain words.
  }
  return said.replace(/[^\P{C}]+/gu, ' ').slice(0, WORDS_MAX);
}
