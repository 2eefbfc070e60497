// Which resources a caller may ask a mirrored upstream to be told of (MCP 2026-07-28 `subscriptions/listen`): those it may read. The others
// are left out before the upstream sees the request, so that they are not acknowledged, as unknown ones are not.
import { jsonText, mapMembers, parsedJson, removeMember, setMember, valueAt } from '#base/protocol';
import type { Exchange } from './exchange.ts';
import type { ServerEntry } from './snapshot.ts';
import { decideItem } from './stages/authorize.ts';

const FILTER = 'notifications';
const URIS = 'resourceSubscriptions';

/** The request as the upstream may see it; unchanged when nothing is hidden from this caller. */
export function listenedBody({ request, principal }: Exchange, server: ServerEntry): Buffer {
  const { envelope, body } = request;
  if (envelope.method !== 'subscriptions/listen' || server.items !== undefined || principal === undefined) return body;
  if (server.upstream.hidden.size === 0 && principal.scopes === undefined) return body;
  const text = body.toString('latin1');
  const named = valueAt(text, ['params', FILTER]);
  const filter = named?.startsWith('{') === true ? (parsedJson(named) as Record<string, unknown>) : {};
  const uris = Array.isArray(filter[URIS]) ? filter[URIS] : [];
  const allowed = uris.filter((uri) => typeof uri === 'string' && decideItem(principal, server, 'resource', uri).allowed);
  // The upstream must read what was decided on, whichever of two spellings its parser takes (decisions.md 9).
  const kept = Object.entries(filter).filter(([key]) => folded(key) !== folded(URIS));
  let shown = text;
  for (const key of spellingsOf(text, FILTER)) shown = removeMember(shown, ['params', key]);
  const decided = { ...Object.fromEntries(kept), ...(allowed.length === 0 ? {} : { [URIS]: allowed }) };
  return Buffer.from(setMember(shown, ['params', FILTER], jsonText(decided)), 'latin1');
}

function spellingsOf(text: string, name: string): Set<string> {
  const found = new Set<string>();
  mapMembers(text, ['params'], (key) => {
    if (folded(key) === folded(name)) found.add(key);
    return undefined;
  });
  return found;
}

function folded(key: string): string {
  return key.toUpperCase().toLowerCase();
}
