// One request of a client on its way over a shared line, and what comes of it, told to the pipeline as streamable HTTP would tell
// it: one JSON document when the answer comes first, a stream of events when something else is said before it or it takes long.
import { AppError } from '#base/kernel';
import type { Envelope } from '#base/protocol';
import type { AnswerSink, StreamEvent, UpstreamCall } from '#data-plane/gateway';
import type { ChannelLink } from './channel-link.ts';

/** What may still be held for a client that does not read, on a line that cannot wait for it. */
export const UNREAD_BYTES_MAX = 16 * 1024 * 1024;
/** Not '', which is what listening streams have: a line cannot take up the stream of a call. */
export const CALL_EVENT_ID = 'call';
/** What is said soon after a call was taken back may have been on its way; after that its stream is over. */
const TAKEN_BACK_MS = 5000;

export interface CallManners {
  /** Give events ids, so that whoever loses the stream can come back for the rest. */
  readonly isResumable: boolean;
  /** Begin streams with an event that has an id and nothing else (2025-11-25 and later; older parsers choke on it). */
  readonly primes: boolean;
  /** Tell the upstream when the client has gone: in the modern era going is how a client cancels. */
  readonly tellsCancel: boolean;
}

export const PLAIN_MANNERS: CallManners = { isResumable: false, primes: false, tellsCancel: false };

export class PendingCall implements UpstreamCall {
  readonly message: Envelope;
  readonly manners: CallManners;
  readonly atMs = Date.now();
  /** The id and the progress token as the upstream knows them, set by the link. */
  upstreamId = '';
  upstreamToken: string | undefined;
  /** Looks at the answer before the client does; may put another text in its place. */
  onAnswer: ((text: string, answer: Pick<Envelope, 'isError'>) => string) | undefined;
  /** Called once when it is over, however it ended. */
  onOver: (() => void) | undefined;
  /** The answer opens a session, so that it has to carry its id. */
  namesSession = false;
  /** May it be answered as a stream? Not what opens a session: the head of a stream would go before there is an id to name. */
  canStream = true;
  /** The HTTP status for a whole answer. */
  statusOf: (text: string, answer: Pick<Envelope, 'isError'>) => number = () => 200;
  readonly #sink: AnswerSink;
  #link: ChannelLink | undefined;
  #isStream = false;
  #isOver = false;
  #isFull = false;
  #unreadBytes = 0;
  #takenBackAtMs: number | undefined;

  constructor(message: Envelope, sink: AnswerSink, manners: CallManners) {
    this.message = message;
    this.#sink = sink;
    this.manners = manners;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isStream(): boolean {
    return this.#isStream;
  }

  /** Its client wants no answer any more, and the upstream has been told. */
  get isTakenBack(): boolean {
    return this.#takenBackAtMs !== undefined;
  }

  takenBack(): void {
    this.#takenBackAtMs ??= Date.now();
  }

  /** An upstream that was told of a cancellation owes no answer (MCP "Cancellation"), and most give none. */
  endIfTakenBack(nowMs: number): void {
    if (this.#isOver || this.#takenBackAtMs === undefined || nowMs - this.#takenBackAtMs <= TAKEN_BACK_MS) return;
    this.#over();
    if (this.#isStream) this.#sink.end();
  }

  startedOn(link: ChannelLink): void {
    this.#link = link;
  }

  /** The final answer, with the client's own id. */
  answer(text: string, answer: Pick<Envelope, 'isError'>): void {
    if (this.#isOver) return;
    const shown = this.onAnswer?.(text, answer) ?? text;
    // Its client had gone, and took the session that has just begun with it.
    if (this.isOver) return;
    this.#over();
    if (this.#isStream) this.#sink.event(this.#event(shown));
    else {
      const bytes = Buffer.from(shown, 'latin1');
      this.#sink.head({
        status: this.statusOf(shown, answer),
        kind: 'json',
        headers: [],
        contentLength: bytes.length,
        namesSession: this.namesSession,
      });
      this.#sink.chunk(bytes);
    }
    this.#sink.end();
  }

  /** Something the upstream says while it works on this call. */
  event(text: string): void {
    if (this.#isOver || !this.canStream) return;
    this.becomeStream();
    this.#give(this.#event(text));
  }

  /** From now on the client can be told things, and sees that it is not forgotten. */
  becomeStream(): void {
    if (this.#isOver || this.#isStream || !this.canStream) return;
    this.#isStream = true;
    this.#sink.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined });
    if (this.manners.primes) this.#give({ id: CALL_EVENT_ID, event: undefined, retry: undefined, data: '', comment: undefined });
  }

  fail(error: AppError): void {
    if (this.#isOver) return;
    this.#over();
    this.#sink.fail(error);
  }

  cancel(): void {
    if (this.#isOver) return;
    const link = this.#link;
    this.#over();
    link?.abandon(this);
  }

  pause(): void {
    if (this.#isOver || this.#isFull) return;
    this.#isFull = true;
    this.#link?.pauseFor(this);
  }

  resume(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#unreadBytes = 0;
    this.#link?.resumeFor(this);
  }

  #over(): void {
    this.#isOver = true;
    // Whoever stopped the line for it would wait for ever.
    if (this.#isFull) this.#link?.resumeFor(this);
    this.#link?.forget(this);
    this.onOver?.();
  }

  #event(data: string): StreamEvent {
    return { id: this.manners.isResumable ? CALL_EVENT_ID : undefined, event: 'message', retry: undefined, data, comment: undefined };
  }

  #give(event: StreamEvent): void {
    this.#sink.event(event);
    if (!this.#isFull || this.#link?.canPause === true) return;
    this.#unreadBytes += event.data?.length ?? 0;
    if (this.#unreadBytes > UNREAD_BYTES_MAX) {
      const link = this.#link;
      this.fail(new AppError('request.timeout', `The client left ${UNREAD_BYTES_MAX} bytes of this answer unread, and others use the same line.`));
      link?.abandon(this);
    }
  }
}
