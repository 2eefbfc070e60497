// A task of a server of 2025-11-25, kept for a client that knows tasks as the extension has them. A tasks/result waits at the upstream for as
// long as the task runs: on its stream come the questions, which the client finds in tasks/get and answers by tasks/update (protocol.md 2.6).
import { AppError } from '#base/kernel';
import { scanMessage, valueAt, type Envelope } from '#base/protocol';
import { stringAt } from '../../channel/string-at.ts';
import type { Leg } from '../../leg/leg.ts';
import type { LegCall } from '../modern-client/client-leg.ts';
import { isQuestion, missingFor, refusedText } from '../modern-client/question.ts';
import { UpstreamAnswer, type AnswerReader } from '../modern-client/upstream-answer.ts';
import { LostTask, type HeldTaskParts, type MadeTask, type TaskLease } from './made-task.ts';
import type { KeptTask } from './task-book.ts';
import {
  inlinedResult,
  isReadable,
  isTerminal,
  modernDetails,
  modernState,
  modernTask,
  pollIntervalMsOf,
  taskRequest,
  type Outcome,
} from './task-forms.ts';
import { TaskQuestions } from './task-questions.ts';
import { TaskWatchers } from './task-watchers.ts';

const UNREADABLE = '{"error":{"code":-32603,"message":"The upstream gave a result that cannot be read."}}';
/** An upstream that could not be asked is left alone for so long. */
const UNASKED_PAUSE_MS = 5000;

export class HeldTask implements KeptTask, LegCall, AnswerReader {
  /** Of the tasks/result that waits at the upstream. */
  id = '';
  readonly owner: string;
  readonly upstreamId: string;
  readonly taskId: string;
  readonly expiresAtMs: number;
  readonly #parts: HeldTaskParts;
  /** Undefined when it is not needed any more: it holds the call that made the task. */
  #lease: TaskLease | undefined;
  readonly #capabilities: string;
  readonly #questions = new TaskQuestions();
  readonly #watchers = new TaskWatchers(() => void this.#lookAgain());
  /** Resolves when tasks/result is over, whatever came of it. */
  #ended = Promise.withResolvers<void>();
  #task: string;
  #waiting: UpstreamAnswer | undefined;
  /** The response to tasks/result. */
  #answer: string | undefined;
  #outcome: Outcome | undefined;

  constructor(parts: HeldTaskParts, lease: TaskLease, { owner, task, capabilities }: MadeTask) {
    this.#parts = parts;
    this.#lease = lease;
    this.owner = owner;
    this.upstreamId = lease.upstream.id;
    this.#task = copied(task);
    this.taskId = stringAt(task, ['taskId']) ?? '';
    this.expiresAtMs = Date.now() + Number(valueAt(task, ['ttlMs']) ?? parts.ttlMaxMs);
    this.#capabilities = capabilities;
  }

  /** From now on its questions are heard. */
  start(): void {
    this.#awaitResult();
  }

  /** What is kept of it. */
  get sizeBytes(): number {
    return this.#task.length + (this.#outcome?.result?.length ?? 0) + (this.#outcome?.error?.length ?? 0);
  }

  get isFinished(): boolean {
    return this.#outcome !== undefined;
  }

  /** What is known of it now, as notifications/tasks says it. */
  get state(): string {
    return modernState(this.#task, this.#outcome ?? this.#running());
  }

  /** @param changed is told whenever `state` is another */
  watch(changed: () => void): () => void {
    const stop = this.#watchers.add(changed);
    if (this.#waiting === undefined && !this.isFinished) this.#watchers.lookIn(pollIntervalMsOf(this.#task));
    return stop;
  }

  /** The result of tasks/get. Throws LostTask, or AppError when the upstream cannot be asked. */
  async details(): Promise<string> {
    if (this.#outcome === undefined) await this.#refresh();
    return modernDetails(this.state);
  }

  /** @param responses answers by key, as JSON text; what answers no open question is ignored */
  update(responses: string): void {
    const answers = this.#questions.answer(responses);
    for (const text of answers) this.#tell(text);
    if (answers.length > 0) this.#changed();
  }

  /** Throws AppError when the upstream cannot be told. One that has ended already is no fault. */
  async cancel(): Promise<void> {
    if (this.#outcome !== undefined) return;
    const answer = await this.#ask('tasks/cancel');
    if (stringAt(answer, ['result', 'status']) === 'cancelled') this.#finish({ status: 'cancelled' }, valueAt(answer, ['result']));
  }

  release(): void {
    if (this.#outcome === undefined) {
      this.#outcome = { status: 'cancelled' };
      this.#tell(this.#request('tasks/cancel'));
      this.#letGo(false);
    }
    this.#watchers.clear();
  }

  asked(envelope: Envelope, text: string): void {
    const id = envelope.id ?? 'null';
    if (envelope.method === 'ping') this.#tell(`{"jsonrpc":"2.0","id":${id},"result":{}}`);
    else if (!isQuestion(envelope.method) || missingFor(envelope, text, this.#capabilities) !== undefined)
      this.#tell(refusedText(id, -32601, 'The client of this task declares nothing of the kind.'));
    else if (this.isFinished || !this.#questions.note(envelope, text)) this.#tell(refusedText(id, -32603, 'This task asks too much.'));
    else this.#changed();
  }

  // What comes on the stream of tasks/result.

  streams(): void {}

  commented(): void {}

  said(envelope: Envelope, text: string): void {
    if (envelope.kind === 'request') this.asked(envelope, text);
    else this.told(envelope, text);
  }

  answered(answer: string): void {
    if (this.isFinished) return;
    this.#answer = isReadable(answer) ? answer : UNREADABLE;
    if (valueAt(this.#answer, ['result']) !== undefined) this.#settle();
    // Failed, cancelled or not over yet: only tasks/get tells.
    this.failed();
  }

  /** Whoever asks for the task next has another tasks/result sent; for those who only listen the gateway asks. */
  failed(): void {
    this.#waited();
    if (!this.isFinished) this.#watchers.lookIn(pollIntervalMsOf(this.#task));
  }

  told(envelope: Envelope, text: string): void {
    if (this.isFinished) return;
    if (envelope.method === 'notifications/cancelled') {
      if (this.#questions.takenBack(envelope.requestId)) this.#changed();
    } else if (envelope.method === 'notifications/tasks/status' && stringAt(text, ['params', 'taskId']) === this.taskId) {
      const task = valueAt(text, ['params']);
      if (task !== undefined) this.#task = modernTask(copied(task), this.#parts.ttlMaxMs);
      const status = stringAt(this.#task, ['status']);
      if (status === 'cancelled') this.#finish({ status }, undefined);
      // How it ended is told when it is known.
      else if (!isTerminal(status)) this.#changed();
    }
  }

  #running(): Outcome {
    const inputRequests = this.#questions.text;
    return inputRequests === undefined ? { status: 'working' } : { status: 'input_required', inputRequests };
  }

  /** Asks the upstream how it is; when it has ended, waits a while for what came of it. */
  async #refresh(): Promise<void> {
    const answer = await this.#ask('tasks/get');
    const task = valueAt(answer, ['result']);
    if (this.#outcome !== undefined) return;
    if (task === undefined) throw new LostTask(answer);
    this.#task = modernTask(copied(task), this.#parts.ttlMaxMs);
    // An upstream that does not wait for the end has answered too early: what is the error of the task is known when that has ended.
    this.#answer = undefined;
    const status = stringAt(task, ['status']);
    if (status === 'cancelled') this.#finish({ status }, undefined);
    else if (!isTerminal(status)) {
      this.#awaitResult();
    } else {
      this.#awaitResult();
      await Promise.race([this.#ended.promise, patience(this.#parts.timeoutMs)]);
      this.#settle();
    }
  }

  /** For those who only listen. */
  async #lookAgain(): Promise<void> {
    if (this.#outcome !== undefined) return;
    try {
      await this.#refresh();
    } catch (error) {
      if (!(error instanceof LostTask)) this.#watchers.lookIn(UNASKED_PAUSE_MS);
    }
  }

  /** Takes what tasks/result said for the outcome. */
  #settle(): void {
    const answer = this.#answer;
    if (answer === undefined || this.#outcome !== undefined) return;
    const result = valueAt(answer, ['result']);
    const error = valueAt(answer, ['error']);
    if (result !== undefined) this.#finish({ status: 'completed', result: copied(inlinedResult(result)) }, undefined);
    else if (error !== undefined) this.#finish({ status: 'failed', error: copied(error) }, undefined);
  }

  /** Has a tasks/result wait at the upstream, if none does. */
  #awaitResult(): void {
    const lease = this.#lease;
    if (this.#waiting !== undefined || lease === undefined) return;
    this.#ended = Promise.withResolvers<void>();
    const text = this.#request('tasks/result');
    const message = scanMessage(text);
    this.id = message.id ?? '';
    const waiting = (this.#waiting = new UpstreamAnswer(lease.upstream, lease.leg, this));
    try {
      waiting.send((sink) => lease.leg.send(Buffer.from(text, 'latin1'), message, sink, { lane: 'stream', isSafeToRepeat: true }));
    } catch {
      this.failed();
    }
  }

  #waited(): void {
    this.#waiting = undefined;
    this.#ended.resolve();
  }

  #finish(outcome: Outcome, task: string | undefined): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#answer = undefined;
    if (task !== undefined) this.#task = modernTask(copied(task), this.#parts.ttlMaxMs);
    this.#letGo(true);
    this.#changed();
    this.#parts.onFinished();
  }

  #letGo(isDone: boolean): void {
    const lease = this.#lease;
    if (lease === undefined) return;
    this.#lease = undefined;
    this.#watchers.rest();
    this.#questions.clear();
    this.#waiting?.cancel();
    this.#waited();
    lease.release(isDone);
  }

  get #leg(): Leg {
    if (this.#lease === undefined) throw new AppError('internal', 'A task that has ended is asked after at its upstream.');
    return this.#lease.leg;
  }

  #changed(): void {
    this.#watchers.tell();
  }

  async #ask(method: string): Promise<string> {
    const text = this.#request(method);
    const answer = (await this.#leg.ask(Buffer.from(text, 'latin1'), scanMessage(text), this.#parts.timeoutMs)).text;
    if (!isReadable(answer)) throw new AppError('upstream.bad_answer', `The upstream answered ${method} with something that cannot be read.`);
    return answer;
  }

  #request(method: string): string {
    return taskRequest(this.#leg.newId(), method, this.taskId);
  }

  #tell(text: string): void {
    void this.#lease?.leg.tell(Buffer.from(text, 'latin1'), scanMessage(text));
  }
}

function patience(timeoutMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, timeoutMs).unref());
}

/** A piece of a message keeps the whole of it in memory. */
function copied(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
