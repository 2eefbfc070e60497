// The calls of the bench as whole HTTP requests. All variants get the same bytes but for path, token and session, so that what
// differs is what is done with them.
import { ID_PLACEHOLDER } from './load-spec.ts';

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

/** One `tools/call` (MCP 2026-07-28 with its standard headers, or 2025-11-25 within a session), ID_PLACEHOLDER for the id. */
export function callRequest(tool: Tool, target: CallTarget): string {
  const isModern = target.sessionId === undefined;
  const meta = {
    ...(isModern ? { 'io.modelcontextprotocol/protocolVersion': MODERN_VERSION, 'io.modelcontextprotocol/clientCapabilities': {} } : {}),
    ...(tool === 'bench_stream' ? { progressToken: 'bench' } : {}),
  };
  const params = { name: tool, arguments: { city: 'Lisbon', days: 3, unit: 'celsius' }, ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }) };
  const body = `{"jsonrpc":"2.0","id":${ID_PLACEHOLDER},"method":"tools/call","params":${JSON.stringify(params)}}`;
  const era = isModern
    ? [`MCP-Protocol-Version: ${MODERN_VERSION}`, 'Mcp-Method: tools/call', `Mcp-Name: ${tool}`]
    : [`MCP-Protocol-Version: ${LEGACY_VERSION}`, `Mcp-Session-Id: ${target.sessionId}`];
  const lines = [
    `POST ${target.path} HTTP/1.1`,
    `Host: 127.0.0.1:${target.port}`,
    `Authorization: Bearer ${target.token}`,
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    ...era,
    `Content-Length: ${body.length}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
