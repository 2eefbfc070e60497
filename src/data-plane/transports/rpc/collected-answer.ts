// The answer of one exchange as one JSON document, however it comes: a JSON body is kept as it is, of a stream of events only the
// response. What the upstream asks on the way is handed out, because somebody has to answer it.
import { AppError } from '#base/kernel';
import { parsedJson, scanMessage, valueAt } from '#base/protocol';
import type { AnswerHead, AnswerListener, ClientAnswer, StreamEvent } from '#data-plane/gateway';

/** Answers of one HTTP request are held until they are whole; this is for all of them together. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;
const RETRY_DEFAULT_MS = 1000;
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 60_000;

export interface Collected {
  /** Refused or given up by the gateway; the rest is then empty. */
  readonly error?: AppError;
  /** HTTP status; 0 with `error`. */
  readonly status: number;
  /** Flat names and values. */
  readonly headers: readonly string[];
  readonly body: Buffer | undefined;
  /** The stream ended before the response and can be taken up again behind this event. */
  readonly resume?: { readonly lastEventId: string; readonly afterMs: number };
}

/** Who waits at the other end of the HTTP request; shared by all messages of a batch. */
export interface Waiting {
  readonly isGone: boolean;
  readonly answers: Set<CollectedAnswer>;
  heldBytes: number;
}

export class CollectedAnswer implements ClientAnswer {
  listener: AnswerListener | undefined;
  status = 0;
  sentBytes = 0;
  readonly #waiting: Waiting;
  readonly #id: string | undefined;
  readonly #done: (collected: Collected) => void;
  readonly #asked: (id: string, method: string) => void;
  #headers: string[] = [];
  #parts: Buffer[] = [];
  #isStream = false;
  #isDone = false;
  #lastEventId: string | undefined;
  #retryMs = RETRY_DEFAULT_MS;

  /**
   * @param id the request's id as it goes on; undefined when nothing is owed
   * @param asked hears of requests of the upstream, with their ids as they are written
   * @param lastEventId of the stream that is taken up again, if one is
   */
  constructor(
    waiting: Waiting,
    id: string | undefined,
    done: (collected: Collected) => void,
    asked: (id: string, method: string) => void,
    lastEventId?: string,
  ) {
    this.#waiting = waiting;
    this.#id = id;
    this.#done = done;
    this.#asked = asked;
    this.#lastEventId = lastEventId;
    waiting.answers.add(this);
  }

  get isGone(): boolean {
    return this.#waiting.isGone;
  }

  setHeader(name: string, value: string): void {
    this.#headers.push(name, value);
  }

  head(head: AnswerHead): void {
    this.status = head.status;
    this.#headers.push(...head.headers);
    this.#isStream = head.kind === 'stream';
  }

  /** Throws AppError `upstream.too_large`. */
  reply(head: AnswerHead, document: Buffer): void {
    this.head(head);
    this.chunk(document);
    this.end();
  }

  /** Throws AppError `upstream.too_large`. */
  chunk(bytes: Buffer): boolean {
    if (this.#isDone) return true;
    this.#hold(bytes.length);
    this.#parts.push(bytes);
    return true;
  }

  event(event: StreamEvent): boolean {
    if (this.#isDone) return true;
    if (event.id !== undefined) this.#lastEventId = event.id;
    if (event.retry !== undefined) this.#retryMs = Math.min(Math.max(Number(event.retry), RETRY_MIN_MS), RETRY_MAX_MS);
    if (event.data === undefined || event.data === '') return true;
    const { kind, id, method } = readEvent(event.data);
    if (kind === 'request') this.#asked(id as string, method);
    else if (kind === 'response' && isSameId(id, this.#id)) this.#response(event.data);
    return true;
  }

  end(): void {
    if (this.#isStream && this.#id !== undefined) {
      const lastEventId = this.#lastEventId;
      if (lastEventId !== undefined && lastEventId !== '') this.#finish({ body: undefined, resume: { lastEventId, afterMs: this.#retryMs } });
      else this.fail(new AppError('upstream.connection_lost', 'The upstream’s stream ended before the answer was complete.'));
      return;
    }
    const body = this.#parts.length > 1 ? Buffer.concat(this.#parts) : this.#parts[0];
    this.#finish({ body });
  }

  fail(error: AppError): void {
    this.status = error.status;
    this.#finish({ body: undefined, error });
  }

  /** The caller has gone away. */
  abandon(): void {
    this.listener?.clientGone();
    // Nobody reads on; whoever waits for room must not wait for ever.
    this.listener?.clientHasRoom();
    this.fail(new AppError('request.timeout', 'The caller has gone away.'));
  }

  #response(data: string): void {
    try {
      this.#hold(data.length);
    } catch (error) {
      this.fail(error as AppError);
      return;
    }
    this.#finish({ body: Buffer.from(data, 'latin1') });
  }

  #hold(bytes: number): void {
    this.sentBytes += bytes;
    this.#waiting.heldBytes += bytes;
    if (this.#waiting.heldBytes > HELD_BYTES_MAX)
      throw new AppError('upstream.too_large', `The answers to this request are larger than ${HELD_BYTES_MAX} bytes.`);
  }

  #finish(rest: Pick<Collected, 'body' | 'error' | 'resume'>): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#waiting.answers.delete(this);
    this.#parts = [];
    this.#done({ status: rest.error === undefined ? this.status : 0, headers: this.#headers, ...rest });
  }
}

/** Answers that the strict scan refuses and clients understand pass here as they do at the other doors. */
function readEvent(data: string): { kind: string; id: string | undefined; method: string } {
  try {
    return scanMessage(data);
  } catch {
    return { kind: isLooseResponse(data) ? 'response' : 'unreadable', id: looseId(data), method: '' };
  }
}

function isLooseResponse(data: string): boolean {
  try {
    return valueAt(data, ['method']) === undefined && (valueAt(data, ['result']) ?? valueAt(data, ['error'])) !== undefined;
  } catch {
    return false;
  }
}

function looseId(data: string): string | undefined {
  try {
    return valueAt(data, ['id']);
  } catch {
    return undefined;
  }
}

/** Also in another spelling. An error for a request that the upstream could not read has id null, or none. */
function isSameId(answered: string | undefined, asked: string | undefined): boolean {
  if (answered === asked || answered === undefined || answered === 'null') return true;
  return asked !== undefined && parsedJson(answered) === parsedJson(asked);
}
