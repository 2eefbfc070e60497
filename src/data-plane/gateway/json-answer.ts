// Decides how the one JSON document of an answer travels: small ones are held until they are whole, looked at, and sent in one
// piece; what is large, or goes on arriving, passes through chunk by chunk (checklist 7, 9).
import { AppError } from '#base/kernel';
import { batchElements, isBatch, scanMessage, type Envelope } from '#base/protocol';
import type { RecordOutcome } from './call-record.ts';
import type { Exchange } from './exchange.ts';
import { readLoosely } from './loose-response.ts';
import type { AnswerHead } from './seams.ts';
import { isLookedThrough, needsFilter, shownAnswer } from './views.ts';

const LOOKED_AT_MAX = 64 * 1024;
const HELD_MAX = 64 * 1024 * 1024;

export class JsonAnswer {
  readonly #exchange: Exchange;
  readonly #head: AnswerHead;
  readonly #isHeld: boolean;
  #parts: Buffer[] = [];
  #size = 0;
  #isPassing = false;
  #isEnded = false;
  #isFlushPlanned = false;

  constructor(exchange: Exchange, head: AnswerHead) {
    this.#exchange = exchange;
    this.#head = head;
    this.#isHeld = exchange.strict !== undefined || isLookedThrough(exchange);
  }

  chunk(bytes: Buffer): boolean {
    if (this.#isPassing) return this.#exchange.answer.chunk(bytes);
    this.#parts.push(bytes);
    this.#size += bytes.length;
    if (this.#isHeld) {
      if (this.#size <= HELD_MAX) return true;
      if (needsFilter(this.#exchange)) throw new AppError('upstream.too_large', `The upstream’s list is larger than ${HELD_MAX} bytes.`);
      this.#exchange.strict?.noteUnchecked();
      // An older client may or may not make something of it; without the gateway it would have got the same.
      return this.#pass();
    }
    if (this.#size > LOOKED_AT_MAX) return this.#pass();
    // Of unknown length: if the end does not come with this very read, the body goes on, and waiting for it could take for ever
    // (a stream of JSON lines looks like this).
    if (this.#head.contentLength === undefined && !this.#isFlushPlanned) {
      this.#isFlushPlanned = true;
      queueMicrotask(() => {
        if (!this.#isEnded && !this.#isPassing) this.#pass();
      });
    }
    return true;
  }

  /** @returns what came of the request. Throws AppError `upstream.bad_answer`. */
  end(): RecordOutcome {
    this.#isEnded = true;
    const { answer } = this.#exchange;
    if (this.#isPassing) {
      answer.end();
      return this.#head.status < 400 ? 'ok' : 'rpc_error';
    }
    let whole = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    const { ownOutcome } = this.#head;
    if (ownOutcome !== undefined && !this.#isHeld) {
      answer.reply(this.#head, whole);
      return ownOutcome;
    }
    const text = whole.toString('latin1');
    const { kind, id } = this.#exchange.request.envelope;
    const outcome = judge(text, kind === 'request' ? id : undefined, this.#head.status);
    this.#exchange.strict?.upstream(text);
    if (this.#isHeld) {
      const shown = shownAnswer(this.#exchange, text);
      if (shown !== text) whole = Buffer.from(shown, 'latin1');
    }
    answer.reply(this.#head, whole);
    return outcome;
  }

  #pass(): boolean {
    this.#isPassing = true;
    const { answer } = this.#exchange;
    answer.head(this.#head);
    let hasRoom = true;
    for (const part of this.#parts) hasRoom = answer.chunk(part) && hasRoom;
    this.#parts = [];
    return hasRoom;
  }
}

/**
 * What a whole answer says. An answer to another request than the one asked is as bad as none.
 * @param requestId the request's id as it is written; undefined when nobody waits for a JSON-RPC answer
 * Throws AppError `upstream.bad_answer`.
 */
export function judge(text: string, requestId: string | undefined, status: number): RecordOutcome {
  // Servers word their own refusals, and what they say to notifications, in all kinds of JSON.
  const isFree = requestId === undefined || (status >= 400 && status < 500);
  const envelope = tryScan(text) ?? readLoosely(text);
  if (envelope === undefined) {
    if (isFree ? isJson(text) : isSeveralMessages(text)) return status < 400 ? 'ok' : 'rpc_error';
    throw new AppError('upstream.bad_answer', 'The upstream’s answer is not a JSON-RPC message.', { internal: text.slice(0, 500) });
  }
  if (!isFree && envelope.kind !== 'response') throw new AppError('upstream.bad_answer', `The upstream answered with a ${envelope.kind}.`);
  const isForNobody = envelope.id === undefined || envelope.id === 'null';
  if (!isFree && envelope.id !== requestId && (isForNobody ? !envelope.isError : !isSameId(envelope.id, requestId))) {
    throw new AppError('upstream.bad_answer', `The upstream answered request ${envelope.id?.slice(0, 64)} instead of ${requestId.slice(0, 64)}.`);
  }
  if (envelope.isError) return 'rpc_error';
  return envelope.isToolError ? 'tool_error' : 'ok';
}

function tryScan(text: string): Envelope | undefined {
  try {
    return scanMessage(text);
  } catch {
    return undefined;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return text === '';
  }
}

/** JSON lines, or an array of messages: other servers answer so, and it is not ours to forbid. */
function isSeveralMessages(text: string): boolean {
  try {
    const parts = isBatch(text) ? batchElements(text) : text.trim().split('\n');
    return parts.length > 0 && parts.every((part) => tryScan(part) !== undefined);
  } catch {
    return false;
  }
}

/** The same id in another spelling, e.g. `"\u0061"` for `"a"`. An error for an unreadable request has id null, or none. */
export function isSameId(answered: string | undefined, asked: string | undefined): boolean {
  if (answered === asked || answered === undefined || answered === 'null') return true;
  if (asked === undefined) return false;
  return JSON.parse(answered) === JSON.parse(asked);
}
