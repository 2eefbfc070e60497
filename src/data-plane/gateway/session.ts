// A client's session with one server, for the revisions that have sessions. Its id is the gateway's own; the upstream's never
// reaches a client. It belongs to the caller who opened it: to everybody else it does not exist (decisions.md 2).
import type { Principal } from '#base/access';
import { AppError, newSecretId } from '#base/kernel';
import type { OlderClient } from '#base/protocol';
import type { Exchange } from './exchange.ts';
import type { VersionHop } from './forward-headers.ts';
import type { UpstreamSession } from './seams.ts';
import { SessionStream } from './session-stream.ts';

/** A server→client request that waits for the client's answer. */
export interface OpenAsk {
  readonly method: string;
  readonly atMs: number;
  readonly bytes: number;
  /** The call on whose stream it came, if on one: with the call the question is over (decisions.md 6). */
  readonly call: Exchange | undefined;
}

/** The stream that belongs to no request (standalone-stream.ts). */
export interface StandaloneHandle {
  readonly stream: SessionStream;
  /** A reader joins, or comes back having seen everything up to `sequence`. The upstream's side is opened again when it had ended. */
  join(exchange: Exchange, headers: string[], sequence: number | undefined): void;
}

/** A thousand calls of one session may each ask several things at once. */
const OPEN_ASKS_MAX = 10_000;
/** Of one call. A server on a line does not say for which of them it asks. */
const CALL_ASKS_MAX = 1000;
const ASK_ID_MAX = 1024;
const ENDED_STREAMS_KEPT = 16;
const ENDED_BYTES_KEPT = 4 * 1024 * 1024;

export class Session {
  readonly id: string;
  readonly principal: Principal;
  readonly serverId: string;
  readonly upstream: UpstreamSession;
  /** Whose session `upstream` is. */
  readonly upstreamId: string;
  /** By the text of the upstream's request id. */
  readonly #openAsks = new Map<string, OpenAsk>();
  /** How many of them came outside any call. */
  #looseAsks = 0;
  // Arrays, not a Map and a Set: see CallClock. A session has few streams at a time.
  /** Ended ones stay for a while so that their tail can be fetched. */
  readonly #streams: SessionStream[] = [];
  /** The stream of the client's GET, if it has ever asked for one. */
  standalone: StandaloneHandle | undefined;
  lastUsedAtMs = Date.now();
  /** Set when client and upstream agreed upon different revisions. */
  hop: VersionHop | undefined;
  /** Set when the client's revision is older than the newest legacy one, so that what is newer has to be put in its words. */
  older: OlderClient | undefined;
  /** What to close when the session ends: the upstream's side of open streams. */
  readonly #open: Closer[] = [];

  constructor(id: string, principal: Principal, serverId: string, upstream: UpstreamSession, upstreamId: string) {
    this.id = id;
    this.principal = principal;
    this.serverId = serverId;
    this.upstream = upstream;
    this.upstreamId = upstreamId;
  }

  get isInUse(): boolean {
    return this.#open.some((open) => open.isInUse);
  }

  /** Being used counts until now. */
  touch(): void {
    this.lastUsedAtMs = Date.now();
  }

  addStream(stream: SessionStream): void {
    this.#streams.push(stream);
  }

  stream(token: string): SessionStream | undefined {
    return this.#streams.find((stream) => stream.token === token);
  }

  /** To be closed when the session ends. */
  watch(open: Closer): void {
    this.#open.push(open);
  }

  unwatch(open: Closer): void {
    removeFrom(this.#open, open);
    this.touch();
  }

  /** Forgets a stream that is over, unless its tail may still be asked for. */
  retire(stream: SessionStream): void {
    if (!stream.isResumable) {
      removeFrom(this.#streams, stream);
      return;
    }
    const ended = this.#streams.filter((other) => other.isOver);
    let bytes = ended.reduce((sum, other) => sum + other.keptBytes, 0);
    let count = ended.length;
    for (const old of ended) {
      if (count <= ENDED_STREAMS_KEPT && bytes <= ENDED_BYTES_KEPT) break;
      removeFrom(this.#streams, old);
      bytes -= old.keptBytes;
      count--;
    }
  }

  /** Throws AppError `upstream.bad_answer` when the upstream asks without end. */
  openAsk(id: string, ask: OpenAsk): void {
    const ofCall = ask.call?.openAsks ?? 0;
    if (ofCall >= CALL_ASKS_MAX || this.#openAsks.size >= OPEN_ASKS_MAX || id.length > ASK_ID_MAX) {
      throw new AppError(
        'upstream.bad_answer',
        `The upstream asks too much: ${this.#openAsks.size} of its requests are open on this session, ${ofCall} of them of one call, the id of the next has ${id.length} bytes.`,
      );
    }
    this.takeAsk(id);
    // A copy: a piece of a message keeps the whole message in memory.
    this.#openAsks.set(Buffer.from(id, 'latin1').toString('latin1'), ask);
    if (ask.call === undefined) this.#looseAsks++;
    else ask.call.openAsks++;
  }

  /** The open question of this id. */
  openAskOf(id: string): OpenAsk | undefined {
    return this.#openAsks.get(id);
  }

  /** The open question of this id, which is open no longer. */
  takeAsk(id: string): OpenAsk | undefined {
    const ask = this.#openAsks.get(id);
    if (ask === undefined) return undefined;
    this.#openAsks.delete(id);
    if (ask.call === undefined) this.#looseAsks--;
    else ask.call.openAsks--;
    return ask;
  }

  /** The questions of a call that is over: nobody waits for their answers any more. */
  takeAsksOf(call: Exchange): OpenAsk[] {
    return [...this.#openAsks].flatMap(([id, ask]) => (ask.call === call ? (this.takeAsk(id) ?? []) : []));
  }

  /** Is somebody being asked on behalf of this call? A question outside any call may be of any. */
  isAskedFor(call: Exchange): boolean {
    return call.openAsks > 0 || this.#looseAsks > 0;
  }

  end(): void {
    for (const open of this.#open.splice(0)) open.close();
    for (const stream of this.#streams.splice(0)) stream.finish();
    this.#openAsks.clear();
    this.#looseAsks = 0;
  }
}

interface Closer {
  /** Must the session be kept for it? */
  readonly isInUse: boolean;
  close(): void;
}

/** Keeps the order: the oldest go first. */
function removeFrom<T>(list: T[], member: T): void {
  const at = list.indexOf(member);
  if (at !== -1) list.splice(at, 1);
}

/** All sessions of this process. */
export class SessionBook {
  readonly #sessions = new Map<string, Session>();
  /** Starts every session id, so that a front of several replicas can see whose it is. */
  readonly #instanceTag = newSecretId().slice(0, 6);
  readonly #sessionsMax: number;
  readonly #idleMs: number;

  readonly #onExpired: (session: Session) => void;

  /** @param settings `onExpired` hears of sessions that end because nobody used them, so that their upstreams can be told */
  constructor(settings: { readonly sessionsMax: number; readonly idleMs: number; readonly onExpired: (session: Session) => void }) {
    this.#sessionsMax = settings.sessionsMax;
    this.#idleMs = settings.idleMs;
    this.#onExpired = settings.onExpired;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Throws AppError `limit.sessions`. Checked before `initialize` is sent on. */
  checkRoom(): void {
    if (this.#sessions.size >= this.#sessionsMax) {
      throw new AppError('limit.sessions', `${this.#sessionsMax} sessions are open, as many as this gateway holds.`, {
        data: { retryAfterMs: 5000 },
      });
    }
  }

  open(principal: Principal, serverId: string, upstream: UpstreamSession, upstreamId: string): Session {
    const session = new Session(`${this.#instanceTag}.${newSecretId()}`, principal, serverId, upstream, upstreamId);
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
      this.#expire(session);
      throw sessionNotFound();
    }
    session.lastUsedAtMs = nowMs;
    return session;
  }

  end(session: Session): void {
    if (this.#sessions.delete(session.id)) session.end();
  }

  /**
   * Ends what has been idle for too long.
   * @param isOrphan is there no such server any more, or is it the mirror of another upstream?
   */
  sweep(nowMs: number, isOrphan: (session: Session) => boolean): void {
    for (const session of this.#sessions.values()) {
      if (isOrphan(session) || this.#isIdle(session, nowMs)) this.#expire(session);
    }
  }

  endAll(): Session[] {
    const all = [...this.#sessions.values()];
    for (const session of all) this.end(session);
    return all;
  }

  #expire(session: Session): void {
    this.end(session);
    this.#onExpired(session);
  }

  #isIdle(session: Session, nowMs: number): boolean {
    return !session.isInUse && nowMs - session.lastUsedAtMs > this.#idleMs;
  }
}

export function sessionNotFound(): AppError {
  return new AppError('session.not_found', 'Session not found. Send initialize to open a new one.');
}
