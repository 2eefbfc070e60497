// Answers of a mirror that a cache must not show to others, whatever the upstream thinks of them (MCP 2026-07-28 "Caching"; ADR 37).
import { replaceAt } from '#base/protocol';
import type { Exchange } from './exchange.ts';

const CACHEABLE: ReadonlySet<string> = new Set([
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);

/** @param isFiltered something may be missing that others see */
export function isForCallerOnly({ request, server }: Exchange, isFiltered: boolean): boolean {
  const { era, envelope } = request;
  // A combined server decides for itself.
  if (era === 'legacy' || server === undefined || server.items !== undefined || !CACHEABLE.has(envelope.method)) return false;
  const { upstream } = server;
  if (isFiltered || server.visibility !== 'public' || upstream.visibility !== 'public') return true;
  if (envelope.method !== 'resources/read' || (!upstream.hidden.has('resource') && !upstream.hidden.has('template'))) return false;
  return upstream.resources.get(envelope.uri ?? '')?.visibility !== 'public';
}

/** @param answer as latin1 */
export function withPrivateScope(answer: string): string {
  return replaceAt(answer, ['result', 'cacheScope'], '"private"');
}
