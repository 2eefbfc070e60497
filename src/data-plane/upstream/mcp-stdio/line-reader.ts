// Cuts what a process writes to stdout into messages, one a line (MCP "stdio"). Servers also print banners and debris there, so
// that a line which cannot be JSON-RPC is set aside instead of ending the line to a working server. Work is linear in the bytes.
import { isUtf8 } from 'node:buffer';
import { AppError } from '#base/kernel';

export const LINE_BYTES_MAX = 64 * 1024 * 1024;
const LF = 0x0a;
const CR = 0x0d;

export class LineReader {
  readonly #onMessage: (text: string) => void;
  readonly #onNoise: (line: Buffer) => void;
  readonly #sizeMax: number;
  /** Pieces of a line whose end has not come yet. */
  #pieces: Buffer[] = [];
  #sizeBytes = 0;

  /**
   * @param onMessage a line that looks like an object or an array of objects, as latin1; whether it is JSON is the receiver's to find out
   * @param onNoise any other line that is not empty
   */
  constructor(onMessage: (text: string) => void, onNoise: (line: Buffer) => void, sizeMax = LINE_BYTES_MAX) {
    this.#onMessage = onMessage;
    this.#onNoise = onNoise;
    this.#sizeMax = sizeMax;
  }

  /** Throws AppError `upstream.too_large`. Half a line at the end of the stream is never given out. */
  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, from)) {
      this.#keep(chunk.subarray(from, at));
      from = at + 1;
      this.#line();
    }
    if (from < chunk.length) this.#keep(from === 0 ? chunk : chunk.subarray(from));
  }

  #keep(piece: Buffer): void {
    this.#sizeBytes += piece.length;
    if (this.#sizeBytes > this.#sizeMax) {
      this.#pieces = [];
      throw new AppError('upstream.too_large', `One line of the upstream is larger than ${this.#sizeMax} bytes.`);
    }
    this.#pieces.push(piece);
  }

  #line(): void {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#sizeBytes = 0;
    const first = pieces[0];
    if (first === undefined) return;
    const whole = pieces.length === 1 ? first : Buffer.concat(pieces);
    const line = whole.at(-1) === CR ? whole.subarray(0, -1) : whole;
    const text = line.toString('latin1');
    if (text.trim() === '') return;
    if (looksLikeMessage(text) && isUtf8(line)) this.#onMessage(text);
    else this.#onNoise(line);
  }
}

/** By its ends only: `[INFO] ready`, `{` of a printed object and the like are out; a full parse is the receiver's. */
function looksLikeMessage(text: string): boolean {
  return (
    (/^[\t\r ]*\{[\t\r ]*["}]/.test(text) && /\}[\t\r ]*$/.test(text.slice(-64))) ||
    (/^[\t\r ]*\[[\t\r ]*\{/.test(text) && /\][\t\r ]*$/.test(text.slice(-64)))
  );
}
