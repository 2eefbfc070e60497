// The life of a message on one screen: authenticate, resolve, then the stages compiled for its server – authorise, limit,
// dispatch – and the record at the end, whatever happens. Every door comes through here; there is no other way to an upstream.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Authenticator, Principal } from '#base/access';
import { parseTraceparent } from '#base/protocol';
import { AppError, toAppError, type Logger, type SpanSink } from '#base/kernel';
import { CallClock } from './call-clock.ts';
import type { RecordSink } from './call-record.ts';
import { Exchange, type ClientRequest } from './exchange.ts';
import type { LimitGate } from './limits.ts';
import { Tracer } from './message-trace.ts';
import { Recorder } from './recorder.ts';
import type { ClientAnswer, UpstreamPort } from './seams.ts';
import { ServerMessages } from './server-messages.ts';
import { SessionBook, type Session } from './session.ts';
import { createSnapshotHolder, type SnapshotHolder } from './snapshot.ts';
import { authorize } from './stages/authorize.ts';
import { dispatchTo } from './stages/dispatch.ts';
import { limitBy } from './stages/limit.ts';
import { resolve } from './stages/resolve.ts';
import type { Stage } from './stages/stage.ts';
import { checkStrictly } from './stages/strict-schema.ts';
import { tellUpstream } from './tell-upstream.ts';

export interface GatewaySettings {
  readonly toolTimeoutMs: number;
  readonly toolTimeoutMaxMs: number;
  readonly sessionIdleMs: number;
  readonly sessionsMax: number;
}

export interface GatewayParts {
  readonly authenticator: Authenticator;
  readonly upstream: UpstreamPort;
  readonly records: RecordSink;
  /** Where a span of each message goes; undefined while tracing is off. */
  readonly spans?: SpanSink | undefined;
  /** An upstream tells one of its clients that its lists are others now. */
  readonly onListChanged: (upstreamId: string) => void;
  readonly logger: Logger;
}

export interface Gateway {
  readonly snapshots: SnapshotHolder;
  /** Of clients, open now. */
  readonly sessionCount: number;
  /** Takes a message through its whole life. Never throws: what goes wrong becomes the answer. */
  handle(request: ClientRequest, answer: ClientAnswer): void;
  /**
   * Lets a caller open a line of its own to a server (HTTP+SSE, stdio): authenticated, resolved and authorised like a message, with
   * nothing sent on. What stands against it becomes the answer; otherwise `admitted` is called, and the line is the door's.
   */
  admit(request: ClientRequest, answer: ClientAnswer, admitted: (admission: Admission) => void): void;
  /** Records a question that was not a message of its own on the client's side: between the eras it is part of an answer. */
  recordQuestion(question: CarriedQuestion): void;
  /** Hands over the records of what has just happened, for whoever wants to see them now. */
  flushRecords(): void;
  /** Lets calls end up to `graceMs`, then ends them and all streams properly, and hands over the last records. */
  close(graceMs: number): Promise<void>;
}

/** What an upstream asked in the middle of a call, carried to a client of another protocol era. */
export interface CarriedQuestion {
  readonly upstreamId: string;
  readonly caller: Principal | undefined;
  /** Of the upstream's request. */
  readonly method: string;
  /** When it was asked, epoch ms. */
  readonly atMs: number;
  /** W3C traceparent of the call in whose middle it was asked. */
  readonly traceparent: string | undefined;
  /** `expired`: the client took too long. */
  readonly outcome: 'ok' | 'cancelled' | 'expired';
}

export interface Admission {
  /** Key of the principal; whoever else sends on this line is refused (ClientRequest.onlyFor). */
  readonly principalKey: string;
  readonly serverId: string;
}

const SWEEP_INTERVAL_MS = 15_000;
const TOLD_WITHIN_MS = 1000;
const NOBODY = { row: undefined };

export function createGateway(settings: GatewaySettings, parts: GatewayParts): Gateway {
  const { authenticator, upstream } = parts;
  const recorder = new Recorder(parts.records, parts.logger, parts.spans === undefined ? undefined : new Tracer(parts.spans));
  const clock = new CallClock();
  const sessions = new SessionBook({
    sessionsMax: settings.sessionsMax,
    idleMs: settings.sessionIdleMs,
    onExpired: (session) => void endUpstream(session),
  });
  const messages = new ServerMessages(authenticator, recorder, (id) => snapshots.current.servers.get(id), parts.onListChanged);
  const dispatch = dispatchTo({
    upstream,
    messages,
    sessions,
    clock,
    toolTimeoutMs: settings.toolTimeoutMs,
    toolTimeoutMaxMs: settings.toolTimeoutMaxMs,
  });
  const strictly = checkStrictly(parts.logger);
  const snapshots: SnapshotHolder = createSnapshotHolder((gates: readonly LimitGate[], isStrict: boolean): readonly Stage[] => [
    authorize,
    ...(gates.length === 0 ? [] : [limitBy(gates)]),
    ...(isStrict ? [strictly] : []),
    dispatch,
  ]);
  const sweep = setInterval(() => sessions.sweep(Date.now(), isOrphan), SWEEP_INTERVAL_MS);
  sweep.unref();
  let isClosing = false;

  function isOrphan({ serverId, upstreamId }: Session): boolean {
    return snapshots.current.servers.get(serverId)?.upstream.id !== upstreamId;
  }

  /** An upstream that is not told keeps a session for a client that will never come back. */
  async function endUpstream(session: Session): Promise<void> {
    const { servers, upstreams } = snapshots.current;
    // A combined server is its own upstream. What is no more has ended its sessions itself.
    const own = servers.get(session.serverId)?.upstream;
    const { row } = upstreams.get(session.upstreamId) ?? (own?.id === session.upstreamId ? own : NOBODY);
    if (row === undefined) return;
    await tellUpstream(upstream, {
      upstream: row,
      method: 'DELETE',
      lane: 'reply',
      headers: [],
      body: undefined,
      message: undefined,
      caller: session.principal,
      session: session.upstream,
      lastEventId: undefined,
      isSafeToRepeat: false,
    });
  }

  function authenticated(exchange: Exchange, proceed: (exchange: Exchange, principal: Principal) => void): void {
    const { request } = exchange;
    try {
      // What is running may still need the client's answers to come to its end, and its own answer be fetched.
      const comesBack = request.verb === 'GET' && request.headers['last-event-id'] !== undefined;
      if (isClosing && request.envelope.kind === 'request' && !comesBack) throw new AppError('gateway.stopping', 'The gateway is shutting down.');
      const principal = authenticator.authenticate({ authorization: request.headers.authorization });
      if (principal instanceof Promise)
        principal.then(
          (found) => proceed(exchange, found),
          (error: unknown) => refuse(exchange, error),
        );
      else proceed(exchange, principal);
    } catch (error) {
      refuse(exchange, error);
    }
  }

  function proceed(exchange: Exchange, principal: Principal): void {
    try {
      const { answer, request } = exchange;
      // It has gone while its token was looked at, and going is how it cancels.
      if (answer.isGone && (request.era === 'modern' || request.verb === 'GET')) {
        exchange.finish('cancelled');
        return;
      }
      exchange.principal = principal;
      const server = resolve(exchange, snapshots.current, sessions);
      for (const stage of server.stages) stage(exchange);
    } catch (error) {
      refuse(exchange, error);
    }
  }

  function refuse(exchange: Exchange, thrown: unknown): void {
    exchange.refuse(toAppError(thrown));
  }

  return {
    snapshots,
    get sessionCount() {
      return sessions.size;
    },
    handle(request, answer) {
      authenticated(new Exchange(request, answer, recorder), proceed);
    },
    admit(request, answer, admitted) {
      authenticated(new Exchange(request, answer, recorder), (exchange, principal) => {
        try {
          exchange.principal = principal;
          const server = resolve(exchange, snapshots.current, sessions);
          authorize(exchange);
          admitted({ principalKey: principal.key, serverId: server.id });
          exchange.finish('ok');
        } catch (error) {
          refuse(exchange, error);
        }
      });
    },
    recordQuestion({ upstreamId, caller, method, atMs, traceparent, outcome }) {
      const call = parseTraceparent(traceparent);
      recorder.add({
        atMs,
        durationMs: Date.now() - atMs,
        direction: 'ask',
        outcome: outcome === 'ok' ? 'ok' : 'cancelled',
        httpStatus: 0,
        requestBytes: 0,
        answerBytes: 0,
        traceparent,
        trace: recorder.tracer?.within(
          call === undefined ? undefined : { ...call, parentSpanId: undefined, requestId: undefined, protocolVersion: undefined },
        ),
        method,
        target: '',
        errorCode: outcome === 'expired' ? 'bridge.expired' : '',
        serverId: '',
        upstreamId,
        userEmail: caller?.email ?? '',
        tokenId: caller?.tokenId ?? '',
        clientAddress: '',
      });
    },
    flushRecords() {
      recorder.flush();
    },
    async close(graceMs) {
      isClosing = true;
      clearInterval(sweep);
      endStreams(clock);
      await clock.idle(graceMs);
      for (const exchange of clock.all()) {
        const error = new AppError('gateway.stopping', 'The gateway is shutting down and could not wait for this call any longer.');
        // Through its relay, since whoever waits may have come back on another connection.
        exchange.relay?.stop(error);
        exchange.refuse(error);
      }
      // The sessions end with this process; their upstreams are told as far as that takes no time.
      const told = Promise.all(sessions.endAll().map((session) => endUpstream(session)));
      await Promise.race([told, sleep(TOLD_WITHIN_MS, undefined, { ref: false })]);
      clock.close();
      recorder.flush();
    },
  };
}

/**
 * Streams that have no end of their own are ended. A listening client is told that it is on purpose: by the result that
 * `subscriptions/listen` is owed (MCP 2026-07-28).
 */
function endStreams(clock: CallClock): void {
  for (const exchange of clock.all()) {
    const { answer, request } = exchange;
    const { method, id } = request.envelope;
    const isListening = method === 'subscriptions/listen';
    if (!isListening && request.verb !== 'GET') continue;
    exchange.call?.cancel();
    if (answer.status === 0) {
      exchange.refuse(new AppError('gateway.stopping', 'The gateway is shutting down.'));
      continue;
    }
    const data = `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":${id}}}}`;
    if (isListening) answer.event({ id: undefined, event: 'message', retry: undefined, data, comment: undefined });
    answer.end();
    exchange.finish('ok');
  }
}
