// Cuts what a client writes into lines: one message each (MCP "stdio"). Of a line that is too long nothing is kept, so that no
// client can fill the memory with one.

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = Buffer.from('\uFEFF');

export interface LineSink {
  /** A line that is not blank, without its end. */
  line(bytes: Buffer): void;
  /** A line of more bytes than are taken has begun; the rest of it is skipped. */
  tooLong(): void;
}

export class LineSplitter {
  readonly #maxBytes: number;
  readonly #sink: LineSink;
  #pieces: Buffer[] = [];
  #size = 0;
  #isSkipping = false;
  #isFirst = true;

  constructor(maxBytes: number, sink: LineSink) {
    this.#maxBytes = maxBytes;
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      this.#add(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#add(chunk.subarray(start));
  }

  /** Nothing follows; a last line may lack its end. */
  end(): void {
    this.#endLine();
  }

  #add(piece: Buffer): void {
    if (piece.length === 0 || this.#isSkipping) return;
    this.#size += piece.length;
    if (this.#size > this.#maxBytes) {
      this.#isSkipping = true;
      this.#pieces = [];
      this.#sink.tooLong();
    } else this.#pieces.push(piece);
  }

  #endLine(): void {
    let line = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#size = 0;
    this.#isSkipping = false;
    // Some shells put one before what they pipe.
    if (this.#isFirst && line.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)) line = line.subarray(BYTE_ORDER_MARK.length);
    this.#isFirst = false;
    if (line.at(-1) === CARRIAGE_RETURN) line = line.subarray(0, -1);
    if (line.toString('latin1').trim() !== '') this.#sink.line(line);
  }
}
