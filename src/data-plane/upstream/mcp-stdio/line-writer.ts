// Writes messages to a process's stdin, one a line. What a process does not read waits here, up to a limit: a server that hangs
// must not fill the gateway's memory.
import type { Writable } from 'node:stream';
import { AppError } from '#base/kernel';

export const WAITING_BYTES_MAX = 64 * 1024 * 1024;
const NEWLINE = Buffer.from('\n');
/** Below it a copy is cheaper than a second write. */
const COPIED_BYTES_MAX = 16 * 1024;

export class LineWriter {
  readonly #stdin: Writable;
  readonly #waitingMax: number;

  constructor(stdin: Writable, waitingMax = WAITING_BYTES_MAX) {
    this.#stdin = stdin;
    this.#waitingMax = waitingMax;
  }

  /**
   * @param message JSON text in UTF-8; it is kept until written and must not change
   * Throws AppError `upstream.connection_lost` when too much waits already.
   */
  write(message: Buffer): void {
    if (!this.#stdin.writable) return;
    if (this.#stdin.writableLength + message.length > this.#waitingMax) {
      throw new AppError(
        'upstream.connection_lost',
        `The upstream's process does not read its input: more than ${Math.floor(this.#waitingMax / 1024 / 1024)} MiB wait for it.`,
      );
    }
    const line = onOneLine(message);
    if (line.length <= COPIED_BYTES_MAX) {
      this.#stdin.write(Buffer.concat([line, NEWLINE], line.length + 1));
      return;
    }
    this.#stdin.cork();
    this.#stdin.write(line);
    this.#stdin.write(NEWLINE);
    this.#stdin.uncork();
  }
}

const SEPARATOR = Buffer.from('\u2028');
const PARAGRAPH = Buffer.from('\u2029');

/**
 * JSON has raw line breaks only between tokens, where a space says the same; Python's text streams also break lines at a bare CR.
 * U+2028 and U+2029 stand only inside strings, where their escapes say the same; Node's readline breaks lines at them.
 */
function onOneLine(message: Buffer): Buffer {
  let line = message;
  if (line.includes(0x0a) || line.includes(0x0d)) {
    line = Buffer.from(line);
    for (let i = 0; i < line.length; i++) {
      const byte = line[i];
      if (byte === 0x0a || byte === 0x0d) line[i] = 0x20;
    }
  }
  if (line.includes(SEPARATOR) || line.includes(PARAGRAPH)) {
    const text = line.toString('latin1');
    const escaped = text.replace(/\u00e2\u0080([\u00a8\u00a9])/g, (_, last: string) => (last === '\u00a8' ? '\\u2028' : '\\u2029'));
    line = Buffer.from(escaped, 'latin1');
  }
  return line;
}
