// A line whose other end is played by the test, and clients that write down what they are told. For the tests of this room only.
import { setImmediate as turn } from 'node:timers/promises';
import { AppError, type Logger } from '#base/kernel';
import { scanMessage } from '#base/protocol';
import type {
  AnswerHead,
  AnswerSink,
  StreamEvent,
  UpstreamCall,
  UpstreamObserver,
  UpstreamRequest,
  UpstreamRow,
  UpstreamSession,
} from '#data-plane/gateway';
import { HealthBook } from '../../src/data-plane/upstream/health.ts';
import { createChannelUpstream, type ChannelUpstream } from '../../src/data-plane/upstream/channel/channel-upstream.ts';
import type { ChannelListener, ChannelOpener, MessageChannel } from '../../src/data-plane/upstream/channel/message-channel.ts';

export interface Message {
  id?: unknown;
  method?: string | undefined;
  params?: { [name: string]: unknown; _meta?: Record<string, unknown> } | undefined;
  result?: unknown;
  error?: unknown;
}

/** The upstream's end of one line. */
export class PlayedLine implements MessageChannel {
  readonly texts: string[] = [];
  isClosed = false;
  isPaused = false;
  readonly #listener: ChannelListener;

  /** What was started, or the address. */
  readonly of: string;

  constructor(listener: ChannelListener, of: string) {
    this.#listener = listener;
    this.of = of;
  }

  get messages(): Message[] {
    return this.texts.map((text) => JSON.parse(text) as Message);
  }

  /** The last request of this method that came. */
  last(method: string): Message {
    const found = this.messages.findLast((message) => message.method === method);
    if (found === undefined) throw new Error(`No ${method} came; there were ${this.messages.map((message) => message.method).join(', ')}`);
    return found;
  }

  say(message: Message | string): void {
    const text = typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#listener.message(Buffer.from(text).toString('latin1'));
  }

  /** Answers the last request of this method. */
  answer(method: string, result: unknown = {}): void {
    this.say({ id: this.last(method).id, result });
  }

  breakDown(): void {
    this.isClosed = true;
    this.#listener.closed(new AppError('upstream.exited', 'Gateway "played": its process ended (exit code 1).'));
  }

  send(message: Buffer): void {
    this.texts.push(message.toString());
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

/** One request of a client and what it was told. */
export class Told implements AnswerSink {
  headSeen: AnswerHead | undefined;
  body = '';
  readonly events: StreamEvent[] = [];
  isEnded = false;
  error: AppError | undefined;
  call: UpstreamCall | undefined;
  hasRoom = true;

  get answer(): Message {
    if (this.body !== '') return JSON.parse(this.body) as Message;
    return this.said.at(-1) ?? {};
  }

  /** The messages on the stream. */
  get said(): Message[] {
    return this.events.flatMap(({ data }) => (data === undefined || data === '' ? [] : [JSON.parse(data) as Message]));
  }

  head(head: AnswerHead): void {
    if (this.headSeen !== undefined) throw new Error('A second head');
    this.headSeen = head;
  }
  chunk(bytes: Buffer): boolean {
    this.body += bytes.toString('latin1');
    return true;
  }
  event(event: StreamEvent): boolean {
    if (this.isEnded) throw new Error('An event after the end');
    this.events.push(event);
    if (!this.hasRoom) this.call?.pause();
    return this.hasRoom;
  }
  end(): void {
    this.isEnded = true;
  }
  fail(error: AppError): void {
    this.error = error;
    this.isEnded = true;
  }
}

type Sent = Pick<UpstreamRequest, 'method' | 'headers' | 'body' | 'message' | 'session'> & Partial<UpstreamRequest>;

export interface ChannelRig {
  readonly upstream: ChannelUpstream;
  readonly health: HealthBook;
  readonly lines: PlayedLine[];
  /** Set to have lines refused. */
  refusal: AppError | undefined;
  /** The row as it is now: what is sent later goes to the changed one, and the lines are told. */
  change(row: Partial<UpstreamRow> | undefined): void;
  readonly line: PlayedLine;
  /** A request written by hand. */
  send(request: Sent): Told;
  post(message: Message | string, session?: UpstreamSession, observer?: UpstreamObserver): Told;
  get(session?: UpstreamSession, headers?: string[], lastEventId?: string): Told;
  end(session: UpstreamSession): Told;
  /** Opens a session with these capabilities; its line is the last one. */
  open(capabilities?: object, version?: string): Promise<UpstreamSession>;
}

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const HEADERS = ['accept', 'application/json, text/event-stream', 'content-type', 'application/json'];

export function channelRig(
  row: Partial<UpstreamRow> = {},
  { idleMs = Number.POSITIVE_INFINITY, onListChanged }: { idleMs?: number; onListChanged?: (upstreamId: string) => void } = {},
): ChannelRig {
  const lines: PlayedLine[] = [];
  const opener: ChannelOpener = {
    open: (target, _headers, listener) => {
      if (rig.refusal !== undefined) throw rig.refusal;
      const line = new PlayedLine(listener, target.process?.command ?? target.url);
      lines.push(line);
      return line;
    },
  };
  const health = new HealthBook({ threshold: 3, probeIntervalMs: 60_000 });
  const upstream = createChannelUpstream({ opener, health, logger: SILENT, handshakeTimeoutMs: 5000, onListChanged }, { idleMs });
  let target: UpstreamRow = {
    id: 'u',
    name: 'played',
    transport: 'STDIO',
    url: '',
    process: { command: 'node', args: [], env: {}, cwd: undefined },
    stdioIsolation: 'auto',
    enabled: true,
    visibility: 'public',
    ownerEmail: null,
    teamId: null,
    limits: { callsPerMinute: null, concurrent: null },
    headers: [],
    passthroughHeaders: [],
    modern: true,
    legacy: true,
    protocolVersion: '2025-11-25',
    capabilities: {},
    instructions: null,
    staleSince: null,
    ...row,
  };

  function send(request: Sent, observer?: UpstreamObserver): Told {
    const told = new Told();
    told.call = upstream.open(
      { upstream: target, lane: 'call', lastEventId: undefined, isSafeToRepeat: false, caller: undefined, ...request },
      told,
      observer,
    );
    return told;
  }

  const rig: ChannelRig = {
    upstream,
    health,
    lines,
    send,
    refusal: undefined,
    change(changes) {
      if (changes !== undefined) target = { ...target, ...changes };
      upstream.keepOnly(new Map(changes === undefined ? [] : [[target.id, { row: target }]]));
    },
    get line() {
      const line = lines.at(-1);
      if (line === undefined) throw new Error('No line was opened');
      return line;
    },
    post(message, session, observer) {
      const text = typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message });
      const body = Buffer.from(text);
      const scanned = scanMessage(body.toString('latin1'));
      const headers = [...HEADERS];
      if (scanned.protocolVersion !== undefined) {
        headers.push('mcp-protocol-version', scanned.protocolVersion, 'mcp-method', scanned.method);
        if (scanned.name !== undefined) headers.push('mcp-name', scanned.name);
      }
      return send({ method: 'POST', headers, body, message: scanned, session }, observer);
    },
    get: (session, headers = ['accept', 'text/event-stream'], lastEventId) =>
      send({ method: 'GET', headers, body: undefined, message: undefined, session, lastEventId }),
    end: (session) => send({ method: 'DELETE', headers: [], body: undefined, message: undefined, session }),
    async open(capabilities = {}, version = '2025-11-25') {
      let session: UpstreamSession | undefined;
      const params = { protocolVersion: version, capabilities, clientInfo: { name: 'test', version: '1' } };
      rig.post({ id: 1, method: 'initialize', params }, undefined, { session: (opened) => (session = opened) });
      await turn();
      const initialize = lines
        .flatMap((line) => line.messages.map((message) => ({ line, message })))
        .findLast(({ message }) => message.method === 'initialize');
      if (session === undefined)
        initialize?.line.say({ id: initialize.message.id, result: { protocolVersion: version, capabilities: {}, serverInfo: {} } });
      await turn();
      if (session === undefined) throw new Error('No session was opened');
      rig.post({ method: 'notifications/initialized' }, session);
      return session;
    },
  };
  return rig;
}

export function modernParams(more: Record<string, unknown> = {}, meta: Record<string, unknown> = {}): Message['params'] {
  return {
    ...more,
    _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {}, ...meta },
  };
}
