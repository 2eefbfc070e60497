// Sends the message on to its upstream and sets the relay that brings the answer back.
import { AppError } from '#base/kernel';
import { isSafeToRepeat, type ParamHeader } from '#base/protocol';
import type { CallClock } from '../call-clock.ts';
import { CallRelay, type RelayContext } from '../call-relay.ts';
import type { Exchange } from '../exchange.ts';
import { addParamHeaders, declaredParams } from '../declared-params.ts';
import { forwardHeaders } from '../forward-headers.ts';
import { listenedBody } from '../listen-filter.ts';
import type { AnswerHead, AnswerSink, UpstreamObserver } from '../seams.ts';
import { listenerOf } from '../server-messages.ts';
import { SessionStream } from '../session-stream.ts';
import type { Session, SessionBook } from '../session.ts';
import type { ServerEntry } from '../snapshot.ts';
import { StandaloneStream } from '../standalone-stream.ts';
import { tellUpstream } from '../tell-upstream.ts';
import type { Stage } from './stage.ts';

export interface DispatchContext extends RelayContext {
  readonly sessions: SessionBook;
  readonly clock: CallClock;
  readonly toolTimeoutMaxMs: number;
}

export function dispatchTo(context: DispatchContext): Stage {
  return (exchange) => {
    const { request, server } = exchange;
    if (server === undefined) throw new AppError('internal', 'Dispatched before it was resolved');
    if (request.verb === 'GET') openStream(exchange, server, context);
    else if (request.verb === 'DELETE') endSession(exchange, server, context);
    else post(exchange, server, context);
  };
}

function post(exchange: Exchange, server: ServerEntry, context: DispatchContext): void {
  const { request, session } = exchange;
  const { envelope } = request;
  const isRequest = envelope.kind === 'request';
  const opensSession = envelope.method === 'initialize' && request.era === 'legacy' && session === undefined;
  if (opensSession) context.sessions.checkRoom();
  setDeadlines(exchange, context);
  if (session !== undefined) noteInSession(exchange, session, context);
  context.clock.add(exchange);
  exchange.answer.accepted?.();
  const relay = new CallRelay(exchange, context);
  const headers = forwardHeaders(request.headers, server.upstream.row, session?.hop);
  const params = paramsOf(exchange, server);
  const isHeaderless = request.isHeaderless === true;
  if (isHeaderless && params.length > 0) addParamHeaders(headers, server.upstream.row, params, request.body.toString('latin1'));
  exchange.call = context.upstream.open(
    {
      upstream: server.upstream.row,
      method: 'POST',
      lane: !isRequest ? 'reply' : hasNoEnd(envelope.method) ? 'stream' : 'call',
      headers,
      body: listenedBody(exchange, server),
      message: envelope,
      caller: exchange.principal,
      session: session?.upstream,
      lastEventId: undefined,
      isSafeToRepeat: isRequest && isSafeToRepeat(envelope.method),
      params,
      isHeaderless,
    },
    relay,
    opensSession ? sessionOpener(exchange, server, context) : undefined,
  );
}

/** A combined server knows better which tool is meant. */
function paramsOf({ request }: Exchange, server: ServerEntry): readonly ParamHeader[] {
  const { envelope, era } = request;
  if (era !== 'modern' || envelope.method !== 'tools/call' || server.items !== undefined) return NO_PARAMS;
  const item = server.upstream.tools.get(envelope.name ?? '');
  return item === undefined ? NO_PARAMS : declaredParams(item.row).params;
}

const NO_PARAMS: readonly ParamHeader[] = [];

/** Mints a session exactly when the upstream does (decisions.md 2). */
function sessionOpener(exchange: Exchange, server: ServerEntry, context: DispatchContext): UpstreamObserver {
  return {
    session(upstreamSession) {
      if (exchange.principal === undefined) return;
      if (exchange.answer.isGone) {
        // Its id will never be read.
        void tellUpstream(context.upstream, {
          upstream: server.upstream.row,
          method: 'DELETE',
          lane: 'reply',
          headers: [],
          body: undefined,
          message: undefined,
          caller: exchange.principal,
          session: upstreamSession,
          lastEventId: undefined,
          isSafeToRepeat: false,
        });
        return;
      }
      exchange.session = context.sessions.open(exchange.principal, server.id, upstreamSession, server.upstream.id);
    },
  };
}

function setDeadlines(exchange: Exchange, context: DispatchContext): void {
  const { method } = exchange.request.envelope;
  if (method === 'subscriptions/listen') return;
  exchange.hardDeadlineAtMs = exchange.atMs + context.toolTimeoutMaxMs;
  if (method !== 'tasks/result') exchange.deadlineAtMs = exchange.atMs + context.toolTimeoutMs;
}

function hasNoEnd(method: string): boolean {
  return method === 'subscriptions/listen' || method === 'tasks/result';
}

/** Keeps what a session opened anew has to be told again, and matches answers with questions. */
function noteInSession(exchange: Exchange, session: Session, context: DispatchContext): void {
  const { envelope, body } = exchange.request;
  if (envelope.kind === 'response') context.messages.answered(listenerOf(exchange), envelope, body.length);
  else if (envelope.method === 'notifications/cancelled') context.clock.find(session, envelope.requestId)?.relay?.takenBack();
  else if (envelope.method === 'logging/setLevel') session.upstream.remember('level', body);
  else if (envelope.method === 'resources/subscribe') session.upstream.remember(`subscription ${envelope.uri}`, body);
  else if (envelope.method === 'resources/unsubscribe') session.upstream.forget(`subscription ${envelope.uri}`);
}

function openStream(exchange: Exchange, server: ServerEntry, context: DispatchContext): void {
  const { session, request } = exchange;
  const headers = forwardHeaders(request.headers, server.upstream.row, session?.hop);
  if (session === undefined) {
    // The upstream's own answer to a GET outside a session: 400, 405, or a stream.
    context.clock.add(exchange);
    const relay = new CallRelay(exchange, context);
    exchange.call = context.upstream.open(
      {
        upstream: server.upstream.row,
        method: 'GET',
        lane: 'stream',
        headers,
        body: undefined,
        message: undefined,
        caller: exchange.principal,
        session: undefined,
        lastEventId: undefined,
        isSafeToRepeat: true,
      },
      relay,
    );
    return;
  }
  const lastEventId = request.headers['last-event-id'];
  if (typeof lastEventId === 'string') {
    resumeStream(exchange, session, lastEventId, headers);
    return;
  }
  if (session.standalone?.stream.hasReader === true) {
    throw new AppError('session.stream_taken', 'This session already has an open GET stream.');
  }
  if (session.standalone !== undefined) {
    session.standalone.join(exchange, headers, undefined);
    exchange.finish('ok');
    return;
  }
  const standalone = new StandaloneStream(exchange, session, headers, context);
  session.standalone = standalone;
  standalone.open();
}

function resumeStream(exchange: Exchange, session: Session, lastEventId: string, headers: string[]): void {
  const at = SessionStream.parse(lastEventId);
  const stream = at === undefined ? undefined : session.stream(at.token);
  if (at === undefined || stream === undefined) {
    throw new AppError('session.bad_event_id', 'Last-Event-ID names no stream of this session that could be resumed.');
  }
  const { answer } = exchange;
  if (session.standalone?.stream === stream) session.standalone.join(exchange, headers, at.sequence);
  else {
    answer.listener = stream;
    stream.readBy = exchange.principal;
    answer.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined });
    stream.attach(answer, at.sequence);
  }
  exchange.finish('ok');
}

function endSession(exchange: Exchange, server: ServerEntry, context: DispatchContext): void {
  const { session, request } = exchange;
  setDeadlines(exchange, context);
  context.clock.add(exchange);
  const relay: AnswerSink = new CallRelay(exchange, context);
  const sink: AnswerSink = {
    head(head: AnswerHead) {
      // Gone either way: a 404 says that the upstream does not know it any more.
      if (session !== undefined && (head.status < 300 || head.status === 404)) context.sessions.end(session);
      relay.head(session !== undefined && head.status === 404 ? { ...head, status: 200 } : head);
    },
    chunk: (bytes) => relay.chunk(bytes),
    event: (event) => relay.event(event),
    end: () => relay.end(),
    fail: (error) => relay.fail(error),
  };
  exchange.call = context.upstream.open(
    {
      upstream: server.upstream.row,
      method: 'DELETE',
      lane: 'reply',
      headers: forwardHeaders(request.headers, server.upstream.row, session?.hop),
      body: undefined,
      message: undefined,
      caller: exchange.principal,
      session: session?.upstream,
      lastEventId: undefined,
      isSafeToRepeat: false,
    },
    sink,
  );
}
