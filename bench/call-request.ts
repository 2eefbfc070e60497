// The calls of the bench as whole HTTP requests. All variants get the same bytes but for path, token and session, so that what
// differs is what is done with them.
import { ENDPOINT_PLACEHOLDER, ID_PLACEHOLDER } from './load-spec.ts';

/** Calls of these tools; `list` is the first page of `tools/list`. */
export type Tool = 'bench_small' | 'bench_stream' | 'bench_large' | 'list';

export interface CallTarget {
  readonly port: number;
  readonly path: string;
  readonly token: string;
  /** A session of the older era; without one the call is of the modern era. */
  readonly sessionId?: string | undefined;
  /** What `bench_small` is called there, where it is not the upstream's own name. */
  readonly toolName?: string | undefined;
}

export const MODERN_VERSION = '2026-07-28';
export const LEGACY_VERSION = '2025-11-25';
/** The revision whose transport is HTTP+SSE. */
export const SSE_VERSION = '2024-11-05';

const ENVELOPE = { 'io.modelcontextprotocol/protocolVersion': MODERN_VERSION, 'io.modelcontextprotocol/clientCapabilities': {} };

/** One `tools/call` or `tools/list` (MCP 2026-07-28 with its standard headers, or 2025-11-25 within a session), ID_PLACEHOLDER for the id. */
export function callRequest(tool: Tool, target: CallTarget): string {
  const isModern = target.sessionId === undefined;
  const name = tool === 'list' ? undefined : (target.toolName ?? tool);
  const body = name === undefined ? listBody(isModern) : callBody(tool, name, isModern);
  const era = isModern
    ? [
        `MCP-Protocol-Version: ${MODERN_VERSION}`,
        ...(name === undefined ? ['Mcp-Method: tools/list'] : ['Mcp-Method: tools/call', `Mcp-Name: ${name}`]),
      ]
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
  const body = callBody(tool, tool, false);
  const common = commonHeaders(target);
  const get = [`GET ${target.path} HTTP/1.1`, ...common, 'Accept: text/event-stream'];
  const post = [`POST ${ENDPOINT_PLACEHOLDER} HTTP/1.1`, ...common, 'Content-Type: application/json', `Content-Length: ${body.length}`];
  return { open: `${get.join('\r\n')}\r\n\r\n`, request: `${post.join('\r\n')}\r\n\r\n${body}` };
}

function commonHeaders(target: CallTarget): string[] {
  return [`Host: 127.0.0.1:${target.port}`, `Authorization: Bearer ${target.token}`];
}

function listBody(isModern: boolean): string {
  const params = isModern ? { _meta: ENVELOPE } : {};
  return `{"jsonrpc":"2.0","id":${ID_PLACEHOLDER},"method":"tools/list","params":${JSON.stringify(params)}}`;
}

function callBody(tool: Tool, name: string, isModern: boolean): string {
  const meta = {
    ...(isModern ? ENVELOPE : {}),
    ...(tool === 'bench_stream' ? { progressToken: 'bench' } : {}),
  };
  const params = { name, arguments: { city: 'Lisbon', days: 3, unit: 'celsius' }, ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }) };
  return `{"jsonrpc":"2.0","id":${ID_PLACEHOLDER},"method":"tools/call","params":${JSON.stringify(params)}}`;
}
