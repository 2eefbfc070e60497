// The way of messages to an HTTP+SSE upstream: each in a POST of its own, side by side, since a server may hold the POST of a call
// open until the call is over. Side by side means that order is lost, so the few messages whose order matters wait here:
// everything for the endpoint, everything for `notifications/initialized`, and a notification – a cancellation, mostly – for what
// was sent before it.
import { AppError } from '#base/kernel';
import type { Outbound } from '#base/net';
import { scanMessage, type Envelope } from '#base/protocol';
import { MessagePost, type PostEndpoint } from './message-post.ts';

/** Of messages that have not been taken yet. One larger message may go alone. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;
/** How long a notification waits for POSTs before it, which may be held open for as long as their calls run. */
const NOTIFICATION_WAIT_MS = 1_000;

export interface PostQueueListener {
  /** A message that came in the answer to a POST, as latin1 text. */
  message(text: string): void;
  sessionLost(error: AppError): void;
}

interface Outgoing {
  readonly number: number;
  readonly body: Buffer;
  readonly envelope: Envelope | undefined;
  readonly onRefused: ((error: AppError) => void) | undefined;
  waiting: NodeJS.Timeout | undefined;
  isOverdue: boolean;
}

export class PostQueue {
  readonly #outbound: Outbound;
  /** The gateway's name for the upstream. */
  readonly #name: string;
  readonly #listener: PostQueueListener;
  #endpoint: PostEndpoint | undefined;
  #waiting: Outgoing[] = [];
  readonly #open = new Map<MessagePost, Outgoing>();
  #initialized: MessagePost | undefined;
  #heldBytes = 0;
  #nextNumber = 0;
  #isScheduled = false;
  #isClosed = false;

  constructor(outbound: Outbound, name: string, listener: PostQueueListener) {
    this.#outbound = outbound;
    this.#name = name;
    this.#listener = listener;
  }

  /** @param onRefused see MessageChannel.send; never called before this returns */
  send(body: Buffer, onRefused?: (error: AppError) => void): void {
    if (this.#isClosed) return;
    if (this.#heldBytes > 0 && this.#heldBytes + body.length > HELD_BYTES_MAX) {
      const error = new AppError(
        'upstream.unreachable',
        `Gateway "${this.#name}" does not take messages: ${HELD_BYTES_MAX} bytes are waiting for it.`,
      );
      queueMicrotask(() => onRefused?.(error));
      return;
    }
    this.#heldBytes += body.length;
    const envelope = envelopeOf(body);
    this.#waiting.push({ number: this.#nextNumber++, body, envelope, onRefused, waiting: undefined, isOverdue: false });
    if (envelope?.requestId !== undefined) this.callIsOver(envelope.requestId);
    this.#schedule();
  }

  /** From now on messages can go. */
  start(endpoint: PostEndpoint): void {
    this.#endpoint = endpoint;
    this.#schedule();
  }

  /** Are there calls whose POST is still open? Otherwise nobody needs to say which calls are over. */
  get hasOpenPosts(): boolean {
    return this.#open.size > 0;
  }

  /** @param id as it is written in the message */
  callIsOver(id: string): void {
    for (const [post, { envelope }] of this.#open) {
      if (envelope?.kind === 'request' && envelope.id === id) post.callIsOver();
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const { waiting } of this.#waiting) clearTimeout(waiting);
    this.#waiting = [];
    for (const post of this.#open.keys()) post.abort();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#sendWhatMayGo();
    });
  }

  #sendWhatMayGo(): void {
    if (this.#endpoint === undefined || this.#isClosed) return;
    const kept: Outgoing[] = [];
    let isEverythingHeld = this.#initialized?.isSettled === false;
    let areNotificationsHeld = false;
    for (const outgoing of this.#waiting) {
      const { envelope } = outgoing;
      const isInitialized = envelope?.method === 'notifications/initialized';
      if (isEverythingHeld) kept.push(outgoing);
      else if (envelope?.kind === 'notification' && (areNotificationsHeld || this.#mustWait(outgoing))) {
        this.#wait(outgoing);
        kept.push(outgoing);
        areNotificationsHeld = true;
        isEverythingHeld = isInitialized;
      } else {
        const post = this.#post(outgoing, this.#endpoint);
        if (isInitialized) {
          this.#initialized = post;
          isEverythingHeld = true;
        }
      }
    }
    this.#waiting = kept;
  }

  #mustWait(outgoing: Outgoing): boolean {
    if (outgoing.isOverdue) return false;
    for (const [post, { number }] of this.#open) {
      if (number < outgoing.number && !post.isSettled) return true;
    }
    return false;
  }

  #wait(outgoing: Outgoing): void {
    outgoing.waiting ??= setTimeout(() => {
      outgoing.isOverdue = true;
      this.#schedule();
    }, NOTIFICATION_WAIT_MS);
  }

  #post(outgoing: Outgoing, endpoint: PostEndpoint): MessagePost {
    clearTimeout(outgoing.waiting);
    const post: MessagePost = new MessagePost(this.#outbound, endpoint, outgoing.body, outgoing.envelope, {
      settled: () => this.#schedule(),
      refused: (error) => {
        if (!this.#isClosed) outgoing.onRefused?.(error);
      },
      sessionLost: (error) => {
        if (!this.#isClosed) this.#listener.sessionLost(error);
      },
      message: (text) => {
        if (!this.#isClosed) this.#listener.message(text);
      },
      over: () => {
        this.#open.delete(post);
        this.#heldBytes -= outgoing.body.length;
      },
    });
    this.#open.set(post, outgoing);
    post.send();
    return post;
  }
}

function envelopeOf(body: Buffer): Envelope | undefined {
  try {
    return scanMessage(body.toString('latin1'));
  } catch {
    // A batch, say. What may be sent is not decided here.
    return undefined;
  }
}
