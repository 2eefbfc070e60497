// Which of a client's headers reach an upstream: those MCP and tracing define, and those the gateway's owner allowed by name.
// Credentials, cookies, Host, Origin and session ids never do (decisions.md 14; checklist 54).
import type { IncomingHttpHeaders } from 'node:http';

const ALLOWED: ReadonlySet<string> = new Set([
  'accept', 'content-type', 'mcp-protocol-version', 'mcp-method', 'mcp-name', 'traceparent', 'tracestate', 'baggage',
]);
const NEVER: ReadonlySet<string> = new Set([
  'authorization', 'proxy-authorization', 'cookie', 'host', 'origin', 'mcp-session-id', 'last-event-id', 'content-length', 'connection',
  'transfer-encoding', 'keep-alive', 'upgrade', 'te', 'trailer', 'expect', 'x-upstream-authorization',
]);

/** @param passthrough lower-case names allowed for this upstream; returns flat names and values */
export function forwardHeaders(headers: IncomingHttpHeaders, passthrough: readonly string[]): string[] {
  const forwarded: string[] = [];
  for (const name in headers) {
    const isAllowed = ALLOWED.has(name) || name.startsWith('mcp-param-') || (passthrough.length > 0 && passthrough.includes(name) && !NEVER.has(name));
    if (!isAllowed) continue;
    const value = headers[name];
    if (typeof value === 'string') forwarded.push(name, value);
  }
  const upstreamAuthorization = headers['x-upstream-authorization'];
  if (typeof upstreamAuthorization === 'string') forwarded.push('authorization', upstreamAuthorization);
  return forwarded;
}
