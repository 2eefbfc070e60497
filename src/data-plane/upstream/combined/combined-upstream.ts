// The adapter behind combined servers. To the pipeline a combined server is a streamable HTTP server like any other; this one has no wire:
// it answers for itself what the snapshot knows, and sends the rest on to the upstream it belongs to (ADR 28).
import { setTimeout as sleep } from 'node:timers/promises';
import type { Principal } from '#base/access';
import { AppError } from '#base/kernel';
import { NEWEST_LEGACY_VERSION, isRemovedMethod, LEGACY_VERSIONS, type Envelope } from '#base/protocol';
import type { AnswerSink, ServerEntry, UpstreamCall, UpstreamObserver, UpstreamPort, UpstreamRequest } from '#data-plane/gateway';
import { accepted, done, NO_CALL, refused, refusedByHeaders } from '../channel/http-manners.ts';
import { declaresTasks, undeclared } from '../bridge/tasks/modern-tasks.ts';
import { declaredCapabilities, isModern, refusedModern } from '../channel/modern-manners.ts';
import { stringAt } from '../channel/string-at.ts';
import { declaredIn, type CallerView } from './caller-view.ts';
import type { ClientMemory } from './client-memory.ts';
import type { CombinedParts } from './combined-parts.ts';
import { CombinedSession } from './combined-session.ts';
import { LegPool } from './leg-pool.ts';
import { LinkOwners } from './link-owners.ts';
import { makeTexts } from './list-pages.ts';
import { Listeners } from './listeners.ts';
import { initialized, localResult } from './local-answers.ts';
import { reply } from '../reply.ts';
import { routeOf } from './route.ts';
import { sendSingle } from './single-calls.ts';
import { TaskOwners } from './task-owners.ts';
import { TellingTurns } from './telling-turns.ts';

export interface CombinedUpstream extends UpstreamPort {
  /** Other tables hold: whose lists are others now is told, and legs to upstreams that are no more are ended. */
  snapshotChanged(): void;
  close(): Promise<void>;
}

/** Of all callers without a session. */
const TASKS_MAX = 10_000;
const LINK_CLIENTS_MAX = 1000;
const ENDED_WITHIN_MS = 1000;
/** Of the extension io.modelcontextprotocol/tasks. */
const OF_TASKS: ReadonlySet<string> = new Set(['tasks/get', 'tasks/update', 'tasks/cancel']);

/** One port for all: combined servers are answered here, everything else goes to `parts.port`. */
export function createCombinedUpstream(parts: CombinedParts): CombinedUpstream {
  const sessions = new Set<CombinedSession>();
  const pool = new LegPool(parts);
  const memory: ClientMemory = { tasks: new TaskOwners(TASKS_MAX), links: new LinkOwners(LINK_CLIENTS_MAX) };
  const listeners = new Listeners(parts, memory);
  const singles = { ...parts, pool, memory };

  function initialize(
    server: ServerEntry,
    caller: Principal,
    request: UpstreamRequest,
    message: Envelope,
    sink: AnswerSink,
    observer: UpstreamObserver | undefined,
  ): UpstreamCall {
    const text = request.body?.toString('latin1') ?? '';
    const asked = stringAt(text, ['params', 'protocolVersion']);
    if (asked === undefined) throw new AppError('request.bad_params', '`params.protocolVersion` must be a string.');
    const version = LEGACY_VERSIONS.includes(asked) ? asked : NEWEST_LEGACY_VERSION;
    const session = new CombinedSession(parts, server, caller, request, version, (over) => sessions.delete(over));
    sessions.add(session);
    observer?.session(session);
    const result = initialized(server, session.view, version);
    const body = Buffer.from(`{"jsonrpc":"2.0","id":${message.id ?? 'null'},"result":${result}}`, 'latin1');
    sink.head({ status: 200, kind: 'json', headers: [], contentLength: body.length, namesSession: true });
    sink.chunk(body);
    sink.end();
    return NO_CALL;
  }

  /** A request outside any session, of either era. */
  function single(server: ServerEntry, view: CallerView, request: UpstreamRequest, message: Envelope, body: Buffer, sink: AnswerSink): UpstreamCall {
    const isLegacy = view.era === 'legacy';
    if (!isLegacy && message.method === 'subscriptions/listen')
      return listeners.listen(server, view, request, message, body.toString('latin1'), sink);
    const result = localResult(parts, server, view, message, body);
    if (result !== undefined) return reply(sink, message.id, result);
    const unknown = { code: -32601, message: `Method not found: ${message.method.slice(0, 200)}` };
    if (!isLegacy && isRemovedMethod(message.method)) return reply(sink, message.id, undefined, unknown, 404);
    const text = body.toString('latin1');
    const route = routeOf(server, view, message, text, memory, parts.snapshot());
    if (route === undefined) return reply(sink, message.id, undefined, unknown, isLegacy ? 200 : 404);
    return sendSingle(singles, { server, view, request, message, route, sink });
  }

  function open(request: UpstreamRequest, sink: AnswerSink, observer: UpstreamObserver | undefined): UpstreamCall {
    const { session, message, body, caller } = request;
    if (session !== undefined && !(session instanceof CombinedSession)) return refused(sink, 404, -32001, 'Session not found');
    if (request.method === 'DELETE') {
      if (session === undefined) return refused(sink, 405, -32000, 'Method not allowed.');
      void session.end();
      return done(sink);
    }
    if (request.method === 'GET') return session === undefined ? refused(sink, 405, -32000, 'Method not allowed.') : session.get(request, sink);
    const server = parts.snapshot().servers.get(request.upstream.id);
    if (server === undefined || caller === undefined || message === undefined || body === undefined)
      throw new AppError('server.not_found', 'Server not found');
    if (session !== undefined) return session.post(request, sink);
    if (isModern(request, message)) {
      const capabilities = declaredCapabilities(body);
      const refusal = refusedModern(request, message, body, sink, capabilities);
      if (refusal !== undefined) return refusal;
      if (message.kind !== 'request') return accepted(sink);
      if (OF_TASKS.has(message.method) && !declaresTasks(capabilities ?? '{}')) throw undeclared();
      return single(server, { principal: caller, declares: declaredIn(capabilities), era: 'modern' }, request, message, body, sink);
    }
    const refusal = refusedByHeaders(request, sink);
    if (refusal !== undefined) return refusal;
    if (message.kind !== 'request') return accepted(sink);
    if (message.method === 'initialize') return initialize(server, caller, request, message, sink, observer);
    return single(server, { principal: caller, declares: new Set(), era: 'legacy' }, request, message, body, sink);
  }

  const turns = new TellingTurns(() => [sessions, listeners.open]);

  return {
    open(request, sink, observer) {
      if (request.upstream.isCombined !== true) return parts.port.open(request, sink, observer);
      try {
        return open(request, sink, observer);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        sink.fail(error);
        return NO_CALL;
      }
    },
    snapshotChanged() {
      const snapshot = parts.snapshot();
      const failed = (error: unknown): void => parts.logger.error('Lists of combined servers could not be made.', { error });
      pool.keepOnly(snapshot.upstreams);
      turns.tell().catch(failed);
      const everything = snapshot.servers.get('');
      if (everything !== undefined) makeTexts(everything, () => parts.snapshot() !== snapshot).catch(failed);
    },
    async close() {
      listeners.close();
      const ended = Promise.all([...[...sessions].map((session) => session.end()), pool.close()]);
      // Upstreams that never answer must not keep the process.
      await Promise.race([ended, sleep(ENDED_WITHIN_MS, undefined, { ref: false })]);
    },
  };
}
