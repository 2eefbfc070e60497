// One request of the gateway's own to an upstream, awaited: opening a session, reading a catalogue, a probe. Calls of clients do
// not come this way.
import { AppError } from '#base/kernel';
import type { Lane, Outbound, ResponseController } from '#base/net';
import { scanMessage } from '#base/protocol';
import type { StreamEvent } from '#data-plane/gateway';
import { networkError } from '../network-error.ts';
import { SseParser } from '../sse-parser.ts';

const BODY_MAX = 32 * 1024 * 1024;

export interface PlainRequest {
  /** The gateway's name for the upstream, for error texts. */
  readonly name: string;
  readonly url: URL;
  readonly method: 'POST' | 'DELETE';
  readonly lane: Lane;
  readonly headers: string[];
  readonly body: string | Buffer | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface PlainAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly sessionId: string | undefined;
  readonly wwwAuthenticate: string | undefined;
  /** The answering JSON-RPC message as latin1 text: the whole JSON body, or the response on the stream. */
  readonly message: string;
}

/** Throws AppError `upstream.unreachable`, `.connection_lost`, `.bad_answer`, `.too_large` or `.timeout`. */
export function plainRequest(outbound: Outbound, request: PlainRequest): Promise<PlainAnswer> {
  return new Promise((resolve, reject) => {
    let controller: ResponseController | undefined;
    let status = 0;
    let contentType = '';
    let sessionId: string | undefined;
    let wwwAuthenticate: string | undefined;
    let isSettled = false;
    const parts: Buffer[] = [];
    let size = 0;
    let stream: SseParser | undefined;

    const settle = (act: () => void): void => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', onAbort);
      act();
      controller?.abort(new Error('answered'));
    };
    const fail = (error: AppError): void => settle(() => reject(error));
    const answer = (message: string): void => settle(() => resolve({ status, contentType, sessionId, wwwAuthenticate, message }));
    const onAbort = (): void => fail(new AppError('upstream.timeout', `Gateway "${request.name}" did not answer in time.`));
    const timer = setTimeout(onAbort, request.timeoutMs);
    request.signal?.addEventListener('abort', onAbort);
    const onEvent = (event: StreamEvent): void => {
      if (event.data !== undefined && isResponse(event.data)) answer(event.data);
    };

    outbound.dispatch(
      request.url.origin,
      request.lane,
      { method: request.method, path: request.url.pathname + request.url.search, headers: request.headers, body: request.body },
      {
        onRequestStart(started) {
          controller = started;
          if (isSettled) started.abort(new Error('too late'));
        },
        onResponseStart(_controller, code, headers) {
          status = code;
          contentType = String(headers['content-type'] ?? '');
          sessionId = textOf(headers['mcp-session-id']);
          wwwAuthenticate = textOf(headers['www-authenticate']);
          if (contentType.startsWith('text/event-stream') && code < 300) stream = new SseParser(onEvent);
        },
        onResponseData(_controller, chunk) {
          try {
            size += chunk.length;
            if (size > BODY_MAX) throw new AppError('upstream.too_large', `An answer of gateway "${request.name}" is larger than ${BODY_MAX} bytes.`);
            if (stream !== undefined) stream.push(chunk);
            else parts.push(chunk);
          } catch (error) {
            fail(error instanceof AppError ? error : networkError(error, request.name, request.url.href));
          }
        },
        onResponseEnd() {
          if (stream !== undefined)
            fail(new AppError('upstream.bad_answer', `The event stream of gateway "${request.name}" ended without an answer.`));
          else answer(Buffer.concat(parts).toString('latin1'));
        },
        onResponseError(_controller, error) {
          fail(networkError(error, request.name, request.url.href));
        },
      },
    );
  });
}

/** A header that came more than once is none we could send back. */
function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}

function isResponse(data: string): boolean {
  try {
    return scanMessage(data).kind === 'response';
  } catch {
    return false;
  }
}
