// The gateway's own pipeline between a client and an upstream that do exactly what a test says, when it says it. What no honest peer
// can be made to do at the right moment – and no two processes can be timed to do – is played here.
import {
  createGateway,
  RECORD_COLUMNS,
  RECORD_DIRECTIONS,
  RECORD_OUTCOMES,
  type AnswerHead,
  type AnswerListener,
  type AnswerSink,
  type ClientAnswer,
  type Gateway,
  type RecordBatch,
  type RecordDirection,
  type SnapshotInput,
  type StreamEvent,
  type UpstreamCall,
  type UpstreamObserver,
  type UpstreamRequest,
} from '../../src/data-plane/gateway/index.ts';
import { AppError, silentLogger } from '../../src/base/kernel/index.ts';
import { scanMessage } from '../../src/base/protocol/index.ts';
import type { Principal } from '../../src/base/access/index.ts';

const OWNED = { visibility: 'public', ownerEmail: null, teamId: null, enabled: true } as const;
const NO_LIMITS = { callsPerMinute: null, concurrent: null };
const OPEN_STREAM = { method: 'stream/open', id: undefined, kind: 'request' } as const;
const NOTHING = {
  isError: false,
  isToolError: false,
  name: undefined,
  uri: undefined,
  taskId: undefined,
  requestId: undefined,
  progressToken: undefined,
  protocolVersion: undefined,
  traceparent: undefined,
};

export class PlayedClient implements ClientAnswer {
  listener: AnswerListener | undefined;
  status = 0;
  sentBytes = 0;
  isGone = false;
  isEnded = false;
  isFull = false;
  kind: AnswerHead['kind'] | undefined;
  error: AppError | undefined;
  body = '';
  readonly headers: Record<string, string> = {};
  readonly events: StreamEvent[] = [];

  setHeader(name: string, value: string): void {
    this.headers[name] = value;
  }
  head(head: AnswerHead): void {
    if (this.status !== 0) throw new Error('a second head');
    this.status = head.status;
    this.kind = head.kind;
  }
  reply(head: AnswerHead, document: Buffer): void {
    this.head(head);
    this.chunk(document);
    this.end();
  }
  chunk(bytes: Buffer): boolean {
    if (this.isEnded) return true;
    if (this.status === 0) throw new Error('a body before the head');
    this.body += bytes.toString('latin1');
    return !this.isFull;
  }
  event(event: StreamEvent): boolean {
    if (this.isEnded) return true;
    this.events.push(event);
    return !this.isFull;
  }
  end(): void {
    if (this.isEnded) return;
    if (this.status === 0) throw new Error('an end before the head');
    this.isEnded = true;
  }
  fail(error: AppError): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.error = error;
    if (this.status === 0) this.status = error.status;
  }
  /** The connection breaks. */
  leave(): void {
    if (this.isEnded) return;
    this.isEnded = this.isGone = true;
    this.listener?.clientGone();
    this.listener?.clientHasRoom();
  }
  get data(): (string | undefined)[] {
    return this.events.map((event) => event.data);
  }
  get lastEventId(): string {
    return this.events.findLast((event) => event.id !== undefined)?.id ?? '';
  }
}

export class PlayedCall implements UpstreamCall {
  readonly request: UpstreamRequest;
  readonly sink: AnswerSink;
  readonly observer: UpstreamObserver | undefined;
  isCancelled = false;
  isPaused = false;
  /** What the HTTP client does at once when it is resumed: hands over what it has read meanwhile. */
  onResume: (() => void) | undefined;

  constructor(request: UpstreamRequest, sink: AnswerSink, observer: UpstreamObserver | undefined) {
    this.request = request;
    this.sink = sink;
    this.observer = observer;
  }
  cancel(): void {
    this.isCancelled = true;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.onResume?.();
  }
  opensStream(): this {
    this.sink.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined });
    return this;
  }
  says(data: string, id?: string): this {
    this.sink.event({ id, event: 'message', retry: undefined, data, comment: undefined });
    return this;
  }
  /** A refusal as the adapter hands it over: in one go, whether or not somebody cancels meanwhile. */
  refuses(status: number, body = '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}}'): void {
    this.sink.head({ status, kind: 'json', headers: [], contentLength: body.length });
    this.sink.chunk(Buffer.from(body));
    this.sink.end();
  }
}

export interface Sent {
  readonly token?: string;
  readonly session?: string;
  readonly headers?: Record<string, string>;
  readonly client?: PlayedClient;
}

export interface DataPlaneRig {
  readonly gateway: Gateway;
  readonly calls: PlayedCall[];
  /** Tokens that are no longer good. */
  readonly revoked: Set<string>;
  post(message: object | string, sent?: Sent): PlayedClient;
  get(sent?: Sent): PlayedClient;
  remove(sent?: Sent): PlayedClient;
  /** The latest request to the upstream. */
  last(): PlayedCall;
  /** A session whose upstream has one too; its id. */
  openSession(token?: string): string;
  /** A tools/call of the tool `x`, and what the upstream got of it. */
  call(session: string, id?: number, token?: string): { client: PlayedClient; asked: PlayedCall };
  /** All texts that records were given so far. */
  recordedTexts(): string[];
  /** Records of one direction as [method, outcome]. */
  recorded(direction: RecordDirection): [string, string][];
  change(input: Partial<SnapshotInput>): void;
}

export const UPSTREAM = {
  ...OWNED,
  id: 'g',
  name: 'upstream',
  url: 'http://127.0.0.1:1/mcp',
  limits: NO_LIMITS,
  headers: [],
  passthroughHeaders: [],
  transport: 'STREAMABLEHTTP' as const,
  process: undefined,
  stdioIsolation: 'auto' as const,
  modern: true,
  legacy: true,
  protocolVersion: '2025-11-25',
  capabilities: {},
  instructions: null,
  staleSince: null,
};
export const SERVER = { ...OWNED, id: 's', name: 'server', limits: NO_LIMITS, mirrorGatewayId: 'g', itemIds: [] };

export function startRig({ sessionIdleMs = 3_600_000, toolTimeoutMs = 60_000 } = {}): DataPlaneRig {
  const calls: PlayedCall[] = [];
  const records: RecordBatch[] = [];
  const revoked = new Set<string>();
  const principals = new Map<string, Principal>();
  let version = 1;

  /** Tokens are `user` or `user/1`, `user/2` …: one user's tokens share the key that binds sessions. */
  function principalOf(token: string): Principal {
    let principal = principals.get(token);
    if (principal === undefined) {
      const subject = token.split('/')[0] as string;
      principal = {
        key: subject,
        subject,
        email: subject,
        isAdmin: true,
        reach: 'everything',
        scopes: undefined,
        audience: undefined,
        tokenId: token,
        via: 'jwt',
      };
      principals.set(token, principal);
    }
    return principal;
  }

  const isGood = (token: string | undefined) => !revoked.has(token ?? '');
  const gateway = createGateway(
    { toolTimeoutMs, toolTimeoutMaxMs: 10 * toolTimeoutMs, sessionIdleMs, sessionsMax: 100 },
    {
      authenticator: {
        authenticate({ authorization = '' }) {
          if (!isGood(authorization)) throw new AppError('auth.invalid', 'revoked');
          // A key that is fetched first, for longer than any test waits.
          if (authorization === 'slow') return new Promise<Principal>(() => {});
          return principalOf(authorization);
        },
        isStillValid: ({ tokenId }) => isGood(tokenId),
      },
      upstream: {
        open(request, sink, observer) {
          const call = new PlayedCall(request, sink, observer);
          calls.push(call);
          return call;
        },
      },
      onListChanged() {},
      records: { write: (batch) => records.push(batch) },
      logger: silentLogger,
    },
  );

  function send(
    verb: 'POST' | 'GET' | 'DELETE',
    text: string,
    { token = 'ann', session, headers = {}, client = new PlayedClient() }: Sent,
  ): PlayedClient {
    const all = { authorization: token, ...(session === undefined ? {} : { 'mcp-session-id': session }), ...headers };
    const envelope = verb === 'POST' ? scanMessage(text) : { ...NOTHING, ...OPEN_STREAM };
    const era = envelope.protocolVersion === undefined ? 'legacy' : 'modern';
    gateway.handle(
      { verb, era, serverId: 's', headers: all, clientAddress: '127.0.0.1', envelope, body: Buffer.from(text), onlyFor: undefined },
      client,
    );
    return client;
  }

  const rig: DataPlaneRig = {
    gateway,
    calls,
    revoked,
    post: (message, sent = {}) => send('POST', typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message }), sent),
    get: (sent = {}) => send('GET', '', sent),
    remove: (sent = {}) => send('DELETE', '', sent),
    last() {
      const call = calls.at(-1);
      if (call === undefined) throw new Error('nothing was sent to the upstream');
      return call;
    },
    openSession(token = 'ann') {
      const client = rig.post({ id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25' } }, { token });
      const { sink, observer } = rig.last();
      observer?.session({ remember() {}, forget() {} });
      const text = Buffer.from('{"jsonrpc":"2.0","id":0,"result":{}}');
      sink.head({ status: 200, kind: 'json', headers: [], contentLength: text.length, namesSession: true });
      sink.chunk(text);
      sink.end();
      return client.headers['mcp-session-id'] as string;
    },
    call: (session, id = 1, token = 'ann') => ({
      client: rig.post({ id, method: 'tools/call', params: { name: 'x' } }, { session, token }),
      asked: rig.last(),
    }),
    recordedTexts() {
      gateway.flushRecords();
      return records.flatMap(({ dictionary }) => dictionary.map(([, text]) => text));
    },
    recorded(direction) {
      gateway.flushRecords();
      const texts = new Map(records.flatMap(({ dictionary }) => dictionary));
      const column = (name: (typeof RECORD_COLUMNS)[number]): number => RECORD_COLUMNS.indexOf(name);
      const rows = records.flatMap(({ rows: all, count }) =>
        Array.from({ length: count }, (_, at) => all.slice(at * RECORD_COLUMNS.length, (at + 1) * RECORD_COLUMNS.length)),
      );
      return rows
        .filter((row) => RECORD_DIRECTIONS[row[column('direction')] as number] === direction)
        .map((row) => [texts.get(row[column('method')] as number) ?? '', RECORD_OUTCOMES[row[column('outcome')] as number] as string]);
    },
    change(input) {
      gateway.snapshots.swap({ version: ++version, upstreams: [UPSTREAM], servers: [SERVER], items: [], revokedTokenIds: [], ...input });
    },
  };
  rig.change({});
  return rig;
}

export function answerTo(id: number, result = '{}'): string {
  return `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
}

export function news(n: number): string {
  return `{"jsonrpc":"2.0","method":"notifications/message","params":{"n":${n}}}`;
}
