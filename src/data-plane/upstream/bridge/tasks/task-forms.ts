// A task in the words of 2025-11-25 and in those of the extension io.modelcontextprotocol/tasks (protocol.md 1.11). Pure: texts in, texts
// out. What neither form knows stays where it is.
import { jsonText, mapMembers, parsedJson, removeMember, replaceAt, setMember, valueAt } from '#base/protocol';
import { stringAt } from '../../channel/string-at.ts';

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
/** The only revision with sessions that knows tasks. */
export const TASKS_SINCE = '2025-11-25';
export const RELATED_TASK = 'io.modelcontextprotocol/related-task';
const SERVER_INFO = 'io.modelcontextprotocol/serverInfo';
/** Of the extension's tasks/get, beside the task itself. */
const OUTCOMES = ['result', 'error', 'inputRequests'] as const;
const POLL_DEFAULT_MS = 1000;
const POLL_MIN_MS = 50;
const POLL_MAX_MS = 30_000;
const TERMINAL: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled']);

/** What tasks/get of the extension says beside the task itself; JSON texts. */
export interface Outcome {
  readonly status: string;
  readonly result?: string;
  readonly error?: string;
  readonly inputRequests?: string;
}

/** How often the upstream wants to be asked after this task, within reason. @param task as the extension says it */
export function pollIntervalMsOf(task: string): number {
  const intervalMs = Number(valueAt(task, ['pollIntervalMs']));
  return intervalMs > 0 ? Math.min(POLL_MAX_MS, Math.max(POLL_MIN_MS, intervalMs)) : POLL_DEFAULT_MS;
}

export function isTerminal(status: string | undefined): boolean {
  return status !== undefined && TERMINAL.has(status);
}

/**
 * The task object of 2025-11-25 as the extension writes one.
 * @param ttlMaxMs for how long the gateway itself can keep a task: a longer or unlimited life is said to be that long
 */
export function modernTask(task: string, ttlMaxMs: number): string {
  const ttl = positiveInteger(valueAt(task, ['ttl']));
  const pollInterval = positiveInteger(valueAt(task, ['pollInterval']));
  let flat = removeMember(removeMember(task, ['ttl']), ['pollInterval']);
  for (const name of [...OUTCOMES, 'requestState', 'resultType']) flat = removeMember(flat, [name]);
  flat = setMember(flat, ['ttlMs'], String(Math.min(ttl ?? ttlMaxMs, ttlMaxMs)));
  if (pollInterval !== undefined) flat = setMember(flat, ['pollIntervalMs'], String(pollInterval));
  return withoutMeta(flat, RELATED_TASK);
}

/** The extension's result of a call that becomes a task, from a result of 2025-11-25; undefined when that promises no task. */
export function modernCreation(result: string, ttlMaxMs: number): string | undefined {
  const task = valueAt(result, ['task']);
  if (task === undefined || stringAt(task, ['taskId']) === undefined) return undefined;
  let flat = modernTask(task, ttlMaxMs);
  mapMembers(result, [], (name, value) => {
    if (name !== 'task') flat = setMember(flat, [name], value);
    return undefined;
  });
  return setMember(withoutMeta(flat, RELATED_TASK), ['resultType'], '"task"');
}

/** What a task is like now, as tasks/get and notifications/tasks say it. @param task as modernTask() gives it */
export function modernState(task: string, outcome: Outcome): string {
  let state = setMember(task, ['status'], jsonText(outcome.status));
  for (const name of OUTCOMES) {
    const value = outcome[name];
    if (value !== undefined) state = setMember(state, [name], value);
  }
  return state;
}

/** The extension's result of tasks/get. @param state as modernState() gives it */
export function modernDetails(state: string): string {
  return setMember(state, ['resultType'], '"complete"');
}

/** What a result of tasks/result is inside of tasks/get: there the task is named already. */
export function inlinedResult(result: string): string {
  return withoutMeta(result, RELATED_TASK);
}

/** The task object of 2025-11-25 from the extension's. */
export function legacyTask(details: string): string {
  const status = legacyStatus(details);
  const ttl = valueAt(details, ['ttlMs']) ?? 'null';
  const pollInterval = valueAt(details, ['pollIntervalMs']);
  let task = details;
  for (const name of [...OUTCOMES, 'resultType', 'ttlMs', 'pollIntervalMs']) task = removeMember(task, [name]);
  task = setMember(task, ['ttl'], ttl);
  if (pollInterval !== undefined) task = setMember(task, ['pollInterval'], pollInterval);
  if (status !== undefined) task = setMember(task, ['status'], jsonText(status));
  return withoutMeta(task, SERVER_INFO);
}

/** The result of 2025-11-25 for a call that becomes a task, from the extension's; undefined when that promises no task. */
export function legacyCreation(result: string): string | undefined {
  if (stringAt(result, ['resultType']) !== 'task' || stringAt(result, ['taskId']) === undefined) return undefined;
  const task = legacyTask(result);
  const meta = valueAt(task, ['_meta']);
  return `{"task":${removeMember(task, ['_meta'])}${meta === undefined ? '' : `,"_meta":${meta}`}}`;
}

/** A tool that ran and failed: the older form calls its task failed, the extension completed (SEP-2663). */
function legacyStatus(details: string): string | undefined {
  const status = stringAt(details, ['status']);
  return status === 'completed' && valueAt(details, ['result', 'isError']) === 'true' ? 'failed' : status;
}

/** The id of the task that an answer of 2025-11-25 promises; undefined when it promises none. */
export function promisedTask(answer: string): string | undefined {
  return isReadable(answer) ? stringAt(answer, ['result', 'task', 'taskId']) : undefined;
}

/** Answers are let in that no strict reading takes (loose-response.ts): nothing can be found in those. */
export function isReadable(answer: string): boolean {
  try {
    valueAt(answer, ['result']);
    return true;
  } catch {
    return false;
  }
}

/** A request about a task. @param id as JSON text */
export function taskRequest(id: string, method: string, taskId: string): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{"taskId":${jsonText(taskId)}}}`;
}

/** A tool as 2025-11-25 shows one that may be called as a task; one that says something of it already says the same. */
export function withTaskSupport(tool: string): string {
  return valueAt(tool, ['execution', 'taskSupport']) === undefined ? setMember(tool, ['execution', 'taskSupport'], '"optional"') : tool;
}

/** Says in `_meta` of a result or of params which task it belongs to. */
export function relatedTo(text: string, taskId: string): string {
  return setMember(text, ['_meta', RELATED_TASK], jsonText({ taskId }));
}

/** Of which task does this message of an upstream speak? */
export function taskIdIn(message: string): string | undefined {
  return stringAt(message, ['params', '_meta', RELATED_TASK, 'taskId']);
}

/** A message that does not say which task it belongs to. */
export function unrelated(message: string): string {
  const params = valueAt(message, ['params']);
  return params === undefined ? message : replaceAt(message, ['params'], withoutMeta(params, RELATED_TASK));
}

/** The answer to tasks/result as the answer to the call itself. */
export function callAnswer(answer: string): string {
  const result = valueAt(answer, ['result']);
  return result === undefined ? answer : replaceAt(answer, ['result'], inlinedResult(result));
}

/** The text without this key of `_meta`, and without `_meta` when nothing else is in it. */
export function withoutMeta(text: string, key: string): string {
  if (valueAt(text, ['_meta', key]) === undefined) return text;
  const stripped = removeMember(text, ['_meta', key]);
  return valueAt(stripped, ['_meta'])?.replaceAll(/\s/g, '') === '{}' ? removeMember(stripped, ['_meta']) : stripped;
}

function positiveInteger(text: string | undefined): number | undefined {
  const value = text === undefined ? undefined : parsedJson(text);
  return typeof value === 'number' && value >= 1 ? Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER) : undefined;
}
