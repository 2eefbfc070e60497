// A `subscriptions/listen` stream at an upstream that speaks it itself, kept when the way there breaks (checklist 24): what is said passes as
// it came; a stream that broke is opened again, and its client told that it may have missed something.
import { AppError, toAppError } from '#base/kernel';
import { jsonText, parsedJson, scanMessage, valueAt, type Envelope } from '#base/protocol';
import type { AnswerHead, AnswerSink, StreamEvent, UpstreamCall, UpstreamEntry, UpstreamPort, UpstreamRequest } from '#data-plane/gateway';
import { ReopenTimer } from '../channel/reopen-timer.ts';
import { ACKNOWLEDGED, LIST_NEWS, NewsStream, RESOURCE_UPDATED } from '../listen-words.ts';

export interface SteadyOwner {
  readonly port: UpstreamPort;
  /** For how long a stream that is opened again may say nothing of what it tells. */
  readonly ackTimeoutMs: number;
  /** Undefined for one that is no more, or switched off. */
  upstream(id: string): UpstreamEntry | undefined;
  over(listen: SteadyListen): void;
}

export class SteadyListen implements UpstreamCall, AnswerSink {
  readonly #owner: SteadyOwner;
  readonly #request: UpstreamRequest;
  readonly #headers: readonly string[];
  readonly #sink: AnswerSink;
  readonly #stream: NewsStream;
  readonly #reopenTimer = new ReopenTimer(() => this.#reopen());
  #target: string;
  #call: UpstreamCall | undefined;
  /** The filter the upstream honours, as JSON text; undefined before it has said so. */
  #honoured: string | undefined;
  /** A stream after the first: its beginning is not for the client. */
  #isReopening = false;
  #ackTimer: NodeJS.Timeout | undefined;
  /** The adapter is being asked; false again when it has given up at once. */
  #isOpening = false;
  #isPaused = false;
  #isOver = false;

  constructor(owner: SteadyOwner, request: UpstreamRequest, sink: AnswerSink) {
    this.#owner = owner;
    this.#request = request;
    // The adapter adds its own.
    this.#headers = [...request.headers];
    this.#sink = sink;
    this.#stream = new NewsStream(sink, request.message?.id ?? 'null');
    this.#target = targetOf(request.upstream);
  }

  begin(): void {
    this.#open(this.#request);
  }

  head(head: AnswerHead): void {
    if (this.#isOver) return;
    if (!this.#isReopening) this.#sink.head(head);
    else if (head.kind !== 'stream' && head.status < 500) this.#giveUp(lost('was refused when it was opened again'));
  }

  chunk(bytes: Buffer): boolean {
    return this.#isOver || this.#isReopening ? true : this.#sink.chunk(bytes);
  }

  event(event: StreamEvent): boolean {
    if (this.#isOver) return true;
    const envelope = event.data === undefined || event.data === '' ? undefined : tryScan(event.data);
    if (envelope?.kind === 'response') return this.#answered(event);
    if (envelope?.method === ACKNOWLEDGED && event.data !== undefined) {
      const isFirst = this.#honoured === undefined;
      this.#honoured = valueAt(event.data, ['params', 'notifications']) ?? '{}';
      this.#reopenTimer.stands();
      if (!isFirst) {
        clearTimeout(this.#ackTimer);
        this.#isReopening = false;
        this.#mayHaveMissed();
        return true;
      }
    }
    return this.#isReopening ? true : this.#sink.event(event);
  }

  end(): void {
    if (this.#isOver) return;
    if (this.#honoured !== undefined) this.#broke();
    else {
      this.#over();
      this.#sink.end();
    }
  }

  fail(error: AppError): void {
    if (this.#isOver) return;
    if (this.#honoured !== undefined) this.#broke();
    else this.#giveUp(error);
  }

  /** Other tables hold: the upstream may be reached another way, be no more, or be back. */
  snapshotChanged(): void {
    const upstream = this.#owner.upstream(this.#request.upstream.id);
    if (this.#isOver || (upstream !== undefined && targetOf(upstream.row) === this.#target)) return;
    if (upstream === undefined) this.finish();
    else if (this.#honoured !== undefined) this.#restart();
  }

  /** On purpose: the client need not come back. */
  finish(): void {
    if (this.#isOver) return;
    this.#call?.cancel();
    if (this.#honoured === undefined) this.#giveUp(lost('ended before it began'));
    else {
      this.#over();
      this.#stream.end();
    }
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#over();
    this.#call?.cancel();
  }

  pause(): void {
    this.#isPaused = true;
    this.#stream.pause();
    this.#call?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#isOver) return;
    this.#stream.resume();
    this.#call?.resume();
  }

  #open(request: UpstreamRequest): void {
    this.#call = undefined;
    this.#isOpening = true;
    try {
      const call = this.#owner.port.open(request, this);
      // It may have ended already, and another be planned.
      if (this.#isOver) call.cancel();
      else if (this.#isOpening) this.#call = call;
      if (this.#isPaused) call.pause();
    } catch (error) {
      this.fail(toAppError(error));
    }
    this.#isOpening = false;
  }

  #reopen(): void {
    const upstream = this.#owner.upstream(this.#request.upstream.id);
    if (this.#isOver || upstream === undefined) return;
    this.#target = targetOf(upstream.row);
    // Its client waits for nothing: one that never says what it tells would go unnoticed.
    this.#ackTimer = setTimeout(() => this.#restart(), this.#owner.ackTimeoutMs).unref();
    this.#open({ ...this.#request, upstream: upstream.row, headers: [...this.#headers] });
  }

  #restart(): void {
    const call = this.#call;
    this.#broke();
    call?.cancel();
  }

  #broke(): void {
    clearTimeout(this.#ackTimer);
    this.#isReopening = true;
    this.#isOpening = false;
    this.#call = undefined;
    this.#reopenTimer.lost();
    this.#reopenTimer.plan();
  }

  #answered(event: StreamEvent): boolean {
    if (this.#isReopening) {
      this.#giveUp(lost('was refused when it was opened again'));
      return true;
    }
    this.#over();
    const hasRoom = this.#sink.event(event);
    this.#sink.end();
    return hasRoom;
  }

  /** All that is listened to may be another now. */
  #mayHaveMissed(): void {
    const filter = parsedJson(this.#honoured ?? '{}') as Record<string, unknown> | null;
    for (const { key, method } of LIST_NEWS) if (filter?.[key] === true) this.#stream.say(method);
    const uris = filter?.['resourceSubscriptions'];
    for (const uri of Array.isArray(uris) ? uris : []) if (typeof uri === 'string') this.#stream.say(RESOURCE_UPDATED, { uri });
  }

  #giveUp(error: AppError): void {
    this.#over();
    this.#call?.cancel();
    this.#sink.fail(error);
  }

  #over(): void {
    this.#isOver = true;
    clearTimeout(this.#ackTimer);
    this.#reopenTimer.cancel();
    this.#owner.over(this);
  }
}

function targetOf(row: UpstreamRequest['upstream']): string {
  return jsonText([row.transport, row.url, row.process ?? null, row.headers, row.modern]);
}

function lost(what: string): AppError {
  return new AppError('upstream.connection_lost', `The stream of what the upstream tells ${what}.`);
}

function tryScan(text: string): Envelope | undefined {
  try {
    return scanMessage(text);
  } catch {
    return undefined;
  }
}
