// The whole pipeline with combined servers in front of upstreams that do exactly what a test says, when it says it.
import type { Principal } from '../../src/base/access/index.ts';
import { AppError, Secret, silentLogger } from '../../src/base/kernel/index.ts';
import { scanMessage } from '../../src/base/protocol/index.ts';
import {
  createGateway,
  RECORD_COLUMNS,
  RECORD_DIRECTIONS,
  type Gateway,
  type RecordBatch,
  type RecordDirection,
  type SnapshotInput,
  type UpstreamPort,
  type UpstreamSession,
} from '../../src/data-plane/gateway/index.ts';
import { createBridge, type Bridge } from '../../src/data-plane/upstream/bridge/bridge.ts';
import { createCombinedUpstream } from '../../src/data-plane/upstream/combined/combined-upstream.ts';
import { PlayedCall, PlayedClient } from '../data-plane/data-plane-rig.ts';
import { itemRow, principal, upstreamRow } from './combined-rig.ts';

export interface Said {
  readonly session?: string;
  readonly server?: string;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

const ACCEPT = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
const OPEN_STREAM = { ...scanMessage('{"jsonrpc":"2.0","method":"x"}'), method: 'stream/open', kind: 'request' } as const;
export const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' },
};

const DISCOVERED = {
  resultType: 'complete',
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {}, logging: {} },
  _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'u', version: '1' } },
};

/** Legs are opened at once unless `isSlow`; everything else waits for the test. */
export class PlayedCombined {
  readonly calls: PlayedCall[] = [];
  readonly changedUpstreams: string[] = [];
  readonly revoked = new Set<string>();
  /** Upstreams by id; epoch ms. */
  readonly freshUntil = new Map<string, number>();
  readonly bridge: Bridge;
  readonly combined: ReturnType<typeof createCombinedUpstream>;
  readonly gateway: Gateway;
  /** Answers of `initialize` are the test's. */
  isSlow = false;
  /** Notifications and answers are not acknowledged. */
  isDeaf = false;
  /** Upstreams are known not to be there. */
  isDown = false;
  readonly #records: RecordBatch[] = [];
  #version = 1;
  #input: Omit<SnapshotInput, 'version'>;

  constructor(input: Partial<SnapshotInput> = {}, { sessionIdleMs = 3_600_000, toolTimeoutMs = 60_000 } = {}) {
    this.#input = {
      upstreams: [upstreamRow('a', { modern: false }), upstreamRow('b', { modern: false })],
      items: [itemRow('tool', 'a', 'x'), itemRow('tool', 'b', 'y')],
      servers: [],
      revokedTokenIds: [],
      ...input,
    };
    const house = {
      snapshot: () => this.gateway.snapshots.current,
      logger: silentLogger,
      handshakeTimeoutMs: 5000,
      freshUntilMs: (id: string) => this.freshUntil.get(id) ?? 0,
      onListChanged: (id: string) => this.changedUpstreams.push(id),
    };
    const port: UpstreamPort = {
      open: (request, sink, observer) => {
        const call = new PlayedCall(request, sink, observer);
        this.calls.push(call);
        if (this.isDown) sink.fail(new AppError('upstream.down', 'down'));
        else if (request.message?.method === 'initialize' && !this.isSlow) this.agree(call);
        else if (request.message?.method === 'server/discover' && !this.isSlow) answers(call, DISCOVERED);
        else if (request.message?.kind !== 'request' && request.method !== 'GET' && !this.isDeaf) acknowledge(call);
        return call;
      },
    };
    this.bridge = createBridge({ ...house, port, answerTimeoutMs: 60_000, parkedMax: 100, secret: new Secret('of tests') });
    this.combined = createCombinedUpstream({ ...house, port: this.bridge, pageSize: 100 });
    this.gateway = createGateway(
      { toolTimeoutMs, toolTimeoutMaxMs: 10 * toolTimeoutMs, sessionIdleMs, sessionsMax: 100 },
      {
        authenticator: {
          authenticate: ({ authorization = '' }): Principal => {
            if (this.revoked.has(authorization)) throw new AppError('auth.invalid', 'revoked');
            return principal({ key: authorization, email: `${authorization}@example.com`, tokenId: authorization });
          },
          isStillValid: ({ tokenId }) => !this.revoked.has(tokenId ?? ''),
        },
        upstream: this.combined,
        onListChanged: (id) => this.changedUpstreams.push(id),
        records: { write: (batch) => this.#records.push(batch) },
        logger: silentLogger,
      },
    );
    this.change({});
  }

  change(input: Partial<Omit<SnapshotInput, 'version'>>): void {
    this.#input = { ...this.#input, ...input };
    this.gateway.snapshots.swap({ version: ++this.#version, ...this.#input });
    this.bridge.keepOnly(this.gateway.snapshots.current.upstreams);
    this.combined.snapshotChanged();
  }

  agree(call: PlayedCall, session: UpstreamSession | undefined = { remember() {}, forget() {} }, version = '2025-11-25'): void {
    if (session !== undefined) call.observer?.session(session);
    answers(call, { protocolVersion: version, capabilities: {}, serverInfo: { name: 'u', version: '1' } });
  }

  post(message: object, { session, server = '', token = 'ann', headers = {} }: Said = {}): PlayedClient {
    const client = new PlayedClient();
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
    const envelope = scanMessage(body.toString('latin1'));
    const era = envelope.protocolVersion === undefined ? 'legacy' : 'modern';
    const modern =
      era === 'modern'
        ? {
            'mcp-protocol-version': '2026-07-28',
            'mcp-method': envelope.method,
            ...(envelope.name === undefined ? {} : { 'mcp-name': envelope.name }),
          }
        : {};
    const all = { authorization: token, ...ACCEPT, ...modern, ...(session === undefined ? {} : { 'mcp-session-id': session }), ...headers };
    this.gateway.handle({ verb: 'POST', era, serverId: server, headers: all, clientAddress: '::1', envelope, body, onlyFor: undefined }, client);
    return client;
  }

  verb(verb: 'GET' | 'DELETE', { session, server = '', token = 'ann', headers = {} }: Said): PlayedClient {
    const client = new PlayedClient();
    const all = { authorization: token, ...ACCEPT, ...(session === undefined ? {} : { 'mcp-session-id': session }), ...headers };
    const request = { verb, era: 'legacy', serverId: server, headers: all, clientAddress: '::1', body: Buffer.alloc(0), onlyFor: undefined } as const;
    this.gateway.handle({ ...request, envelope: OPEN_STREAM }, client);
    return client;
  }

  openSession(said: Said = {}, capabilities: object = {}, version = '2025-11-25'): string {
    const params = { protocolVersion: version, capabilities, clientInfo: { name: 'c', version: '1' } };
    return this.post({ id: 'hello', method: 'initialize', params }, said).headers['mcp-session-id'] as string;
  }

  callTool(name: string, id: number | string, said: Said = {}, more: object = {}): PlayedClient {
    return this.post({ id, method: 'tools/call', params: { name, arguments: {}, ...more } }, said);
  }

  /** What reached this upstream, by method; the listening stream is `GET`. */
  sent(upstream: string, method?: string): PlayedCall[] {
    return this.calls.filter(
      ({ request }) => request.upstream.id === upstream && (method === undefined || (request.message?.method ?? request.method) === method),
    );
  }

  /** Resolves with the latest when there are `count` of them. */
  async until(upstream: string, method: string, count = 1): Promise<PlayedCall> {
    for (let turn = 0; turn < 1000; turn++) {
      const found = this.sent(upstream, method);
      if (found.length >= count) return found[count - 1] as PlayedCall;
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error(`${upstream} never got ${method}: ${this.calls.map(({ request }) => request.message?.method ?? request.method).join(' ')}`);
  }

  recorded(direction: RecordDirection): { method: string; target: string; upstream: string }[] {
    this.gateway.flushRecords();
    const texts = new Map(this.#records.flatMap(({ dictionary }) => dictionary));
    const column = (name: (typeof RECORD_COLUMNS)[number]): number => RECORD_COLUMNS.indexOf(name);
    return this.#records
      .flatMap(({ rows, count }) =>
        Array.from({ length: count }, (_, at) => rows.slice(at * RECORD_COLUMNS.length, (at + 1) * RECORD_COLUMNS.length)),
      )
      .filter((row) => RECORD_DIRECTIONS[row[column('direction')] as number] === direction)
      .map((row) => ({
        method: texts.get(row[column('method')] as number) ?? '',
        target: texts.get(row[column('target')] as number) ?? '',
        upstream: texts.get(row[column('upstreamId')] as number) ?? '',
      }));
  }
}

export function answers(call: PlayedCall, result: object): void {
  answersWith(call, JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(call.request.message?.id ?? 'null') as unknown, result }));
}

export function answersWith(call: PlayedCall, text: string, status = 200): void {
  const body = Buffer.from(text);
  call.sink.head({ status, kind: 'json', headers: [], contentLength: body.length });
  call.sink.chunk(body);
  call.sink.end();
}

export function sentJson(call: PlayedCall): { id?: unknown; params?: { [name: string]: unknown } } {
  return JSON.parse(call.request.body?.toString() ?? '{}') as { id?: unknown };
}

/** All values that were sent for this header. */
export function sentHeader({ request }: PlayedCall, name: string): string[] {
  return request.headers.filter((_, at) => at % 2 === 1 && request.headers[at - 1] === name);
}

export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function acknowledge(call: PlayedCall): void {
  call.sink.head({ status: 202, kind: 'empty', headers: [], contentLength: 0 });
  call.sink.end();
}
