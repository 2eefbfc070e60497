// Which of a client's headers reach an upstream: those MCP and tracing define, and those the gateway's owner allowed by name.
// Credentials, cookies, Host, Origin and session ids never do (decisions.md 14; checklist 54).
import type { IncomingHttpHeaders } from 'node:http';
import type { UpstreamRow } from './snapshot-input.ts';

const ALLOWED: ReadonlySet<string> = new Set([
  'accept', 'content-type', 'mcp-protocol-version', 'mcp-method', 'mcp-name', 'traceparent', 'tracestate', 'baggage',
]);
const NEVER: ReadonlySet<string> = new Set([
  'authorization', 'proxy-authorization', 'cookie', 'host', 'origin', 'mcp-session-id', 'last-event-id', 'content-length', 'connection',
  'transfer-encoding', 'keep-alive', 'upgrade', 'te', 'trailer', 'expect', 'x-upstream-authorization',
]);

/**
 * Flat names and values. What the upstream's own credentials set wins over anything the client sends (api.md 3.5): two
 * Authorization headers would leave it to the upstream which one counts.
 */
export function forwardHeaders(headers: IncomingHttpHeaders, upstream: Pick<UpstreamRow, 'headers' | 'passthroughHeaders'>): string[] {
  const passthrough = upstream.passthroughHeaders;
  const forwarded: string[] = [];
  for (const name in headers) {
    const isAllowed = ALLOWED.has(name) || name.startsWith('mcp-param-') || (passthrough.length > 0 && passthrough.includes(name) && !NEVER.has(name));
    if (!isAllowed) continue;
    const value = headers[name];
    if (typeof value === 'string' && !isSetByGateway(upstream, name)) forwarded.push(name, value);
  }
  const upstreamAuthorization = headers['x-upstream-authorization'];
  if (typeof upstreamAuthorization === 'string' && !isSetByGateway(upstream, 'authorization')) forwarded.push('authorization', upstreamAuthorization);
  return forwarded;
}

function isSetByGateway(upstream: Pick<UpstreamRow, 'headers'>, name: string): boolean {
  return upstream.headers.length > 0 && upstream.headers.some(([own]) => own.toLowerCase() === name);
}
