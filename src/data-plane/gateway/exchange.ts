// One message of a client and all that comes of it, from the door to the record. Stages fill it in; the relay brings the answer
// back through it (decisions.md 27).
import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '#base/access';
import { AppError } from '#base/kernel';
import type { Envelope } from '#base/protocol';
import type { RecordDirection, RecordOutcome } from './call-record.ts';
import type { LimitGate } from './limits.ts';
import type { MessageTrace } from './message-trace.ts';
import { targetOf } from './record-target.ts';
import type { Recorder } from './recorder.ts';
import type { ClientAnswer, UpstreamCall } from './seams.ts';
import type { Session } from './session.ts';
import type { ServerEntry } from './snapshot.ts';
import type { StrictCheck } from './strict-check.ts';

/** `modern` is 2026-07-28 and later (self-describing requests), `legacy` the revisions with a handshake. */
export type Era = 'legacy' | 'modern';

export interface ClientRequest {
  readonly verb: 'POST' | 'GET' | 'DELETE';
  readonly era: Era;
  /** '' for the one that combines everything. */
  readonly serverId: string;
  readonly headers: IncomingHttpHeaders;
  readonly clientAddress: string;
  readonly envelope: Envelope;
  /** The message's bytes as they came; empty for GET and DELETE. */
  readonly body: Buffer;
  /** Key of the principal that alone may send it: a message on a line that somebody opened. Undefined: whoever it is. */
  readonly onlyFor: string | undefined;
  /** The client has no headers to say arguments in, or need not know of them: they are made for it, as far as the tool is known. */
  readonly isHeaderless?: true;
}

export class Exchange {
  readonly request: ClientRequest;
  readonly answer: ClientAnswer;
  readonly atMs: number;
  /** Its place in a trace, while tracing is on. */
  readonly trace: MessageTrace | undefined;
  readonly #recorder: Recorder;
  principal: Principal | undefined;
  server: ServerEntry | undefined;
  session: Session | undefined;
  call: UpstreamCall | undefined;
  /** Set for servers that check strictly. */
  strict: StrictCheck | undefined;
  /** Gates entered, to be left when the call is over. */
  gates: readonly LimitGate[] = NO_GATES;
  /** The clock this exchange runs against, if any, and its place there. */
  clock: { remove(exchange: Exchange): void } | undefined;
  clockSlot = -1;
  /** Epoch ms; moved by progress and while a question to the client is open (decisions.md 6). Infinity: no limit. */
  deadlineAtMs = Number.POSITIVE_INFINITY;
  hardDeadlineAtMs = Number.POSITIVE_INFINITY;
  /** Who ends the exchange when a deadline has passed. */
  relay: { timedOut(): void; takenBack(): void; stop(error: AppError): void } | undefined;
  /** Questions of the upstream that came on this call's stream and wait for the client. */
  openAsks = 0;
  #isFinished = false;

  constructor(request: ClientRequest, answer: ClientAnswer, recorder: Recorder) {
    const traced = recorder.tracer?.begin(request);
    this.request = traced?.request ?? request;
    this.trace = traced?.trace;
    this.answer = answer;
    this.#recorder = recorder;
    this.atMs = Date.now();
  }

  get clientAddress(): string {
    return this.request.clientAddress;
  }

  /** As the client wrote it, in `_meta` or else in the header. */
  get traceparent(): string | undefined {
    return this.request.envelope.traceparent ?? (this.request.headers['traceparent'] as string | undefined);
  }

  /** Answers with an error of ours and ends the exchange. */
  refuse(error: AppError): void {
    if (this.#isFinished) return;
    this.noteDefect(error);
    if (error.code === 'limit.rate' || error.code === 'limit.concurrency') this.#sayRetryAfter(error);
    this.answer.fail(error);
    this.finish(error.kind.fault === 'upstream' ? 'failed' : 'refused', error.code);
  }

  noteDefect(error: AppError): void {
    if (error.code === 'internal') this.#recorder.noteDefect(error, this.request.envelope.method);
  }

  /** Ends the exchange: gates are left, the message is recorded. Only the first call counts. */
  finish(outcome: RecordOutcome, errorCode = ''): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    for (const gate of this.gates) gate.leave();
    this.clock?.remove(this);
    this.dropAsks();
    const { envelope, body, clientAddress } = this.request;
    this.#recorder.add({
      atMs: this.atMs,
      durationMs: Date.now() - this.atMs,
      direction: directionOf(envelope),
      outcome,
      httpStatus: this.answer.status,
      requestBytes: body.length,
      answerBytes: this.answer.sentBytes,
      traceparent: this.traceparent,
      trace: this.trace,
      method: envelope.method,
      target: targetOf(envelope),
      errorCode,
      serverId: this.server?.id ?? '',
      upstreamId: this.call?.upstreamId ?? this.server?.upstream.id ?? '',
      userEmail: this.principal?.email ?? '',
      tokenId: this.principal?.tokenId ?? '',
      clientAddress,
    });
  }

  /** What the upstream asked on behalf of this call is over with it. */
  dropAsks(): void {
    if (this.openAsks === 0 || this.session === undefined) return;
    for (const ask of this.session.takeAsksOf(this)) {
      this.#recorder.add({
        atMs: ask.atMs,
        durationMs: Date.now() - ask.atMs,
        direction: 'ask',
        outcome: 'cancelled',
        httpStatus: 0,
        requestBytes: ask.bytes,
        answerBytes: 0,
        traceparent: this.traceparent,
        trace: this.#recorder.tracer?.within(this.trace),
        method: ask.method,
        target: '',
        errorCode: '',
        serverId: this.server?.id ?? '',
        upstreamId: this.call?.upstreamId ?? this.server?.upstream.id ?? '',
        userEmail: this.principal?.email ?? '',
        tokenId: this.principal?.tokenId ?? '',
        clientAddress: this.clientAddress,
      });
    }
  }

  #sayRetryAfter(error: AppError): void {
    const retryAfterMs = error.data?.['retryAfterMs'];
    if (typeof retryAfterMs === 'number') this.answer.setHeader('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  }
}

const NO_GATES: readonly LimitGate[] = [];

function directionOf(envelope: Envelope): RecordDirection {
  if (envelope.kind === 'request') return 'call';
  return envelope.kind === 'notification' ? 'note' : 'reply';
}
