// What a streamable HTTP server of 2026-07-28 checks before it works, and with which status it answers: over a line the upstream sees
// no headers and knows no statuses, so the gateway is that server (protocol.md 1.2, 1.4; checklist 13–17).
import { checkParamHeaders, jsonText, parsedJson, valueAt, type Envelope, MODERN_VERSION } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamRequest } from '#data-plane/gateway';
import { headerOf, NO_CALL } from './http-manners.ts';

const CLIENT_CAPABILITIES = ['params', '_meta', 'io.modelcontextprotocol/clientCapabilities'];
const NAMED_METHODS: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read', 'tasks/get', 'tasks/update', 'tasks/cancel']);
/** Errors of the transport have a status of their own; what handlers answer is 200. */
const STATUS_BY_CODE: ReadonlyMap<string, number> = new Map([
  ['-32601', 404],
  ['-32020', 400],
  ['-32021', 400],
  ['-32022', 400],
]);

/** Does this message belong to the era of self-describing requests, by its own words or by its header? */
export function isModern(request: UpstreamRequest, message: Envelope): boolean {
  if (message.protocolVersion !== undefined) return true;
  const version = headerOf(request, 'mcp-protocol-version');
  return version !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(version) && version >= MODERN_VERSION;
}

/**
 * Refuses what such a server refuses before it looks for the method; undefined when there is nothing to refuse.
 * @param capabilities what the client declares, as JSON text, for who has looked already
 * Throws AppError `header.mismatch` for headers that do not say what the called tool's arguments say.
 */
export function refusedModern(
  request: UpstreamRequest,
  message: Envelope,
  body: Buffer,
  sink: AnswerSink,
  capabilities = declaredCapabilities(body),
): UpstreamCall | undefined {
  if (message.kind !== 'request') return undefined;
  const refuse = (code: number, text: string, data?: Record<string, unknown>): UpstreamCall => refused(sink, message.id, code, text, data);
  const { protocolVersion } = message;
  if (protocolVersion === undefined || protocolVersion === '') {
    return refuse(-32602, 'Invalid params: _meta["io.modelcontextprotocol/protocolVersion"] is required and a string');
  }
  if (capabilities?.startsWith('{') !== true) {
    return refuse(-32602, 'Invalid params: _meta["io.modelcontextprotocol/clientCapabilities"] is required and an object');
  }
  if (headerOf(request, 'mcp-protocol-version') === undefined) return refuse(-32020, 'The header MCP-Protocol-Version is missing');
  if (protocolVersion !== MODERN_VERSION) {
    return refuse(-32022, `Unsupported protocol version: ${protocolVersion.slice(0, 64)}`, {
      supported: [MODERN_VERSION],
      requested: protocolVersion,
    });
  }
  if (headerOf(request, 'mcp-method') === undefined) return refuse(-32020, 'The header Mcp-Method is missing');
  if (NAMED_METHODS.has(message.method) && headerOf(request, 'mcp-name') === undefined) return refuse(-32020, 'The header Mcp-Name is missing');
  const { params = [] } = request;
  if (params.length > 0) checkParamHeaders(params, request.headers, body.toString('latin1'));
  return undefined;
}

/** What the client of a self-describing request declares, as JSON text. */
export function declaredCapabilities(body: Buffer): string | undefined {
  return valueAt(body.toString('latin1'), CLIENT_CAPABILITIES);
}

/** The HTTP status of an answer, which a line does not give. */
export function modernStatus(text: string, { isError }: Pick<Envelope, 'isError'>): number {
  if (!isError) return 200;
  const code = valueAt(text, ['error', 'code']);
  return (code === undefined ? undefined : STATUS_BY_CODE.get(String(parsedJson(code)))) ?? 200;
}

function refused(sink: AnswerSink, id: string | undefined, code: number, message: string, data?: Record<string, unknown>): UpstreamCall {
  const error = jsonText({ code, message, ...(data === undefined ? {} : { data }) });
  const body = Buffer.from(`{"jsonrpc":"2.0","id":${id ?? 'null'},"error":${error}}`, 'latin1');
  sink.head({ status: 400, kind: 'json', headers: [], contentLength: body.length });
  sink.chunk(body);
  sink.end();
  return NO_CALL;
}
