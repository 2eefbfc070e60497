// What one caller may see of a combined server: one decision for listing, reading, calling and being told (issue point "Views").
import { decide, isVisible, type Principal } from '#base/access';
import { parsedJson, valueAt, type ClientNeed } from '#base/protocol';
import { declaredParams, type ItemEntry, type ServerEntry, type UpstreamEntry } from '#data-plane/gateway';

export interface CallerView {
  readonly principal: Principal;
  /** What its client can be asked. */
  readonly declares: ReadonlySet<ClientNeed>;
  readonly era: 'legacy' | 'modern';
}

const NOTHING: ReadonlySet<ClientNeed> = new Set();
const NEEDS: readonly ClientNeed[] = ['sampling', 'elicitation', 'roots', 'tasks'];
const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** May this caller list, call, read or be told of this item? */
export function maySee(view: CallerView, server: ServerEntry, item: ItemEntry): boolean {
  const { upstream } = item;
  return (
    upstream.enabled &&
    decide(view.principal, 'use', item, server).allowed &&
    isVisible(view.principal, upstream) &&
    item.row.needs.every((need) => view.declares.has(need)) &&
    (declaredParams(item.row).fault === undefined || mayIgnoreHeaders(view, upstream))
  );
}

/** Clients over HTTP have to leave out a tool whose headers are ill declared, and so has the gateway where it is one (SEP-2243). */
function mayIgnoreHeaders({ era }: CallerView, { row }: UpstreamEntry): boolean {
  return era === 'legacy' && (row.legacy || row.transport !== 'STREAMABLEHTTP');
}

/** Views with the same key see the same. */
export function viewKey(view: CallerView, isAllPublic: boolean): string {
  const { reach, email, scopes } = view.principal;
  const declared = NEEDS.map((need) => (view.declares.has(need) ? '1' : '0')).join('');
  const who = isAllPublic
    ? ''
    : JSON.stringify(typeof reach === 'string' ? (reach === 'public' ? [reach] : [reach]) : [email, reach.teams.toSorted()]);
  return `${view.era}${declared}${who}${scopes === undefined ? '' : JSON.stringify(scopes)}`;
}

/** @param capabilities what a client declares, as JSON text; undefined when it declares nothing */
export function declaredIn(capabilities: string | undefined): ReadonlySet<ClientNeed> {
  if (capabilities === '{}' || capabilities?.startsWith('{') !== true) return NOTHING;
  const declared = parsedJson(capabilities) as Record<string, unknown>;
  const extensions = valueAt(capabilities, ['extensions', TASKS_EXTENSION]);
  return new Set(NEEDS.filter((need) => Object.hasOwn(declared, need) || (need === 'tasks' && extensions !== undefined)));
}
