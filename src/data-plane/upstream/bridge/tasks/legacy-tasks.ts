// Tasks of modern upstreams for clients of 2025-11-25: a call with `task` is made with the extension declared, and what such a client asks of
// its tasks is answered in its form (protocol.md 2.6). Clients that say nothing of tasks never see one.
import { AppError, toAppError } from '#base/kernel';
import { jsonText, mapElements, removeMember, rpcErrorText, scanMessage, setMember, valueAt, type Envelope } from '#base/protocol';
import type { UpstreamCall, UpstreamEntry } from '#data-plane/gateway';
import { NO_CALL } from '../../channel/http-manners.ts';
import { stringAt } from '../../channel/string-at.ts';
import type { CallStream } from '../legacy-client/call-stream.ts';
import type { ClientWords } from '../legacy-client/client-words.ts';
import { plainResult } from '../legacy-client/legacy-answer.ts';
import { expiryOf, finishedDetails, KnownTask } from './known-task.ts';
import { TaskBook } from './task-book.ts';
import { isTerminal, legacyCreation, legacyTask, TASKS_EXTENSION, withTaskSupport } from './task-forms.ts';
import { TaskResultCall, type TaskHouse } from './task-result-call.ts';
import type { WholeAnswer } from './whole-answer.ts';

const TTL_MAX_MS = 24 * 60 * 60_000;
/** For how long a result is kept that was there at once. */
const FINISHED_TTL_MS = 5 * 60_000;
const METHODS: ReadonlySet<string> = new Set(['tasks/get', 'tasks/result', 'tasks/cancel']);

/** Whose task it is, and where it runs. */
export interface TaskPlace {
  readonly owner: string;
  readonly upstreamId: string;
}

export class LegacyTasks {
  readonly #book = new TaskBook<KnownTask>();

  get count(): number {
    return this.#book.size;
  }

  /** Does the client want this call to become a task? Throws AppError `limit.concurrency` when it has as many as it may. */
  wants(message: Envelope, text: string, { owner }: TaskPlace): boolean {
    if (message.method !== 'tools/call' || valueAt(text, ['params', 'task'])?.startsWith('{') !== true) return false;
    if (!this.#book.hasRoom(owner)) throw new AppError('limit.concurrency', 'As many tasks are kept for this caller as may be.');
    return true;
  }

  /** The answer to a call that was to become a task. Undefined for an error, which stays one, and for what is no answer. */
  made(answer: string, message: Envelope, place: TaskPlace): string | undefined {
    const result = valueAt(answer, ['result']);
    if (result === undefined) return undefined;
    const id = message.id ?? 'null';
    const created = legacyCreation(result);
    if (created !== undefined) {
      this.#keep(place, result, message);
      return `{"jsonrpc":"2.0","id":${id},"result":${created}}`;
    }
    // What is neither is for nobody.
    if ((stringAt(result, ['resultType']) ?? 'complete') !== 'complete') return undefined;
    // The upstream alone decides, and has answered: for the client, which has asked for a task, it is one that has come to its end.
    const details = finishedDetails(plainResult(result), FINISHED_TTL_MS);
    this.#keep(place, details, message, details);
    this.#book.trim();
    return `{"jsonrpc":"2.0","id":${id},"result":{"task":${legacyTask(details)}}}`;
  }

  /** Undefined for what is not about tasks. @param text the request as latin1 */
  open(house: TaskHouse, message: Envelope, text: string, place: TaskPlace, stream: CallStream): TaskResultCall | UpstreamCall | undefined {
    if (!METHODS.has(message.method)) return undefined;
    const taskId = stringAt(text, ['params', 'taskId']) ?? '';
    const task = this.#book.find(place.owner, place.upstreamId, taskId);
    if (task === undefined) {
      stream.finish(rpcErrorText(new AppError('request.bad_params', 'There is no such task.'), message.id));
      return NO_CALL;
    }
    if (message.method === 'tasks/result') return new TaskResultCall(house, task, message, stream);
    let running: WholeAnswer | undefined;
    const asking: TaskHouse = { ...house, request: (...about) => (running = house.request(...about)) };
    const answer = message.method === 'tasks/get' ? shown(asking, task) : this.#cancelled(asking, task);
    let isWanted = true;
    const finish = (said: string): void => {
      if (isWanted) stream.finish(said);
    };
    answer
      .then((said) => finish(setMember(said, ['id'], message.id ?? 'null')))
      .catch((error: unknown) => finish(rpcErrorText(toAppError(error), message.id)));
    return {
      cancel() {
        isWanted = false;
        // What is to be cancelled is, whether or not its client hears of it.
        if (message.method === 'tasks/get') running?.cancel();
      },
      pause() {},
      resume() {},
    };
  }

  keepOnly(upstreams: ReadonlyMap<string, UpstreamEntry>): void {
    this.#book.keepOnly(upstreams);
  }

  close(): void {
    this.#book.close();
  }

  #keep({ owner, upstreamId }: TaskPlace, task: string, call: Envelope, details?: string): void {
    const taskId = stringAt(task, ['taskId']) ?? '';
    this.#book.add(new KnownTask(owner, upstreamId, taskId, expiryOf(task, TTL_MAX_MS), callOf(call.name ?? ''), details));
  }

  async #cancelled(house: TaskHouse, task: KnownTask): Promise<string> {
    const before = await detailsOf(house, task);
    const status = stringAt(before, ['result', 'status']);
    if (valueAt(before, ['result']) === undefined) return before;
    if (task.isCancelled || isTerminal(status))
      return rpcErrorText(new AppError('request.bad_params', `The task is already ${task.isCancelled ? 'cancelled' : status}.`), undefined);
    const told = await house.request('tasks/cancel', task.taskId).text;
    if (valueAt(told, ['result']) === undefined) return told;
    task.cancelled();
    return shown(house, task);
  }
}

/** Of a call what its result is worded by; the message itself may be large. */
function callOf(tool: string): Envelope {
  return scanMessage(`{"jsonrpc":"2.0","id":0,"method":"tools/call","params":{"name":${jsonText(tool)}}}`);
}

/** The tools of a list, each of which its server may make a task of. @param answer to tools/list, in the client's words */
export function withTasksOffered(answer: string): string {
  return mapElements(answer, ['result', 'tools'], withTaskSupport);
}

/** What the upstream is told of a client that wants a task, or asks after one. */
export function withTasksDeclared(words: ClientWords): ClientWords {
  return { ...words, capabilities: setMember(words.capabilities, ['extensions', TASKS_EXTENSION], '{}') };
}

/** A call without what only the older form says. */
export function withoutTask(text: string): string {
  return removeMember(text, ['params', 'task']);
}

/** The response to tasks/get as the upstream gives it, or an error. */
async function detailsOf(house: TaskHouse, { taskId, details }: KnownTask): Promise<string> {
  return details === undefined ? house.request('tasks/get', taskId).text : `{"jsonrpc":"2.0","id":null,"result":${details}}`;
}

/** The response to tasks/get in the client's words, or an error. */
async function shown(house: TaskHouse, task: KnownTask): Promise<string> {
  const answer = await detailsOf(house, task);
  const details = valueAt(answer, ['result']);
  if (details === undefined) return answer;
  const known = legacyTask(details);
  const result = task.isCancelled ? setMember(known, ['status'], '"cancelled"') : known;
  return `{"jsonrpc":"2.0","id":null,"result":${result}}`;
}
