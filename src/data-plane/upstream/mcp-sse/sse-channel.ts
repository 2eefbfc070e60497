// A line to an upstream that speaks HTTP+SSE (MCP 2024-11-05): one GET whose event stream first names the endpoint to POST to and
// then carries everything the upstream says. The stream is the session: when it ends, the session is lost.
import { AppError, toAppError } from '#base/kernel';
import type { Outbound, ResponseController, ResponseHandler } from '#base/net';
import { scanMessage, type UpstreamTarget } from '#base/protocol';
import type { StreamEvent } from '#data-plane/gateway';
import { answerKind, type Headers } from '../answer-head.ts';
import type { ChannelListener, ChannelOpener, MessageChannel } from '../channel/message-channel.ts';
import { networkError } from '../network-error.ts';
import { SseParser } from '../sse-parser.ts';
import { PostQueue } from './post-queue.ts';

const ENDPOINT_TIMEOUT_MS = 10_000;
/** Headers of a client's message that belong to that message alone. */
const OF_ONE_MESSAGE = /^(?:accept|content-type|last-event-id|mcp-.*)$/i;
const CLOSED = new Error('closed');

/** @param endpointTimeoutMs from the start of connecting until the stream has named its endpoint */
export function createSseOpener(outbound: Outbound, { endpointTimeoutMs = ENDPOINT_TIMEOUT_MS } = {}): ChannelOpener {
  return {
    open: (target, headers, listener) => new SseChannel(outbound, target, headers, listener, endpointTimeoutMs),
  };
}

class SseChannel implements MessageChannel, ResponseHandler {
  readonly #outbound: Outbound;
  readonly #target: UpstreamTarget;
  readonly #headers: readonly string[];
  readonly #listener: ChannelListener;
  readonly #queue: PostQueue;
  readonly #parser = new SseParser((event) => this.#event(event));
  readonly #endpointTimeoutMs: number;
  #timer: NodeJS.Timeout | undefined;
  #controller: ResponseController | undefined;
  #hasStream = false;
  #hasEndpoint = false;
  #isPaused = false;
  #isOver = false;

  constructor(outbound: Outbound, target: UpstreamTarget, headers: readonly string[], listener: ChannelListener, endpointTimeoutMs: number) {
    this.#outbound = outbound;
    this.#target = target;
    this.#headers = [
      ...headers.flatMap((name, at) => (at % 2 === 0 && !OF_ONE_MESSAGE.test(name) ? [name, headers[at + 1] ?? ''] : [])),
      ...target.headers.flat(),
    ];
    this.#listener = listener;
    this.#endpointTimeoutMs = endpointTimeoutMs;
    this.#queue = new PostQueue(outbound, target.name, {
      message: (text) => this.#message(text),
      sessionLost: (error) => this.#end(error),
    });
    // A refused address is told at once by the HTTP client, and nothing may be told before `open` has returned.
    queueMicrotask(() => this.#connect());
  }

  send(message: Buffer, onRefused?: (error: AppError) => void): void {
    this.#queue.send(message, onRefused);
  }

  pause(): void {
    this.#isPaused = true;
    // Until the endpoint is known there is nothing a receiver could be full of.
    if (this.#hasEndpoint && !this.#isOver) this.#controller?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isOver) this.#controller?.resume();
  }

  async close(): Promise<void> {
    // Not within this call: who closes a line does not expect to be told so before it has done with it.
    await Promise.resolve();
    this.#end(new AppError('upstream.session_lost', `The session with gateway "${this.#target.name}" was closed.`));
  }

  onRequestStart(controller: ResponseController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(CLOSED);
  }

  onResponseStart(_controller: ResponseController, status: number, headers: Headers): void {
    if (this.#isOver || status < 200) return;
    try {
      const kind = answerKind(status, headers, this.#target.name);
      if (status !== 200 || kind !== 'stream') {
        const what = status === 200 ? (kind === 'json' ? 'with JSON' : 'with nothing') : `with HTTP ${status}`;
        throw this.#badAnswer(`answered the GET of its event stream ${what}. Is the URL an HTTP+SSE endpoint?`);
      }
      this.#hasStream = true;
    } catch (error) {
      this.#end(toAppError(error));
    }
  }

  onResponseData(_controller: ResponseController, chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      this.#end(toAppError(error));
    }
  }

  onResponseEnd(): void {
    const { name } = this.#target;
    if (this.#hasEndpoint) this.#end(new AppError('upstream.session_lost', `Gateway "${name}" ended its event stream, and with it the session.`));
    else this.#end(this.#badAnswer('ended its event stream before it had named an endpoint.'));
  }

  onResponseError(_controller: ResponseController | undefined, error: Error): void {
    if (this.#isOver) return;
    const { name, url } = this.#target;
    const failure = networkError(error, name, url);
    const details = { ...(failure.internal === undefined ? {} : { internal: failure.internal }), cause: error };
    // Not `connection_lost`: there is nothing to resume, the session is gone with its stream.
    if (failure.code !== 'upstream.connection_lost') this.#end(failure);
    else if (this.#hasEndpoint)
      this.#end(new AppError('upstream.session_lost', `The event stream of gateway "${name}" broke, and with it the session.`, details));
    else this.#end(new AppError('upstream.unreachable', `Gateway "${name}" closed the connection before its event stream had begun.`, details));
  }

  #connect(): void {
    if (this.#isOver) return;
    try {
      const url = new URL(this.#target.url);
      this.#timer = setTimeout(() => this.#noEndpoint(), this.#endpointTimeoutMs);
      this.#outbound.dispatch(
        url.origin,
        'stream',
        { method: 'GET', path: url.pathname + url.search, headers: ['accept', 'text/event-stream', ...this.#headers], body: undefined },
        this,
      );
    } catch (error) {
      this.#end(toAppError(error));
    }
  }

  #noEndpoint(): void {
    const { name } = this.#target;
    const what = this.#hasStream ? 'opened an event stream but named no endpoint' : 'did not answer the GET of its event stream';
    this.#end(new AppError('upstream.timeout', `Gateway "${name}" ${what} within ${this.#endpointTimeoutMs / 1000} s.`));
  }

  #event({ event, data }: StreamEvent): void {
    if (this.#isOver || data === undefined) return;
    if (event === 'endpoint') {
      if (!this.#hasEndpoint) this.#endpoint(Buffer.from(data, 'latin1').toString('utf8').trim());
    } else if ((event === undefined || event === '' || event === 'message') && data !== '') this.#message(data);
  }

  #endpoint(text: string): void {
    const base = new URL(this.#target.url);
    const url = URL.canParse(text, base.href) ? new URL(text, base.href) : undefined;
    if (url === undefined || text === '') throw this.#badAnswer('named an endpoint that is no URL.');
    // The credentials are for this host, and so was the permission to connect to it.
    if (url.origin !== base.origin)
      throw this.#badAnswer(
        `named an endpoint that points to another host (${`${url.protocol}//${url.host}`.slice(0, 200)}). Messages and credentials are not sent there.`,
      );
    this.#hasEndpoint = true;
    clearTimeout(this.#timer);
    if (this.#isPaused) this.#controller?.pause();
    this.#queue.start({ name: this.#target.name, url, headers: ['content-type', 'application/json', 'accept', '*/*', ...this.#headers] });
  }

  #message(text: string): void {
    if (this.#isOver) return;
    if (this.#queue.hasOpenPosts) this.#releasePost(text);
    this.#listener.message(text);
  }

  /** A server that takes a call by holding its POST open may forget to end it. */
  #releasePost(text: string): void {
    try {
      const { kind, id } = scanMessage(text);
      if (kind === 'response' && id !== undefined) this.#queue.callIsOver(id);
    } catch {
      // What is no message is the receiver's to judge.
    }
  }

  #badAnswer(what: string): AppError {
    return new AppError('upstream.bad_answer', `Gateway "${this.#target.name}" ${what}`);
  }

  #end(error: AppError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#queue.close();
    this.#controller?.abort(CLOSED);
    this.#listener.closed(error);
  }
}
