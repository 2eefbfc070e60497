// Upstreams and clients on the two sides of a bridge, both played by the test: what the bridge sends is written down and answered by hand,
// what a client is told is kept. For the tests of this room only.
import { setImmediate as turn } from 'node:timers/promises';
import { AppError, Secret, silentLogger } from '../../src/base/kernel/index.ts';
import { scanMessage } from '../../src/base/protocol/index.ts';
import type {
  AnswerHead,
  AnswerSink,
  ItemRow,
  StreamEvent,
  UpstreamCall,
  UpstreamEntry,
  UpstreamObserver,
  UpstreamPort,
  UpstreamRequest,
  UpstreamRow,
  UpstreamSession,
} from '../../src/data-plane/gateway/index.ts';
import type { BridgeParts } from '../../src/data-plane/upstream/bridge/bridge-parts.ts';
import { principal, snapshotOf, upstreamRow } from '../combined/combined-rig.ts';

export interface Message {
  jsonrpc?: string;
  id?: unknown;
  method?: string;
  params?: { [name: string]: unknown; _meta?: Record<string, unknown> };
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: unknown };
}

/** A request that reached the upstream. */
export class PlayedCall implements UpstreamCall {
  readonly request: UpstreamRequest;
  readonly #sink: AnswerSink;
  isCancelled = false;
  isPaused = false;
  #isStream = false;

  constructor(request: UpstreamRequest, sink: AnswerSink) {
    this.request = request;
    this.#sink = sink;
  }

  get message(): Message {
    return JSON.parse(this.request.body?.toString() ?? '{}') as Message;
  }

  header(name: string): string | undefined {
    const at = this.request.headers.findIndex((each, index) => index % 2 === 0 && each === name);
    return at === -1 ? undefined : this.request.headers[at + 1];
  }

  /** Answers with one JSON document. */
  answer(result: object): void {
    this.document({ id: this.message.id, result: { resultType: 'complete', ...result } });
  }

  refuse(code: number, message: string, status = 200, data?: unknown): void {
    this.document({ id: this.message.id, error: { code, message, ...(data === undefined ? {} : { data }) } }, status);
  }

  document(message: Message, status = 200): void {
    const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
    this.#sink.head({ status, kind: 'json', headers: [], contentLength: bytes.length });
    this.#sink.chunk(bytes);
    this.#sink.end();
  }

  /** Refuses, with a body that never comes. */
  beginRefusal(status: number): void {
    this.#sink.head({ status, kind: 'empty', headers: [], contentLength: undefined });
  }

  /** Says something on a stream. */
  say(message: Message): boolean {
    return this.sayWithId(undefined, message);
  }

  /** @param id by which the stream can be taken up again behind this */
  sayWithId(id: string | undefined, message: Message): boolean {
    this.#beStream();
    const data = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message })).toString('latin1');
    return this.#sink.event({ id, event: 'message', retry: undefined, data, comment: undefined });
  }

  /** After so many milliseconds the stream is to be taken up again. */
  retry(retry: string): void {
    this.#beStream();
    this.#sink.event({ id: undefined, event: undefined, retry, data: undefined, comment: undefined });
  }

  #beStream(): void {
    if (!this.#isStream) this.#sink.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined });
    this.#isStream = true;
  }

  end(): void {
    this.#sink.end();
  }

  breakDown(error = new AppError('upstream.connection_lost', 'It broke.')): void {
    this.#sink.fail(error);
  }

  cancel(): void {
    this.isCancelled = true;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
}

export class PlayedPort implements UpstreamPort {
  readonly calls: PlayedCall[] = [];

  open(request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const call = new PlayedCall(request, sink);
    this.calls.push(call);
    return call;
  }

  ofMethod(method: string): PlayedCall[] {
    return this.calls.filter(({ request }) => request.message?.method === method);
  }

  /** The last request of this method that came. */
  last(method: string): PlayedCall {
    const found = this.ofMethod(method).at(-1);
    if (found === undefined) throw new Error(`No ${method} came; there were ${this.calls.map(({ request }) => request.message?.method).join(', ')}`);
    return found;
  }
}

/** Writes down what a client is told. */
export class Heard implements AnswerSink {
  heads: AnswerHead[] = [];
  events: StreamEvent[] = [];
  isEnded = false;
  failure: AppError | undefined;
  isFull = false;
  call: UpstreamCall | undefined;
  readonly #parts: Buffer[] = [];

  get status(): number {
    return this.heads[0]?.status ?? 0;
  }

  /** All messages, of a stream or of a document. */
  get messages(): Message[] {
    const texts = this.events.flatMap(({ data }) => (data === undefined || data === '' ? [] : [Buffer.from(data, 'latin1').toString()]));
    if (this.#parts.length > 0) texts.push(Buffer.concat(this.#parts).toString());
    return texts.map((text) => JSON.parse(text) as Message);
  }

  get questions(): Message[] {
    return this.messages.filter(({ id, method }) => id !== undefined && method !== undefined);
  }

  /** The answer, when it has come. */
  get answer(): Message | undefined {
    return this.messages.find(({ method }) => method === undefined);
  }

  head(head: AnswerHead): void {
    this.heads.push(head);
  }
  chunk(bytes: Buffer): boolean {
    this.#parts.push(bytes);
    return !this.isFull;
  }
  event(event: StreamEvent): boolean {
    this.events.push(event);
    return !this.isFull;
  }
  end(): void {
    this.isEnded = true;
  }
  fail(error: AppError): void {
    this.failure = error;
  }
}

/** Something of the bridge that requests are given to. */
export interface Opener {
  open(request: UpstreamRequest, sink: AnswerSink, observer?: UpstreamObserver): UpstreamCall;
}

export class PlayedClient {
  readonly #opener: Opener;
  readonly #row: UpstreamRow;
  session: UpstreamSession | undefined;
  headers: string[] = [];

  constructor(opener: Opener, row: UpstreamRow) {
    this.#opener = opener;
    this.#row = row;
  }

  send(message: Message): Heard {
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
    return this.#open({ method: 'POST', body, message: scanMessage(body.toString('latin1')) }, ['accept', 'application/json, text/event-stream']);
  }

  /** The stream for what belongs to no call. */
  listen(): Heard {
    return this.#open({ method: 'GET', body: undefined, message: undefined }, ['accept', 'text/event-stream']);
  }

  end(): Heard {
    return this.#open({ method: 'DELETE', body: undefined, message: undefined }, []);
  }

  #open(part: Pick<UpstreamRequest, 'method' | 'body' | 'message'>, headers: readonly string[]): Heard {
    const heard = new Heard();
    const request: UpstreamRequest = {
      upstream: this.#row,
      lane: 'call',
      headers: [...this.headers, ...headers],
      caller: principal(),
      session: this.session,
      lastEventId: undefined,
      isSafeToRepeat: false,
      ...part,
    };
    heard.call = this.#opener.open(request, heard, { session: (session) => (this.session = session) });
    return heard;
  }
}

export interface BridgeRig {
  readonly port: PlayedPort;
  readonly row: UpstreamRow;
  readonly parts: BridgeParts;
  /** Upstreams whose lists were said to be others. */
  readonly changed: string[];
  readonly upstreams: ReadonlyMap<string, UpstreamEntry>;
}

export function bridgeRig(row: Partial<UpstreamRow>, items: readonly ItemRow[] = [], more: Partial<BridgeParts> = {}): BridgeRig {
  const port = new PlayedPort();
  const changed: string[] = [];
  const upstream = upstreamRow('u', row);
  const snapshot = snapshotOf([upstream], items);
  const parts: BridgeParts = {
    port,
    snapshot: () => snapshot,
    logger: silentLogger,
    handshakeTimeoutMs: 60_000,
    answerTimeoutMs: 60_000,
    parkedMax: 100,
    secret: new Secret('x'.repeat(32)),
    freshUntilMs: () => 0,
    onListChanged: (id) => changed.push(id),
    ...more,
  };
  return { port, row: upstream, parts, changed, upstreams: snapshot.upstreams };
}

/** Lets what was promised happen. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}
