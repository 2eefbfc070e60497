// A call of a legacy client on its way to a modern upstream. What the upstream wants to know in place of an answer is asked of the client
// with real requests on the stream of the call, and the upstream is called again with what it said, until it answers (protocol.md 2.3).
import { AppError, toAppError } from '#base/kernel';
import { jsonText, rpcErrorText, valueAt, type Envelope, MODERN_VERSION } from '#base/protocol';
import type { AnswerSink, UpstreamCall } from '#data-plane/gateway';
import { stringAt } from '../../channel/string-at.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { AskingCall, CallHouse } from './call-house.ts';
import { CallQuestions } from './call-questions.ts';
import { CallStream } from './call-stream.ts';
import { InputRound } from './input-round.ts';
import { legacyAnswer } from './legacy-answer.ts';
import { ProgressGauge } from '../progress-gauge.ts';
import { waitingPauseMs } from './waiting-pause.ts';

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
  readonly #questions: CallQuestions;
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
    this.#questions = new CallQuestions(house, this.#stream);
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
    this.#questions.withdraw();
    this.#end();
    this.#stream.end();
  }

  fail(error: AppError): void {
    if (this.#isOver) return;
    this.#questions.withdraw();
    this.#end();
    // Whoever reads a stream could not tell a break from the end of the upstream's, and would try to take it up again.
    if (this.#stream.isOpen) this.#stream.finish(rpcErrorText(error, this.message.id));
    else this.#stream.fail(error);
  }

  upstreamIsOff(error: AppError): void {
    if (this.#round !== undefined) this.fail(error);
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
    const question = this.#questions.take(askId);
    const round = this.#round;
    if (this.#isOver || question === undefined || round === undefined) return;
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
    const { upstreamName, answerTimeoutMs } = this.#house;
    if (round.isEmpty) {
      const pauseMs = waitingPauseMs(this.#waits++);
      if (pauseMs === undefined) throw new AppError('upstream.bad_answer', `Gateway "${upstreamName}" puts this call off again and again.`);
      this.#timer = setTimeout(() => this.#again(round), pauseMs).unref();
      return;
    }
    if (!this.#questions.canAsk)
      throw new AppError('bridge.mid_call', 'The upstream asks something, and a client without a session cannot be asked.');
    if (++this.#rounds > ROUNDS_MAX) {
      throw new AppError('upstream.bad_answer', `Gateway "${upstreamName}" has asked the client in ${ROUNDS_MAX} rounds and goes on asking.`);
    }
    this.#round = round;
    this.#stream.open();
    this.#timer = setTimeout(() => this.#unanswered(round), answerTimeoutMs).unref();
    for (const question of round.questions) {
      // The client may be gone by the first of them.
      if (this.#isOver) return;
      this.#questions.ask(this, question);
    }
  }

  #again(round: InputRound): void {
    clearTimeout(this.#timer);
    this.#round = undefined;
    this.#gauge.newRound();
    this.#send(round.retry(this.#text, `"mcpgateway-${++retries}"`));
  }

  #unanswered(round: InputRound): void {
    this.#questions.withdraw();
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
    this.#questions.withdraw();
    const content = [{ type: 'text', text: error.message }];
    this.#finish(`{"jsonrpc":"2.0","id":${this.message.id ?? 'null'},"result":${jsonText({ content, isError: true })}}`, 200);
  }

  /** An error in the band of the answer, as sessions have it. */
  #answerError(error: AppError): void {
    this.#questions.withdraw();
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

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#attempt?.cancel();
    this.#questions.drop();
    this.#house.over?.(this);
  }
}
