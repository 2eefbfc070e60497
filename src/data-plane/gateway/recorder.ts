// Writes every finished message into a ring of numbers and hands full or aged batches to the sink. Recording a call allocates
// nothing that lives: texts are numbered once in a dictionary that starts over when it is full.
import type { AppError, Logger } from '#base/kernel';
import { parseTraceparent } from '#base/protocol';
import { RECORD_COLUMNS, RECORD_DIRECTIONS, RECORD_OUTCOMES, type RecordDirection, type RecordOutcome, type RecordSink } from './call-record.ts';
import type { MessageTrace, Tracer } from './message-trace.ts';

const WIDTH = RECORD_COLUMNS.length;
/** A batch wakes the writing thread; fewer, larger ones cost less. The timer bounds how old a record gets. */
const BATCH_ROWS = 2048;
const FLUSH_INTERVAL_MS = 200;
const DICTIONARY_MAX = 50_000;
const TEXT_MAX = 512;

export interface Finished {
  readonly atMs: number;
  readonly durationMs: number;
  readonly direction: RecordDirection;
  readonly outcome: RecordOutcome;
  readonly httpStatus: number;
  readonly requestBytes: number;
  readonly answerBytes: number;
  /** The W3C traceparent it came with, or undefined; not looked at when there is a `trace`. */
  readonly traceparent: string | undefined;
  /** Its place in a trace of ours, while tracing is on. */
  readonly trace: MessageTrace | undefined;
  readonly method: string;
  readonly target: string;
  readonly errorCode: string;
  readonly serverId: string;
  readonly upstreamId: string;
  readonly userEmail: string;
  readonly tokenId: string;
  readonly clientAddress: string;
}

export class Recorder {
  readonly #sink: RecordSink;
  readonly #numbers = new Map<string, number>();
  #added: [number, string][] = [];
  #rows = new Float64Array(BATCH_ROWS * WIDTH);
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  readonly #logger: Logger;
  /** Undefined while tracing is off. */
  readonly tracer: Tracer | undefined;

  constructor(sink: RecordSink, logger: Logger, tracer?: Tracer) {
    this.#sink = sink;
    this.#logger = logger;
    this.tracer = tracer;
  }

  /** A defect of ours leaves a line in the log, found by the id the caller was given. */
  noteDefect(error: AppError, method: string): void {
    this.#logger.error('A message could not be handled', { id: error.id, method, internal: error.internal });
  }

  add(finished: Finished): void {
    // Numbers are given anew after a flush only: batches arrive in order, and the receiver overwrites.
    if (this.#numbers.size >= DICTIONARY_MAX) {
      this.flush();
      this.#numbers.clear();
    }
    const rows = this.#rows;
    let at = this.#count * WIDTH;
    rows[at++] = finished.atMs;
    rows[at++] = finished.durationMs;
    rows[at++] = RECORD_DIRECTIONS.indexOf(finished.direction);
    rows[at++] = RECORD_OUTCOMES.indexOf(finished.outcome);
    rows[at++] = finished.httpStatus;
    rows[at++] = finished.requestBytes;
    rows[at++] = finished.answerBytes;
    at = this.#trace(finished.trace?.traceId ?? parseTraceparent(finished.traceparent)?.traceId, at);
    rows[at++] = this.#number(finished.method);
    rows[at++] = this.#number(finished.target);
    rows[at++] = this.#number(finished.errorCode);
    rows[at++] = this.#number(finished.serverId);
    rows[at++] = this.#number(finished.upstreamId);
    rows[at++] = this.#number(finished.userEmail);
    rows[at++] = this.#number(finished.tokenId);
    rows[at] = this.#number(finished.clientAddress);
    if (finished.trace !== undefined) this.tracer?.finished(finished.trace, finished);
    if (++this.#count === BATCH_ROWS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_INTERVAL_MS);
  }

  /** Hands over what there is. Called on a timer, on a full batch and on shutdown. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#count === 0) return;
    this.#sink.write({ count: this.#count, rows: this.#rows.slice(0, this.#count * WIDTH), dictionary: this.#added });
    this.#added = [];
    this.#count = 0;
  }

  #number(text: string): number {
    if (text === '') return 0;
    const short = text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
    const known = this.#numbers.get(short);
    if (known !== undefined) return known;
    const number = this.#numbers.size + 1;
    // A copy: a piece of a message keeps the whole message in memory.
    const kept = Buffer.from(short).toString();
    this.#added.push([number, kept]);
    this.#numbers.set(kept, number);
    return number;
  }

  #trace(traceId: string | undefined, from: number): number {
    for (let word = 0; word < 4; word++) {
      this.#rows[from + word] = traceId === undefined ? 0 : Number.parseInt(traceId.slice(word * 8, word * 8 + 8), 16);
    }
    return from + 4;
  }
}
