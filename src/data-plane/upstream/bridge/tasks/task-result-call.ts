// tasks/result of a legacy client for a task of a modern upstream: asks how the task is until it has come to its end, and meanwhile brings
// what it asks to the client, on the stream of this request (protocol.md 2.6).
import { AppError, toAppError } from '#base/kernel';
import { jsonText, mapMembers, replaceAt, rpcErrorText, setMember, valueAt, type Envelope } from '#base/protocol';
import type { UpstreamCall } from '#data-plane/gateway';
import { stringAt } from '../../channel/string-at.ts';
import type { AskingCall, CallHouse } from '../legacy-client/call-house.ts';
import { CallStream } from '../legacy-client/call-stream.ts';
import { QUESTIONS_MAX, questionOf, type Question } from '../legacy-client/input-round.ts';
import { legacyAnswer } from '../legacy-client/legacy-answer.ts';
import type { KnownTask, TaskFollower } from './known-task.ts';
import { isTerminal, pollIntervalMsOf, relatedTo } from './task-forms.ts';
import type { WholeAnswer } from './whole-answer.ts';

export interface TaskHouse extends Omit<CallHouse, 'send' | 'relearn' | 'noteChange'> {
  /** Sends a request about a task to its upstream. @param more members of `params`, as JSON text with a comma before */
  request(method: string, taskId: string, more?: string): WholeAnswer;
}

const RETRY_MS = 1000;
/** In a row; the task may go on all the same. */
const FAILURES_MAX = 5;
const CANCELLED = '{"action":"cancel"}';

interface OpenQuestion {
  readonly question: Question;
  readonly timer: NodeJS.Timeout;
}

export class TaskResultCall implements UpstreamCall, AskingCall, TaskFollower {
  readonly message: Envelope;
  readonly #task: KnownTask;
  readonly #house: TaskHouse;
  readonly #stream: CallStream;
  /** By the ids the client knows them by. */
  readonly #open = new Map<string, OpenQuestion>();
  /** Answers by key that the upstream has not been given yet. */
  readonly #answers = new Map<string, string>();
  #running: WholeAnswer | undefined;
  #wake: (() => void) | undefined;
  #isWoken = false;
  #isOver = false;

  constructor(house: TaskHouse, task: KnownTask, message: Envelope, stream: CallStream) {
    this.#house = house;
    this.#task = task;
    this.message = message;
    this.#stream = stream;
  }

  start(): void {
    if (this.#task.isCancelled) {
      this.cancelled();
      return;
    }
    this.#task.follow(this);
    this.#follow().catch((error: unknown) => this.fail(toAppError(error)));
  }

  cancel(): void {
    this.#end();
  }

  takenBack(): void {
    if (this.#isOver) return;
    this.#withdraw();
    this.#end();
    this.#stream.end();
  }

  fail(error: AppError): void {
    this.#finish(rpcErrorText(error, this.message.id));
  }

  cancelled(): void {
    this.fail(new AppError('bridge.task_cancelled', 'The task was cancelled.'));
  }

  pause(): void {}

  resume(): void {}

  clientAnswered(askId: string, answer: Envelope, text: string): void {
    const open = this.#open.get(askId);
    if (open === undefined) return;
    this.#close(askId, open);
    const { question } = open;
    const result = answer.isError ? undefined : valueAt(text, ['result']);
    if (result !== undefined) this.#answer(question, result);
    else if (question.method === 'elicitation/create') this.#answer(question, CANCELLED);
    else this.#giveUp(new AppError('bridge.unanswered', `The client did not answer ${question.method}, which this task needs.`));
  }

  async #follow(): Promise<void> {
    let failures = 0;
    while (!this.#isOver) {
      let pauseMs: number;
      try {
        pauseMs = await this.#look();
        failures = 0;
      } catch (error) {
        if (!(error instanceof AppError) || !error.kind.retryable || ++failures > FAILURES_MAX) throw error;
        pauseMs = RETRY_MS * 2 ** failures;
      }
      if (!this.#isOver) await this.#pause(pauseMs);
    }
  }

  /** @returns when to look again, in ms */
  async #look(): Promise<number> {
    const { taskId } = this.#task;
    if (this.#answers.size > 0) {
      const given = [...this.#answers];
      const responses = given.map(([key, result]) => `${jsonText(key)}:${result}`).join(',');
      await this.#ask('tasks/update', `,"inputResponses":{${responses}}`);
      for (const [key, result] of given) if (this.#answers.get(key) === result) this.#answers.delete(key);
    }
    const answer = this.#task.details === undefined ? await this.#ask('tasks/get') : undefined;
    const details = this.#task.details ?? valueAt(answer ?? '', ['result']);
    if (this.#isOver) return 0;
    if (details === undefined) this.#finish(legacyAnswer(answer ?? '', this.message, this.#house.wrappedTools));
    else if (isTerminal(stringAt(details, ['status']))) this.#finish(this.#outcome(details, taskId));
    else this.#askNew(details);
    return pollIntervalMsOf(details ?? '{}');
  }

  #outcome(details: string, taskId: string): string {
    const id = this.message.id ?? 'null';
    const result = valueAt(details, ['result']);
    if (stringAt(details, ['status']) === 'cancelled' || this.#task.isCancelled)
      return rpcErrorText(new AppError('bridge.task_cancelled', 'The task was cancelled.'), id);
    if (result === undefined) {
      const error = valueAt(details, ['error']) ?? jsonText({ code: -32603, message: 'The upstream did not say why the task failed.' });
      return `{"jsonrpc":"2.0","id":${id},"error":${error}}`;
    }
    // What its tool returns is worded as for the call itself.
    const worded = legacyAnswer(`{"jsonrpc":"2.0","id":null,"result":${result}}`, this.#task.call, this.#house.wrappedTools);
    const plain = valueAt(worded, ['result']) ?? '{}';
    return replaceAt(replaceAt(worded, ['result'], relatedTo(plain, taskId)), ['id'], id);
  }

  /** Asks the client what it was not asked yet, and takes back what the upstream does not want to know any more. */
  #askNew(details: string): void {
    const wanted = new Map<string, string>();
    mapMembers(details, ['inputRequests'], (key, request) => void wanted.set(key, request));
    for (const [askId, open] of this.#open) if (!wanted.has(open.question.key)) this.#takeBack(askId, open);
    if (wanted.size > QUESTIONS_MAX) {
      this.#giveUp(new AppError('upstream.bad_answer', `The task asks ${wanted.size} questions at once.`));
      return;
    }
    if (!this.#task.isAsker(this)) return;
    const asked = new Set([...this.#open.values()].map(({ question }) => question.key));
    for (const [key, request] of wanted) {
      if (asked.has(key) || this.#task.answered.has(key) || this.#isOver) continue;
      try {
        this.#put(questionOf(key, request, this.#house.words));
      } catch (error) {
        this.#giveUp(toAppError(error));
      }
    }
  }

  #put(question: Question): void {
    const { asks, answerTimeoutMs } = this.#house;
    if (asks === undefined) throw new AppError('bridge.mid_call', 'The task asks something, and this client cannot be asked.');
    const id = asks.call(this.#house, this, question);
    const timer = setTimeout(() => this.#unanswered(id), answerTimeoutMs).unref();
    this.#open.set(id, { question, timer });
    const params = relatedTo(question.params ?? '{}', this.#task.taskId);
    this.#stream.say(`{"jsonrpc":"2.0","id":${id},"method":${jsonText(question.method)},"params":${params}}`);
  }

  #unanswered(askId: string): void {
    const open = this.#open.get(askId);
    if (open === undefined) return;
    this.#takeBack(askId, open);
    if (open.question.method === 'elicitation/create') this.#answer(open.question, CANCELLED);
    else this.#giveUp(new AppError('bridge.expired', `The client took too long to answer ${open.question.method}, which this task needs.`));
  }

  #answer({ key }: Question, result: string): void {
    this.#task.answered.add(key);
    this.#answers.set(key, result);
    this.#isWoken = true;
    this.#wake?.();
  }

  /** The task cannot go on without what nobody will say. */
  #giveUp(error: AppError): void {
    if (this.#isOver) return;
    void this.#cancelTask();
    this.fail(error);
    this.#task.cancelled();
  }

  /** Whatever comes of it; it outlives this call. */
  async #cancelTask(): Promise<void> {
    await Promise.allSettled([this.#house.request('tasks/cancel', this.#task.taskId).text]);
  }

  async #ask(method: string, more?: string): Promise<string> {
    this.#running = this.#house.request(method, this.#task.taskId, more);
    try {
      return await this.#running.text;
    } finally {
      this.#running = undefined;
    }
  }

  /** Ends early when there is something to tell the upstream. */
  async #pause(pauseMs: number): Promise<void> {
    if (!this.#isWoken)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    this.#wake = undefined;
    this.#isWoken = false;
  }

  #finish(text: string): void {
    if (this.#isOver) return;
    this.#withdraw();
    this.#end();
    this.#stream.finish(setMember(text, ['id'], this.message.id ?? 'null'));
  }

  #withdraw(): void {
    for (const [askId, open] of this.#open) this.#takeBack(askId, open);
  }

  #takeBack(askId: string, open: OpenQuestion): void {
    this.#close(askId, open);
    this.#stream.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${askId},"reason":"It is not needed any more"}}`);
  }

  #close(askId: string, { timer }: OpenQuestion): void {
    clearTimeout(timer);
    this.#open.delete(askId);
    this.#house.forget?.(askId);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const [askId, open] of this.#open) this.#close(askId, open);
    this.#running?.cancel();
    this.#task.leave(this);
    this.#wake?.();
    this.#house.over?.(this);
  }
}
