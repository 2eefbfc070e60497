// Which server, and which session, the message is for.
import { AppError } from '#base/kernel';
import type { Exchange } from '../exchange.ts';
import { sessionNotFound, type SessionBook } from '../session.ts';
import type { ServerEntry, Snapshot } from '../snapshot.ts';

/** Throws `server.not_found` or `session.not_found`. Modern traffic has no sessions: its session header is ignored (checklist 19). */
export function resolve(exchange: Exchange, snapshot: Snapshot, sessions: SessionBook): ServerEntry {
  const { request, principal } = exchange;
  if (principal === undefined) throw serverNotFound();
  if (request.onlyFor !== undefined && request.onlyFor !== principal.key) throw sessionNotFound();
  const server = snapshot.servers.get(request.serverId);
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

/** The same words for a server that does not exist and for one that this caller may not see. */
export function serverNotFound(): AppError {
  return new AppError('server.not_found', 'Server not found');
}
