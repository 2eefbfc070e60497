// A call of a combined server on its way to the upstream it belongs to: what comes back is named as the combined server names things,
// and what the upstream asks or says on the way is put in the client's terms.
import { AppError, toAppError } from '#base/kernel';
import { isLimited, parsedJson, replaceAt, scanMessage, valueAt, type Envelope } from '#base/protocol';
import {
  readLoosely,
  type AnswerHead,
  type AnswerSink,
  type LimitGate,
  type StreamEvent,
  type UpstreamCall,
  type UpstreamEntry,
} from '#data-plane/gateway';

import { refusal } from '../refusal.ts';
import { HeldAnswer } from './held-answer.ts';
import type { RouteHooks } from './route-hooks.ts';
import { withPublishedUris } from './shared-uris.ts';

/** Told once when a call is over, however it ended. An object rather than a closure: see AnswerListener. */
export interface CallWatcher {
  callIsOver(call: RoutedCall): void;
}

export class RoutedCall implements UpstreamCall, AnswerSink {
  readonly upstreamId: string;
  readonly message: Envelope;
  watcher: CallWatcher | undefined;
  readonly #upstream: UpstreamEntry;
  readonly #sink: AnswerSink;
  readonly #hooks: RouteHooks;
  readonly #entered: LimitGate[] = [];
  #call: UpstreamCall | undefined;
  /** Nobody waits any more for what the upstream may still say. */
  #isSettled = false;
  #isStarting = false;
  #isPaused = false;
  #isOver = false;
  #held: HeldAnswer | undefined;

  constructor(upstream: UpstreamEntry, message: Envelope, sink: AnswerSink, hooks: RouteHooks) {
    this.#upstream = upstream;
    this.upstreamId = upstream.id;
    this.message = message;
    this.#sink = sink;
    this.#hooks = hooks;
  }

  /** Has it gone to the upstream? */
  get isSent(): boolean {
    return this.#call !== undefined;
  }

  /** Takes the call through the limits of its upstream. Throws AppError `limit.rate` or `limit.concurrency`. */
  enter(): void {
    if (!isLimited(this.message.method)) return;
    try {
      for (const gate of this.#upstream.gates) {
        gate.enter(Date.now());
        this.#entered.push(gate);
      }
    } catch (refused) {
      for (const gate of this.#entered.splice(0)) gate.leave();
      throw refused;
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
    this.#isStarting = true;
    try {
      this.#call = send(this);
    } catch (error) {
      // Whatever goes wrong is this call's: nobody else would hear of it.
      this.fail(toAppError(error));
    }
    this.#isStarting = false;
    if (this.#isOver) this.#call?.cancel();
    else if (this.#isPaused) this.#call?.pause();
  }

  cancel(): void {
    if (this.#isOver) return;
    const call = this.#call;
    this.#over();
    if (call === undefined) return;
    if (!this.#isSettled) this.#hooks.abandoned?.();
    call.cancel();
  }

  /** The client has taken it back, and its place is free; the upstream may still take its time to end it. */
  takenBack(): void {
    this.#isSettled = true;
    this.#leave();
  }
  pause(): void {
    this.#isPaused = true;
    this.#call?.pause();
  }
  resume(): void {
    this.#isPaused = false;
    this.#call?.resume();
  }

  head(head: AnswerHead): void {
    if (this.#isOver) return;
    const { namesSession: _own, ...shown } = head;
    const isChanged = (head.status >= 400 && this.message.kind === 'request') || (head.kind === 'json' && this.#changesAnswers);
    if (isChanged || (head.kind === 'json' && this.#hooks.named !== undefined)) this.#held = new HeldAnswer(shown, !isChanged);
    else this.#sink.head(shown);
  }

  chunk(bytes: Buffer): boolean {
    if (this.#isOver) return true;
    const held = this.#held;
    if (held === undefined) return this.#sink.chunk(bytes);
    held.add(bytes);
    if (!held.isTooLarge) return true;
    if (held.isLetPass) {
      this.#held = undefined;
      return held.passTo(this.#sink);
    }
    this.giveUp(new AppError('upstream.too_large', `The answer is larger than ${held.maxBytes} bytes.`));
    return true;
  }

  event(event: StreamEvent): boolean {
    if (this.#isOver) return true;
    const { eventPrefix, takesEmptyData } = this.#hooks;
    const id = event.id === undefined || eventPrefix === undefined ? undefined : `${eventPrefix}${event.id}`;
    if (event.data === undefined || event.data === '') return this.#sink.event({ ...event, id, data: takesEmptyData ? event.data : undefined });
    let data: string | undefined;
    try {
      data = this.#worded(event.data);
    } catch (error) {
      this.giveUp(unreadable(this.#upstream, error));
      return true;
    }
    return data === undefined || this.#sink.event({ ...event, id, data });
  }

  end(): void {
    if (this.#isOver) return;
    const held = this.#held;
    if (held === undefined || held.isLetPass) {
      held?.passTo(this.#sink);
      this.#over();
      this.#sink.end();
      return;
    }
    const whole = held.whole.toString('latin1');
    const refused = held.head.status >= 400 ? refusal(this.#upstream, held.head.status, whole) : undefined;
    if (refused !== undefined) {
      this.fail(refused);
      return;
    }
    let body: Buffer;
    let { status } = held.head;
    try {
      const text = this.#answerText(whole);
      if (status < 500) status = this.#hooks.statusOf?.(text, valueAt(text, ['error']) !== undefined) ?? status;
      body = Buffer.from(text, 'latin1');
    } catch (error) {
      this.fail(unreadable(this.#upstream, error));
      return;
    }
    this.#over();
    this.#sink.head({ ...held.head, status, contentLength: body.length });
    this.#sink.chunk(body);
    this.#sink.end();
  }

  fail(error: AppError): void {
    if (this.#isOver) return;
    // Whoever records it wants to know where the call was to go, which is told when it has been started.
    if (this.#isStarting) {
      queueMicrotask(() => this.fail(error));
      return;
    }
    this.#over();
    this.#sink.fail(error);
  }

  /** The client gets this error, and the upstream need not go on. */
  giveUp(error: AppError): void {
    const call = this.#call;
    this.fail(error);
    if (call === undefined) return;
    this.#hooks.abandoned?.();
    call.cancel();
  }

  get #changesAnswers(): boolean {
    const { answer, uriNames, upstreamId } = this.#hooks;
    return answer !== undefined || uriNames !== undefined || upstreamId !== undefined;
  }

  /** What the client is told in place of this message; undefined for nothing. */
  #worded(data: string): string | undefined {
    const envelope = tryScan(data);
    if (envelope === undefined) return readLoosely(data) === undefined ? data : this.#answerText(data);
    if (envelope.kind !== 'response') return this.#hooks.said(envelope, data);
    this.#isSettled = true;
    this.#leave();
    return this.#answerText(data);
  }

  #answerText(text: string): string {
    const { uriNames, answer, upstreamId, named: withLinks } = this.#hooks;
    let named = withPublishedUris(text, uriNames);
    if (withLinks !== undefined) named = withLinks(named);
    const id = upstreamId === undefined ? undefined : valueAt(named, ['id']);
    if (id !== undefined && String(parsedJson(id)) === upstreamId) named = replaceAt(named, ['id'], this.message.id ?? 'null');
    return answer === undefined ? named : answer(named);
  }

  #over(): void {
    this.#isOver = true;
    this.#leave();
    this.#held = undefined;
    this.watcher?.callIsOver(this);
  }

  #leave(): void {
    for (const gate of this.#entered.splice(0)) gate.leave();
  }
}

function unreadable(upstream: UpstreamEntry, cause: unknown): AppError {
  return new AppError('upstream.bad_answer', `Gateway "${upstream.row.name}" answered with something that cannot be read.`, { cause });
}

function tryScan(text: string): Envelope | undefined {
  try {
    return scanMessage(text);
  } catch {
    return undefined;
  }
}
