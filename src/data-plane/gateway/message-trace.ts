// One span for one message, made when its record is made and of the same knowledge; the names are those of OpenTelemetry's
// conventions for MCP as far as they go. None of this runs while tracing is off (ADR 36).
import { randomBytes } from 'node:crypto';
import type { Span, SpanSink } from '#base/kernel';
import { parseTraceparent, traceparentText, type TraceParent } from '#base/protocol';
import type { ClientRequest } from './exchange.ts';
import type { Finished } from './recorder.ts';

/** The place of one message in its trace. */
export interface MessageTrace extends TraceParent {
  /** The span this one hangs on; undefined where the trace begins. */
  readonly parentSpanId: string | undefined;
  /** JSON-RPC id as it is written. */
  readonly requestId: string | undefined;
  readonly protocolVersion: string | undefined;
}

/** The message of a client with its trace, as it goes on. */
export interface TracedRequest {
  readonly request: ClientRequest;
  readonly trace: MessageTrace;
}

const ID_MAX = 128;

export class Tracer {
  readonly #sink: SpanSink;

  constructor(sink: SpanSink) {
    this.#sink = sink;
  }

  /**
   * Continues the trace that the client names, in `_meta` before the header, or begins one. Upstreams see the gateway's span as the
   * caller in the `traceparent` header; the message itself stays the client's, with its `_meta`.
   */
  begin(request: ClientRequest): TracedRequest {
    const { envelope } = request;
    const { tracestate, ...headers } = request.headers;
    const parent = parseTraceparent(envelope.traceparent) ?? parseTraceparent(headers['traceparent'] as string | undefined);
    const protocolVersion = envelope.protocolVersion ?? (headers['mcp-protocol-version'] as string | undefined);
    const trace = { ...childOf(parent), requestId: utf8(envelope.id)?.slice(0, ID_MAX), protocolVersion };
    headers['traceparent'] = traceparentText(trace);
    // It belongs to the trace of the header, and to no other.
    const isContinued = parent !== undefined && parent.traceId === parseTraceparent(request.headers['traceparent'] as string | undefined)?.traceId;
    return { request: { ...request, headers: isContinued && tracestate !== undefined ? { ...headers, tracestate } : headers }, trace };
  }

  /** For what an upstream says: part of the call on whose stream it comes, or of none. */
  within(call: MessageTrace | undefined): MessageTrace {
    return { ...childOf(call), requestId: undefined, protocolVersion: call?.protocolVersion };
  }

  /** A trace that the caller does not record is not recorded here. */
  finished(trace: MessageTrace, finished: Finished): void {
    if (trace.isSampled) this.#sink.add(spanOf(trace, finished, this.#sink.takesIdentity));
  }
}

/** An id as it is written is bytes as latin1. */
function utf8(id: string | undefined): string | undefined {
  return id === undefined ? undefined : Buffer.from(id, 'latin1').toString('utf8');
}

function childOf(parent: TraceParent | undefined): Omit<MessageTrace, 'requestId' | 'protocolVersion'> {
  return {
    traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
    spanId: randomBytes(8).toString('hex'),
    parentSpanId: parent?.spanId,
    isSampled: parent?.isSampled ?? true,
  };
}

function spanOf(trace: MessageTrace, finished: Finished, hasIdentity: boolean): Span {
  const { direction, outcome, method, target, errorCode } = finished;
  const kind = direction === 'ask' || direction === 'tell' ? 'client' : 'server';
  const named = NAMED_BY[method];
  const isPlain = named === 'gen_ai.tool.name' || named === 'gen_ai.prompt.name';
  const hasFailed = outcome !== 'ok' && outcome !== 'cancelled';
  return {
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentSpanId: trace.parentSpanId,
    name: isPlain && target !== '' ? `${method} ${target.slice(0, TEXT_MAX)}` : method === '' ? direction : method.slice(0, TEXT_MAX),
    kind,
    startMs: finished.atMs,
    endMs: finished.atMs + finished.durationMs,
    hasFailed,
    attributes: withoutBlanks({
      'mcp.method.name': method.slice(0, TEXT_MAX),
      'mcp.protocol.version': trace.protocolVersion?.slice(0, ID_MAX),
      'jsonrpc.request.id': trace.requestId,
      'gen_ai.operation.name': method === 'tools/call' ? 'execute_tool' : undefined,
      ...(named === undefined ? {} : { [named]: target.slice(0, TEXT_MAX) }),
      'error.type': hasFailed ? errorCode || outcome : undefined,
      'client.address': finished.clientAddress,
      'http.response.status_code': finished.httpStatus || undefined,
      'user.email': hasIdentity ? finished.userEmail : undefined,
      'mcpgateway.direction': direction,
      'mcpgateway.outcome': outcome,
      'mcpgateway.server.id': finished.serverId,
      'mcpgateway.gateway.id': finished.upstreamId,
      'mcpgateway.request.size_bytes': finished.requestBytes,
      'mcpgateway.response.size_bytes': finished.answerBytes,
    }),
  };
}

const TEXT_MAX = 512;
/** What the target of a method is. */
const NAMED_BY: Readonly<Record<string, string>> = {
  'tools/call': 'gen_ai.tool.name',
  'prompts/get': 'gen_ai.prompt.name',
  'resources/read': 'mcp.resource.uri',
  'resources/subscribe': 'mcp.resource.uri',
  'resources/unsubscribe': 'mcp.resource.uri',
  'notifications/resources/updated': 'mcp.resource.uri',
};

function withoutBlanks(attributes: Readonly<Record<string, string | number | undefined>>): Record<string, string | number> {
  const kept: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined && value !== '') kept[name] = value;
  return kept;
}
