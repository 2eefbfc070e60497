// The adapter for upstreams on a line: decides which line a message takes – the session's own, one that is shared, the one for
// requests that describe themselves – and looks after the lines: lets idle ones go, and ends those of upstreams that are no more.
import { AppError } from '#base/kernel';
import { NEWEST_LEGACY_VERSION, isLegacyVersion, LEGACY_VERSIONS, parsedJson, valueAt, type Envelope, MODERN_VERSION } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamObserver, UpstreamPort, UpstreamRequest, UpstreamRow } from '#data-plane/gateway';
import { done, NO_CALL, refused, refusedByHeaders } from './http-manners.ts';
import { lineKey, type LineParts } from './line-parts.ts';
import { LineSession } from './line-session.ts';
import { ModernLine } from './modern-line.ts';
import { isModern, refusedModern } from './modern-manners.ts';
import { OwnSession } from './own-session.ts';
import { PendingCall, PLAIN_MANNERS } from './pending-call.ts';
import { SharedLine } from './shared-line.ts';
import { stringAt } from './string-at.ts';

export interface ChannelUpstreamSettings {
  /** A line that nobody has used for so long is let go; the next message opens it again. Infinity: never. */
  readonly idleMs: number;
}

export interface ChannelUpstream extends UpstreamPort {
  /** Ends the lines of upstreams that are not among these, switched off, or have another command or address. */
  keepOnly(upstreams: ReadonlyMap<string, { readonly row: UpstreamRow }>): void;
  /** Ends all lines; resolves when nothing of them is left. */
  close(): Promise<void>;
}

type Line = OwnSession | SharedLine | ModernLine;

const TICK_MS = 1000;
/** A call that has said nothing for so long becomes a stream, so that its client and whatever lies between see that it lives. */
const SILENT_MAX_MS = 5000;
const ASKING_CAPABILITIES = ['sampling', 'elicitation', 'roots', 'tasks'];

export function createChannelUpstream(house: LineParts, settings: ChannelUpstreamSettings): ChannelUpstream {
  const parts: LineParts = { ...house, opener: { open: openWithRoom } };
  const sessions = new Set<OwnSession>();
  /** By upstream, revision and capabilities. */
  const shared = new Map<string, SharedLine>();
  /** By upstream. */
  const modern = new Map<string, ModernLine>();
  const ending = new Set<Promise<void>>();

  function allLines(): Line[] {
    return [...sessions, ...shared.values(), ...modern.values()];
  }

  function ended(promise: Promise<void>): void {
    ending.add(promise);
    void promise.finally(() => ending.delete(promise));
  }

  function sharedLine(upstream: UpstreamRow, version: string, capabilities: string): SharedLine {
    const key = JSON.stringify([upstream.id, lineKey(upstream), version, capabilities]);
    let line = shared.get(key);
    if (line === undefined) {
      line = new SharedLine(parts, upstream, version, capabilities, (now) => sharedLine(now, version, capabilities));
      shared.set(key, line);
    }
    line.follow(upstream);
    return line;
  }

  function initialize(request: UpstreamRequest, message: Envelope, sink: AnswerSink, observer: UpstreamObserver | undefined): UpstreamCall {
    const { upstream } = request;
    if (!upstream.legacy && upstream.modern) throw wrongEra(upstream, versionAsked(request), [MODERN_VERSION]);
    const { capabilities, canBeAsked } = capabilitiesIn(request);
    const { stdioIsolation } = upstream;
    const needsOwn = upstream.transport === 'SSE' || stdioIsolation === 'session' || (stdioIsolation === 'auto' && canBeAsked);
    if (!needsOwn) {
      const asked = versionAsked(request);
      const version = isLegacyVersion(asked) ? asked : NEWEST_LEGACY_VERSION;
      return sharedLine(upstream, version, canBeAsked ? '{}' : capabilities).join(message, sink, observer);
    }
    const { session, call } = OwnSession.open(parts, request, message, sink, observer, (over) => sessions.delete(over));
    sessions.add(session);
    return call;
  }

  /** A plain request of a client that holds no session: a line needs none (decisions.md 3). */
  function withoutSession(request: UpstreamRequest, message: Envelope, body: Buffer, sink: AnswerSink): UpstreamCall {
    const { upstream } = request;
    if (message.kind !== 'request') return refused(sink, 400, -32000, 'Bad Request: there is no session this message could belong to');
    if (!upstream.legacy && upstream.modern) throw wrongEra(upstream, NEWEST_LEGACY_VERSION, [MODERN_VERSION]);
    if (message.method.startsWith('tasks/')) return refused(sink, 400, -32000, 'Bad Request: a task belongs to a session');
    const call = new PendingCall(message, sink, { ...PLAIN_MANNERS, tellsCancel: true });
    sharedLine(upstream, NEWEST_LEGACY_VERSION, '{}').start(call, body);
    return call;
  }

  function selfDescribing(request: UpstreamRequest, message: Envelope, body: Buffer, sink: AnswerSink): UpstreamCall {
    const { upstream } = request;
    if (!upstream.modern) throw wrongEra(upstream, message.protocolVersion ?? '', LEGACY_VERSIONS.slice(1).toReversed());
    const refusal = refusedModern(request, message, body, sink);
    if (refusal !== undefined) return refusal;
    let line = modern.get(upstream.id);
    if (line?.isFor(upstream) === false) {
      ended(line.end());
      line = undefined;
    }
    if (line === undefined) modern.set(upstream.id, (line = new ModernLine(parts, upstream)));
    return line.post(request, message, body, sink);
  }

  function open(request: UpstreamRequest, sink: AnswerSink, observer: UpstreamObserver | undefined): UpstreamCall {
    const { session, message, body } = request;
    if (session !== undefined && !(session instanceof LineSession)) return refused(sink, 404, -32001, 'Session not found');
    if (request.method === 'DELETE') {
      if (session !== undefined) ended(session.end());
      return session === undefined ? refused(sink, 405, -32000, 'Method not allowed.') : done(sink);
    }
    if (request.method === 'GET') return session === undefined ? refused(sink, 405, -32000, 'Method not allowed.') : session.get(request, sink);
    if (message === undefined || body === undefined) throw new AppError('internal', 'A message without a body');
    if (session !== undefined) return session.post(request, sink);
    if (isModern(request, message)) return selfDescribing(request, message, body, sink);
    const refusal = refusedByHeaders(request, sink);
    if (refusal !== undefined) return refusal;
    if (message.method === 'initialize') return initialize(request, message, sink, observer);
    return withoutSession(request, message, body, sink);
  }

  function tick(): void {
    const nowMs = Date.now();
    for (const line of allLines()) {
      for (const call of line.runningCalls) {
        call.endIfTakenBack(nowMs);
        if (!call.isStream && nowMs - call.atMs > SILENT_MAX_MS) call.becomeStream();
      }
      if (!line.isIdle) line.lastUsedAtMs = nowMs;
      if (line.hasLine && line.isIdle && nowMs - line.lastUsedAtMs > settings.idleMs) ended(line.sleep());
    }
    for (const [key, line] of shared) if (!line.hasLine && line.isIdle && line.members.size === 0) shared.delete(key);
    for (const [id, line] of modern) if (!line.hasLine && line.isIdle) modern.delete(id);
  }

  /** Room for another process: the line that has been idle longest is let go. */
  function makeRoom(): void {
    const idle = allLines().filter((line) => line.hasLine && line.isIdle);
    const [oldest] = idle.toSorted((a, b) => a.lastUsedAtMs - b.lastUsedAtMs);
    if (oldest !== undefined) ended(oldest.sleep());
  }

  function openWithRoom(...line: Parameters<LineParts['opener']['open']>): ReturnType<LineParts['opener']['open']> {
    try {
      return house.opener.open(...line);
    } catch (error) {
      if (error instanceof AppError && error.code === 'limit.processes') makeRoom();
      throw error;
    }
  }

  const timer = setInterval(tick, TICK_MS);
  timer.unref();

  return {
    open(request, sink, observer) {
      try {
        return open(request, sink, observer);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        sink.fail(error);
        return NO_CALL;
      }
    },
    keepOnly(upstreams) {
      for (const session of sessions) {
        const row = upstreams.get(session.upstreamId)?.row;
        if (row === undefined) ended(session.end());
        else if (row.enabled) session.follow(row);
        else ended(session.sleep());
      }
      for (const [key, line] of shared) {
        const row = upstreams.get(line.upstreamId)?.row;
        if (row?.enabled === false) ended(line.sleep());
        else if (row !== undefined && line.isFor(row)) {
          line.follow(row);
          if (line.isListenedTo) line.wake();
        } else {
          shared.delete(key);
          ended(row === undefined ? line.end() : line.retire(row));
        }
      }
      for (const [id, line] of modern) {
        const row = upstreams.get(id)?.row;
        if (row?.enabled === true && line.isFor(row)) continue;
        modern.delete(id);
        ended(line.end());
      }
    },
    async close() {
      clearInterval(timer);
      for (const line of allLines()) ended(line.end());
      await Promise.all(ending);
    },
  };
}

function wrongEra(upstream: UpstreamRow, requested: string, supported: readonly string[]): AppError {
  return new AppError('upstream.wrong_era', `Gateway "${upstream.name}" does not speak this revision of MCP; it speaks ${supported.join(', ')}.`, {
    data: { supported, requested },
  });
}

function versionAsked({ body }: UpstreamRequest): string {
  return stringAt(body?.toString('latin1') ?? '', ['params', 'protocolVersion']) ?? '';
}

/** What the client declares, and whether it can be asked something by the upstream. */
function capabilitiesIn({ body }: UpstreamRequest): { capabilities: string; canBeAsked: boolean } {
  const capabilities = valueAt(body?.toString('latin1') ?? '', ['params', 'capabilities']) ?? '{}';
  const declared = parsedJson(capabilities);
  if (typeof declared !== 'object' || declared === null) return { capabilities: '{}', canBeAsked: false };
  return { capabilities, canBeAsked: ASKING_CAPABILITIES.some((name) => Object.hasOwn(declared, name)) };
}
