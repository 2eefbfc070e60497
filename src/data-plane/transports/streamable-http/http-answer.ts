// The client's side of an exchange over node:http: one JSON document, a stream of events, or a bare status. Whatever goes wrong
// is worded here once, as JSON-RPC, with the status the transport wants.
import type { ServerResponse } from 'node:http';
import type { AppError } from '#base/kernel';
import { rpcErrorText } from '#base/protocol';
import type { AnswerHead, AnswerListener, ClientAnswer, StreamEvent } from '#data-plane/gateway';
import type { KeepAlive } from './keep-alive.ts';

export class HttpAnswer implements ClientAnswer {
  listener: AnswerListener | undefined;
  status = 0;
  sentBytes = 0;
  isGone = false;
  readonly #res: ServerResponse;
  readonly #id: string | undefined;
  readonly #keepAlive: KeepAlive;
  #extraHeaders: string[] | undefined;
  #isStream = false;
  #isEnded = false;
  #isGathering = false;
  #awaitsDrain = false;
  /** A whole JSON answer waits here for its head to be written together with it. */
  #head: string[] | undefined;

  /** @param id the request's id as it is written, for errors */
  constructor(res: ServerResponse, id: string | undefined, keepAlive: KeepAlive) {
    this.#res = res;
    this.#id = id;
    this.#keepAlive = keepAlive;
    res.on('close', () => {
      if (this.#isStream) this.#keepAlive.delete(this);
      if (this.#isEnded) return;
      this.#isEnded = this.isGone = true;
      this.listener?.clientGone();
      // Nobody will read on; whoever waits for room must not wait for ever.
      this.listener?.clientHasRoom();
    });
  }

  /** Bytes that the client has not taken yet. */
  get unsentBytes(): number {
    return this.#res.writableLength;
  }

  setHeader(name: string, value: string): void {
    (this.#extraHeaders ??= []).push(name, value);
  }

  head(head: AnswerHead): void {
    if (this.#isEnded) return;
    this.status = head.status;
    const headers = this.#extraHeaders === undefined ? [...head.headers] : [...head.headers, ...this.#extraHeaders];
    if (head.kind === 'json') {
      headers.push('content-type', 'application/json');
      if (head.contentLength !== undefined) headers.push('content-length', String(head.contentLength));
      this.#head = headers;
      return;
    }
    if (head.kind === 'empty') {
      // RFC 9110 8.6: a 204 has no length, not even 0.
      if (head.status !== 204) headers.push('content-length', '0');
      this.#res.writeHead(head.status, headers);
      return;
    }
    this.#isStream = true;
    if (!headers.includes('cache-control')) headers.push('cache-control', 'no-cache, no-transform');
    headers.push('content-type', 'text/event-stream', 'x-accel-buffering', 'no');
    this.#gather();
    this.#res.writeHead(head.status, headers);
    this.#res.flushHeaders();
    this.#keepAlive.add(this);
  }

  reply(head: AnswerHead, document: Buffer): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.status = head.status;
    this.sentBytes = document.length;
    const headers = ['content-type', 'application/json', 'content-length', String(document.length), ...head.headers];
    if (this.#extraHeaders !== undefined) headers.push(...this.#extraHeaders);
    this.#res.writeHead(head.status, headers).end(document);
  }

  chunk(bytes: Buffer): boolean {
    if (this.#isEnded) return true;
    this.#writeHead();
    return this.#write(bytes);
  }

  event(event: StreamEvent): boolean {
    if (this.#isEnded) return true;
    return this.#write(eventText(event));
  }

  /** A comment, so that proxies and clients see a living stream. */
  keepAlive(): void {
    if (!this.#isEnded) this.#res.write(': keep-alive\n\n');
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.#isStream) this.#keepAlive.delete(this);
    this.#writeHead();
    this.#res.end();
  }

  /** Without an end, for a client that does not read on: it learns of it as of any broken connection. */
  breakOff(): void {
    this.#res.destroy();
  }

  fail(error: AppError): void {
    if (this.#isEnded) return;
    const text = rpcErrorText(error, this.#id);
    if (this.#isStream) {
      if (this.#id !== undefined) this.event({ id: undefined, event: 'message', retry: undefined, data: text, comment: undefined });
      this.end();
      return;
    }
    if (this.#res.headersSent) {
      // Half an answer is out: breaking the connection is the only way left to say that it is incomplete.
      this.#isEnded = true;
      this.#res.destroy();
      return;
    }
    this.#isEnded = true;
    this.status = mcpStatus(error);
    const body = Buffer.from(text, 'latin1');
    this.sentBytes += body.length;
    const headers = ['content-type', 'application/json', 'content-length', String(body.length), ...(this.#extraHeaders ?? [])];
    if (this.status === 401) headers.push('www-authenticate', 'Bearer');
    this.#res.writeHead(this.status, headers).end(body);
  }

  #writeHead(): void {
    if (this.#head === undefined) return;
    this.#res.writeHead(this.status, this.#head);
    this.#head = undefined;
  }

  /** What one read of the upstream brings – the head, several events – leaves in one write of ours, in the same turn of the loop. */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#res.cork();
    process.nextTick(() => {
      this.#isGathering = false;
      // Ending has let everything go already.
      if (!this.#isEnded) this.#res.uncork();
    });
  }

  #write(data: Buffer | string): boolean {
    this.sentBytes += data.length;
    if (this.#isStream) {
      this.#keepAlive.touch(this);
      this.#gather();
    }
    const hasRoom = typeof data === 'string' ? this.#res.write(data, 'latin1') : this.#res.write(data);
    // Once, however many events come before it: one read of the upstream can hold thousands.
    if (!hasRoom && !this.#awaitsDrain) {
      this.#awaitsDrain = true;
      this.#res.once('drain', () => {
        this.#awaitsDrain = false;
        this.listener?.clientHasRoom();
      });
    }
    return hasRoom;
  }
}

/** An unknown or hidden item is an answer within the protocol, not a failure of the transport. */
const IN_BAND: ReadonlySet<string> = new Set(['tool.not_found', 'resource.not_found', 'prompt.not_found', 'cursor.stale', 'bridge.mid_call']);

export function mcpStatus(error: AppError): number {
  return IN_BAND.has(error.code) ? 200 : error.status;
}

/** One event as latin1 text (HTML Living Standard §9.2.6). */
export function eventText(event: StreamEvent): string {
  if (event.comment !== undefined) return `:${event.comment}\n\n`;
  let text = '';
  if (event.event !== undefined) text += `event: ${event.event}\n`;
  if (event.id !== undefined) text += `id: ${event.id}\n`;
  if (event.retry !== undefined) text += `retry: ${event.retry}\n`;
  if (event.data !== undefined) text += event.data.includes('\n') ? `data: ${event.data.replaceAll('\n', '\ndata: ')}\n` : `data: ${event.data}\n`;
  return `${text}\n`;
}
