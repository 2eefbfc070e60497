// Which server, and which session, the message is for.
import { decide, isVisible, type Principal } from '#base/access';
import { AppError } from '#base/kernel';
import type { Exchange } from '../exchange.ts';
import { sessionNotFound, type SessionBook } from '../session.ts';
import type { ServerEntry, Snapshot } from '../snapshot.ts';

const NAMED_MAX = 10;

/** Throws `server.not_found`, `server.unnamed` or `session.not_found`. Modern traffic has no sessions: its session header is ignored (checklist 19). */
export function resolve(exchange: Exchange, snapshot: Snapshot, sessions: SessionBook): ServerEntry {
  const { request, principal } = exchange;
  if (principal === undefined) throw serverNotFound();
  if (request.onlyFor !== undefined && request.onlyFor !== principal.key) throw sessionNotFound();
  const server = request.serverId === '' ? onlyServerOf(principal, snapshot) : snapshot.servers.get(request.serverId);
  if (server === undefined) throw serverNotFound();
  exchange.server = server;
  const sessionId = request.headers['mcp-session-id'];
  if (request.era === 'legacy' && typeof sessionId === 'string') {
    const session = sessions.find(sessionId, principal, server.id);
    // The server has become the mirror of another upstream, to which this session means nothing.
    if (session.upstreamId !== server.upstream.id) throw sessionNotFound();
    exchange.session = session;
  }
  return server;
}

/** Throws AppError `server.unnamed` unless there is exactly one server that this caller may use. */
function onlyServerOf(principal: Principal, snapshot: Snapshot): ServerEntry {
  const usable = [...snapshot.servers.values()].filter((server) => mayUse(principal, server));
  const [only] = usable;
  if (only !== undefined && usable.length === 1) return only;
  const named = usable.slice(0, NAMED_MAX).map(({ id, name }) => `${id} (${name})`);
  const more = usable.length > named.length ? ` and ${usable.length - named.length} more` : '';
  throw new AppError(
    'server.unnamed',
    only === undefined ? 'There is no server that you may use.' : `Name a server; you may use several: ${named.join(', ')}${more}.`,
  );
}

function mayUse(principal: Principal, server: ServerEntry): boolean {
  return decide(principal, 'use', server).allowed && isVisible(principal, server.upstream) && server.upstream.enabled;
}

/** The same words for a server that does not exist and for one that this caller may not see. */
export function serverNotFound(): AppError {
  return new AppError('server.not_found', 'Server not found');
}
