// Tasks of upstreams of 2025-11-25 for clients of 2026-07-28: which calls become tasks, and what such a client asks of them
// (protocol.md 2.6). A task is its maker's; a client that does not declare the extension never sees one.
import { AppError, toAppError } from '#base/kernel';
import { removeMember, rpcErrorText, setMember, valueAt } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamEntry, UpstreamRequest } from '#data-plane/gateway';
import type { BridgeParts } from '../bridge-parts.ts';
import { CallClient } from '../modern-client/call-client.ts';
import type { ClientLeg } from '../modern-client/client-leg.ts';
import { HeldTask } from './held-task.ts';
import { LostTask } from './made-task.ts';
import { TaskBook } from './task-book.ts';
import { isReadable, modernCreation, TASKS_EXTENSION } from './task-forms.ts';
import { runsTasks, taskSupportOf } from './task-support.ts';

/** `task`: the client gets the task. `run`: the gateway waits for its end, and the client gets the result. */
export type TaskPlan = 'plain' | 'task' | 'run';

export interface TaskMaker {
  readonly owner: string;
  readonly upstream: UpstreamEntry;
  /** As JSON text. */
  readonly capabilities: string;
  readonly leg: ClientLeg;
  /** The session is not needed for the task any more. */
  readonly release: () => void;
}

/** A task whose upstream sets no limit is kept for so long. */
const TTL_MAX_MS = 24 * 60 * 60_000;
const METHODS: ReadonlySet<string> = new Set(['tasks/get', 'tasks/update', 'tasks/cancel']);
const UNKNOWN_TASK = '-32602';
const ACK = '{"resultType":"complete"}';

export class ModernTasks {
  readonly #parts: BridgeParts;
  readonly #book = new TaskBook<HeldTask>();

  constructor(parts: BridgeParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#book.size;
  }

  /** How a call is to be made. @param capabilities what the client declares, as JSON text */
  planOf({ message, caller }: UpstreamRequest, upstream: UpstreamEntry, capabilities: string): TaskPlan {
    if (message?.method !== 'tools/call') return 'plain';
    const support = taskSupportOf(upstream, message.name);
    if (support === 'forbidden') return 'plain';
    if (declaresTasks(capabilities) && this.#book.hasRoom(caller?.key ?? '')) return 'task';
    return support === 'required' ? 'run' : 'plain';
  }

  /** The call as the upstream gets it. */
  planned(text: string, plan: TaskPlan): string {
    return plan === 'plain' ? text : setMember(text, ['params', 'task'], '{}');
  }

  /**
   * Keeps the task that an answer promises.
   * @returns the answer for the client; undefined when it promises none, and the session is not kept
   */
  made(answer: string, { owner, upstream, capabilities, leg, release }: TaskMaker): string | undefined {
    const result = isReadable(answer) ? valueAt(answer, ['result']) : undefined;
    const task = result === undefined ? undefined : modernCreation(result, TTL_MAX_MS);
    if (task === undefined) return undefined;
    const parts = { ttlMaxMs: TTL_MAX_MS, timeoutMs: this.#parts.handshakeTimeoutMs, onFinished: () => this.#book.trim() };
    const lease = {
      leg: leg.leg,
      upstream,
      release: (isDone: boolean) => {
        leg.finish(held);
        // What it may still ask is asked for nobody.
        if (!isDone && leg.isExclusive) leg.isSpoilt = true;
        release();
      },
    };
    const held = new HeldTask(parts, lease, { owner, task: removeMember(task, ['resultType']), capabilities });
    leg.begin(held);
    held.start();
    this.#book.add(held);
    return `{"jsonrpc":"2.0","id":null,"result":${task}}`;
  }

  /** Undefined for what is not about tasks. @param text the request as latin1 */
  open(request: UpstreamRequest, upstream: UpstreamEntry, text: string, capabilities: string, sink: AnswerSink): UpstreamCall | undefined {
    const { message, caller } = request;
    if (message === undefined || caller === undefined || !METHODS.has(message.method) || !runsTasks(upstream.row.capabilities)) return undefined;
    const client = new CallClient({ upstreamId: upstream.id, left() {}, paused() {} }, request, text, sink);
    const refuse = (error: AppError): UpstreamCall => {
      client.answer(rpcErrorText(error, undefined));
      return client;
    };
    if (!declaresTasks(capabilities)) return refuse(undeclared());
    const task = message.taskId === undefined ? undefined : this.#book.find(caller.key, upstream.id, message.taskId);
    if (task === undefined) return refuse(new AppError('request.bad_params', 'There is no such task.'));
    const responses = valueAt(text, ['params', 'inputResponses']);
    if (message.method === 'tasks/update' && responses?.startsWith('{') !== true)
      return refuse(new AppError('request.bad_params', '`params.inputResponses` must be an object.'));
    this.#answer(message.method, task, responses ?? '{}').then(
      (result) => client.answer(`{"jsonrpc":"2.0","id":null,"result":${result}}`),
      (error: unknown) => {
        if (!(error instanceof LostTask)) client.fail(toAppError(error));
        else {
          if (valueAt(error.answer, ['error', 'code']) === UNKNOWN_TASK) this.#book.remove(task);
          client.answer(error.answer);
        }
      },
    );
    return client;
  }

  /**
   * Tells whenever one of these tasks is another than before; none of them to a client that does not declare the extension.
   * @param capabilities what it declares, as JSON text
   * @param tell is given `params` of notifications/tasks, as JSON text
   * @returns the ids of those that are the caller's, and how to stop
   */
  readonly watch = (
    { caller, upstream }: UpstreamRequest,
    capabilities: string,
    taskIds: readonly string[],
    tell: (params: string) => void,
  ): { readonly taskIds: string[]; stop(): void } => {
    const known = declaresTasks(capabilities) ? taskIds : [];
    const tasks = known.flatMap((taskId) => this.#book.find(caller?.key ?? '', upstream.id, taskId) ?? []);
    const stops = tasks.map((task) => task.watch(() => tell(task.state)));
    return {
      taskIds: tasks.map(({ taskId }) => taskId),
      stop() {
        for (const stop of stops) stop();
      },
    };
  };

  keepOnly(upstreams: ReadonlyMap<string, UpstreamEntry>): void {
    this.#book.keepOnly(upstreams);
  }

  close(): void {
    this.#book.close();
  }

  async #answer(method: string, task: HeldTask, responses: string): Promise<string> {
    if (method === 'tasks/get') return task.details();
    if (method === 'tasks/update') task.update(responses);
    else await task.cancel();
    return ACK;
  }
}

export function declaresTasks(capabilities: string): boolean {
  return valueAt(capabilities, ['extensions', TASKS_EXTENSION]) !== undefined;
}

/** For a client that asks about tasks and does not declare the extension. */
export function undeclared(): AppError {
  const requiredCapabilities = { extensions: { [TASKS_EXTENSION]: {} } };
  return new AppError('bridge.capability_missing', `Tasks are for clients that declare the extension ${TASKS_EXTENSION}.`, {
    data: { requiredCapabilities },
  });
}
