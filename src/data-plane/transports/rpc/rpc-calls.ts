// How a message of `/rpc` reaches its server: in the caller's own session, describing itself, or – what nearly all callers want –
// in a session that the door holds for them (decisions.md 3).
import type { IncomingHttpHeaders } from 'node:http';
import { AppError, newSecretId, type ErrorCode } from '#base/kernel';
import { jsonText, parsedJson, replaceAt, valueAt, type Envelope } from '#base/protocol';
import type { Gateway, Snapshot } from '#data-plane/gateway';
import { checkHeaders, eraOf } from '../streamable-http/classify.ts';
import { CollectedAnswer, type Collected, type Waiting } from './collected-answer.ts';
import { BOTH, exchange, requestOf, type Outgoing } from './rpc-exchange.ts';
import { modernisedName, withText, type RpcMessage } from './rpc-message.ts';
import { RpcSessions, type DoorSession } from './rpc-sessions.ts';
import { describedBy, describingItself } from './self-describing.ts';

export interface RpcCaller {
  readonly headers: IncomingHttpHeaders;
  readonly clientAddress: string;
  readonly waiting: Waiting;
}

type Server = NonNullable<ReturnType<Snapshot['servers']['get']>>;

const ACCEPTED: Collected = { status: 202, headers: [], body: undefined };

export class RpcCalls {
  readonly #gateway: Gateway;
  readonly #clientInfo: string;
  readonly #sessions: RpcSessions;

  /** @param clientInfo what upstreams are told who calls, as JSON text */
  constructor(gateway: Gateway, clientInfo: string) {
    this.#gateway = gateway;
    this.#clientInfo = clientInfo;
    this.#sessions = new RpcSessions(gateway, clientInfo);
  }

  /** Throws AppError for what is wrong with the message; what is refused or fails later is in the answer. */
  async call(message: RpcMessage, caller: RpcCaller): Promise<Collected> {
    checkHeaders(caller.headers, message.envelope);
    if (message.envelope.kind === 'response' && caller.headers['mcp-session-id'] === undefined)
      throw new AppError('request.invalid', 'A response answers a question, and whoever calls without a session is asked nothing.');
    const { serverId } = message;
    const server = this.#gateway.snapshots.current.servers.get(serverId);
    const renamed = server === undefined ? undefined : modernisedName(message, (name) => server.upstream.tools.has(name));
    if (server !== undefined && renamed !== undefined) {
      const answer = await this.#send(renamed, serverId, server, caller);
      // That it is a tool's name is not for this caller to know.
      if (!isHidden(answer.error?.code, server, message.envelope.method)) return answer;
    }
    return this.#send(message, serverId, server, caller);
  }

  close(): void {
    this.#sessions.close();
  }

  /** The id of the server that would take this message; nothing is sent on. */
  #admitted(envelope: Envelope, serverId: string, caller: RpcCaller): Promise<string | Collected> {
    const { 'mcp-session-id': _, ...headers } = caller.headers;
    const outgoing: Outgoing = { text: '', envelope, era: 'legacy', serverId, headers, clientAddress: caller.clientAddress };
    return new Promise((resolve) => {
      const answer = new CollectedAnswer(caller.waiting, undefined, resolve, () => {});
      this.#gateway.admit(requestOf(outgoing, 'POST', envelope), answer, (admission) => {
        caller.waiting.answers.delete(answer);
        resolve(admission.serverId);
      });
    });
  }

  #send(message: RpcMessage, serverId: string, server: Server | undefined, caller: RpcCaller): Promise<Collected> {
    const { envelope } = message;
    const row = server?.upstream.row;
    if (eraOf(caller.headers, envelope) === 'modern') return this.#direct(message, serverId, 'modern', caller);
    if (caller.headers['mcp-session-id'] !== undefined || envelope.method === 'initialize') return this.#direct(message, serverId, 'legacy', caller);
    if (envelope.method === 'notifications/initialized') return this.#taken(envelope, serverId, caller);
    // It holds what has to be held by itself.
    if (server?.items !== undefined) return this.#direct(message, serverId, 'legacy', caller);
    if (row === undefined || row.legacy || !row.modern) return this.#inSession(message, serverId, server, caller);
    const described = envelope.kind === 'request' ? withText(message, describingItself(message.text, this.#clientInfo)) : message;
    return this.#direct(described, serverId, 'modern', caller);
  }

  #direct({ text, envelope }: RpcMessage, serverId: string, era: 'modern' | 'legacy', caller: RpcCaller): Promise<Collected> {
    const headers = era === 'modern' ? describedBy(caller.headers, envelope) : legacyHeaders(caller.headers);
    const { clientAddress, waiting } = caller;
    return exchange(this.#gateway, { text, envelope, era, serverId, headers: { ...headers, ...JSON_BOTH_WAYS }, clientAddress }, waiting);
  }

  /** Whoever has no session has opened none; the door says it for its own. */
  async #taken(envelope: Envelope, serverId: string, caller: RpcCaller): Promise<Collected> {
    const answer = await this.#admitted(envelope, serverId, caller);
    return typeof answer === 'string' ? ACCEPTED : answer;
  }

  async #inSession(message: RpcMessage, serverId: string, server: Server | undefined, caller: RpcCaller): Promise<Collected> {
    const { headers, clientAddress } = caller;
    const bindingValues = server?.upstream.row.passthroughHeaders.map((name) => headers[name]) ?? [];
    for (let isLast = false; ; isLast = true) {
      const opened = await this.#sessions.obtain({ serverId, headers, clientAddress, bindingValues });
      if ('refusal' in opened) return opened.refusal;
      const { session } = opened;
      try {
        const answer = await this.#within(session, message, caller);
        if (isLast || !isSessionLost(answer)) return answer;
        this.#sessions.forget(session);
      } finally {
        this.#sessions.release(session);
      }
    }
  }

  async #within(session: DoorSession, message: RpcMessage, caller: RpcCaller): Promise<Collected> {
    const { envelope } = message;
    if (envelope.method === 'notifications/cancelled') return this.#cancelled(session, message, caller);
    if (envelope.id === undefined) return this.#inIts(session, message, caller);
    const id = newSecretId();
    session.running.set(id, parsedJson(envelope.id));
    try {
      return await this.#inIts(session, withText(message, replaceAt(message.text, ['id'], jsonText(id))), caller);
    } finally {
      session.running.delete(id);
    }
  }

  /** The id that the caller knows belongs to a request that has another one in this session. */
  async #cancelled(session: DoorSession, message: RpcMessage, caller: RpcCaller): Promise<Collected> {
    const { requestId } = message.envelope;
    const meant = requestId === undefined ? undefined : parsedJson(requestId);
    const ids = [...session.running].filter(([, callersId]) => callersId === meant).map(([id]) => id);
    let answer = ids.length === 0 ? await this.#inIts(session, message, caller) : ACCEPTED;
    for (const id of ids)
      answer = await this.#inIts(session, withText(message, replaceAt(message.text, ['params', 'requestId'], jsonText(id))), caller);
    return answer;
  }

  #inIts(session: DoorSession, { text, envelope }: RpcMessage, caller: RpcCaller): Promise<Collected> {
    const { serverId, sessionId, protocolVersion } = session;
    const headers: IncomingHttpHeaders = { ...legacyHeaders(caller.headers), ...JSON_BOTH_WAYS, 'mcp-protocol-version': protocolVersion };
    if (sessionId !== undefined) headers['mcp-session-id'] = sessionId;
    return exchange(this.#gateway, { text, envelope, era: 'legacy', serverId, headers, clientAddress: caller.clientAddress }, caller.waiting).then(
      // It is the door's.
      (answer) => ({ ...answer, headers: answer.headers.filter((_, at) => answer.headers[at - (at % 2)] !== 'mcp-session-id') }),
    );
  }
}

const JSON_BOTH_WAYS = { accept: BOTH, 'content-type': 'application/json' };

function legacyHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { 'mcp-method': _, 'mcp-name': __, ...rest } = headers;
  return rest;
}

function isHidden(code: ErrorCode | undefined, server: Server, name: string): boolean {
  if (code === 'tool.not_found') return true;
  const tool = server.upstream.tools.get(name);
  return code === 'access.denied' && (tool === undefined || !tool.enabled || tool.visibility !== 'public');
}

/** 404 by the specification; some servers answer 400 without an id instead (protocol.md 1.3). What names a request has read it. */
function isSessionLost({ error, status, body }: Collected): boolean {
  if (error !== undefined) return error.code === 'session.not_found';
  if (status !== 404 && status !== 400) return false;
  const text = body?.toString('latin1') ?? '';
  try {
    const id = valueAt(text, ['id']);
    if (id !== undefined && id !== 'null') return false;
    return status === 404 || /session/i.test(valueAt(text, ['error', 'message']) ?? '');
  } catch {
    return status === 404;
  }
}
