// A document on its way to a client of a combined server, held until it is whole: because it is changed, or because it may name resources.
import type { AnswerHead, AnswerSink } from '#data-plane/gateway';

const CHANGED_MAX = 64 * 1024 * 1024;
/** What is only looked at passes as it comes beyond this size. */
const LOOKED_AT_MAX = 1024 * 1024;
const URI_KEY = Buffer.from('"uri"');

export class HeldAnswer {
  readonly head: AnswerHead;
  readonly #isOnlyLookedAt: boolean;
  /** Most have one part; an array that is pushed to would make room for many. */
  #parts: Buffer[] | undefined;
  #sizeBytes = 0;

  /** @param isOnlyLookedAt it need not be changed when it names nothing */
  constructor(head: AnswerHead, isOnlyLookedAt: boolean) {
    this.head = head;
    this.#isOnlyLookedAt = isOnlyLookedAt;
  }

  get isTooLarge(): boolean {
    return this.#sizeBytes > (this.#isOnlyLookedAt ? LOOKED_AT_MAX : CHANGED_MAX);
  }

  get maxBytes(): number {
    return CHANGED_MAX;
  }

  /** Can it go on as it is, now that it is whole or too large? */
  get isLetPass(): boolean {
    return this.#isOnlyLookedAt && (this.isTooLarge || !this.whole.includes(URI_KEY));
  }

  get whole(): Buffer {
    const parts = this.#parts ?? [];
    if (parts.length === 1) return parts[0] as Buffer;
    const whole = Buffer.concat(parts);
    this.#parts = [whole];
    return whole;
  }

  add(bytes: Buffer): void {
    if (this.#parts === undefined) this.#parts = [bytes];
    else this.#parts.push(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** @returns whether the sink takes more at once */
  passTo(sink: AnswerSink): boolean {
    sink.head(this.head);
    let takesMore = true;
    for (const part of this.#parts ?? []) takesMore = sink.chunk(part);
    return takesMore;
  }
}
