// Which of a client's headers reach an upstream: those MCP and tracing define, and those the gateway's owner allowed by name.
// Credentials, cookies, Host, Origin and session ids never do (decisions.md 14; checklist 54).
import type { IncomingHttpHeaders } from 'node:http';
import { LINKS_SINCE } from '#base/protocol';
import type { UpstreamRow } from './snapshot-input.ts';

/** The legacy revisions that both sides of one session have agreed upon, when they differ. */
export interface VersionHop {
  readonly client: string;
  readonly upstream: string;
}

const VERSION = 'mcp-protocol-version';
const ALLOWED: ReadonlySet<string> = new Set(['accept', 'content-type', VERSION, 'mcp-method', 'mcp-name', 'traceparent', 'tracestate', 'baggage']);
const NEVER: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'host',
  'origin',
  'mcp-session-id',
  'last-event-id',
  'content-length',
  'connection',
  'transfer-encoding',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'x-upstream-authorization',
]);

/**
 * Flat names and values. What the upstream's own credentials set wins over anything the client sends (api.md 3.5): two
 * Authorization headers would leave it to the upstream which one counts.
 * @param hop names the revision to the upstream that it has agreed upon itself
 */
export function forwardHeaders(
  headers: IncomingHttpHeaders,
  upstream: Pick<UpstreamRow, 'headers' | 'passthroughHeaders'>,
  hop?: VersionHop,
): string[] {
  const passthrough = upstream.passthroughHeaders;
  const forwarded: string[] = [];
  for (const name in headers) {
    const isAllowed =
      ALLOWED.has(name) || name.startsWith('mcp-param-') || (passthrough.length > 0 && passthrough.includes(name) && !NEVER.has(name));
    if (!isAllowed) continue;
    const value = headers[name];
    if (typeof value !== 'string' || isSetByGateway(upstream, name)) continue;
    forwarded.push(name, hop !== undefined && name === VERSION && value === hop.client ? hop.upstream : value);
  }
  // Clients of revisions without this header do not send it; the upstream's own may insist on it.
  if (hop !== undefined && headers[VERSION] === undefined && hop.upstream >= LINKS_SINCE && !isSetByGateway(upstream, VERSION))
    forwarded.push(VERSION, hop.upstream);
  const upstreamAuthorization = headers['x-upstream-authorization'];
  if (typeof upstreamAuthorization === 'string' && !isSetByGateway(upstream, 'authorization')) forwarded.push('authorization', upstreamAuthorization);
  return forwarded;
}

/** Describes one message of the client and no other. */
const OF_ONE_MESSAGE = /^(?:content-type|mcp-method|mcp-name|mcp-param-.*)$/;

/**
 * For a request of the gateway's own on behalf of the same call – to resume its stream, to take it back: the client's revision,
 * tracing and credentials for the upstream, without what describes the client's message.
 */
export function followUpHeaders(
  headers: IncomingHttpHeaders,
  upstream: Pick<UpstreamRow, 'headers' | 'passthroughHeaders'>,
  accept: string,
  hop?: VersionHop,
): string[] {
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_ONE_MESSAGE.test(name)));
  return forwardHeaders({ ...kept, accept }, upstream, hop);
}

function isSetByGateway(upstream: Pick<UpstreamRow, 'headers'>, name: string): boolean {
  return upstream.headers.length > 0 && upstream.headers.some(([own]) => own.toLowerCase() === name);
}
