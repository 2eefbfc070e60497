// May this caller send this message to this server, and call this tool? The same decision filters lists (views.ts).
import { decide, isVisible, type Decision, type Owned, type Principal } from '#base/access';
import { AppError } from '#base/kernel';
import type { Exchange } from '../exchange.ts';
import type { ServerEntry } from '../snapshot.ts';
import { serverNotFound } from './resolve.ts';

export function authorize(exchange: Exchange): void {
  const { principal, server, request } = exchange;
  if (principal === undefined || server === undefined) throw serverNotFound();
  checkUse(principal, server);
  const { envelope } = request;
  if (envelope.method !== 'tools/call') return;
  if (envelope.name !== undefined) {
    const mayCall = decideTool(principal, server, envelope.name);
    if (!mayCall.allowed) throw refusedTool(mayCall, envelope.name);
  } else if (server.upstream.hasHiddenTools || principal.scopes !== undefined) {
    // Some servers would read ["a"] as "a": what cannot be decided on must not be passed on.
    throw new AppError('request.bad_params', '`params.name` must be a string.');
  }
}

/** Throws AppError when this caller may not, or nobody may, use the server. */
export function checkUse(principal: Principal, server: ServerEntry): void {
  const decision = decide(principal, 'use', server);
  if (!decision.allowed) throw refusedServer(decision);
  // What a mirror shows belongs to its upstream: who may not see that one sees nothing of it here.
  if (!isVisible(principal, server.upstream)) throw serverNotFound();
  if (!server.upstream.enabled)
    throw new AppError('server.disabled', `The gateway "${server.upstream.row.name}" behind this server is switched off.`);
}

/** A tool we have not read is the upstream's to refuse: nobody has disabled or hidden it. But a token's scopes cover it, or do not. */
export function decideTool(principal: Principal, server: ServerEntry, name: string): Decision {
  return decide(principal, 'use', server.upstream.tools.get(name) ?? UNREAD_TOOL, server);
}

const UNREAD_TOOL: Owned = { kind: 'tool', id: '', visibility: 'public', ownerEmail: null, teamId: null, enabled: true };

function refusedServer(decision: Decision & { allowed: false }): AppError {
  if (decision.reason === 'disabled') return new AppError('server.disabled', 'This server is switched off.');
  if (decision.reason === 'scope') return new AppError('access.denied', 'The token’s scopes do not cover this server.');
  return serverNotFound();
}

function refusedTool(decision: Decision & { allowed: false }, name: string): AppError {
  if (decision.reason === 'scope') return new AppError('access.denied', 'The token’s scopes do not cover calling tools.');
  return new AppError('tool.not_found', `Unknown tool: ${name.slice(0, 200)}`);
}
