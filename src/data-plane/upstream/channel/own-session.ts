// A session with a line of its own: the client's messages travel as they came, and what the upstream asks can only be meant for this
// client. When the line breaks, the running calls say so at once, and the next message – or the listening client, after a pause –
// has it opened again with the client's own `initialize`, its log level and subscriptions (checklist 40).
import { AppError, toAppError } from '#base/kernel';
import { valueAt, type Envelope } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamObserver, UpstreamRequest, UpstreamRow } from '#data-plane/gateway';
import { keyOf, type ChannelLink, type LinkOwner } from './channel-link.ts';
import { accepted, refusedByHeaders } from './http-manners.ts';
import { lineKey, openLink, type LineParts } from './line-parts.ts';
import { LineSession, sessionNotFound } from './line-session.ts';
import { PendingCall, PLAIN_MANNERS } from './pending-call.ts';
import { ReopenTimer } from './reopen-timer.ts';
import { stringAt } from './string-at.ts';

const REMEMBERED_MAX = 1000;
/** As many as may be open on a session of the gateway. */
const ASKED_MAX = 10_000;
const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

export class OwnSession extends LineSession implements LinkOwner {
  readonly #parts: LineParts;
  readonly #onEnd: (session: OwnSession) => void;
  readonly #initialize: string;
  readonly #headers: readonly string[];
  readonly #remembered = new Map<string, string>();
  /**
   * Questions of this line that are not answered yet, and the call on whose stream they went, so that their withdrawal goes the
   * same way. Another line counts its questions anew: an answer to one that is not here is not for it.
   */
  readonly #asked = new Map<string, PendingCall | undefined>();
  /** Requests that wait for a line. */
  readonly #waiting = new Set<PendingCall>();
  readonly #reopenTimer = new ReopenTimer(() => this.#reopenForListener());
  #upstream: UpstreamRow;
  #link: ChannelLink | undefined;
  /** Which command or address the line is for. */
  #linkKey = '';
  /** While hands are shaken again. */
  #openingLink: ChannelLink | undefined;
  #reopening: Promise<ChannelLink> | undefined;
  #isAgreed = false;

  private constructor(parts: LineParts, request: UpstreamRequest, onEnd: (session: OwnSession) => void) {
    super();
    this.#parts = parts;
    this.#onEnd = onEnd;
    this.#upstream = request.upstream;
    this.#initialize = request.body?.toString('latin1') ?? '';
    this.#headers = ownHeaders(request.headers);
  }

  /**
   * Opens a line and sends the client's `initialize`; the session begins when the upstream agrees.
   * Throws AppError as openLink() does.
   */
  static open(
    parts: LineParts,
    request: UpstreamRequest,
    message: Envelope,
    sink: AnswerSink,
    observer: UpstreamObserver | undefined,
    onEnd: (session: OwnSession) => void,
  ): { session: OwnSession; call: UpstreamCall } {
    const session = new OwnSession(parts, request, onEnd);
    session.#linkKey = lineKey(session.#upstream);
    session.#link = openLink(parts, session, session.#upstream, session.#headers, false);
    const call = new PendingCall(message, sink, PLAIN_MANNERS);
    call.canStream = false;
    call.onAnswer = (text, answer) => {
      if (answer.isError) return text;
      session.#isAgreed = call.namesSession = true;
      session.#reopenTimer.stands();
      session.version = stringAt(text, ['result', 'protocolVersion']) ?? '';
      parts.health.succeeded(session.#upstream.id);
      observer?.session(session);
      return text;
    };
    call.onOver = () => {
      if (session.#isAgreed) return;
      parts.health.released(session.#upstream.id);
      void session.end();
    };
    session.#link.start(call, request.body ?? Buffer.alloc(0));
    return { session, call };
  }

  get upstreamId(): string {
    return this.#upstream.id;
  }

  /** Is a process or a connection kept for it now? */
  get hasLine(): boolean {
    return this.#link !== undefined || this.#reopening !== undefined;
  }

  get runningCalls(): Iterable<PendingCall> {
    return this.#link?.calls ?? [];
  }

  get isIdle(): boolean {
    return !this.isListenedTo && this.#reopening === undefined && (this.#link?.callCount ?? 0) === 0;
  }

  post(request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const { message, body } = request;
    const refusal = refusedByHeaders(request, sink);
    if (refusal !== undefined || message === undefined || body === undefined) return refusal ?? accepted(sink);
    if (this.isEnded) return sessionNotFound(sink);
    this.lastUsedAtMs = Date.now();
    this.follow(request.upstream);
    if (message.kind !== 'request') {
      const isForThisLine = message.kind === 'notification' || (message.id !== undefined && this.#asked.delete(keyOf(message.id)));
      if (message.method === 'notifications/cancelled' && message.requestId !== undefined) this.#takeBack(keyOf(message.requestId));
      // To a line that is gone there is nothing to say: who asked has gone with it, and the next one is told anew.
      if (isForThisLine) this.#link?.tell(body);
      return accepted(sink);
    }
    const call = new PendingCall(message, sink, this.manners);
    if (this.#link !== undefined) this.#start(this.#link, call, body);
    else {
      this.#waiting.add(call);
      this.#ensureLink()
        .then((link) => this.#start(link, call, body))
        .catch((error: unknown) => call.fail(toAppError(error)))
        .finally(() => this.#waiting.delete(call));
    }
    return call;
  }

  /** The client cancels a call: one that was not sent yet never is. */
  #takeBack(id: string): void {
    this.#link?.callOf(id)?.takenBack();
    for (const call of this.#waiting) if (keyOf(call.message.id ?? 'null') === id) call.cancel();
  }

  #start(link: ChannelLink, call: PendingCall, body: Buffer): void {
    link.start(call, body);
    // A question that nobody could be asked until now.
    for (const text of this.isListenedTo ? [] : this.#takeHeldQuestions()) call.event(text);
  }

  remember(key: string, body: Buffer): void {
    if (this.#remembered.size < REMEMBERED_MAX || this.#remembered.has(key)) this.#remembered.set(key, body.toString('latin1'));
  }

  forget(key: string): void {
    this.#remembered.delete(key);
  }

  async end(): Promise<void> {
    if (this.isEnded) return;
    this.isEnded = true;
    this.endListener();
    this.#onEnd(this);
    await this.sleep();
  }

  /** Lets the line go; the next message opens another. */
  async sleep(): Promise<void> {
    const links = [this.#link, this.#openingLink];
    this.#link = this.#openingLink = undefined;
    this.#reopenTimer.cancel();
    this.#dropQuestions();
    await Promise.all(links.map(async (link) => await link?.close()));
  }

  /**
   * The row may have been read again: an upstream that has another command or address since gets another line as soon as nobody is
   * in the middle of something.
   */
  follow(upstream: UpstreamRow): void {
    this.#upstream = upstream;
    if (this.isEnded) return;
    if (this.#isAgreed && this.#link?.callCount === 0 && this.#linkKey !== lineKey(upstream)) void this.sleep();
    if (this.#link === undefined && this.isListenedTo) this.#reopenTimer.plan();
  }

  asked(envelope: Envelope, text: string): void {
    const id = envelope.id as string;
    const call = this.#soleCall(envelope.method);
    if (call !== undefined) {
      this.#noteAsked(id, call);
      call.event(text);
    } else if (this.isListenedTo) {
      this.#noteAsked(id, undefined);
      this.say(text);
    } else if (envelope.method === 'ping') this.#link?.tell(`{"jsonrpc":"2.0","id":${id},"result":{}}`);
    else {
      const latest = this.#latestCall();
      this.#noteAsked(id, latest);
      if (latest === undefined) this.say(text);
      else latest.event(text);
    }
  }

  told(envelope: Envelope, text: string): void {
    if (envelope.method === 'notifications/cancelled' && envelope.requestId !== undefined) {
      const id = keyOf(envelope.requestId);
      const call = this.#asked.get(id);
      this.#asked.delete(id);
      if (call !== undefined && !call.isOver) {
        call.event(text);
        return;
      }
    }
    const call = envelope.method === 'notifications/message' && !this.isListenedTo ? this.#soleCall(envelope.method) : undefined;
    if (call === undefined) this.say(text);
    else call.event(text);
  }

  lost(error: AppError): void {
    if (!this.#isAgreed) this.#parts.health.failed(this.#upstream.id, error);
    // A line that is only being opened again tells whoever opens it.
    if (this.#link === undefined) return;
    this.#link = undefined;
    this.#dropQuestions();
    this.#parts.health.broke(this.#upstream.id, error);
    this.#reopenTimer.lost();
    if (this.isListenedTo) this.#reopenTimer.plan();
  }

  protected pauseFor(reader: object): boolean {
    this.#link?.pauseFor(reader);
    return true;
  }

  protected resumeFor(reader: object): void {
    this.#link?.resumeFor(reader);
  }

  protected override listened(): void {
    if (this.#link === undefined && !this.isEnded) this.#reopenTimer.plan();
  }

  /** A question that came while no stream was open and no call ran. */
  #takeHeldQuestions(): string[] {
    const held = this.takeHeld();
    const questions = held.filter((text) => valueAt(text, ['id']) !== undefined);
    for (const text of held) if (!questions.includes(text)) this.say(text);
    return questions;
  }

  #noteAsked(id: string, call: PendingCall | undefined): void {
    const [oldest] = this.#asked.keys();
    if (this.#asked.size >= ASKED_MAX && oldest !== undefined) this.#asked.delete(oldest);
    this.#asked.set(keyOf(id), call);
  }

  /** Who asked is gone: nobody else may get the answers. */
  #dropQuestions(): void {
    const asked = new Map(this.#asked);
    this.#asked.clear();
    for (const text of this.takeHeld()) {
      const id = valueAt(text, ['id']);
      if (id === undefined) this.say(text);
      // It has reached nobody.
      else asked.delete(keyOf(id));
    }
    for (const [id, call] of asked) {
      // One that went on a call's stream is over with its call; a listener is told all the same, for its client still shows it.
      if (call !== undefined && !this.isListenedTo) continue;
      this.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"The upstream that asked is gone"}}`);
    }
  }

  /** The only call that runs: what is asked meanwhile is asked for it, but for what never is. */
  #soleCall(method: string): PendingCall | undefined {
    const calls = this.#listeningCalls();
    if (calls.length !== 1) return undefined;
    if (this.isListenedTo && (method === 'ping' || method === 'roots/list')) return undefined;
    return calls[0];
  }

  #latestCall(): PendingCall | undefined {
    return this.#listeningCalls().at(-1);
  }

  /** The calls whose client can be told something on their streams. */
  #listeningCalls(): PendingCall[] {
    return [...this.runningCalls].filter((call) => call.canStream && !call.isTakenBack);
  }

  #reopenForListener(): void {
    if (this.#link !== undefined || !this.isListenedTo || this.isEnded) return;
    const pending = this.#ensureLink();
    pending.catch(() => {
      if (this.isListenedTo && this.#upstream.enabled && !this.isEnded) this.#reopenTimer.plan();
    });
  }

  #ensureLink(): Promise<ChannelLink> {
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  async #reopen(): Promise<ChannelLink> {
    const { health, handshakeTimeoutMs } = this.#parts;
    const key = lineKey(this.#upstream);
    const link = openLink(this.#parts, this, this.#upstream, this.#headers, false);
    this.#openingLink = link;
    try {
      const { text, envelope } = await link.ask(this.#initialize, handshakeTimeoutMs);
      if (envelope.isError)
        throw new AppError('upstream.session_lost', `Gateway "${this.#upstream.name}" lost the session and did not open a new one.`, {
          internal: text.slice(0, 500),
        });
      // It may have broken, or been let go, in the moment it stood.
      if (link.endedBy !== undefined) throw link.endedBy;
      link.tell(INITIALIZED);
      for (const body of this.#remembered.values()) void link.ask(body, handshakeTimeoutMs).catch(() => undefined);
    } catch (error) {
      if (this.#openingLink === link) {
        this.#openingLink = undefined;
        health.failed(this.#upstream.id, toAppError(error));
        this.#reopenTimer.lost();
      } else health.released(this.#upstream.id);
      void link.close();
      throw error;
    }
    health.succeeded(this.#upstream.id);
    this.#reopenTimer.stands();
    this.#openingLink = undefined;
    this.#linkKey = key;
    this.#link = link;
    this.onReopened?.();
    return link;
  }
}

/** Headers of the client that go with the session, not with one of its messages. */
function ownHeaders(headers: readonly string[]): string[] {
  return headers.flatMap((name, at) =>
    at % 2 === 0 && !/^(?:accept|content-type|traceparent|tracestate|baggage|mcp-.*)$/i.test(name) ? [name, headers[at + 1] ?? ''] : [],
  );
}
