// One stream of a session towards the client, as it looks to somebody who may lose the connection and come back: events get ids
// of our own, the last ones are kept, and a reader who returns is given exactly what it missed (decisions.md 2; checklist 31).
import type { Principal } from '#base/access';
import { AppError, newSecretId } from '#base/kernel';
import { rpcErrorText } from '#base/protocol';
import type { AnswerListener, ClientAnswer, StreamEvent } from './seams.ts';

const KEPT_EVENTS_MAX = 100;
const KEPT_BYTES_MAX = 1024 * 1024;

interface KeptEvent {
  readonly sequence: number;
  readonly event: StreamEvent;
  /** The request this event answers, as its id is written. */
  readonly answers: string | undefined;
  readonly sizeBytes: number;
}

export class SessionStream implements AnswerListener {
  /** First part of every event id, so that an id leads back to its stream. */
  readonly token = newSecretId().slice(0, 12);
  /** Requests whose answers will come on this stream, by the text of their ids. */
  readonly owed = new Set<string>();
  #client: ClientAnswer | undefined;
  #sequence = 0;
  #kept: KeptEvent[] = [];
  #keptBytes = 0;
  /** Highest sequence number that was dropped, and the answers among what was dropped. */
  #droppedTo = 0;
  readonly #droppedAnswers = new Map<string, number>();
  #isOver = false;
  /** Who reads now, when that is not who asked: the token they came back with must be good, not the one they left with. */
  readBy: Principal | undefined;
  /** Called once when the reader can take more after `deliver` returned false. */
  onDrain: (() => void) | undefined;

  constructor(client: ClientAnswer) {
    this.#client = client;
  }

  /** Has an event had an id, so that a reader can come back? */
  get isResumable(): boolean {
    return this.#sequence > 0;
  }

  get hasReader(): boolean {
    return this.#client !== undefined;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /**
   * Sends an event on; one that carries an id gets ours and is kept. An event without an id that finds no reader is lost, as it
   * would be without a gateway.
   * @returns false when the reader is full
   */
  deliver(event: StreamEvent, answers: string | undefined): boolean {
    if (answers !== undefined) this.owed.delete(answers);
    const sent = event.id === undefined ? event : this.#keep(event, answers);
    const client = this.#client;
    return client === undefined || client.event(sent);
  }

  clientGone(): void {
    this.detach();
  }

  clientHasRoom(): void {
    this.onDrain?.();
  }

  /** The reader has gone; the stream goes on. */
  detach(): void {
    this.#setReader(undefined);
  }

  /** Nothing more will come. A reader that is there is told. */
  finish(): void {
    this.#isOver = true;
    this.#client?.end();
    this.#client = undefined;
  }

  /** Ends the reader's connection, but not the stream: more will come, and can be fetched (SEP-1699 polling). */
  releaseReader(): void {
    this.#client?.end();
    this.#setReader(undefined);
  }

  /**
   * A reader comes back having seen everything up to `sequence`: it gets what it missed and then what comes.
   * What was dropped meanwhile cannot be made good: each answer that is owed or was lost becomes a JSON-RPC error.
   */
  attach(client: ClientAnswer, sequence: number): void {
    this.#client?.end();
    this.#client = client;
    if (sequence < this.#droppedTo) this.#answerLost(client, sequence);
    for (const kept of this.#kept) {
      if (kept.sequence > sequence) client.event(kept.event);
    }
    if (this.#isOver || (this.owed.size === 0 && this.#droppedAnswers.size > 0)) this.finish();
    // Last: an upstream that was stopped goes on at once, and what it says comes after what was missed.
    this.onDrain?.();
  }

  /** A reader joins without asking for the past. */
  attachLive(client: ClientAnswer): void {
    this.#client?.end();
    this.#setReader(client);
    if (this.#isOver) this.finish();
  }

  /** Whoever waits for the former reader to take more would wait for ever. */
  #setReader(client: ClientAnswer | undefined): void {
    this.#client = client;
    this.onDrain?.();
  }

  /** The sequence number in an event id of this stream, or undefined. */
  static parse(eventId: string): { token: string; sequence: number } | undefined {
    const match = /^([A-Za-z0-9_-]{12})\.(\d{1,15})$/.exec(eventId);
    return match === null ? undefined : { token: match[1] as string, sequence: Number(match[2]) };
  }

  #keep(event: StreamEvent, answers: string | undefined): StreamEvent {
    const sequence = ++this.#sequence;
    const ours = { ...event, id: `${this.token}.${sequence}` };
    const sizeBytes = sizeOf(event);
    this.#kept.push({ sequence, event: ours, answers, sizeBytes });
    this.#keptBytes += sizeBytes;
    while (this.#kept.length > 1 && (this.#kept.length > KEPT_EVENTS_MAX || this.#keptBytes > KEPT_BYTES_MAX)) this.#drop();
    return ours;
  }

  #drop(): void {
    const oldest = this.#kept.shift();
    if (oldest === undefined) return;
    this.#keptBytes -= oldest.sizeBytes;
    this.#droppedTo = oldest.sequence;
    if (oldest.answers !== undefined) this.#droppedAnswers.set(oldest.answers, oldest.sequence);
  }

  #answerLost(client: ClientAnswer, sequence: number): void {
    const lost = [...this.owed, ...[...this.#droppedAnswers].filter(([, at]) => at > sequence).map(([id]) => id)];
    for (const id of lost) {
      const error = new AppError(
        'upstream.connection_lost',
        'Events of this stream were missed for so long that they had to be dropped; the answer is incomplete.',
      );
      client.event({ id: undefined, event: 'message', retry: undefined, data: rpcErrorText(error, id), comment: undefined });
      this.owed.delete(id);
      this.#droppedAnswers.set(id, Number.POSITIVE_INFINITY);
    }
  }
}

/** All of its texts are the upstream's, and kept. */
function sizeOf(event: StreamEvent): number {
  return (event.data?.length ?? 0) + (event.event?.length ?? 0) + (event.retry?.length ?? 0) + (event.comment?.length ?? 0);
}
