// Which of a client's headers go with one call to one upstream of a combined server: tracing, and what that upstream's own allow-list
// names. A credential a client sends for an upstream names none, so it goes to none (decisions.md 14).
import { headerValue } from '#base/protocol';
import type { UpstreamRequest, UpstreamRow } from '#data-plane/gateway';

const TRACING: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'baggage']);
const OF_PARAMS = 'mcp-param-';

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
  const add = (sent: readonly string[], mayPass: (name: string) => boolean): void => {
    for (let at = 0; at < sent.length; at += 2) {
      const name = sent[at] ?? '';
      if (mayPass(name) && !row.headers.some(([own]) => own.toLowerCase() === name)) headers.push(name, sent[at + 1] ?? '');
    }
  };
  add(request.headers, (name) => TRACING.has(name) || (row.passthroughHeaders.includes(name) && !name.startsWith(OF_PARAMS)));
  if (described === undefined) return headers;
  add(described.params, () => true);
  headers.push('content-type', 'application/json', 'accept', 'application/json, text/event-stream');
  headers.push('mcp-protocol-version', described.version, 'mcp-method', described.method);
  if (described.name !== undefined) headers.push('mcp-name', headerValue(described.name));
  return headers;
}

/** What a client of 2026-07-28 says of arguments, whoever knows of them. */
export function sentParams({ headers }: UpstreamRequest): string[] {
  return headers.flatMap((name, at) => (at % 2 === 0 && name.startsWith(OF_PARAMS) ? [name, headers[at + 1] ?? ''] : []));
}
