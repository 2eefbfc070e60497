// Clients of the revisions with a handshake at upstreams that know only requests which describe themselves (protocol.md 2.3): whoever shakes
// hands gets a session, which is the gateway's own, and plain requests without one are carried too, since such an upstream needs none.
import { AppError, toAppError } from '#base/kernel';
import { NEWEST_LEGACY_VERSION, LEGACY_VERSIONS, valueAt } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamEntry, UpstreamObserver, UpstreamRequest, UpstreamSession } from '#data-plane/gateway';
import { accepted, done, NO_CALL, refused, refusedByHeaders } from '../../channel/http-manners.ts';
import { stringAt } from '../../channel/string-at.ts';
import { reply } from '../../reply.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { LegacyTasks } from '../tasks/legacy-tasks.ts';
import { BridgedCall } from './bridged-call.ts';
import { BridgedSession } from './bridged-session.ts';
import { callHouse } from './call-house.ts';
import { UNKNOWN_CLIENT, wordsOf } from './client-words.ts';
import { discovered } from './discovery.ts';
import { withEnvelope, withoutNewerFields } from './self-describing.ts';

const EMPTY = Buffer.from('{}');
/** What they change would be forgotten with the request. */
const OF_A_SESSION: ReadonlySet<string> = new Set(['logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']);

export class LegacyClients {
  readonly #parts: BridgeParts;
  readonly #sessions = new Set<BridgedSession>();
  readonly #tasks = new LegacyTasks();

  constructor(parts: BridgeParts) {
    this.#parts = parts;
  }

  owns(session: UpstreamSession | undefined): boolean {
    return session instanceof BridgedSession;
  }

  /** @param request of a legacy client, for an upstream that is modern only, or in a session of this bridge */
  open(request: UpstreamRequest, sink: AnswerSink, observer?: UpstreamObserver): UpstreamCall {
    try {
      return this.#open(request, sink, observer);
    } catch (error) {
      sink.fail(toAppError(error));
      return NO_CALL;
    }
  }

  /** These are the upstreams now: sessions with others, or with what has gone back to the older era, are over. */
  keepOnly(upstreams: ReadonlyMap<string, UpstreamEntry>): void {
    this.#tasks.keepOnly(upstreams);
    for (const session of this.#sessions) {
      const upstream = upstreams.get(session.upstreamId);
      if (upstream?.row.modern === true) session.follow(upstream);
      else void session.end();
    }
  }

  async close(): Promise<void> {
    this.#tasks.close();
    await Promise.all([...this.#sessions].map((session) => session.end()));
  }

  #open(request: UpstreamRequest, sink: AnswerSink, observer: UpstreamObserver | undefined): UpstreamCall {
    const { session, message } = request;
    if (session !== undefined && !(session instanceof BridgedSession)) return refused(sink, 404, -32001, 'Session not found');
    if (request.method !== 'POST') {
      if (session === undefined) return refused(sink, 405, -32000, 'Method not allowed.');
      if (request.method === 'GET') return session.get(request, sink);
      void session.end();
      return done(sink);
    }
    if (session !== undefined) return session.post(request, sink);
    const refusal = refusedByHeaders(request, sink);
    if (refusal !== undefined) return refusal;
    // Outside a session nobody was asked anything, and there is nothing to notify of.
    if (message?.kind !== 'request') return accepted(sink);
    return message.method === 'initialize' ? this.#initialize(request, sink, observer) : this.#single(request, sink);
  }

  #initialize(request: UpstreamRequest, sink: AnswerSink, observer: UpstreamObserver | undefined): UpstreamCall {
    const text = request.body?.toString('latin1') ?? '';
    const asked = stringAt(text, ['params', 'protocolVersion']);
    if (asked === undefined) throw new AppError('request.bad_params', '`params.protocolVersion` must be a string.');
    const words = wordsOf(text, LEGACY_VERSIONS.includes(asked) ? asked : NEWEST_LEGACY_VERSION);
    let isWanted = true;
    discovered(this.#parts, request, words)
      .then((result) => {
        if (!isWanted) return;
        if (observer !== undefined) {
          const tasks = valueAt(result, ['capabilities', 'tasks']) === undefined ? undefined : this.#tasks;
          const session = new BridgedSession(this.#parts, request, words, tasks, (over) => this.#sessions.delete(over));
          this.#sessions.add(session);
          observer.session(session);
        }
        const body = Buffer.from(`{"jsonrpc":"2.0","id":${request.message?.id ?? 'null'},"result":${result}}`, 'latin1');
        sink.head({ status: 200, kind: 'json', headers: [], contentLength: body.length, namesSession: observer !== undefined });
        sink.chunk(body);
        sink.end();
      })
      .catch((error: unknown) => {
        if (isWanted) sink.fail(toAppError(error));
      });
    return {
      cancel() {
        isWanted = false;
      },
      pause() {},
      resume() {},
    };
  }

  /** A request of a client that holds no session: it declares nothing, so nothing can be asked of it. */
  #single(request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const { message, body } = request;
    if (message === undefined || body === undefined) throw new AppError('internal', 'A message without a body');
    if (message.method === 'ping') return reply(sink, message.id, EMPTY);
    if (OF_A_SESSION.has(message.method) || message.method.startsWith('tasks/')) {
      return refused(sink, 400, -32000, `Bad Request: ${message.method} needs a session`);
    }
    const house = callHouse(this.#parts, request, UNKNOWN_CLIENT, message, new Set());
    const call = new BridgedCall(house, message, withEnvelope(withoutNewerFields(body.toString('latin1')), UNKNOWN_CLIENT, undefined), sink);
    call.start();
    return call;
  }
}
