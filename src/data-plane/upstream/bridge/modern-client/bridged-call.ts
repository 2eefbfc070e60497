// One call of a modern client in a session of an upstream of the older era. What the upstream asks on the way ends the client's round with
// `input_required`, and the call waits, its stream to the upstream open, until the client comes back with answers (protocol.md 2.2).
import { AppError, toAppError } from '#base/kernel';
import { jsonText, parsedJson, replaceAt, rpcErrorText, scanMessage, valueAt, type Envelope } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamRequest } from '#data-plane/gateway';
import { upstreamHeaders } from '../../upstream-headers.ts';
import { withoutEnvelope } from '../envelope.ts';
import type { TaskPlan } from '../tasks/modern-tasks.ts';
import { callAnswer, promisedTask, taskRequest, unrelated } from '../tasks/task-forms.ts';
import { ProgressGauge } from '../progress-gauge.ts';
import { bindingOf } from './call-binding.ts';
import { CallClient, type RoundOwner } from './call-client.ts';
import type { ClientLeg, LegCall } from './client-leg.ts';
import { LegSeat } from './leg-seat.ts';
import type { ModernParts } from './modern-parts.ts';
import type { Place } from './leg-book.ts';
import type { Parked } from './parked-calls.ts';
import { OpenQuestions } from './open-questions.ts';
import { isQuestion, mayAsk, missingCapability, missingFor, refusedText } from './question.ts';
import type { AnswerReader, UpstreamAnswer } from './upstream-answer.ts';

const TOKEN_PATH = ['params', '_meta', 'progressToken'];
/** Questions asked together come within moments of each other, and share one round. */
const GATHER_MS = 5;
/** An answer that came while nobody waited for it. */
const LATE_ANSWER_MAX = 1024 * 1024;
const GONE = 'The client did not answer.';

export class BridgedCall implements RoundOwner, LegCall, AnswerReader, Parked {
  readonly upstreamId: string;
  readonly #parts: ModernParts;
  readonly #place: Place;
  readonly #sent: string;
  readonly #seat: LegSeat;
  #answer: UpstreamAnswer | undefined;
  /** Who waits for the answer now; nobody while the call is parked. */
  #client: CallClient | undefined;
  readonly #open: OpenQuestions;
  #gathering: NodeJS.Timeout | undefined;
  #isParked = false;
  #isOver = false;
  #hasStarted = false;
  #isStream = false;
  /** What the upstream asked that this client cannot be asked: the reason when the call fails. */
  #missing: Readonly<Record<string, unknown>> | undefined;
  /** What came while the call was parked. */
  #late: { readonly text: string } | AppError | undefined;
  readonly #gauge = new ProgressGauge();

  readonly #plan: TaskPlan;
  /** Of the task that the call has become at the upstream, and whose end is waited for here. */
  #taskId: string | undefined;

  /** @param text the request as latin1 */
  constructor(parts: ModernParts, place: Place, text: string, needsOwnLeg: boolean) {
    this.#parts = parts;
    this.#place = place;
    this.upstreamId = place.upstream.id;
    this.#open = new OpenQuestions(parts, place);
    this.#plan = parts.tasks.planOf(place.request, place.upstream, place.declared.capabilities);
    this.#sent = parts.tasks.planned(withoutEnvelope(text), this.#plan);
    this.#seat = new LegSeat(parts.legs, place, needsOwnLeg);
  }

  /** What the upstream knows it by. */
  get id(): string {
    return this.#seat.id;
  }

  get taskId(): string | undefined {
    return this.#taskId;
  }

  /** The client's first round. */
  begin(request: UpstreamRequest, text: string, sink: AnswerSink): UpstreamCall {
    const client = (this.#client = new CallClient(this, request, text, sink));
    this.#seat.take(this, () => this.#start());
    return client;
  }

  /** The client is back with answers. @param text its request as latin1 */
  resume(request: UpstreamRequest, text: string, sink: AnswerSink): UpstreamCall {
    const client = (this.#client = new CallClient(this, request, text, sink));
    this.#isParked = false;
    this.#seat.resumed();
    this.#gauge.newRound();
    this.#open.answer(text, this.#seat.leg);
    const late = this.#late;
    this.#late = undefined;
    if (late instanceof AppError) this.failed(late);
    else if (late !== undefined) this.answered(late.text, []);
    else if (!this.#open.isEmpty) this.#park();
    else if (!this.#hasStarted) this.#start();
    else if (this.#isStream) client.startStream([]);
    return client;
  }

  left(client: CallClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#giveUp('The client has gone away.');
  }

  paused(isPaused: boolean): void {
    this.#answer?.pause(isPaused);
  }

  lost(): void {
    this.#answer?.cancel();
    this.failed(new AppError('upstream.connection_lost', `Gateway "${this.#place.upstream.row.name}" is reached another way now, or not at all.`));
  }

  giveUp(isExpired: boolean): void {
    this.#giveUp(isExpired ? GONE : 'The gateway cannot go on with this call.', isExpired);
  }

  // What the upstream says in its answer.

  streams(headers: readonly string[]): void {
    this.#isStream = true;
    this.#client?.startStream(headers);
  }

  said(envelope: Envelope, text: string): void {
    if (envelope.kind === 'request') this.asked(envelope, text);
    else this.told(envelope, text);
  }

  commented(comment: string): void {
    this.#client?.comment(comment);
  }

  answered(text: string, headers: readonly string[]): void {
    const promised = this.#plan === 'run' && this.#taskId === undefined ? promisedTask(text) : undefined;
    if (promised !== undefined) {
      this.#awaitTask(promised);
      return;
    }
    if (this.#isParked) {
      const isTooLarge = text.length > LATE_ANSWER_MAX;
      this.#late = isTooLarge
        ? new AppError('upstream.too_large', 'The answer came while the client was being asked, and is too large to be kept.')
        : { text };
      return;
    }
    const client = this.#client;
    const made = this.#plan === 'task' ? this.#keepTask(text) : undefined;
    this.#finish(true, made !== undefined);
    if (client === undefined) return;
    if (made !== undefined) {
      client.answer(made, headers);
      return;
    }
    const { upstream } = this.#place;
    try {
      const isFailure = valueAt(text, ['error']) !== undefined || valueAt(text, ['result', 'isError']) === 'true';
      if (isFailure && this.#missing !== undefined) client.answer(rpcErrorText(missingCapability(this.#missing), client.message.id));
      else if (this.#taskId === undefined) this.#parts.finalAnswer({ place: this.#place, leg: this.#seat.leg, client, text, headers });
      else this.#parts.finalAnswer({ place: this.#place, leg: this.#seat.leg, client, text: callAnswer(text), headers });
    } catch (cause) {
      client.fail(new AppError('upstream.bad_answer', `Gateway "${upstream.row.name}" answered with something that cannot be read.`, { cause }));
    }
  }

  failed(error: AppError): void {
    if (this.#isParked) {
      this.#late = error;
      return;
    }
    const client = this.#client;
    this.#finish(false);
    client?.fail(error);
  }

  #heardOfLists(method: string): void {
    const { caller } = this.#place.request;
    if (caller !== undefined) this.#parts.heardOfLists(this.upstreamId, caller, method);
  }

  told(envelope: Envelope, text: string): void {
    const { method } = envelope;
    if (method === 'notifications/progress') this.#progressed(envelope, text);
    else if (method === 'notifications/message') this.#client?.logged(text);
    else if (method === 'notifications/cancelled') this.#open.takenBack(envelope.requestId);
    else if (method.endsWith('/list_changed')) this.#heardOfLists(method);
    else if (!IN_SESSIONS.has(method)) this.#client?.tell(text);
  }

  /** The upstream asks something for this call. */
  asked(envelope: Envelope, text: string): void {
    const id = envelope.id ?? 'null';
    const { method } = envelope;
    if (method === 'ping') {
      this.#seat.leg?.answer(`{"jsonrpc":"2.0","id":${id},"result":{}}`);
      return;
    }
    const missing = missingFor(envelope, text, this.#place.declared.capabilities);
    if (missing !== undefined) this.#missing = { ...this.#missing, ...missing };
    const mayBeAsked = isQuestion(method) && mayAsk(this.#place.request.message?.method ?? '') && missing === undefined;
    if (!mayBeAsked || !this.#open.hasRoomFor(text) || (!this.#isParked && this.#client === undefined)) {
      this.#seat.leg?.answer(refusedText(id, -32601, 'The client cannot be asked this.'));
      return;
    }
    this.#open.ask(envelope, this.#taskId === undefined ? text : unrelated(text));
    // One that comes while the client is away waits for the next round.
    if (!this.#isParked) this.#gathering ??= setTimeout(() => this.#park(), GATHER_MS);
  }

  get #callerKey(): string {
    return this.#place.request.caller?.key ?? '';
  }

  /** The way is open. */
  #start(): void {
    const { leg } = this.#seat;
    const client = this.#client;
    if (this.#isOver || leg === undefined || client === undefined) return;
    // The upstream had asked before there was a call in which to bring it to the client.
    if (mayAsk(client.message.method)) this.#open.take(leg.takeHeld());
    if (!this.#open.isEmpty) {
      this.#park();
      return;
    }
    this.#hasStarted = true;
    const levelled = client.logLevel === undefined ? undefined : leg.wantsLevel(client.logLevel, this.#place.upstream);
    if (levelled === undefined) this.#send(client);
    else levelled.then(() => this.#send(client)).catch((error: unknown) => this.failed(toAppError(error)));
  }

  #send({ message }: CallClient): void {
    if (this.#isOver) return;
    const { id } = this.#seat;
    const own = replaceAt(this.#sent, ['id'], id);
    const hasToken = message.progressToken !== undefined;
    const text = hasToken ? replaceAt(own, TOKEN_PATH, id) : own;
    const sent = { ...message, id, progressToken: hasToken ? id : undefined, protocolVersion: undefined };
    const { request, upstream } = this.#place;
    const { lane, isSafeToRepeat } = request;
    this.#answer = this.#seat.ask(this, text, sent, { lane, isSafeToRepeat, headers: upstreamHeaders(request, upstream.row) });
  }

  /** Ends the client's round with what it has to answer. */
  #park(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    const client = this.#client;
    if (this.#isOver || client === undefined || this.#open.isEmpty) return;
    if (!this.#parts.parked.hasRoom(this.#callerKey)) {
      this.#client = undefined;
      this.#giveUp('The gateway holds as many waiting calls as it may.');
      client.fail(
        new AppError('limit.waiting_calls', 'As many calls wait for answers of their clients as this gateway holds.', {
          data: { retryAfterMs: 5000 },
        }),
      );
      return;
    }
    this.#isParked = true;
    this.#client = undefined;
    this.#answer?.pause(false);
    this.#seat.parked();
    const binding = bindingOf(this.#place.request);
    const requestState = this.#parts.states.seal(this.#parts.parked.park(this, this.#callerKey, binding), binding);
    const result = `{"resultType":"input_required","inputRequests":${this.#open.requests},"requestState":${jsonText(requestState)}}`;
    client.answer(`{"jsonrpc":"2.0","id":null,"result":${result}}`);
  }

  #progressed({ progressToken }: Envelope, text: string): void {
    if (progressToken === undefined || String(parsedJson(progressToken)) !== this.id) return;
    if (this.#gauge.isNews(text)) this.#client?.progressed(text);
  }

  /** Nobody waits for this call any more: its upstream is told, and what it holds is free. */
  #giveUp(why: string, isExpired = false): void {
    if (this.#isOver) return;
    const { leg } = this.#seat;
    this.#open.giveUp(leg, why, isExpired ? 'expired' : 'cancelled');
    if (leg !== undefined && this.#hasStarted && this.#late === undefined) leg.answer(this.#cancellation(leg, why));
    this.#finish(this.#late !== undefined);
    this.#answer?.cancel();
  }

  #cancellation(leg: ClientLeg, why: string): string {
    if (this.#taskId !== undefined) return taskRequest(leg.leg.newId(), 'tasks/cancel', this.#taskId);
    return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${this.id},"reason":${jsonText(why)}}}`;
  }

  /** The upstream makes this call as a task only; for a client that knows no tasks its end is waited for. */
  #awaitTask(taskId: string): void {
    const { leg } = this.#seat;
    if (this.#isOver || leg === undefined) return;
    this.#taskId = taskId;
    const text = taskRequest(leg.leg.newId(), 'tasks/result', taskId);
    this.#answer = this.#seat.ask(this, text, scanMessage(text), { lane: 'stream', isSafeToRepeat: true });
  }

  /** The answer for a client that takes the task itself; undefined when it is none. */
  #keepTask(text: string): string | undefined {
    const { leg, release } = this.#seat;
    if (leg === undefined) return undefined;
    const { upstream, declared } = this.#place;
    return this.#parts.tasks.made(text, { owner: this.#callerKey, upstream, capabilities: declared.capabilities, leg, release });
  }

  /** @param isAnswered the upstream has come to its end with this call */
  #finish(isAnswered: boolean, isKept = false): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#gathering);
    this.#open.clear();
    this.#client = undefined;
    this.#seat.leave(this, { isWorking: !isAnswered && this.#hasStarted, isParked: this.#isParked, isKept });
  }
}

/** What only sessions know of. */
const IN_SESSIONS: ReadonlySet<string> = new Set([
  'notifications/elicitation/complete',
  'notifications/resources/updated',
  'notifications/tasks/status',
]);
