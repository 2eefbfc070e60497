// Which tools of a server of 2025-11-25 may or must be called as tasks, by what the gateway has read of them.
import type { ItemEntry, UpstreamEntry, UpstreamRow } from '#data-plane/gateway';
import { TASKS_EXTENSION } from './task-forms.ts';

export type TaskSupport = 'forbidden' | 'optional' | 'required';

const known = new WeakMap<ItemEntry['row'], TaskSupport>();

/** A tool that was not read, or of a server that declares no tasks for calls, is never called as one (2025-11-25, "Tasks"). */
export function taskSupportOf(upstream: UpstreamEntry | undefined, tool: string | undefined): TaskSupport {
  if (upstream === undefined || tool === undefined || !runsTasks(upstream.row.capabilities)) return 'forbidden';
  const row = upstream.tools.get(tool)?.row;
  if (row === undefined) return 'forbidden';
  let support = known.get(row);
  if (support === undefined) known.set(row, (support = supportIn(row.json)));
  return support;
}

/** Can calls of tools of this upstream become tasks, for clients of either era? */
export function makesTasks({ capabilities }: UpstreamRow): boolean {
  return runsTasks(capabilities) || hasTasksExtension(capabilities);
}

/** Does a client of the older era need to be told that this upstream may make a task of any call? Its own lists do not say so. */
export function decidesOnTasks({ modern, legacy, capabilities }: UpstreamRow): boolean {
  return modern && !legacy && hasTasksExtension(capabilities);
}

/** Does a server of 2025-11-25 that declares this run calls of tools as tasks? */
export function runsTasks(capabilities: Readonly<Record<string, unknown>>): boolean {
  const { tasks } = capabilities as { tasks?: { requests?: { tools?: { call?: unknown } } } | null };
  return tasks?.requests?.tools?.call !== undefined;
}

/** Does a server of 2026-07-28 that declares this make tasks of calls? */
export function hasTasksExtension(capabilities: Readonly<Record<string, unknown>>): boolean {
  const { extensions } = capabilities as { extensions?: Record<string, unknown> | null };
  return typeof extensions === 'object' && extensions !== null && Object.hasOwn(extensions, TASKS_EXTENSION);
}

function supportIn(tool: string): TaskSupport {
  const { execution } = JSON.parse(tool) as { execution?: { taskSupport?: unknown } | null };
  const support = execution?.taskSupport;
  return support === 'optional' || support === 'required' ? support : 'forbidden';
}
