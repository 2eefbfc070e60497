// Finds the end of one HTTP answer at a time and remembers how it begins. Only what closed-loop measuring needs: one answer is
// outstanding, so whatever is read belongs to it (RFC 9112 §6; bodies with Content-Length or chunked).
const START_CHARS = 4096;
const CHUNKED_END = '\r\n0\r\n\r\n';

interface AnswerHead {
  readonly text: string;
  readonly status: number;
  /** -1 for a chunked body. */
  readonly bodyBytes: number;
}

export class AnswerReader {
  status = 0;
  /** Head and beginning of the body as latin1 text, all of it when it is chunked. */
  start = '';
  #left: number | undefined;
  #head: AnswerHead | undefined;

  /** Takes what was read; true when the answer is complete. Throws when it is not HTTP. The bytes may be overwritten afterwards. */
  push(bytes: Buffer, length: number): boolean {
    if (this.#left !== undefined && this.#left >= 0) {
      if (this.start.length < START_CHARS) this.start += bytes.toString('latin1', 0, Math.min(length, START_CHARS));
      return this.#take(length);
    }
    if (this.#left === -1) {
      this.start += bytes.toString('latin1', 0, length);
      return this.#isLastChunk();
    }
    const read = bytes.toString('latin1', 0, Math.min(length, START_CHARS));
    this.start = this.start === '' ? read : this.start + read;
    const head = this.#readHead();
    if (head === undefined) return false;
    this.status = head.status;
    this.#left = head.bodyBytes;
    if (head.bodyBytes === -1) {
      if (length > START_CHARS) this.start += bytes.toString('latin1', START_CHARS, length);
      return this.#isLastChunk();
    }
    return this.#take(this.start.length - head.text.length + Math.max(0, length - START_CHARS));
  }

  reset(): void {
    this.start = '';
    this.#left = undefined;
  }

  #take(bodyBytes: number): boolean {
    this.#left = (this.#left ?? 0) - bodyBytes;
    return this.#left === 0;
  }

  #isLastChunk(): boolean {
    return this.start.endsWith(CHUNKED_END);
  }

  /** The same head as last time is not parsed again. */
  #readHead(): AnswerHead | undefined {
    if (this.#head !== undefined && this.start.startsWith(this.#head.text)) return this.#head;
    const end = this.start.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const text = this.start.slice(0, end + 4);
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1];
    if (status === undefined) throw new Error(`This is no HTTP answer: ${text.slice(0, 80)}`);
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
    if (length === undefined && !/\r\ntransfer-encoding: *chunked/i.test(text)) throw new Error(`An answer of unknown length: ${text.slice(0, 200)}`);
    this.#head = { text, status: Number(status), bodyBytes: length === undefined ? -1 : Number(length) };
    return this.#head;
  }
}
