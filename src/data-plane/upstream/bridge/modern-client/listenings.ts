// `subscriptions/listen` of modern clients at upstreams of the older era. The streams of one caller share a session with the upstream, in
// which nothing else happens, opened under what its client declares; it ends a moment after the last of them.
import { NEWEST_LEGACY_VERSION } from '#base/protocol';
import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Principal } from '#base/access';
import { AppError, toAppError } from '#base/kernel';
import type { AnswerSink, UpstreamCall, UpstreamEntry, UpstreamRequest } from '#data-plane/gateway';
import { legHeaders } from '../../upstream-headers.ts';
import { LIST_NEWS, wantedIn } from '../../listen-words.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import type { ModernTasks } from '../tasks/modern-tasks.ts';
import type { Declared } from './leg-book.ts';
import { Listening } from './listening.ts';
import { ListeningSession } from './listening-session.ts';
import { GATEWAY_INFO } from '../../gateway-info.ts';

const SESSIONS_MAX = 1000;
/** Each declaration of capabilities has a session of its own: nobody is to have all of them. */
const SESSIONS_OF_CALLER_MAX = SESSIONS_MAX / 2;
/** Clients that change what they listen to end one stream and open another. */
const LINGER_MS = 5000;
const TOLD_WITHIN_MS = 1000;

export class Listenings {
  readonly #parts: BridgeParts;
  readonly #watchTasks: ModernTasks['watch'];
  readonly #sessions = new Map<string, ListeningSession>();
  readonly #lingers = new Map<ListeningSession, NodeJS.Timeout>();

  constructor(parts: BridgeParts, watchTasks: ModernTasks['watch']) {
    this.#parts = parts;
    this.#watchTasks = watchTasks;
  }

  /** Sessions held with upstreams in order to listen. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /**
   * @param text the request as latin1
   * Throws AppError `request.bad_params` or `limit.sessions`.
   */
  open(request: UpstreamRequest, upstream: UpstreamEntry, declared: Declared, text: string, sink: AnswerSink): UpstreamCall {
    const wanted = wantedIn(text);
    const session = this.#sessionFor(request, upstream, declared);
    let stopTasks = (): void => {};
    const listening: Listening = new Listening(upstream.id, sink, request.message?.id ?? 'null', (_, honoured) => {
      stopTasks();
      session.listenings.delete(listening);
      session.release(honoured?.uris ?? []);
      if (session.listenings.size === 0) this.#endSoon(session);
    });
    session.listenings.add(listening);
    session
      .honour(wanted)
      .then((honoured) => {
        // The client has left meanwhile.
        if (listening.isOver) {
          session.release(honoured.uris);
          return;
        }
        const watch = this.#watchTasks(request, declared.capabilities, wanted.taskIds ?? [], (params) => listening.heardOfTask(params));
        stopTasks = () => watch.stop();
        listening.acknowledge({ ...honoured, taskIds: watch.taskIds });
      })
      .catch((error: unknown) => listening.fail(toAppError(error)));
    return listening;
  }

  /** An upstream has said, in a session in which this caller's calls are made, that lists are others now. */
  heardElsewhere(upstreamId: string, caller: Principal, method: string): void {
    const news = LIST_NEWS.find((each) => each.method === method);
    if (news === undefined) return;
    for (const session of this.#sessions.values())
      if (session.upstreamId === upstreamId && session.callerKey === caller.key) session.heardElsewhere(news);
  }

  /** These are the upstreams now: streams to others, or to what is reached another way, are ended on purpose. */
  keepOnly(upstreams: ReadonlyMap<string, UpstreamEntry>): void {
    for (const session of this.#sessions.values()) {
      const upstream = upstreams.get(session.upstreamId);
      if (upstream !== undefined && session.isFor(upstream)) session.follow(upstream);
      else void this.#end(session);
    }
  }

  async close(): Promise<void> {
    const ended = Promise.all([...this.#sessions.values()].map((session) => this.#end(session)));
    // Upstreams that never answer must not keep the process.
    await Promise.race([ended, sleep(TOLD_WITHIN_MS, undefined, { ref: false })]);
  }

  #sessionFor(request: UpstreamRequest, upstream: UpstreamEntry, { capabilities, clientInfo = GATEWAY_INFO }: Declared): ListeningSession {
    const { caller } = request;
    if (caller === undefined) throw new AppError('internal', 'Nobody listens');
    const headers = legHeaders(request.headers, upstream.row);
    const key = hash('sha256', JSON.stringify([caller.key, caller.tokenId, upstream.id, capabilities, clientInfo, ...headers]), 'base64');
    let session = this.#sessions.get(key);
    if (session?.isDeaf === true) {
      void this.#end(session);
      session = undefined;
    }
    if (session === undefined) {
      this.#makeRoom(caller.key);
      session = new ListeningSession(this.#parts, upstream, { version: NEWEST_LEGACY_VERSION, capabilities, clientInfo }, caller, headers);
      this.#sessions.set(key, session);
    }
    clearTimeout(this.#lingers.get(session));
    this.#lingers.delete(session);
    return session;
  }

  /** Lets go of an unused session where there are too many. */
  #makeRoom(callerKey: string): void {
    const ofCaller = [...this.#sessions.values()].filter((session) => session.callerKey === callerKey);
    const isCallersFault = ofCaller.length >= SESSIONS_OF_CALLER_MAX;
    if (!isCallersFault && this.#sessions.size < SESSIONS_MAX) return;
    const unused = [...this.#lingers.keys()].find((session) => !isCallersFault || session.callerKey === callerKey);
    if (unused === undefined) {
      const max = isCallersFault ? SESSIONS_OF_CALLER_MAX : SESSIONS_MAX;
      throw new AppError(
        'limit.sessions',
        `The gateway listens to upstreams in ${max} sessions, as many as it may${isCallersFault ? ' for one caller' : ''}.`,
      );
    }
    void this.#end(unused);
  }

  #endSoon(session: ListeningSession): void {
    if (![...this.#sessions.values()].includes(session)) return;
    const timer = setTimeout(() => void this.#end(session), LINGER_MS);
    timer.unref();
    this.#lingers.set(session, timer);
  }

  async #end(session: ListeningSession): Promise<void> {
    for (const [key, known] of this.#sessions) if (known === session) this.#sessions.delete(key);
    clearTimeout(this.#lingers.get(session));
    this.#lingers.delete(session);
    for (const listening of session.listenings) listening.end();
    await session.end();
  }
}
