// The gateway as a client of one upstream, for one client of a combined server: a session with that upstream under the client's own
// capabilities, opened when it is first needed, with its listening stream, and ended with the client's.
import { AppError, toAppError, type Logger } from '#base/kernel';
import { isSafeToRepeat, jsonText, scanMessage, valueAt, type Envelope } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamEntry, UpstreamPort, UpstreamRequest, UpstreamRow, UpstreamSession } from '#data-plane/gateway';
import type { Principal } from '#base/access';
import { LineSession } from '../channel/line-session.ts';
import { stringAt } from '../channel/string-at.ts';
import { askOnce, type Asked } from './ask-once.ts';

/** What the client said of itself, as JSON texts. */
export interface Hello {
  readonly version: string;
  readonly capabilities: string;
  readonly clientInfo: string;
}

export interface LegOwner {
  /** The upstream says or asks something outside any call. */
  heard(leg: Leg, envelope: Envelope, text: string): void;
  /** The upstream can be heard from now on; what it said before was not. */
  listens?(leg: Leg): void;
  /** The upstream has no stream to be listened to on. */
  cannotListen?(leg: Leg): void;
}

export interface LegParts {
  readonly port: UpstreamPort;
  readonly logger: Logger;
  readonly handshakeTimeoutMs: number;
}

const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
/** Not a number, as those of clients mostly are, who use the session with ids of their own. */
const INITIALIZE_ID = '"mcpgateway-initialize"';
/** A revision goes into a header; drafts are no dates. */
const REVISION = /^[\w.-]{1,64}$/;
const LISTEN_AGAIN_FIRST_MS = 1000;
const LISTEN_AGAIN_MAX_MS = 30_000;

export class Leg {
  readonly upstreamId: string;
  lastUsedAtMs = Date.now();
  runningCalls = 0;
  readonly #parts: LegParts;
  readonly #hello: Hello;
  readonly #caller: Principal;
  /** Of the client, allowed for this upstream. */
  readonly #headers: readonly string[];
  readonly #owner: LegOwner | undefined;
  #row: UpstreamRow;
  #session: UpstreamSession | undefined;
  #version = '';
  #opening: Promise<void> | undefined;
  /** The upstream has agreed; it can be told things. */
  #isAgreed = false;
  /** Hands are shaken; it can be asked things. */
  #isOpen = false;
  /** What the upstream said of itself, the whole `result` of its answer to `initialize`. */
  #words = '{}';
  #listening: UpstreamCall | undefined;
  #listenTimer: NodeJS.Timeout | undefined;
  #listenedTo: string | undefined;
  #failures = 0;
  #isEnded = false;
  #nextId = 0;

  /** @param owner hears what belongs to no call; without one nobody listens */
  constructor(parts: LegParts, upstream: UpstreamEntry, hello: Hello, caller: Principal, headers: readonly string[], owner: LegOwner | undefined) {
    this.#parts = parts;
    this.#row = upstream.row;
    this.upstreamId = upstream.id;
    this.#hello = hello;
    this.#caller = caller;
    this.#headers = headers;
    this.#owner = owner;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** What the upstream said of itself when it agreed: the `result` of `initialize`, as latin1; `{}` before. */
  get words(): string {
    return this.#words;
  }

  callIsOver(): void {
    this.runningCalls--;
  }

  /** An id for a request of somebody who shares this leg with others: theirs would collide. */
  newId(): string {
    return String(++this.#nextId);
  }

  /** Can it go on, now that the upstream is this one? What one transport calls a session means nothing to another. */
  isFor({ row }: UpstreamEntry): boolean {
    return row.enabled && row.transport === this.#row.transport;
  }

  /** The row may have been read again since. */
  follow(upstream: UpstreamEntry): void {
    this.#row = upstream.row;
  }

  /** Throws AppError when the upstream cannot be reached or does not agree. */
  ready(): Promise<void> {
    if (this.#isOpen) return Promise.resolve();
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Sends a request; to be called when the leg is ready. */
  send(
    body: Buffer,
    message: Envelope,
    sink: AnswerSink,
    more: Pick<UpstreamRequest, 'lane' | 'isSafeToRepeat'> & { headers?: readonly string[] },
  ): UpstreamCall {
    this.lastUsedAtMs = Date.now();
    return this.#parts.port.open(this.#request(body, message, more), sink);
  }

  /** Takes up a stream of this upstream where it broke. */
  resume(lastEventId: string, sink: AnswerSink): UpstreamCall {
    return this.#parts.port.open({ ...this.#get(), lastEventId }, sink);
  }

  /** Sends a request of the gateway's own and awaits the answer. Throws AppError as askOnce() does. */
  ask(body: Buffer, message: Envelope, timeoutMs: number): Promise<Asked> {
    this.lastUsedAtMs = Date.now();
    return askOnce(this.#parts.port, this.#request(body, message, { lane: 'call', isSafeToRepeat: isSafeToRepeat(message.method) }), timeoutMs);
  }

  /** Sends a notification or an answer, whatever comes of it. */
  async tell(body: Buffer, message: Envelope): Promise<void> {
    if (!this.#isAgreed) return;
    try {
      await askOnce(this.#parts.port, this.#request(body, message, { lane: 'reply', isSafeToRepeat: false }), this.#parts.handshakeTimeoutMs);
    } catch (error) {
      this.#parts.logger.debug('An upstream did not take a message', { upstream: this.#row.name, internal: toAppError(error).message });
    }
  }

  remember(key: string, body: Buffer): void {
    this.#session?.remember(key, body);
  }

  forget(key: string): void {
    this.#session?.forget(key);
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    clearTimeout(this.#listenTimer);
    this.#listening?.cancel();
    const session = this.#session;
    this.#session = undefined;
    this.#isOpen = this.#isAgreed = false;
    if (session === undefined) return;
    const request = { ...this.#get(), method: 'DELETE', lane: 'reply', headers: [], session, isSafeToRepeat: false } as const;
    await askOnce(this.#parts.port, { ...request, headers: [] }, this.#parts.handshakeTimeoutMs).catch(() => undefined);
  }

  async #open(): Promise<void> {
    const { port, handshakeTimeoutMs } = this.#parts;
    const { version, capabilities, clientInfo } = this.#hello;
    const params = `{"protocolVersion":${jsonText(version)},"capabilities":${capabilities},"clientInfo":${clientInfo}}`;
    const body = Buffer.from(`{"jsonrpc":"2.0","id":${INITIALIZE_ID},"method":"initialize","params":${params}}`, 'latin1');
    let session: UpstreamSession | undefined;
    const request = this.#request(body, scanMessage(body.toString('latin1')), { lane: 'reply', isSafeToRepeat: false });
    const answer = await askOnce(port, request, handshakeTimeoutMs, { session: (opened) => (session = opened) });
    const agreed = stringAt(answer.text, ['result', 'protocolVersion']);
    if (agreed === undefined || !REVISION.test(agreed)) {
      const why = stringAt(answer.text, ['error', 'message']) ?? `HTTP ${answer.status}`;
      throw new AppError('upstream.bad_answer', `Gateway "${this.#row.name}" did not open a session: ${why.slice(0, 200)}`);
    }
    this.#session = session;
    this.#words = valueAt(answer.text, ['result']) ?? '{}';
    this.#version = agreed;
    this.#isAgreed = true;
    const initialized = Buffer.from(INITIALIZED);
    await this.tell(initialized, scanMessage(INITIALIZED));
    if (this.#isEnded) {
      await this.end();
      throw new AppError('upstream.connection_lost', `The gateway ended its session with "${this.#row.name}" while it was being opened.`);
    }
    this.#isOpen = true;
    if (this.#owner === undefined) return;
    if (session === undefined) {
      this.#owner.cannotListen?.(this);
      return;
    }
    if (session instanceof LineSession) session.onReopened = () => this.#owner?.listens?.(this);
    this.#listen();
  }

  #listen(): void {
    let status = 0;
    let hasEnded = false;
    const over = (): void => {
      hasEnded = true;
      this.#listening = undefined;
      const isRefused = status === 405 || status === 404 || status === 400;
      if (this.#isEnded) return;
      if (isRefused && this.#listenedTo === undefined) {
        this.#owner?.cannotListen?.(this);
        return;
      }
      // It cannot go on where it was.
      if (isRefused) this.#listenedTo = undefined;
      const pauseMs = Math.min(LISTEN_AGAIN_MAX_MS, LISTEN_AGAIN_FIRST_MS * 2 ** Math.min(this.#failures++, 10));
      this.#listenTimer = setTimeout(() => this.#listen(), pauseMs);
      this.#listenTimer.unref();
    };
    const call = this.#parts.port.open(
      { ...this.#get(), lastEventId: this.#listenedTo },
      {
        head: (head) => {
          status = head.status;
          if (head.kind !== 'stream') return;
          this.#failures = 0;
          this.#owner?.listens?.(this);
        },
        chunk: () => true,
        event: ({ id, data }) => {
          if (id !== undefined && id !== '') this.#listenedTo = id;
          if (data !== undefined && data !== '') this.#hear(data);
          return true;
        },
        end: over,
        fail: over,
      },
    );
    if (!hasEnded) this.#listening = call;
  }

  #hear(data: string): void {
    let envelope: Envelope;
    try {
      envelope = scanMessage(data);
    } catch {
      return;
    }
    if (envelope.kind !== 'response') this.#owner?.heard(this, envelope, data);
  }

  #get(): UpstreamRequest {
    return {
      ...this.#request(undefined, undefined, { lane: 'stream', isSafeToRepeat: true }),
      method: 'GET',
      headers: [...this.#headers, 'accept', 'text/event-stream', ...this.#versionHeader()],
    };
  }

  #request(
    body: Buffer | undefined,
    message: Envelope | undefined,
    { lane, isSafeToRepeat, headers = [] }: Pick<UpstreamRequest, 'lane' | 'isSafeToRepeat'> & { headers?: readonly string[] },
  ): UpstreamRequest {
    return {
      upstream: this.#row,
      method: 'POST',
      lane,
      headers: [
        ...this.#ownBut(headers),
        ...headers,
        'content-type',
        'application/json',
        'accept',
        'application/json, text/event-stream',
        ...this.#versionHeader(),
      ],
      body,
      message,
      caller: this.#caller,
      session: this.#session,
      lastEventId: undefined,
      isSafeToRepeat,
    };
  }

  /** Its headers but for those that a request brings itself: two of a name would leave it to the upstream which one counts. */
  #ownBut(brought: readonly string[]): readonly string[] {
    if (this.#headers.length === 0 || brought.length === 0) return this.#headers;
    const names = new Set(brought.filter((_, at) => at % 2 === 0));
    return this.#headers.filter((_, at) => !names.has(this.#headers[at - (at % 2)] ?? ''));
  }

  #versionHeader(): string[] {
    return this.#version === '' ? [] : ['mcp-protocol-version', this.#version];
  }
}
