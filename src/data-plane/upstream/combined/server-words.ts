// What a combined server says of itself: the capabilities that are really there, and the instructions of all its upstreams.
import type { ItemEntry, ServerEntry, UpstreamEntry } from '#data-plane/gateway';
import { TASKS_EXTENSION, TASKS_SINCE } from '../bridge/tasks/task-forms.ts';
import { makesTasks } from '../bridge/tasks/task-support.ts';
import { maySee, type CallerView } from './caller-view.ts';
import { indexOf } from './combined-index.ts';

const INSTRUCTIONS_MAX = 16_384;
const SEPARATOR = '\n\n';
const OWN_VERSION = '1';

export interface ServerWords {
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly serverInfo: { readonly name: string; readonly version: string };
  readonly instructions: string | undefined;
}

/** @param version of a session; undefined in the era without them */
export function wordsOf(server: ServerEntry, view: CallerView, version?: string): ServerWords {
  const upstreams = new Map<string, UpstreamEntry>();
  const kinds = new Set<ItemEntry['row']['kind']>();
  for (const item of indexOf(server).items) {
    if (!maySee(view, server, item)) continue;
    upstreams.set(item.upstream.id, item.upstream);
    kinds.add(item.row.kind);
  }
  const rows = [...upstreams.values()].map(({ row }) => row);
  const anyHas = (name: string): boolean => rows.some(({ capabilities }) => Object.hasOwn(capabilities, name));
  const subscribes = rows.some(({ capabilities }) => (capabilities['resources'] as { subscribe?: unknown } | null | undefined)?.subscribe === true);
  const capabilities: Record<string, unknown> = {
    // What is not there yet may come: the gateway tells when it does.
    tools: { listChanged: true },
    resources: { ...(subscribes ? { subscribe: true } : {}), listChanged: true },
    prompts: { listChanged: true },
    ...(anyHas('completions') ? { completions: {} } : {}),
    ...(rows.some(makesTasks) ? tasksOffered(version) : {}),
    ...(anyHas('logging') ? { logging: {} } : {}),
  };
  return { capabilities, serverInfo: { name: server.name, version: OWN_VERSION }, instructions: instructionsOf([...upstreams.values()]) };
}

/** Each era knows tasks in its own form; which upstream runs one is found by its id, so that there is no list of all. */
function tasksOffered(version: string | undefined): Record<string, unknown> {
  if (version === undefined) return { extensions: { [TASKS_EXTENSION]: {} } };
  return version < TASKS_SINCE ? {} : { tasks: { cancel: {}, requests: { tools: { call: {} } } } };
}

function instructionsOf(upstreams: readonly UpstreamEntry[]): string | undefined {
  const parts = upstreams
    .toSorted((a, b) => (a.row.name < b.row.name ? -1 : 1))
    .flatMap(({ row }) => (row.instructions === null || row.instructions.trim() === '' ? [] : `## ${row.name}\n\n${row.instructions.trim()}`));
  if (parts.length === 0) return undefined;
  // Everybody is heard: who says more than there is room for is cut, not who comes after.
  const bySize = parts.toSorted((a, b) => a.length - b.length);
  let left = INSTRUCTIONS_MAX - (parts.length - 1) * SEPARATOR.length;
  let share = 0;
  for (const [at, part] of bySize.entries()) {
    share = Math.max(0, Math.floor(left / (bySize.length - at)));
    if (part.length > share) break;
    left -= part.length;
    share = part.length;
  }
  return parts
    .map((part) => part.slice(0, share).toWellFormed())
    .join(SEPARATOR)
    .slice(0, INSTRUCTIONS_MAX);
}
