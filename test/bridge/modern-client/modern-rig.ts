// A modern client at an upstream that knows sessions only. Handshakes and what needs no answer are seen to; calls are the test's.
import { ModernClients } from '../../../src/data-plane/upstream/bridge/modern-client/modern-clients.ts';
import type { BridgeParts } from '../../../src/data-plane/upstream/bridge/bridge-parts.ts';
import type {
  AnswerSink,
  UpstreamCall,
  UpstreamObserver,
  UpstreamPort,
  UpstreamRequest,
  UpstreamRow,
} from '../../../src/data-plane/gateway/index.ts';
import { AppError } from '../../../src/base/kernel/index.ts';
import { scanMessage } from '../../../src/base/protocol/index.ts';
import { principal } from '../../combined/combined-rig.ts';
import { bridgeRig, Heard, PlayedCall, settled, type BridgeRig, type Message } from '../bridge-rig.ts';

export const ABLE = { sampling: {}, elicitation: { form: {}, url: {} }, roots: {} };
export const FORM: Message = { method: 'elicitation/create', params: { message: 'who?', requestedSchema: { type: 'object', properties: {} } } };
export const SAMPLE: Message = { method: 'sampling/createMessage', params: { messages: [], maxTokens: 5 } };
const META = 'io.modelcontextprotocol/';
const INITIALIZED = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: {}, logging: {}, tasks: {} },
  serverInfo: { name: 'played', version: '7' },
};

/** Opens sessions by itself and takes what needs no answer. */
class SessionPort implements UpstreamPort {
  readonly calls: PlayedCall[] = [];
  /** Which session each request came in; 0 for none. */
  readonly sessionOf = new Map<PlayedCall, number>();
  /** The listening streams. */
  readonly streams: PlayedCall[] = [];
  readonly ended: number[] = [];
  isDeaf = false;
  /** Said in answer to `initialize`, beside the usual. */
  initialized: object = {};
  #sessions: object[] = [];

  open(request: UpstreamRequest, sink: AnswerSink, observer?: UpstreamObserver): UpstreamCall {
    const call = new PlayedCall(request, sink);
    const session = request.session === undefined ? 0 : this.#sessions.indexOf(request.session) + 1;
    this.sessionOf.set(call, session);
    if (request.method === 'DELETE') {
      this.ended.push(session);
      call.document({ id: null, result: {} });
    } else if (request.method === 'GET') this.streams.push(call);
    else if (request.message?.method === 'initialize') {
      const opened = { remember() {}, forget() {} };
      this.#sessions.push(opened);
      observer?.session(opened);
      this.calls.push(call);
      call.document({ id: call.message.id, result: { ...INITIALIZED, ...this.initialized } });
    } else {
      this.calls.push(call);
      if (request.message?.kind !== 'request') accept(sink);
    }
    return call;
  }

  /** Requests of this method, or answers to questions (`''`). */
  of(method: string): PlayedCall[] {
    return this.calls.filter(({ request }) => request.message?.method === method);
  }

  get sessionCount(): number {
    return this.#sessions.length;
  }
}

function accept(sink: AnswerSink): void {
  sink.head({ status: 202, kind: 'empty', headers: [], contentLength: 0 });
  sink.end();
}

export interface ModernRig extends Omit<BridgeRig, 'port'> {
  readonly clients: ModernClients;
  readonly upstream: SessionPort;
  /** Sends a modern request. */
  send(method: string, params?: object, more?: Sent): Heard;
  tool(params?: object, more?: Sent): Heard;
  /** Waits until so many calls of this method are at the upstream; the last of them. */
  arrived(method: string, count?: number): Promise<PlayedCall>;
}

export interface Sent {
  readonly capabilities?: object;
  readonly meta?: object;
  readonly id?: number;
  readonly caller?: string;
}

export function modernRig(row: Partial<UpstreamRow> = {}, more: Partial<BridgeParts> = {}): ModernRig {
  const upstream = new SessionPort();
  const { port: _unused, ...rig } = bridgeRig({ legacy: true, modern: false, ...row }, [], { port: upstream, ...more });
  const clients = new ModernClients(rig.parts);

  function send(method: string, params: object = {}, { capabilities = ABLE, meta = {}, id = 1, caller = 'ann' }: Sent = {}): Heard {
    const heard = new Heard();
    const _meta = { [`${META}protocolVersion`]: '2026-07-28', [`${META}clientCapabilities`]: capabilities, ...meta };
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta } }));
    const message = scanMessage(body.toString('latin1'));
    const name = message.name ?? message.uri ?? message.taskId;
    const headers = ['accept', 'application/json, text/event-stream', 'mcp-protocol-version', '2026-07-28', 'mcp-method', method];
    if (name !== undefined) headers.push('mcp-name', name);
    const request: UpstreamRequest = {
      upstream: rig.row,
      method: 'POST',
      lane: 'call',
      headers,
      body,
      message,
      caller: principal({ key: caller }),
      session: undefined,
      lastEventId: undefined,
      isSafeToRepeat: false,
    };
    try {
      heard.call = clients.open(request, heard);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      heard.fail(error);
    }
    return heard;
  }

  return {
    ...rig,
    clients,
    upstream,
    send,
    tool: (params = {}, sent = {}) => send('tools/call', { name: 'tool', arguments: {}, ...params }, sent),
    async arrived(method, count = 1) {
      for (let turn = 0; turn < 200 && upstream.of(method).length < count; turn++) await settled();
      const found = upstream.of(method)[count - 1];
      if (found === undefined) throw new Error(`${method} came ${upstream.of(method).length} times`);
      return found;
    },
  };
}

/** What the client was asked in this round, and what it has to bring along. */
export function asked(heard: Heard): { keys: string[]; requests: Record<string, Message>; requestState: string } {
  const result = heard.answer?.result;
  if (result?.['resultType'] !== 'input_required') throw new Error(`Nothing is asked: ${JSON.stringify(heard.messages)} ${heard.failure?.code}`);
  const requests = result['inputRequests'] as Record<string, Message>;
  return { keys: Object.keys(requests), requests, requestState: result['requestState'] as string };
}

/** Waits until this client's round is over. */
export async function over(heard: Heard): Promise<Heard> {
  for (let turn = 0; turn < 1000 && !heard.isEnded && heard.failure === undefined; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return heard;
}
