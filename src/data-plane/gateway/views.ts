// What of an upstream's answers a caller is shown: of lists exactly what authorize would let the same caller call, and all of it in
// words of the revision that the caller speaks.
import type { Principal } from '#base/access';
import { AppError } from '#base/kernel';
import { batchElements, filterListResult, isBatch, scanMessage, type ItemKind } from '#base/protocol';
import { isForCallerOnly, withPrivateScope } from './cache-privacy.ts';
import { inClientsWords, needsWording } from './client-revision.ts';
import type { Exchange } from './exchange.ts';
import { readLoosely } from './loose-response.ts';
import type { ServerEntry } from './snapshot.ts';
import { decideItem, decideTemplate } from './stages/authorize.ts';

/** Must this answer be looked through? Without hidden tools, scopes and older clients the bytes pass as they are. */
export function isLookedThrough(exchange: Exchange): boolean {
  const isFiltered = needsFilter(exchange);
  return isFiltered || needsWording(exchange) || isForCallerOnly(exchange, isFiltered);
}

/** The lists of which something may be hidden, and what names their items. */
const LISTS: ReadonlyMap<string, { readonly kind: ItemKind; readonly key: string; readonly nameKey: string }> = new Map([
  ['tools/list', { kind: 'tool', key: 'tools', nameKey: 'name' }],
  ['prompts/list', { kind: 'prompt', key: 'prompts', nameKey: 'name' }],
  ['resources/list', { kind: 'resource', key: 'resources', nameKey: 'uri' }],
  ['resources/templates/list', { kind: 'template', key: 'resourceTemplates', nameKey: 'uriTemplate' }],
]);

export function needsFilter({ request, server, principal }: Exchange): boolean {
  const list = LISTS.get(request.envelope.method);
  // A combined server makes its lists for the caller.
  if (list === undefined || server === undefined || server.items !== undefined) return false;
  return server.upstream.hidden.has(list.kind) || principal?.scopes !== undefined;
}

/**
 * @param text the answer as latin1; returned unchanged when the caller may see all of it and understands it
 * Throws AppError `upstream.bad_answer` for a list that another reader could read differently, and see what was taken out.
 */
export function shownAnswer(exchange: Exchange, text: string): string {
  const isFiltered = needsFilter(exchange);
  const isWorded = needsWording(exchange);
  const isPrivate = isForCallerOnly(exchange, isFiltered);
  return eachMessage(text, (message) => {
    const kept = isFiltered ? filtered(exchange, message) : message;
    const scoped = isPrivate ? withPrivateScope(kept) : kept;
    return isWorded ? inClientsWords(exchange, scoped) : scoped;
  });
}

function filtered({ principal, server, request }: Exchange, message: string): string {
  const list = LISTS.get(request.envelope.method);
  if (principal === undefined || server === undefined || list === undefined) return message;
  const { kind } = list;
  const decide = kind === 'template' ? decideTemplate : (who: Principal, where: ServerEntry, name: string) => decideItem(who, where, kind, name);
  try {
    if (readLoosely(message)?.isError === false) scanMessage(message);
    return filterListResult(message, list.key, (name) => !decide(principal, server, name).allowed, list.nameKey);
  } catch (cause) {
    throw new AppError(
      'upstream.bad_answer',
      `The upstream’s list can be read in more than one way, and not all of its ${list.key} are for everybody.`,
      {
        cause,
      },
    );
  }
}

/** Some servers answer with an array of messages, or with a line for each. */
function eachMessage(text: string, change: (message: string) => string): string {
  if (isBatch(text)) return `[${batchElements(text).map(change).join(',')}]`;
  return isOneDocument(text)
    ? change(text)
    : text
        .split('\n')
        .map((line) => (line.trim() === '' ? line : change(line)))
        .join('\n');
}

function isOneDocument(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
