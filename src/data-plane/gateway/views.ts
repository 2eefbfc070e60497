// What of an upstream's lists a caller is shown: exactly what authorize would let the same caller call.
import { batchElements, filterListResult, isBatch } from '#base/protocol';
import type { Exchange } from './exchange.ts';
import { decideTool } from './stages/authorize.ts';

/** Must this answer be looked through? Without hidden tools and scopes the bytes pass as they are. */
export function needsFilter(exchange: Exchange): boolean {
  if (exchange.request.envelope.method !== 'tools/list') return false;
  return exchange.server?.upstream.hasHiddenTools === true || exchange.principal?.scopes !== undefined;
}

/** @param text the answer as latin1; returned unchanged when the caller may see all of it */
export function filterAnswer(exchange: Exchange, text: string): string {
  const { principal, server } = exchange;
  if (principal === undefined || server === undefined) return text;
  const isHidden = (name: string): boolean => !decideTool(principal, server, name).allowed;
  const filter = (message: string): string => filterListResult(message, 'tools', isHidden);
  // Some servers answer with an array of messages, or with a line for each.
  if (isBatch(text)) return `[${batchElements(text).map(filter).join(',')}]`;
  return isOneDocument(text) ? filter(text) : text.split('\n').map((line) => (line.trim() === '' ? line : filter(line))).join('\n');
}

function isOneDocument(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
