// Which of a client's headers go with one call to one upstream of a combined server: tracing, and what that upstream's own allow-list
// names. A credential a client sends for an upstream names none, so it goes to none (decisions.md 14).
import { headerValue } from '#base/protocol';
import type { UpstreamRequest, UpstreamRow } from '#data-plane/gateway';

const TRACING: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'baggage']);
const OF_PARAMS = 'mcp-param-';
/** What a client sends for an upstream (X-Upstream-Authorization) arrives under this name, and there are several upstreams. */
const CREDENTIAL = 'authorization';

/** What headers of 2026-07-28 say of a message. */
export interface Described {
  readonly version: string;
  readonly method: string;
  readonly name: string | undefined;
  /** Of its arguments; flat names and values. */
  readonly params: readonly string[];
}

/** Flat names and values. With `described` those of a self-describing request, recomputed for what the upstream calls things. */
export function upstreamHeaders(request: UpstreamRequest, row: UpstreamRow, described?: Described): string[] {
  const headers: string[] = [];
  add(headers, request.headers, row, (name) => TRACING.has(name) || isAllowed(name, row));
  if (described === undefined) return headers;
  add(headers, described.params, row, () => true);
  headers.push('content-type', 'application/json', 'accept', 'application/json, text/event-stream');
  headers.push('mcp-protocol-version', described.version, 'mcp-method', described.method);
  if (described.name !== undefined) headers.push('mcp-name', headerValue(described.name));
  return headers;
}

/** Those that go with a session of this upstream for as long as it lasts: what the upstream's allow-list names. */
export function legHeaders(sent: readonly string[], row: UpstreamRow): string[] {
  const headers: string[] = [];
  add(headers, sent, row, (name) => isAllowed(name, row));
  return headers;
}

function isAllowed(name: string, { passthroughHeaders }: UpstreamRow): boolean {
  return passthroughHeaders.includes(name) && name !== CREDENTIAL && !name.startsWith(OF_PARAMS);
}

/** What the gateway's own credentials set wins over anything a client sends. */
function add(headers: string[], sent: readonly string[], row: UpstreamRow, mayPass: (name: string) => boolean): void {
  for (let at = 0; at < sent.length; at += 2) {
    const name = sent[at] ?? '';
    if (mayPass(name) && !row.headers.some(([own]) => own.toLowerCase() === name)) headers.push(name, sent[at + 1] ?? '');
  }
}

/** What a client of 2026-07-28 says of arguments, whoever knows of them. */
export function sentParams({ headers }: UpstreamRequest): string[] {
  return headers.flatMap((name, at) => (at % 2 === 0 && name.startsWith(OF_PARAMS) ? [name, headers[at + 1] ?? ''] : []));
}
