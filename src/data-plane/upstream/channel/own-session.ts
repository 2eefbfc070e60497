// A session with a line of its own: the client's messages travel as they came, and what the upstream asks can only be meant for this
// client. When the line breaks, the running calls say so at once, and the next message – or the listening client, after a pause –
// has it opened again with the client's own `initialize`, its log level and subscriptions (checklist 40).
import { AppError, toAppError } from '#base/kernel';
import { valueAt, type Envelope } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamObserver, UpstreamRequest, UpstreamRow } from '#data-plane/gateway';
import type { ChannelLink, LinkOwner } from './channel-link.ts';
import { accepted, refusedByHeaders } from './http-manners.ts';
import { lineKey, openLink, type LineParts } from './line-parts.ts';
import { LineSession } from './line-session.ts';
import { PendingCall, PLAIN_MANNERS } from './pending-call.ts';
import { stringAt } from './string-at.ts';

const REOPEN_FIRST_MS = 500;
const REOPEN_MAX_MS = 30_000;
const REMEMBERED_MAX = 1000;
const ASKED_MAX = 1000;
const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

export class OwnSession extends LineSession implements LinkOwner {
  readonly #parts: LineParts;
  readonly #onEnd: (session: OwnSession) => void;
  readonly #initialize: string;
  readonly #headers: readonly string[];
  readonly #remembered = new Map<string, string>();
  /** Where questions went that are not answered yet, so that their withdrawal goes the same way. */
  readonly #askedOn = new Map<string, PendingCall>();
  #upstream: UpstreamRow;
  #link: ChannelLink | undefined;
  #reopening: Promise<ChannelLink> | undefined;
  #reopenTimer: NodeJS.Timeout | undefined;
  #failures = 0;
  #isEnded = false;

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
    session.#link = openLink(parts, session, session.#upstream, session.#headers, false);
    const call = new PendingCall(message, sink, PLAIN_MANNERS);
    let isAgreed = false;
    call.onAnswer = (text, answer) => {
      if (answer.isError) return text;
      isAgreed = call.namesSession = true;
      session.version = stringAt(text, ['result', 'protocolVersion']) ?? '';
      parts.health.succeeded(session.#upstream.id);
      observer?.session(session);
      return text;
    };
    call.onOver = () => {
      if (!isAgreed) void session.end();
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
    this.lastUsedAtMs = Date.now();
    this.#follow(request.upstream);
    if (message.kind !== 'request') {
      if (message.kind === 'response' && message.id !== undefined) this.#askedOn.delete(message.id);
      // To a line that is gone there is nothing to say: who asked has gone with it, and the next one is told anew.
      this.#link?.tell(body);
      return accepted(sink);
    }
    const call = new PendingCall(message, sink, this.manners);
    if (this.#link !== undefined) this.#start(this.#link, call, body);
    else
      this.#ensureLink().then(
        (link) => this.#start(link, call, body),
        (error: unknown) => call.fail(toAppError(error)),
      );
    return call;
  }

  #start(link: ChannelLink, call: PendingCall, body: Buffer): void {
    link.start(call, body);
    // A question that nobody could be asked until now.
    for (const text of this.isListenedTo ? [] : this.#takeHeldQuestions()) call.event(text);
  }

  remember(key: string, body: Buffer): void {
    if (this.#remembered.size < REMEMBERED_MAX) this.#remembered.set(key, body.toString('latin1'));
  }

  forget(key: string): void {
    this.#remembered.delete(key);
  }

  async end(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#reopenTimer);
    this.endListener();
    this.#onEnd(this);
    await this.sleep();
  }

  /** Lets the line go; the next message opens another. */
  async sleep(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    this.#askedOn.clear();
    this.#parts.health.released(this.#upstream.id);
    await link?.close();
  }

  asked(envelope: Envelope, text: string): void {
    const id = envelope.id as string;
    const call = this.#soleCall(envelope.method);
    if (call !== undefined) {
      this.#noteAsked(id, call);
      call.event(text);
    } else if (this.isListenedTo) this.say(text);
    else if (envelope.method === 'ping') this.#link?.tell(`{"jsonrpc":"2.0","id":${id},"result":{}}`);
    else {
      const latest = this.#latestCall();
      if (latest === undefined) this.say(text);
      else {
        this.#noteAsked(id, latest);
        latest.event(text);
      }
    }
  }

  told(envelope: Envelope, text: string): void {
    if (envelope.method === 'notifications/cancelled' && envelope.requestId !== undefined) {
      const call = this.#askedOn.get(envelope.requestId);
      this.#askedOn.delete(envelope.requestId);
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
    // A line that is only being opened again tells whoever opens it.
    if (this.#link === undefined) return;
    this.#link = undefined;
    this.#askedOn.clear();
    this.#parts.health.failed(this.#upstream.id, error);
    if (this.isListenedTo) this.#reopenLater();
  }

  protected pauseFor(reader: object): void {
    this.#link?.pauseFor(reader);
  }

  protected resumeFor(reader: object): void {
    this.#link?.resumeFor(reader);
  }

  protected override listened(): void {
    if (this.#link === undefined) this.#reopenLater();
  }

  /** A question that came while no stream was open and no call ran. */
  #takeHeldQuestions(): string[] {
    const held = this.takeHeld();
    const questions = held.filter((text) => valueAt(text, ['id']) !== undefined);
    for (const text of held) if (!questions.includes(text)) this.say(text);
    return questions;
  }

  #noteAsked(id: string, call: PendingCall): void {
    if (this.#askedOn.size >= ASKED_MAX) this.#askedOn.clear();
    this.#askedOn.set(id, call);
  }

  /** The only call that runs: what is asked meanwhile is asked for it, but for what never is. */
  #soleCall(method: string): PendingCall | undefined {
    const link = this.#link;
    if (link === undefined || link.callCount !== 1) return undefined;
    if (this.isListenedTo && (method === 'ping' || method === 'roots/list')) return undefined;
    return this.#latestCall();
  }

  #latestCall(): PendingCall | undefined {
    let latest: PendingCall | undefined;
    for (const call of this.#link?.calls ?? []) latest = call;
    return latest;
  }

  /** An upstream that has another command or address since gets another line as soon as nobody is in the middle of something. */
  #follow(upstream: UpstreamRow): void {
    const hasMoved = lineKey(upstream) !== lineKey(this.#upstream);
    this.#upstream = upstream;
    if (hasMoved && this.#link?.callCount === 0) void this.sleep();
  }

  #reopenLater(): void {
    if (this.#isEnded || this.#reopenTimer !== undefined) return;
    const pauseMs = Math.min(REOPEN_MAX_MS, REOPEN_FIRST_MS * 2 ** Math.min(this.#failures, 10));
    this.#reopenTimer = setTimeout(() => {
      this.#reopenTimer = undefined;
      if (this.#link !== undefined || !this.isListenedTo) return;
      this.#ensureLink().catch(() => {
        if (this.isListenedTo) this.#reopenLater();
      });
    }, pauseMs);
    this.#reopenTimer.unref();
  }

  #ensureLink(): Promise<ChannelLink> {
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  async #reopen(): Promise<ChannelLink> {
    const { health, handshakeTimeoutMs } = this.#parts;
    const link = openLink(this.#parts, this, this.#upstream, this.#headers, false);
    try {
      const { text, envelope } = await link.ask(this.#initialize, handshakeTimeoutMs);
      if (envelope.isError)
        throw new AppError('upstream.session_lost', `Gateway "${this.#upstream.name}" lost the session and did not open a new one.`, {
          internal: text.slice(0, 500),
        });
      link.tell(INITIALIZED);
      for (const body of this.#remembered.values()) void link.ask(body, handshakeTimeoutMs).catch(() => undefined);
    } catch (error) {
      this.#failures++;
      health.failed(this.#upstream.id, toAppError(error));
      void link.close();
      throw error;
    }
    if (this.#isEnded) {
      void link.close();
      throw new AppError('session.not_found', 'The session has ended.');
    }
    this.#failures = 0;
    health.succeeded(this.#upstream.id);
    this.#link = link;
    return link;
  }
}

/** Headers of the client that go with the session, not with one of its messages. */
function ownHeaders(headers: readonly string[]): string[] {
  return headers.flatMap((name, at) => (at % 2 === 0 && !/^(?:accept|content-type|mcp-.*)$/i.test(name) ? [name, headers[at + 1] ?? ''] : []));
}
