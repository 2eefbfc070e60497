// The calls of the bench as whole HTTP requests. All variants get the same bytes but for path, token and session, so that what
// differs is what is done with them.
import { ENDPOINT_PLACEHOLDER, ID_PLACEHOLDER } from './load-spec.ts';

export type Tool = 'bench_small' | 'bench_stream' | 'bench_large';

export interface CallTarget {
  readonly port: number;
  readonly path: string;
  readonly token: string;
  /** A session of the older era; without one the call is of the modern era. */
  readonly sessionId?: string | undefined;
}

export const MODERN_VERSION = '2026-07-28';
export const LEGACY_VERSION = '2025-11-25';
/** The revision whose transport is HTTP+SSE. */
export const SSE_VERSION = '2024-11-05';

/** One `tools/call` (MCP 2026-07-28 with its standard headers, or 2025-11-25 within a session), ID_PLACEHOLDER for the id. */
export function callRequest(tool: Tool, target: CallTarget): string {
  const isModern = target.sessionId === undefined;
  const body = callBody(tool, isModern);
  const era = isModern
    ? [`MCP-Protocol-Version: ${MODERN_VERSION}`, 'Mcp-Method: tools/call', `Mcp-Name: ${tool}`]
    : [`MCP-Protocol-Version: ${LEGACY_VERSION}`, `Mcp-Session-Id: ${target.sessionId}`];
  const lines = [
    `POST ${target.path} HTTP/1.1`,
    ...commonHeaders(target),
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    ...era,
    `Content-Length: ${body.length}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** What a client of HTTP+SSE says: the GET of `target.path`, and the POST of one call to the path that the stream will tell. */
export function sseRequests(tool: Tool, target: CallTarget): { open: string; request: string } {
  const body = callBody(tool, false);
  const common = commonHeaders(target);
  const get = [`GET ${target.path} HTTP/1.1`, ...common, 'Accept: text/event-stream'];
  const post = [`POST ${ENDPOINT_PLACEHOLDER} HTTP/1.1`, ...common, 'Content-Type: application/json', `Content-Length: ${body.length}`];
  return { open: `${get.join('\r\n')}\r\n\r\n`, request: `${post.join('\r\n')}\r\n\r\n${body}` };
}

function commonHeaders(target: CallTarget): string[] {
  return [`Host: 127.0.0.1:${target.port}`, `Authorization: Bearer ${target.token}`];
}

function callBody(tool: Tool, isModern: boolean): string {
  const meta = {
    ...(isModern ? { 'io.modelcontextprotocol/protocolVersion': MODERN_VERSION, 'io.modelcontextprotocol/clientCapabilities': {} } : {}),
    ...(tool === 'bench_stream' ? { progressToken: 'bench' } : {}),
  };
  const params = { name: tool, arguments: { city: 'Lisbon', days: 3, unit: 'celsius' }, ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }) };
  return `{"jsonrpc":"2.0","id":${ID_PLACEHOLDER},"method":"tools/call","params":${JSON.stringify(params)}}`;
}
