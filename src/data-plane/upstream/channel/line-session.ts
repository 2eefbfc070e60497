// A client's session with an upstream on a line, as the pipeline sees it, and the stream on which the client hears what belongs to
// none of its calls. Two kinds: own-session.ts has a line to itself, shared-session.ts a place on one that several use.
import type { AnswerSink, StreamEvent, UpstreamCall, UpstreamRequest, UpstreamSession } from '#data-plane/gateway';
import { isPrimed, refused, refusedByHeaders } from './http-manners.ts';
import { CALL_EVENT_ID, UNREAD_BYTES_MAX, type CallManners } from './pending-call.ts';

const HELD_MESSAGES_MAX = 100;
const HELD_BYTES_MAX = 1024 * 1024;

export abstract class LineSession implements UpstreamSession {
  /** The revision agreed on; '' before. */
  version = '';
  lastUsedAtMs = Date.now();
  /** The line broke and was opened again, while whoever listens went on listening: what the upstream said between was not heard. */
  onReopened: (() => void) | undefined;
  #listener: Listening | undefined;
  /** What was said while nobody listened: a client opens its stream a moment after the session. */
  #held: string[] = [];
  #heldBytes = 0;

  protected isEnded = false;

  abstract post(request: UpstreamRequest, sink: AnswerSink): UpstreamCall;
  abstract remember(key: string, body: Buffer): void;
  abstract forget(key: string): void;
  /** Ends it; resolves when nothing of it is left. */
  abstract end(): Promise<void>;
  /** Stops the line for a reader that is full; false when it cannot be stopped. */
  protected abstract pauseFor(reader: object): boolean;
  protected abstract resumeFor(reader: object): void;
  /** Somebody listens from now on. */
  protected listened(): void {}

  get isListenedTo(): boolean {
    return this.#listener !== undefined;
  }

  get manners(): CallManners {
    return { isResumable: true, primes: isPrimed(this.version), tellsCancel: false };
  }

  get(request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const refusal = refusedByHeaders(request, sink);
    if (refusal !== undefined) return refusal;
    if (this.isEnded) return sessionNotFound(sink);
    if (request.lastEventId === CALL_EVENT_ID) return refused(sink, 405, -32000, 'The stream of a call cannot be taken up again on this line');
    this.#listener?.end();
    const listener = new Listening(sink, {
      gone: (gone) => {
        if (this.#listener === gone) this.#listener = undefined;
        this.resumeFor(gone);
        this.lastUsedAtMs = Date.now();
      },
      full: (full) => this.pauseFor(full),
      hasRoom: (full) => this.resumeFor(full),
    });
    this.#listener = listener;
    sink.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined });
    if (request.lastEventId === undefined && isPrimed(this.version)) listener.give(undefined);
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const text of held) listener.give(text);
    this.listened();
    return listener;
  }

  /** Says something that belongs to no call; kept for a while when nobody listens. */
  say(text: string): void {
    if (this.#listener !== undefined) {
      this.#listener.give(text);
      return;
    }
    this.#held.push(text);
    this.#heldBytes += text.length;
    while (this.#held.length > HELD_MESSAGES_MAX || (this.#held.length > 1 && this.#heldBytes > HELD_BYTES_MAX)) {
      this.#heldBytes -= this.#held.shift()?.length ?? 0;
    }
  }

  protected takeHeld(): string[] {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }

  protected endListener(): void {
    this.#listener?.end();
    this.#listener = undefined;
    this.#held = [];
  }
}

export function sessionNotFound(sink: AnswerSink): UpstreamCall {
  return refused(sink, 404, -32001, 'Session not found');
}

interface ListeningOwner {
  gone(listener: Listening): void;
  /** @returns whether less will come now */
  full(listener: Listening): boolean;
  hasRoom(listener: Listening): void;
}

class Listening implements UpstreamCall {
  readonly #sink: AnswerSink;
  readonly #owner: ListeningOwner;
  #isOver = false;
  /** Since the reader was full on a line that does not wait for it; undefined while it has room. */
  #unreadBytes: number | undefined;

  constructor(sink: AnswerSink, owner: ListeningOwner) {
    this.#sink = sink;
    this.#owner = owner;
  }

  /** @param data one message; undefined for the priming event, which has an id and nothing else */
  give(data: string | undefined): void {
    if (this.#isOver) return;
    const event: StreamEvent = { id: '', event: data === undefined ? undefined : 'message', retry: undefined, data: data ?? '', comment: undefined };
    this.#sink.event(event);
    if (this.#unreadBytes === undefined) return;
    this.#unreadBytes += event.data?.length ?? 0;
    if (this.#unreadBytes > UNREAD_BYTES_MAX) this.end();
  }

  /** The upstream's side is over. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.gone(this);
    this.#sink.end();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.gone(this);
  }

  pause(): void {
    if (!this.#isOver && !this.#owner.full(this)) this.#unreadBytes ??= 0;
  }

  resume(): void {
    this.#unreadBytes = undefined;
    if (!this.#isOver) this.#owner.hasRoom(this);
  }
}
