// What of an upstream's lists a caller is shown: exactly what authorize would let the same caller call.
import { AppError } from '#base/kernel';
import { batchElements, filterListResult, isBatch, scanMessage } from '#base/protocol';
import type { Exchange } from './exchange.ts';
import { readLoosely } from './loose-response.ts';
import { decideTool } from './stages/authorize.ts';

/** Must this answer be looked through? Without hidden tools and scopes the bytes pass as they are. */
export function needsFilter(exchange: Exchange): boolean {
  if (exchange.request.envelope.method !== 'tools/list') return false;
  return exchange.server?.upstream.hasHiddenTools === true || exchange.principal?.scopes !== undefined;
}

/**
 * @param text the answer as latin1; returned unchanged when the caller may see all of it
 * Throws AppError `upstream.bad_answer` for a list that another reader could read differently, and see what was taken out.
 */
export function filterAnswer(exchange: Exchange, text: string): string {
  const { principal, server } = exchange;
  if (principal === undefined || server === undefined) return text;
  const isHidden = (name: string): boolean => !decideTool(principal, server, name).allowed;
  const filter = (message: string): string => {
    try {
      if (readLoosely(message)?.isError === false) scanMessage(message);
      return filterListResult(message, 'tools', isHidden);
    } catch (cause) {
      throw new AppError('upstream.bad_answer', 'The upstream’s list can be read in more than one way, and not all of its tools are for everybody.', {
        cause,
      });
    }
  };
  // Some servers answer with an array of messages, or with a line for each.
  if (isBatch(text)) return `[${batchElements(text).map(filter).join(',')}]`;
  return isOneDocument(text)
    ? filter(text)
    : text
        .split('\n')
        .map((line) => (line.trim() === '' ? line : filter(line)))
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
