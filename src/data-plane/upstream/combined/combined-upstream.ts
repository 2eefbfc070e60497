// The adapter behind combined servers. To the pipeline a combined server is a streamable HTTP server like any other; this one has no wire:
// it answers for itself what the snapshot knows, and sends the rest on to the upstream it belongs to (ADR 28).
import type { Principal } from '#base/access';
import { AppError } from '#base/kernel';
import { checkParamHeaders, LEGACY_VERSIONS, paramHeaders, scanMessage, valueAt, type Envelope } from '#base/protocol';
import {
  addParamHeaders,
  type AnswerSink,
  type ServerEntry,
  type UpstreamCall,
  type UpstreamEntry,
  type UpstreamObserver,
  type UpstreamPort,
  type UpstreamRequest,
} from '#data-plane/gateway';
import { accepted, done, NO_CALL, refused, refusedByHeaders } from '../channel/http-manners.ts';
import { isModern, refusedModern } from '../channel/modern-manners.ts';
import { stringAt } from '../channel/string-at.ts';
import { declaredIn, type CallerView } from './caller-view.ts';
import { indexOf } from './combined-index.ts';
import type { CombinedParts } from './combined-parts.ts';
import { CombinedSession } from './combined-session.ts';
import { asLegacyAnswer, asModernAnswer, isHeaderMismatch, midCall, MODERN_VERSION, withEnvelope, withoutEnvelope } from './era-bridge.ts';
import type { Leg } from './leg.ts';
import { LegPool } from './leg-pool.ts';
import { Listeners } from './listeners.ts';
import { initialized, localResult } from './local-answers.ts';
import { reply } from './reply.ts';
import { routeOf, type Route } from './route.ts';
import { RoutedCall } from './routed-call.ts';
import { sentParams, upstreamHeaders } from './upstream-headers.ts';

export interface CombinedUpstream extends UpstreamPort {
  /** Other tables hold: whose lists are others now is told, and legs to upstreams that are no more are ended. */
  snapshotChanged(): void;
  close(): Promise<void>;
}

const NEWEST_LEGACY = '2025-11-25';
const GATEWAY_INFO = '{"name":"mcpgateway","version":"1"}';
const CLIENT_CAPABILITIES = ['params', '_meta', 'io.modelcontextprotocol/clientCapabilities'];
/** Of the older era; in the modern one they are no methods. */
const REMOVED: ReadonlySet<string> = new Set(['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']);

/** One port for all: combined servers are answered here, everything else goes to `parts.port`. */
export function createCombinedUpstream(parts: CombinedParts): CombinedUpstream {
  const sessions = new Set<CombinedSession>();
  const pool = new LegPool(parts);
  const listeners = new Listeners(parts.pageSize);

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
    const version = LEGACY_VERSIONS.includes(asked) ? asked : NEWEST_LEGACY;
    const session = new CombinedSession(parts, server, caller, request, (over) => sessions.delete(over));
    session.agreeOn(version);
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
    if (!isLegacy && message.method === 'subscriptions/listen') return listeners.open(server, view, message, body, sink);
    const result = localResult(server, view, message, body, parts.pageSize);
    if (result !== undefined) return reply(sink, message.id, result);
    const unknown = { code: -32601, message: `Method not found: ${message.method.slice(0, 200)}` };
    if (!isLegacy && REMOVED.has(message.method)) return reply(sink, message.id, undefined, unknown, 404);
    const text = body.toString('latin1');
    const route = routeOf(server, view, message, text, () => undefined);
    if (route === undefined) return reply(sink, message.id, undefined, unknown, isLegacy ? 200 : 404);
    return isLegacy ? singleLegacy(server, view, request, message, route, sink) : singleModern(server, view, request, message, route, sink);
  }

  function singleLegacy(
    server: ServerEntry,
    view: CallerView,
    request: UpstreamRequest,
    message: Envelope,
    route: Route,
    sink: AnswerSink,
  ): UpstreamCall {
    const { upstream } = route;
    if (upstream.row.modern && !upstream.row.legacy) {
      const asLegacy = (answer: string): string => {
        // What is known of the tool is out of date.
        if (isHeaderMismatch(answer)) parts.onListChanged(upstream.id);
        return asLegacyAnswer(answer, message.id);
      };
      const call = routedCall(server, upstream, message, sink, asLegacy, false, undefined);
      const params = paramHeaders(route.params ?? [], route.text);
      return sendSelfDescribing(call, view, request, { ...route, text: withEnvelope(route.text, GATEWAY_INFO) }, params);
    }
    const leg = pool.leg(view.principal, upstream, upstreamHeaders(request, upstream.row));
    return sendOnLeg(leg, routedCall(server, upstream, message, sink, undefined, false, leg), request, message, route.text);
  }

  function singleModern(
    server: ServerEntry,
    view: CallerView,
    request: UpstreamRequest,
    message: Envelope,
    route: Route,
    sink: AnswerSink,
  ): UpstreamCall {
    const { upstream, params = [], text } = route;
    if (params.length > 0) {
      if (request.isHeaderless === true) addParamHeaders(request.headers, request.upstream, params, text);
      checkParamHeaders(params, request.headers, text);
    }
    if (upstream.row.modern) {
      const call = routedCall(server, upstream, message, sink, undefined, false, undefined);
      return sendSelfDescribing(call, view, request, route, sentParams(request));
    }
    const leg = pool.leg(view.principal, upstream, upstreamHeaders(request, upstream.row));
    const call = routedCall(server, upstream, message, sink, (answer) => asModernAnswer(answer, message.method), true, leg);
    return sendOnLeg(leg, call, request, message, withoutEnvelope(text));
  }

  function routedCall(
    server: ServerEntry,
    upstream: UpstreamEntry,
    message: Envelope,
    sink: AnswerSink,
    answer: ((text: string) => string) | undefined,
    isModernStatus: boolean,
    leg: Leg | undefined,
  ): RoutedCall {
    const call = new RoutedCall(upstream, message, sink, {
      uriNames: indexOf(server).uriNames.get(upstream.id),
      answer,
      isModernStatus,
      asked: (envelope) => {
        if (leg !== undefined && envelope.kind === 'request') refuseAsk(leg, envelope);
        return undefined;
      },
      eventPrefix: undefined,
    });
    call.enter();
    return call;
  }

  function sendOnLeg(leg: Leg, call: RoutedCall, request: UpstreamRequest, message: Envelope, text: string): RoutedCall {
    const { lane, isSafeToRepeat } = request;
    leg.runningCalls++;
    call.onOver = () => leg.runningCalls--;
    call.start(leg.isOpen ? undefined : leg.ready(), (into) => leg.send(Buffer.from(text, 'latin1'), message, into, { lane, isSafeToRepeat }));
    return call;
  }

  function sendSelfDescribing(
    call: RoutedCall,
    view: CallerView,
    request: UpstreamRequest,
    { upstream, text, name }: Route,
    params: readonly string[],
  ): RoutedCall {
    const { lane, isSafeToRepeat } = request;
    const headers = upstreamHeaders(request, upstream.row, { version: MODERN_VERSION, method: call.message.method, name, params });
    call.start(undefined, (into) =>
      parts.port.open(
        {
          upstream: upstream.row,
          method: 'POST',
          lane,
          headers,
          body: Buffer.from(text, 'latin1'),
          message: scanMessage(text),
          caller: view.principal,
          session: undefined,
          lastEventId: undefined,
          isSafeToRepeat,
        },
        into,
      ),
    );
    return call;
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
      const refusal = refusedModern(request, message, body, sink);
      if (refusal !== undefined) return refusal;
      if (message.kind !== 'request') return accepted(sink);
      const declares = declaredIn(valueAt(body.toString('latin1'), CLIENT_CAPABILITIES));
      return single(server, { principal: caller, declares, era: 'modern' }, request, message, body, sink);
    }
    const refusal = refusedByHeaders(request, sink);
    if (refusal !== undefined) return refusal;
    if (message.kind !== 'request') return accepted(sink);
    if (message.method === 'initialize') return initialize(server, caller, request, message, sink, observer);
    return single(server, { principal: caller, declares: new Set(), era: 'legacy' }, request, message, body, sink);
  }

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
      const { servers, upstreams } = parts.snapshot();
      for (const session of sessions) session.snapshotChanged();
      listeners.snapshotChanged(servers);
      pool.keepOnly(upstreams);
    },
    async close() {
      await Promise.all([...[...sessions].map((session) => session.end()), pool.close()]);
    },
  };
}

/** Nothing was declared, so nothing may be asked. */
function refuseAsk(leg: Leg, { id }: Envelope): void {
  const { message } = midCall();
  const text = `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":${JSON.stringify(message)}}}`;
  void leg.tell(Buffer.from(text), scanMessage(Buffer.from(text).toString('latin1')));
}
