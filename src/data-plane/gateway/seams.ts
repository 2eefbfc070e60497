// The two seams of the data plane (decisions.md 27, 31). Below them lie adapters – node:http in front, undici behind – that can
// be replaced without a change to anything above.
import type { AppError } from '#base/kernel';
import type { Principal } from '#base/access';
import type { Envelope, ParamHeader } from '#base/protocol';
import type { UpstreamRow } from './snapshot-input.ts';

/** How an answer comes: one JSON document, a stream of events, or nothing but a status. */
export type AnswerKind = 'json' | 'stream' | 'empty';

export interface AnswerHead {
  /** HTTP status. */
  readonly status: number;
  readonly kind: AnswerKind;
  /** Headers that may pass, flat names and values; never content-type, content-length or a session id. */
  readonly headers: readonly string[];
  /** Bytes of the body when they are known. */
  readonly contentLength: number | undefined;
  /** The upstream's answer carried a session id: ours carries the gateway's own then, on this answer as on `initialize`. */
  readonly namesSession?: boolean;
  /** Set when the gateway itself answers: what comes of the request. The document was made here and need not be looked at. */
  readonly ownOutcome?: 'ok' | 'rpc_error';
}

/** One server-sent event, its texts as latin1 (one character a byte). A comment alone has only `comment`. */
export interface StreamEvent {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly retry: string | undefined;
  /** The data lines joined by \n; undefined when the event has none. */
  readonly data: string | undefined;
  readonly comment: string | undefined;
}

/**
 * Where an upstream's answer goes: exactly one `head`, then chunks of one JSON body or events, then `end`; or `fail` at any
 * point, after which nothing follows. `chunk` and `event` return false when the receiver is full.
 */
export interface AnswerSink {
  head(head: AnswerHead): void;
  chunk(bytes: Buffer): boolean;
  event(event: StreamEvent): boolean;
  end(): void;
  fail(error: AppError): void;
}

/**
 * Hears of the client. Methods of an object that is there anyway, because a closure that is stored with every call and seldom
 * called keeps all it captures alive until the next full collection (measured: 6 KB a call, twice the GC time).
 */
export interface AnswerListener {
  /** The client has gone away before the answer was complete. */
  clientGone(): void;
  /** The client can take more after a `false`. */
  clientHasRoom(): void;
}

/** The client's side of one exchange, implemented by a transport. */
export interface ClientAnswer extends AnswerSink {
  /** Adds a response header; only before `head`. */
  setHeader(name: string, value: string): void;
  /**
   * The message was let in and is being sent on: whatever comes now is its answer. Only doors that acknowledge a message apart
   * from its answer (HTTP+SSE) want to know.
   */
  accepted?(): void;
  /** A whole JSON document in one piece: what `head`, `chunk` and `end` would do, at a third of the cost. */
  reply(head: AnswerHead, document: Buffer): void;
  /** Who is told what happens on the client's side. An object rather than closures: see AnswerListener. */
  listener: AnswerListener | undefined;
  /** The client has gone away before the answer was complete; a listener that comes later is not told any more. */
  readonly isGone: boolean;
  /** HTTP status once started, else 0. */
  readonly status: number;
  /** Bytes of the body sent so far. */
  readonly sentBytes: number;
}

export interface UpstreamRequest {
  readonly upstream: UpstreamRow;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly lane: 'call' | 'stream' | 'reply';
  /** Headers of the client that may pass, flat names and values. The array is the adapter's to add its own and the credentials to. */
  readonly headers: string[];
  readonly body: Buffer | undefined;
  /** What the scan found in the body; undefined without one. */
  readonly message: Envelope | undefined;
  /** On whose behalf; undefined for what the gateway says of its own accord. */
  readonly caller: Principal | undefined;
  /** The upstream's session to speak in, or undefined outside one. */
  readonly session: UpstreamSession | undefined;
  readonly lastEventId: string | undefined;
  /** May the adapter send it again when it is unknown whether the upstream carried it out? */
  readonly isSafeToRepeat: boolean;
  /** What a client of 2026-07-28 has to say in headers too of the arguments of the tool it calls, for the adapter that is its server. */
  readonly params?: readonly ParamHeader[];
  /** The client sends no such headers: what is missing is made, not missed. */
  readonly isHeaderless?: boolean;
}

/** One request under way. */
export interface UpstreamCall {
  /** Id of the upstream it went to in the end, when that is not the one that was named. */
  readonly upstreamId?: string | undefined;
  /** Closes the connection; nothing reaches the sink afterwards. */
  cancel(): void;
  pause(): void;
  resume(): void;
}

/** A session with an upstream. It is opened again, once per loss, by the adapter (checklist point 40). */
export interface UpstreamSession {
  /** Remembers a request that has to be sent again when the session is opened anew, e.g. a subscription. */
  remember(key: string, body: Buffer): void;
  forget(key: string): void;
}

/** What `open` tells besides the answer itself. */
export interface UpstreamObserver {
  /** The upstream opened a session in answer to `initialize`. */
  session(session: UpstreamSession): void;
}

export interface UpstreamPort {
  open(request: UpstreamRequest, sink: AnswerSink, observer?: UpstreamObserver): UpstreamCall;
}
