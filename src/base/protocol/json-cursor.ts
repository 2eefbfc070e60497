// A validating cursor over JSON text that builds nothing: it moves past values, and tells where they begin and end. Everything
// that must know what a message says without parsing and re-serialising it stands on this (decisions.md 9, 10).
//
// The text is the bytes as latin1, one character a byte, so that positions are byte offsets and untouched spans can be cut out
// and sent on exactly as they came. Grammar: RFC 8259, with no leniency at all.
import { AppError } from '#base/kernel';

const MAX_DEPTH = 512;

export class JsonCursor {
  text = '';
  pos = 0;
  /** Bounds of the last string passed, without its quotes. */
  stringStart = 0;
  stringEnd = 0;
  /** Did the last string passed contain an escape or a non-ASCII byte, so that it must be decoded before it is compared? */
  stringIsPlain = true;

  reset(text: string): void {
    this.text = text;
    this.pos = 0;
  }

  fail(what: string): never {
    throw new AppError('request.malformed_json', `Malformed JSON at byte ${this.pos}: ${what}.`);
  }

  /** Moves to the next character that is not white space and returns its code; NaN at the end. */
  peek(): number {
    const text = this.text;
    let pos = this.pos;
    let c = text.charCodeAt(pos);
    while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = text.charCodeAt(++pos);
    this.pos = pos;
    return c;
  }

  expectEnd(): void {
    if (!Number.isNaN(this.peek())) this.fail('there is more text after the end of the document');
  }

  /** Past `{`; returns false when the object is empty (and is then behind `}`). */
  enterObject(): boolean {
    this.pos++;
    if (this.peek() === 0x7d) {
      this.pos++;
      return false;
    }
    return true;
  }

  /** Past a key and its colon, to the first character of the value; the key's bounds are in stringStart and stringEnd. */
  key(): void {
    if (this.peek() !== 0x22) this.fail('expected a key in double quotes');
    this.skipString();
    if (this.peek() !== 0x3a) this.fail('expected a colon after a key');
    this.pos++;
    this.peek();
  }

  /** After a value in an object: true when another key follows. */
  moreInObject(): boolean {
    const c = this.peek();
    this.pos++;
    if (c === 0x2c) return true;
    if (c === 0x7d) return false;
    this.pos--;
    return this.fail('expected a comma or } in an object');
  }

  /** Past `[`; returns false when the array is empty (and is then behind `]`). */
  enterArray(): boolean {
    this.pos++;
    if (this.peek() === 0x5d) {
      this.pos++;
      return false;
    }
    return true;
  }

  moreInArray(): boolean {
    const c = this.peek();
    this.pos++;
    if (c === 0x2c) {
      this.peek();
      return true;
    }
    if (c === 0x5d) return false;
    this.pos--;
    return this.fail('expected a comma or ] in an array');
  }

  /** The last string passed, decoded. Throws on invalid escapes, which skipString has already refused. */
  stringValue(): string {
    const raw = this.text.slice(this.stringStart, this.stringEnd);
    if (this.stringIsPlain) return raw;
    return JSON.parse(`"${Buffer.from(raw, 'latin1').toString('utf8')}"`) as string;
  }

  skipValue(depth = 0): void {
    switch (this.peek()) {
      case 0x22:
        this.skipString();
        return;
      case 0x7b:
        this.#skipObject(depth);
        return;
      case 0x5b:
        this.#skipArray(depth);
        return;
      case 0x74:
        this.#skipWord('true');
        return;
      case 0x66:
        this.#skipWord('false');
        return;
      case 0x6e:
        this.#skipWord('null');
        return;
      default:
        this.#skipNumber();
    }
  }

  skipString(): void {
    const text = this.text;
    let pos = this.pos + 1;
    this.stringStart = pos;
    let plain = true;
    for (;;) {
      const c = text.charCodeAt(pos);
      if (c === 0x22) break;
      if (c === 0x5c) {
        plain = false;
        pos = this.#skipEscape(pos);
      } else if (c < 0x20 || c !== c) {
        this.pos = pos;
        this.fail(c < 0x20 ? 'a control character inside a string' : 'the text ends inside a string');
      } else {
        if (c > 0x7e) plain = false;
        pos++;
      }
    }
    this.stringEnd = pos;
    this.stringIsPlain = plain;
    this.pos = pos + 1;
  }

  #skipEscape(pos: number): number {
    const text = this.text;
    switch (text.charCodeAt(pos + 1)) {
      case 0x22: case 0x5c: case 0x2f: case 0x62: case 0x66: case 0x6e: case 0x72: case 0x74:
        return pos + 2;
      case 0x75:
        for (let i = pos + 2; i < pos + 6; i++) {
          const h = text.charCodeAt(i);
          const isHex = (h >= 0x30 && h <= 0x39) || (h >= 0x41 && h <= 0x46) || (h >= 0x61 && h <= 0x66);
          if (!isHex) {
            this.pos = i;
            this.fail('a \\u escape needs four hexadecimal digits');
          }
        }
        return pos + 6;
      default:
        this.pos = pos;
        return this.fail('an unknown escape inside a string');
    }
  }

  #skipObject(depth: number): void {
    if (depth >= MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH} levels`);
    if (!this.enterObject()) return;
    do {
      this.key();
      this.skipValue(depth + 1);
    } while (this.moreInObject());
  }

  #skipArray(depth: number): void {
    if (depth >= MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH} levels`);
    if (!this.enterArray()) return;
    do {
      this.skipValue(depth + 1);
    } while (this.moreInArray());
  }

  #skipWord(word: string): void {
    if (!this.text.startsWith(word, this.pos)) this.fail('expected a value');
    this.pos += word.length;
  }

  #skipNumber(): void {
    const text = this.text;
    let pos = this.pos;
    if (text.charCodeAt(pos) === 0x2d) pos++;
    if (text.charCodeAt(pos) === 0x30) pos++;
    else pos = this.#skipDigits(pos);
    if (text.charCodeAt(pos) === 0x2e) pos = this.#skipDigits(pos + 1);
    const e = text.charCodeAt(pos);
    if (e === 0x65 || e === 0x45) {
      const sign = text.charCodeAt(pos + 1);
      pos = this.#skipDigits(sign === 0x2b || sign === 0x2d ? pos + 2 : pos + 1);
    }
    this.pos = pos;
  }

  #skipDigits(from: number): number {
    const text = this.text;
    let pos = from;
    let c = text.charCodeAt(pos);
    while (c >= 0x30 && c <= 0x39) c = text.charCodeAt(++pos);
    if (pos === from) {
      this.pos = pos;
      this.fail('expected a value');
    }
    return pos;
  }
}
