// Reads server-sent events (HTML Living Standard §9.2.6) out of chunks of bytes, as latin1 text so that nothing is decoded that
// only travels through. Work is linear in the bytes, also for one event of many megabytes.
import { AppError } from '#base/kernel';
import type { StreamEvent } from '#data-plane/gateway';

const EVENT_BYTES_MAX = 64 * 1024 * 1024;
/** U+FEFF in UTF-8. */
const BYTE_ORDER_MARK = '\u00ef\u00bb\u00bf';

export class SseParser {
  readonly #onEvent: (event: StreamEvent) => void;
  /** Pieces of a line whose end has not come yet. */
  #pieces: string[] = [];
  #id: string | undefined;
  #event: string | undefined;
  #retry: string | undefined;
  #comment: string | undefined;
  #data: string[] = [];
  #hasFields = false;
  #sizeBytes = 0;
  /** What has come while it may still be a byte order mark; undefined once that is decided. */
  #start: string | undefined = '';
  #endsInCr = false;

  constructor(onEvent: (event: StreamEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** Throws AppError `upstream.too_large`. */
  push(chunk: Buffer): void {
    this.#sizeBytes += chunk.length;
    if (this.#sizeBytes > EVENT_BYTES_MAX)
      throw new AppError('upstream.too_large', `One event of the upstream is larger than ${EVENT_BYTES_MAX} bytes.`);
    let text = chunk.toString('latin1');
    if (this.#start !== undefined) {
      text = this.#start + text;
      // A byte order mark can be cut in two like everything else.
      if (text.length < BYTE_ORDER_MARK.length && BYTE_ORDER_MARK.startsWith(text)) {
        this.#start = text;
        return;
      }
      this.#start = undefined;
      if (text.startsWith(BYTE_ORDER_MARK)) text = text.slice(BYTE_ORDER_MARK.length);
    }
    if (text === '') return;
    if (this.#endsInCr || text.includes('\r')) text = this.#plainLineEnds(text);
    let from = 0;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', from)) {
      let line = text.slice(from, at);
      if (this.#pieces.length > 0) {
        this.#pieces.push(line);
        line = this.#pieces.join('');
        this.#pieces = [];
      }
      this.#line(line);
      from = at + 1;
    }
    if (from < text.length) this.#pieces.push(from === 0 ? text : text.slice(from));
  }

  /** CRLF and CR become LF, also when a CRLF is cut in two by the chunks. */
  #plainLineEnds(text: string): string {
    let rest = text;
    if (this.#endsInCr && rest.startsWith('\n')) rest = rest.slice(1);
    this.#endsInCr = text.endsWith('\r');
    return rest.replaceAll('\r\n', '\n').replaceAll('\r', '\n');
  }

  #line(line: string): void {
    if (line === '') {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) {
      this.#comment = line.slice(1);
      return;
    }
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1);
    this.#hasFields = true;
    if (field === 'data') this.#data.push(value);
    else if (field === 'id') this.#id = value;
    else if (field === 'event') this.#event = value;
    else if (field === 'retry') this.#retry = /^\d+$/.test(value) ? value : undefined;
  }

  #dispatch(): void {
    this.#sizeBytes = 0;
    if (this.#hasFields || this.#comment !== undefined) {
      const data = this.#data.length === 0 ? undefined : this.#data.length === 1 ? this.#data[0] : this.#data.join('\n');
      const event = { id: this.#id, event: this.#event, retry: this.#retry, data, comment: this.#hasFields ? undefined : this.#comment };
      this.#id = this.#event = this.#retry = this.#comment = undefined;
      this.#data = [];
      this.#hasFields = false;
      this.#onEvent(event);
    }
  }
}
