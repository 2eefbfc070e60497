// A call of a legacy client on its way to a modern upstream. What the upstream wants to know in place of an answer is asked of the client
// with real requests on the stream of the call, and the upstream is called again with what it said, until it answers (protocol.md 2.3).
import { AppError, toAppError } from '#base/kernel';
import { jsonText, rpcErrorText, valueAt, type Envelope } from '#base/protocol';
import type { AnswerSink, UpstreamCall } from '#data-plane/gateway';
import { MODERN_VERSION } from '../../channel/modern-manners.ts';
import type { CallManners } from '../../channel/pending-call.ts';
import { stringAt } from '../../channel/string-at.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import { CallStream } from './call-stream.ts';
import type { ClientWords } from './client-words.ts';
import { InputRound, type Question } from './input-round.ts';
import { legacyAnswer } from './legacy-answer.ts';
import { ProgressGauge } from './progress-gauge.ts';
import { waitingPauseMs } from './waiting-pause.ts';

/** A call of a session, in whose middle the client can be asked. */
export interface AskingCall {
  readonly message: Envelope;
  /** The client has answered a question of this call. */
  clientAnswered(askId: string, answer: Envelope, text: string): void;
  /** The client has taken the call back. */
  takenBack(): void;
  fail(error: AppError): void;
}

/** What a call needs of the session it belongs to, or of what stands in for one. */
export interface CallHouse {
  readonly upstreamName: string;
  readonly words: ClientWords;
  readonly manners: CallManners;
  /** Tools that this client was shown with an object around what they return. */
  readonly wrappedTools: Set<string>;
  /** How long the client – mostly a person – may take to answer. */
  readonly answerTimeoutMs: number;
  /** @param text the message with its envelope, as latin1 */
  send(text: string, sink: AnswerSink): UpstreamCall;
  /** What is known of the upstream is out of date. */
  noteChange(): void;
  /** The upstream says that headers do not fit the message: learns anew which have to be there. */
  relearn(): Promise<void>;
  /** Mints the id of a question, as JSON text; the answer comes to `answered`. Undefined when this client cannot be asked. */
  asks?(call: AskingCall, question: Question): string;
  /** The question is open no longer. */
  forget?(askId: string): void;
  over?(call: AskingCall): void;
  /** Words a result – a complete one, or a promise of one – where it is more than the client's form of the same; undefined where not. */
  wording?(text: string): string | undefined;
}

const ROUNDS_MAX = 10;
let retries = 0;

export class BridgedCall implements UpstreamCall, AttemptOwner, AskingCall {
  readonly message: Envelope;
  readonly #house: CallHouse;
  /** With its envelope. */
  readonly #text: string;
  /** As it was sent last, with what the client has answered. */
  #sent = '';
  readonly #stream: CallStream;
  readonly #gauge = new ProgressGauge();
  /** By their ids. */
  readonly #open = new Map<string, Question>();
  #attempt: Attempt | undefined;
  #round: InputRound | undefined;
  #rounds = 0;
  #waits = 0;
  #hasRelearned = false;
  #isPaused = false;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(house: CallHouse, message: Envelope, text: string, sink: AnswerSink) {
    this.message = message;
    this.#house = house;
    this.#text = text;
    this.#stream = new CallStream(sink, house.manners);
  }

  start(): void {
    this.#send(this.#text);
  }

  cancel(): void {
    this.#end();
  }

  /** The client has taken the call back: what it was asked for it is taken back too, and no answer comes. */
  takenBack(): void {
    if (this.#isOver) return;
    this.#withdraw();
    this.#end();
    this.#stream.end();
  }

  fail(error: AppError): void {
    if (this.#isOver) return;
    this.#withdraw();
    this.#end();
    // Whoever reads a stream could not tell a break from the end of the upstream's, and would try to take it up again.
    if (this.#stream.isOpen) this.#stream.finish(rpcErrorText(error, this.message.id));
    else this.#stream.fail(error);
  }

  pause(): void {
    this.#isPaused = true;
    this.#attempt?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#attempt?.resume();
  }

  /** The client has answered a question of this call. */
  clientAnswered(askId: string, answer: Envelope, text: string): void {
    const question = this.#open.get(askId);
    const round = this.#round;
    if (this.#isOver || question === undefined || round === undefined) return;
    this.#open.delete(askId);
    const result = answer.isError ? undefined : valueAt(text, ['result']);
    if (result !== undefined) round.answered(question, result);
    else if (!round.declined(question)) {
      const why = stringAt(text, ['error', 'message']) ?? 'no reason given';
      this.#refuse(new AppError('bridge.unanswered', `The client did not answer ${question.method}, which this call needs: ${why.slice(0, 500)}`));
      return;
    }
    if (round.isComplete) this.#again(round);
  }

  streams(): void {
    this.#stream.open();
  }

  said(envelope: Envelope, text: string): boolean {
    // A server asks nothing in its era, and what it says of questions is not about the gateway's.
    if (this.#isOver || envelope.kind !== 'notification' || envelope.method === 'notifications/cancelled') return true;
    if (envelope.method === 'notifications/progress' && !this.#gauge.isNews(text)) return true;
    return this.#stream.say(text);
  }

  answered(text: string, status: number): void {
    try {
      this.#understand(text, status);
    } catch (error) {
      this.#answerError(toAppError(error));
    }
  }

  failed(error: AppError): void {
    this.fail(error);
  }

  #understand(text: string, status: number): void {
    const code = valueAt(text, ['error', 'code']);
    if (code === '-32020') {
      this.#describeAnew(text);
      return;
    }
    if (code === '-32022') {
      this.#house.noteChange();
      throw new AppError('upstream.bad_answer', `Gateway "${this.#house.upstreamName}" does not speak ${MODERN_VERSION} any more.`);
    }
    const resultType = stringAt(text, ['result', 'resultType']) ?? 'complete';
    const worded = resultType === 'input_required' ? undefined : this.#house.wording?.(text);
    if (worded !== undefined) this.#finish(worded, status);
    else if (resultType === 'input_required') this.#ask(new InputRound(text, this.#house.words));
    else if (resultType === 'complete') this.#finish(legacyAnswer(text, this.message, this.#house.wrappedTools), status);
    else throw new AppError('upstream.bad_answer', `The upstream answered with a kind of result that nobody asked for: ${resultType.slice(0, 100)}`);
  }

  /** The upstream finds that the headers do not say what the message says: of which the client knows nothing. */
  #describeAnew(refusal: string): void {
    if (this.#hasRelearned) {
      const why = stringAt(refusal, ['error', 'message']) ?? 'no reason given';
      throw new AppError('upstream.bad_answer', `Gateway "${this.#house.upstreamName}" refuses the headers made for this call: ${why.slice(0, 500)}`);
    }
    this.#hasRelearned = true;
    this.#house.relearn().then(
      () => this.#send(this.#sent),
      (error: unknown) => this.fail(toAppError(error)),
    );
  }

  #ask(round: InputRound): void {
    const { upstreamName, asks, answerTimeoutMs } = this.#house;
    if (round.isEmpty) {
      const pauseMs = waitingPauseMs(this.#waits++);
      if (pauseMs === undefined) throw new AppError('upstream.bad_answer', `Gateway "${upstreamName}" puts this call off again and again.`);
      this.#timer = setTimeout(() => this.#again(round), pauseMs);
      return;
    }
    if (asks === undefined) throw new AppError('bridge.mid_call', 'The upstream asks something, and a client without a session cannot be asked.');
    if (++this.#rounds > ROUNDS_MAX) {
      throw new AppError('upstream.bad_answer', `Gateway "${upstreamName}" has asked the client in ${ROUNDS_MAX} rounds and goes on asking.`);
    }
    this.#round = round;
    this.#stream.open();
    this.#timer = setTimeout(() => this.#unanswered(round), answerTimeoutMs);
    for (const question of round.questions) {
      // The client may be gone by the first of them.
      if (this.#isOver) return;
      const id = asks.call(this.#house, this, question);
      this.#open.set(id, question);
      const params = question.params === undefined ? '' : `,"params":${question.params}`;
      this.#stream.say(`{"jsonrpc":"2.0","id":${id},"method":${jsonText(question.method)}${params}}`);
    }
  }

  #again(round: InputRound): void {
    clearTimeout(this.#timer);
    this.#round = undefined;
    this.#gauge.newRound();
    this.#send(round.retry(this.#text, `"mcpgateway-${++retries}"`));
  }

  #unanswered(round: InputRound): void {
    this.#withdraw();
    const left = round.unanswered.find((question) => !round.declined(question));
    if (left === undefined) this.#again(round);
    else this.#refuse(new AppError('bridge.expired', `The client took too long to answer ${left.method}, which this call needs.`));
  }

  /** The client will not do what the call needs: for a tool that is a failure its model may read. */
  #refuse(error: AppError): void {
    if (this.message.method !== 'tools/call') {
      this.#answerError(error);
      return;
    }
    this.#withdraw();
    const content = [{ type: 'text', text: error.message }];
    this.#finish(`{"jsonrpc":"2.0","id":${this.message.id ?? 'null'},"result":${jsonText({ content, isError: true })}}`, 200);
  }

  /** An error in the band of the answer, as sessions have it. */
  #answerError(error: AppError): void {
    this.#withdraw();
    this.#finish(rpcErrorText(error, this.message.id), 200);
  }

  #finish(text: string, status: number): void {
    if (this.#isOver) return;
    this.#end();
    this.#stream.finish(text, status < 500 ? 200 : status);
  }

  #send(text: string): void {
    if (this.#isOver) return;
    this.#sent = text;
    this.#attempt = new Attempt(this, this.#house.upstreamName);
    this.#attempt.start((sink) => this.#house.send(text, sink));
    if (this.#isPaused) this.#attempt.pause();
  }

  /** Takes back what the client was asked and has not answered. */
  #withdraw(): void {
    for (const id of this.#open.keys()) {
      this.#house.forget?.(id);
      this.#stream.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"The call is over"}}`);
    }
    this.#open.clear();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#attempt?.cancel();
    for (const id of this.#open.keys()) this.#house.forget?.(id);
    this.#open.clear();
    this.#house.over?.(this);
  }
}
