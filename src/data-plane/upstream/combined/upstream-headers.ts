// Which of a client's headers go with one call to one upstream of a combined server: tracing, and what that upstream's own allow-list
// names. A credential a client sends for an upstream names none, so it goes to none (decisions.md 14).
import type { UpstreamRequest, UpstreamRow } from '#data-plane/gateway';

const TRACING: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'baggage']);

/** What headers of 2026-07-28 say of a message. */
export interface Described {
  readonly version: string;
  readonly method: string;
  readonly name: string | undefined;
}

/** Flat names and values. With `described` those of a self-describing request, recomputed for what the upstream calls things. */
export function upstreamHeaders(request: UpstreamRequest, row: UpstreamRow, described?: Described): string[] {
  const headers: string[] = [];
  for (let at = 0; at < request.headers.length; at += 2) {
    const name = request.headers[at] ?? '';
    const mayPass = TRACING.has(name) || row.passthroughHeaders.includes(name) || (described !== undefined && name.startsWith('mcp-param-'));
    if (mayPass && !row.headers.some(([own]) => own.toLowerCase() === name)) headers.push(name, request.headers[at + 1] ?? '');
  }
  if (described === undefined) return headers;
  headers.push('content-type', 'application/json', 'accept', 'application/json, text/event-stream');
  headers.push('mcp-protocol-version', described.version, 'mcp-method', described.method);
  if (described.name !== undefined) headers.push('mcp-name', headerText(described.name));
  return headers;
}

/** MCP 2026-07-28 "Header value encoding": visible ASCII as it is, all else in Base64 of UTF-8. */
function headerText(value: string): string {
  const isPlain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !/^=\?base64\?.*\?=$/.test(value);
  return isPlain ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`;
}
