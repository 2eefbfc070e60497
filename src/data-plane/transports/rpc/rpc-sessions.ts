// The sessions that `/rpc` holds with servers that insist on one, because its callers need none (decisions.md 3): one for each
// caller and server, opened through the pipeline with the caller's own headers, shared by what the caller sends, and ended when
// it has not been used for a while.
import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { parsedJson, scanMessage, valueAt } from '#base/protocol';
import type { Gateway } from '#data-plane/gateway';
import type { Collected } from './collected-answer.ts';
import { BOTH, endSession, exchange, nobody, type Outgoing } from './rpc-exchange.ts';

export interface DoorSession {
  readonly serverId: string;
  /** Undefined when the server opens none. */
  readonly sessionId: string | undefined;
  /** The revision agreed on. */
  readonly protocolVersion: string;
  /**
   * Requests under way: the ids they have in this session, which are the door's, and those their callers gave them, as values.
   * Callers that know nothing of each other share the session, and all of them may begin at 1.
   */
  readonly running: Map<string, unknown>;
  /** Messages under way. */
  uses: number;
  lastUsedAtMs: number;
  /** To end it with. */
  readonly headers: IncomingHttpHeaders;
  readonly clientAddress: string;
}

export type Opened = { readonly session: DoorSession } | { readonly refusal: Collected };

export interface Opener {
  readonly serverId: string;
  readonly headers: IncomingHttpHeaders;
  readonly clientAddress: string;
  /** Values of headers that make a session somebody's own, besides the credentials for this gateway. */
  readonly bindingValues: readonly unknown[];
}

const SESSIONS_MAX = 1000;
const IDLE_MS = 10 * 60_000;
const SWEEP_INTERVAL_MS = 30_000;
const PROTOCOL_VERSION = '2025-11-25';
const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

export class RpcSessions {
  readonly #gateway: Gateway;
  readonly #initialize: string;
  /** In the order of last use. */
  readonly #sessions = new Map<string, DoorSession>();
  readonly #opening = new Map<string, Promise<Opened>>();
  readonly #sweep: NodeJS.Timeout;

  /** @param clientInfo as JSON text */
  constructor(gateway: Gateway, clientInfo: string) {
    this.#gateway = gateway;
    this.#initialize = `{"jsonrpc":"2.0","id":"rpc","method":"initialize","params":{"protocolVersion":"${PROTOCOL_VERSION}","capabilities":{},"clientInfo":${clientInfo}}}`;
    this.#sweep = setInterval(() => this.#endIdle(Date.now()), SWEEP_INTERVAL_MS);
    this.#sweep.unref();
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** This caller's session with this server, opened now if need be; concurrent callers share the opening. To be matched by one `release`. */
  async obtain(opener: Opener): Promise<Opened> {
    const key = keyOf(opener);
    const known = this.#sessions.get(key);
    if (known !== undefined) {
      this.#sessions.delete(key);
      this.#sessions.set(key, known);
      return use(known);
    }
    let opening = this.#opening.get(key);
    if (opening === undefined) {
      opening = this.#open(key, opener).finally(() => this.#opening.delete(key));
      this.#opening.set(key, opening);
    }
    const opened = await opening;
    return 'session' in opened ? use(opened.session) : opened;
  }

  release(session: DoorSession): void {
    session.uses--;
    session.lastUsedAtMs = Date.now();
  }

  /** The server no longer knows it. */
  forget(session: DoorSession): void {
    for (const [key, known] of this.#sessions) if (known === session) this.#sessions.delete(key);
  }

  /** The gateway ends all sessions itself when it stops; nothing is said here. */
  close(): void {
    clearInterval(this.#sweep);
    this.#sessions.clear();
  }

  async #open(key: string, { serverId, headers, clientAddress }: Opener): Promise<Opened> {
    const own: IncomingHttpHeaders = { ...headers, accept: BOTH, 'content-type': 'application/json' };
    for (const name of ['mcp-protocol-version', 'mcp-method', 'mcp-name', 'content-length']) delete own[name];
    const outgoing = (text: string, more: IncomingHttpHeaders): Outgoing => ({
      text,
      envelope: scanMessage(text),
      era: 'legacy',
      serverId,
      headers: { ...own, ...more },
      clientAddress,
    });
    const answer = await exchange(this.#gateway, outgoing(this.#initialize, {}), nobody());
    const protocolVersion = agreedVersion(answer);
    if (protocolVersion === undefined) return { refusal: answer };
    const sessionId = headerIn(answer.headers, 'mcp-session-id');
    const inSession = { 'mcp-protocol-version': protocolVersion, ...(sessionId === undefined ? {} : { 'mcp-session-id': sessionId }) };
    await exchange(this.#gateway, outgoing(INITIALIZED, inSession), nobody());
    const session: DoorSession = {
      serverId,
      sessionId,
      protocolVersion,
      running: new Map(),
      uses: 0,
      lastUsedAtMs: Date.now(),
      headers: own,
      clientAddress,
    };
    this.#sessions.set(key, session);
    this.#makeRoom(session);
    return { session };
  }

  #endIdle(nowMs: number): void {
    for (const [key, session] of this.#sessions) if (session.uses === 0 && nowMs - session.lastUsedAtMs >= IDLE_MS) this.#end(key, session);
  }

  #makeRoom(newest: DoorSession): void {
    for (const [key, session] of this.#sessions) {
      if (this.#sessions.size <= SESSIONS_MAX) return;
      if (session.uses === 0 && session !== newest) this.#end(key, session);
    }
  }

  #end(key: string, session: DoorSession): void {
    this.#sessions.delete(key);
    const { sessionId, serverId, headers, clientAddress } = session;
    if (sessionId === undefined) return;
    endSession(this.#gateway, { serverId, headers: { ...headers, 'mcp-session-id': sessionId }, clientAddress });
  }
}

export function headerIn(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}

function use(session: DoorSession): Opened {
  session.uses++;
  return { session };
}

/** Credentials are not kept in clear for this. */
function keyOf({ serverId, headers, bindingValues }: Opener): string {
  return `${serverId} ${hash('sha256', JSON.stringify([headers.authorization, headers['x-upstream-authorization'], bindingValues]))}`;
}

/** @returns undefined when the answer to initialize is a refusal */
function agreedVersion({ status, body }: Collected): string | undefined {
  if (status < 200 || status >= 300 || body === undefined) return undefined;
  try {
    const version = valueAt(body.toString('latin1'), ['result', 'protocolVersion']);
    const said = version === undefined ? undefined : parsedJson(version);
    return typeof said === 'string' ? said : undefined;
  } catch {
    return undefined;
  }
}
