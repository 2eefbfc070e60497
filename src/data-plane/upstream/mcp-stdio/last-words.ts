// Keeps the end of what a process wrote to stderr: it is where servers say why they failed. However much comes, it is read at once
// (a full pipe would stop the server) and only the end is kept. It is made fit to be shown: no secrets, no terminal codes.
import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';
import { SECRET_PIECE_MAX, type SecretMask } from './secret-mask.ts';

export const LAST_WORDS_MAX = 4096;
const LINE_LENGTH_MAX = 2048;
// Controls, zero-width and bidirectional marks show one text and hold another.
const INVISIBLE = /[\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\p{Cs}/gu;

/** The text on one line, without terminal codes; what cannot be shown becomes U+FFFD. */
export function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\t\r]/g, ' ')
    .replace(INVISIBLE, '\ufffd')
    .trim();
}

export class LastWords {
  readonly #mask: SecretMask;
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  /** Whole lines as they came, oldest first; cleaned when somebody asks. */
  #lines: string[] = [];
  #length = 0;
  #open = '';

  /** @param onLine every line, as it came; make it `shown` before it goes anywhere */
  constructor(mask: SecretMask, onLine: (line: string) => void) {
    this.#mask = mask;
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const lines = this.#decoder.write(chunk).split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      this.#keep(line);
    }
    this.#append(rest);
  }

  /** At most LAST_WORDS_MAX characters. */
  get text(): string {
    const lines = this.#open === '' ? this.#lines : [...this.#lines, this.#open];
    const shown = lines.map((line) => this.shown(line)).filter((line) => line !== '');
    return shown.join('\n').slice(-LAST_WORDS_MAX);
  }

  /** A line as it may leave: one line, no secrets, at most 2,048 characters. */
  shown(line: string): string {
    return printable(this.#mask.hide(line, LINE_LENGTH_MAX));
  }

  #append(part: string): void {
    // A line without an end is cut, with enough behind the cut to know a secret that lies across it.
    if (this.#open.length < LINE_LENGTH_MAX + SECRET_PIECE_MAX) this.#open += part.slice(0, LINE_LENGTH_MAX + SECRET_PIECE_MAX - this.#open.length);
  }

  #keep(part: string): void {
    this.#append(part);
    const line = this.#open;
    this.#open = '';
    if (line.trim() === '') return;
    this.#lines.push(line);
    this.#length += line.length;
    for (let first = this.#lines[0]; first !== undefined && this.#length - first.length > LAST_WORDS_MAX; first = this.#lines[0]) {
      this.#lines.shift();
      this.#length -= first.length;
    }
    this.#onLine(line);
  }
}
