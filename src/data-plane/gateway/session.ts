// A client's session with one server, for the revisions that have sessions. Its id is the gateway's own; the upstream's never
// reaches a client. It belongs to the caller who opened it: to everybody else it does not exist (decisions.md 2).
import type { Principal } from '#base/access';
import { AppError, newSecretId } from '#base/kernel';
import type { ClientAnswer, UpstreamSession } from './seams.ts';
import { SessionStream } from './session-stream.ts';

/** A server→client request that waits for the client's answer. */
export interface OpenAsk {
  readonly method: string;
  readonly atMs: number;
  readonly bytes: number;
}

/** A request under way in a session. */
export interface RunningCall {
  /** The client has cancelled it. */
  takenBack(): void;
}

/** The stream that belongs to no request (standalone-stream.ts). */
export interface StandaloneHandle {
  readonly stream: SessionStream;
  /** A reader joins, or comes back having seen everything up to `sequence`. The upstream's side is opened again when it had ended. */
  join(client: ClientAnswer, sequence: number | undefined): void;
}

const OPEN_ASKS_MAX = 1000;
const ENDED_STREAMS_KEPT = 16;
const ENDED_BYTES_KEPT = 4 * 1024 * 1024;

export class Session {
  readonly id: string;
  readonly principal: Principal;
  readonly serverId: string;
  readonly upstream: UpstreamSession;
  /** By the text of the client's request id. */
  readonly calls = new Map<string, RunningCall>();
  /** By the text of the upstream's request id. */
  readonly openAsks = new Map<string, OpenAsk>();
  /** By token; ended ones stay for a while so that their tail can be fetched. */
  readonly #streams = new Map<string, SessionStream>();
  /** The stream of the client's GET, if it has ever asked for one. */
  standalone: StandaloneHandle | undefined;
  lastUsedAtMs = Date.now();
  /** What to close when the session ends: the upstream's side of open streams. */
  readonly closers = new Set<{ close(): void }>();

  constructor(id: string, principal: Principal, serverId: string, upstream: UpstreamSession) {
    this.id = id;
    this.principal = principal;
    this.serverId = serverId;
    this.upstream = upstream;
  }

  get isInUse(): boolean {
    return this.closers.size > 0;
  }

  addStream(stream: SessionStream): void {
    this.#streams.set(stream.token, stream);
  }

  stream(token: string): SessionStream | undefined {
    return this.#streams.get(token);
  }

  /** Forgets a stream that is over, unless its tail may still be asked for. */
  retire(stream: SessionStream): void {
    if (!stream.isResumable) {
      this.#streams.delete(stream.token);
      return;
    }
    const ended = [...this.#streams.values()].filter((other) => other.isOver);
    let bytes = ended.reduce((sum, other) => sum + other.keptBytes, 0);
    let count = ended.length;
    for (const old of ended) {
      if (count <= ENDED_STREAMS_KEPT && bytes <= ENDED_BYTES_KEPT) break;
      this.#streams.delete(old.token);
      bytes -= old.keptBytes;
      count--;
    }
  }

  /** Throws AppError `upstream.bad_answer` when the upstream asks without end. */
  openAsk(id: string, ask: OpenAsk): void {
    if (this.openAsks.size >= OPEN_ASKS_MAX) {
      throw new AppError('upstream.bad_answer', `The upstream has ${OPEN_ASKS_MAX} unanswered requests open on this session.`);
    }
    this.openAsks.set(id, ask);
  }

  end(): void {
    for (const open of [...this.closers]) open.close();
    this.closers.clear();
    for (const stream of this.#streams.values()) stream.finish();
    this.#streams.clear();
    this.openAsks.clear();
  }
}

/** All sessions of this process. */
export class SessionBook {
  readonly #sessions = new Map<string, Session>();
  /** Starts every session id, so that a front of several replicas can see whose it is. */
  readonly #instanceTag = newSecretId().slice(0, 6);
  readonly #sessionsMax: number;
  readonly #idleMs: number;

  constructor(settings: { readonly sessionsMax: number; readonly idleMs: number }) {
    this.#sessionsMax = settings.sessionsMax;
    this.#idleMs = settings.idleMs;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Throws AppError `limit.sessions`. Checked before `initialize` is sent on. */
  checkRoom(): void {
    if (this.#sessions.size >= this.#sessionsMax) {
      throw new AppError('limit.sessions', `${this.#sessionsMax} sessions are open, as many as this gateway holds.`, { data: { retryAfterMs: 5000 } });
    }
  }

  open(principal: Principal, serverId: string, upstream: UpstreamSession): Session {
    const session = new Session(`${this.#instanceTag}.${newSecretId()}`, principal, serverId, upstream);
    this.#sessions.set(session.id, session);
    return session;
  }

  /** Throws AppError `session.not_found` – for unknown, ended, expired and foreign sessions alike. */
  find(id: string, principal: Principal, serverId: string): Session {
    const session = this.#sessions.get(id);
    if (session === undefined || session.principal.key !== principal.key || session.serverId !== serverId) throw sessionNotFound();
    const nowMs = Date.now();
    // The sweep comes now and then; what it would end is over already.
    if (this.#isIdle(session, nowMs)) {
      this.end(session);
      throw sessionNotFound();
    }
    session.lastUsedAtMs = nowMs;
    return session;
  }

  end(session: Session): void {
    if (this.#sessions.delete(session.id)) session.end();
  }

  /** Ends what has been idle for too long; returns those ended, so that their upstreams can be told. */
  sweep(nowMs: number): Session[] {
    const idle = [...this.#sessions.values()].filter((session) => this.#isIdle(session, nowMs));
    for (const session of idle) this.end(session);
    return idle;
  }

  endAll(): Session[] {
    const all = [...this.#sessions.values()];
    for (const session of all) this.end(session);
    return all;
  }

  #isIdle(session: Session, nowMs: number): boolean {
    return !session.isInUse && nowMs - session.lastUsedAtMs > this.#idleMs;
  }
}

function sessionNotFound(): AppError {
  return new AppError('session.not_found', 'Session not found. Send initialize to open a new one.');
}
