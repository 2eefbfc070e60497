// What of an upstream's lists a caller is shown: exactly what authorize would let the same caller call.
import { filterListResult } from '#base/protocol';
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
  return filterListResult(text, 'tools', (name) => !decideTool(principal, server, name).allowed);
}
