// A call of a combined server on its way to the upstream it belongs to: what comes back is named as the combined server names things,
// and what the upstream asks on the way gets an id of the client's session.
import { AppError, toAppError } from '#base/kernel';
import { scanMessage, setMember, jsonText, valueAt, parsedJson, type Envelope } from '#base/protocol';
import {
  readLoosely,
  type AnswerHead,
  type AnswerSink,
  type LimitGate,
  type StreamEvent,
  type UpstreamCall,
  type UpstreamEntry,
} from '#data-plane/gateway';
import { modernStatus } from '../channel/modern-manners.ts';
import { withPublishedUris, type UriNames } from './combined-index.ts';

export interface RouteHooks {
  readonly uriNames: UriNames | undefined;
  /** Turns the answer into the client's era. */
  readonly answer: ((text: string) => string) | undefined;
  /** Does the client get statuses of the modern era? */
  readonly isModernStatus: boolean;
  /** A question of the upstream, or its withdrawal, in the client's terms; undefined when it is not for the client. */
  asked(envelope: Envelope, text: string): string | undefined;
  /** Before an event id, so that a stream that is taken up again leads back to its upstream; undefined for none. */
  readonly eventPrefix: string | undefined;
}

const HELD_MAX = 64 * 1024 * 1024;

export class RoutedCall implements UpstreamCall, AnswerSink {
  readonly upstreamId: string;
  readonly message: Envelope;
  /** Called once when it is over, however it ended. */
  onOver: (() => void) | undefined;
  readonly #upstream: UpstreamEntry;
  readonly #sink: AnswerSink;
  readonly #hooks: RouteHooks;
  readonly #entered: LimitGate[] = [];
  #call: UpstreamCall | undefined;
  #isOver = false;
  /** A document that has to be whole before it can be changed. */
  #held: { head: AnswerHead; parts: Buffer[]; size: number } | undefined;

  constructor(upstream: UpstreamEntry, message: Envelope, sink: AnswerSink, hooks: RouteHooks) {
    this.#upstream = upstream;
    this.upstreamId = upstream.id;
    this.message = message;
    this.#sink = sink;
    this.#hooks = hooks;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Takes the call through the limits of its upstream. Throws AppError `limit.rate` or `limit.concurrency`. */
  enter(): void {
    for (const gate of this.#upstream.gates) {
      gate.enter(Date.now());
      this.#entered.push(gate);
    }
  }

  /** Sends it, now or when the way is open. */
  start(way: Promise<void> | undefined, send: (sink: AnswerSink) => UpstreamCall): void {
    if (way === undefined) this.#send(send);
    else
      way.then(
        () => this.#send(send),
        (error: unknown) => this.fail(toAppError(error)),
      );
  }

  #send(send: (sink: AnswerSink) => UpstreamCall): void {
    if (this.#isOver) return;
    const call = send(this);
    if (this.#isOver) return;
    this.#call = call;
  }

  cancel(): void {
    if (this.#isOver) return;
    const call = this.#call;
    this.#over();
    call?.cancel();
  }
  pause(): void {
    this.#call?.pause();
  }
  resume(): void {
    this.#call?.resume();
  }

  head(head: AnswerHead): void {
    if (this.#isOver) return;
    const { namesSession: _own, ...shown } = head;
    if (head.kind === 'json' && this.#changesAnswers) this.#held = { head: shown, parts: [], size: 0 };
    else this.#sink.head(shown);
  }

  chunk(bytes: Buffer): boolean {
    if (this.#isOver) return true;
    if (this.#held === undefined) return this.#sink.chunk(bytes);
    this.#held.parts.push(bytes);
    this.#held.size += bytes.length;
    if (this.#held.size > HELD_MAX) this.#giveUp(new AppError('upstream.too_large', `The answer is larger than ${HELD_MAX} bytes.`));
    return true;
  }

  event(event: StreamEvent): boolean {
    if (this.#isOver) return true;
    const { eventPrefix } = this.#hooks;
    const id = event.id === undefined ? undefined : eventPrefix === undefined ? undefined : `${eventPrefix}${event.id}`;
    if (event.data === undefined || event.data === '') return this.#sink.event({ ...event, id });
    const data = this.#worded(event.data);
    return data === undefined || this.#sink.event({ ...event, id, data });
  }

  end(): void {
    if (this.#isOver) return;
    const held = this.#held;
    this.#over();
    if (held !== undefined) {
      const text = this.#answerText(Buffer.concat(held.parts).toString('latin1'));
      const body = Buffer.from(text, 'latin1');
      const isError = valueAtOrNothing(text, ['error']) !== undefined;
      const status = this.#hooks.isModernStatus && held.head.status < 300 ? modernStatus(text, { isError }) : held.head.status;
      this.#sink.head({ ...held.head, status, contentLength: body.length });
      this.#sink.chunk(body);
    }
    this.#sink.end();
  }

  fail(error: AppError): void {
    if (this.#isOver) return;
    this.#over();
    this.#sink.fail(error);
  }

  get #changesAnswers(): boolean {
    return this.#hooks.answer !== undefined || this.#hooks.uriNames !== undefined;
  }

  /** What the client is told in place of this message; undefined for nothing. */
  #worded(data: string): string | undefined {
    const envelope = tryScan(data);
    if (envelope === undefined) return readLoosely(data) === undefined ? data : this.#answerText(data);
    if (envelope.kind === 'response') return this.#answerText(data);
    if (envelope.kind === 'request' || envelope.method === 'notifications/cancelled') return this.#hooks.asked(envelope, data);
    return envelope.method === 'notifications/message' ? withNamedLogger(data, this.#upstream) : data;
  }

  #answerText(text: string): string {
    const named = withPublishedUris(text, this.#hooks.uriNames);
    return this.#hooks.answer === undefined ? named : this.#hooks.answer(named);
  }

  #giveUp(error: AppError): void {
    const call = this.#call;
    this.fail(error);
    call?.cancel();
  }

  #over(): void {
    this.#isOver = true;
    for (const gate of this.#entered) gate.leave();
    this.#held = undefined;
    this.onOver?.();
  }
}

/** Log lines of several upstreams reach one client: each says whose it is. */
export function withNamedLogger(text: string, { row }: UpstreamEntry): string {
  const logger = valueAt(text, ['params', 'logger']);
  const own = logger?.startsWith('"') === true ? `/${parsedJson(logger) as string}` : '';
  return setMember(text, ['params', 'logger'], jsonText(`${row.name}${own}`));
}

function valueAtOrNothing(text: string, path: readonly string[]): string | undefined {
  try {
    return valueAt(text, path);
  } catch {
    return undefined;
  }
}

function tryScan(text: string): Envelope | undefined {
  try {
    return scanMessage(text);
  } catch {
    return undefined;
  }
}
