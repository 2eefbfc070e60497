// A validating cursor over JSON text that builds nothing: it moves past values, and tells where they begin and end. Everything
// that must know what a message says without parsing and re-serialising it stands on this (decisions.md 9, 10).
//
// The text is the bytes as latin1, one character a byte, so that positions are byte offsets and untouched spans can be cut out
// and sent on exactly as they came. Grammar: RFC 8259, with no leniency at all.
import { AppError } from '#base/kernel';

const MAX_DEPTH = 512;
/** Which of the open containers are objects. Shared: a cursor never stops in the middle of a value. */
const OPEN = new Uint8Array(MAX_DEPTH + 1);

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

  /**
   * Past one value of any kind. One loop over local variables rather than a function per kind: most of a message is values nobody
   * looks into, and this is what passing them costs.
   * @param depth how deep the value already lies
   */
  skipValue(depth = 0): void {
    const text = this.text;
    let pos = this.pos;
    let level = 0;
    for (;;) {
      let c = text.charCodeAt(pos);
      while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = text.charCodeAt(++pos);
      if (c === 0x22) pos = this.#passString(pos);
      else if (c === 0x7b || c === 0x5b) {
        if (depth + level >= MAX_DEPTH) this.#failAt(pos, `nested deeper than ${MAX_DEPTH} levels`);
        const isObject = c === 0x7b;
        c = text.charCodeAt(++pos);
        while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = text.charCodeAt(++pos);
        if (c !== (isObject ? 0x7d : 0x5d)) {
          OPEN[level++] = isObject ? 1 : 0;
          if (isObject) pos = this.#passKey(pos);
          continue;
        }
        pos++;
      } else if (c === 0x74) pos = this.#passWord(pos, 'true');
      else if (c === 0x66) pos = this.#passWord(pos, 'false');
      else if (c === 0x6e) pos = this.#passWord(pos, 'null');
      else pos = this.#passNumber(pos);
      // Behind a value: close what ends here, then go on with the next one.
      for (;;) {
        if (level === 0) {
          this.pos = pos;
          return;
        }
        c = text.charCodeAt(pos);
        while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = text.charCodeAt(++pos);
        const isObject = OPEN[level - 1] === 1;
        if (c === 0x2c) {
          pos = isObject ? this.#passKey(pos + 1) : pos + 1;
          break;
        }
        if (c !== (isObject ? 0x7d : 0x5d)) this.#failAt(pos, isObject ? 'expected a comma or } in an object' : 'expected a comma or ] in an array');
        pos++;
        level--;
      }
    }
  }

  skipString(): void {
    this.pos = this.#passString(this.pos);
  }

  #failAt(pos: number, what: string): never {
    this.pos = pos;
    return this.fail(what);
  }

  /** From anywhere before a key to behind its colon. */
  #passKey(from: number): number {
    const text = this.text;
    let pos = from;
    let c = text.charCodeAt(pos);
    while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = text.charCodeAt(++pos);
    if (c !== 0x22) this.#failAt(pos, 'expected a key in double quotes');
    pos = this.#passString(pos);
    c = text.charCodeAt(pos);
    while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = text.charCodeAt(++pos);
    if (c !== 0x3a) this.#failAt(pos, 'expected a colon after a key');
    return pos + 1;
  }

  /** From a quote to behind the closing one; notes the bounds and whether the text has to be decoded. */
  #passString(quote: number): number {
    const text = this.text;
    let pos = quote + 1;
    this.stringStart = pos;
    let plain = true;
    for (;;) {
      const c = text.charCodeAt(pos);
      if (c === 0x22) break;
      if (c === 0x5c) {
        plain = false;
        pos = this.#skipEscape(pos);
      } else if (c >= 0x20) {
        if (c > 0x7e) plain = false;
        pos++;
      } else this.#failAt(pos, c < 0x20 ? 'a control character inside a string' : 'the text ends inside a string');
    }
    this.stringEnd = pos;
    this.stringIsPlain = plain;
    return pos + 1;
  }

  #skipEscape(pos: number): number {
    const text = this.text;
    switch (text.charCodeAt(pos + 1)) {
      case 0x22:
      case 0x5c:
      case 0x2f:
      case 0x62:
      case 0x66:
      case 0x6e:
      case 0x72:
      case 0x74:
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

  #passWord(pos: number, word: string): number {
    if (!this.text.startsWith(word, pos)) this.#failAt(pos, 'expected a value');
    return pos + word.length;
  }

  #passNumber(from: number): number {
    const text = this.text;
    let pos = from;
    if (text.charCodeAt(pos) === 0x2d) pos++;
    if (text.charCodeAt(pos) === 0x30) pos++;
    else pos = this.#passDigits(pos);
    if (text.charCodeAt(pos) === 0x2e) pos = this.#passDigits(pos + 1);
    const e = text.charCodeAt(pos);
    if (e === 0x65 || e === 0x45) {
      const sign = text.charCodeAt(pos + 1);
      pos = this.#passDigits(sign === 0x2b || sign === 0x2d ? pos + 2 : pos + 1);
    }
    return pos;
  }

  #passDigits(from: number): number {
    const text = this.text;
    let pos = from;
    let c = text.charCodeAt(pos);
    while (c >= 0x30 && c <= 0x39) c = text.charCodeAt(++pos);
    if (pos === from) this.#failAt(pos, 'expected a value');
    return pos;
  }
}
