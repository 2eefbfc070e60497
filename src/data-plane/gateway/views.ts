// What of an upstream's answers a caller is shown: of lists exactly what authorize would let the same caller call, and all of it in
// words of the revision that the caller speaks.
import { AppError } from '#base/kernel';
import { batchElements, filterListResult, isBatch, scanMessage } from '#base/protocol';
import { inClientsWords, needsWording } from './client-revision.ts';
import type { Exchange } from './exchange.ts';
import { readLoosely } from './loose-response.ts';
import { decideTool } from './stages/authorize.ts';

/** Must this answer be looked through? Without hidden tools, scopes and older clients the bytes pass as they are. */
export function isLookedThrough(exchange: Exchange): boolean {
  return needsWording(exchange) || needsFilter(exchange);
}

export function needsFilter(exchange: Exchange): boolean {
  if (exchange.request.envelope.method !== 'tools/list') return false;
  return exchange.server?.upstream.hasHiddenTools === true || exchange.principal?.scopes !== undefined;
}

/**
 * @param text the answer as latin1; returned unchanged when the caller may see all of it and understands it
 * Throws AppError `upstream.bad_answer` for a list that another reader could read differently, and see what was taken out.
 */
export function shownAnswer(exchange: Exchange, text: string): string {
  const isFiltered = needsFilter(exchange);
  const isWorded = needsWording(exchange);
  return eachMessage(text, (message) => {
    const kept = isFiltered ? filtered(exchange, message) : message;
    return isWorded ? inClientsWords(exchange, kept) : kept;
  });
}

function filtered({ principal, server }: Exchange, message: string): string {
  if (principal === undefined || server === undefined) return message;
  try {
    if (readLoosely(message)?.isError === false) scanMessage(message);
    return filterListResult(message, 'tools', (name) => !decideTool(principal, server, name).allowed);
  } catch (cause) {
    throw new AppError('upstream.bad_answer', 'The upstream’s list can be read in more than one way, and not all of its tools are for everybody.', {
      cause,
    });
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
