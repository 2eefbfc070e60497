// Requests of 2026-07-28 describe themselves, in `_meta` and in headers. Callers of `/rpc` need not know it: what is missing is
// added here, what they said stays (MCP 2026-07-28, "Standard headers"; protocol.md 1.4).
import type { IncomingHttpHeaders } from 'node:http';
import { setMember, valueAt, type Envelope } from '#base/protocol';
import { canTravel, messageHeaders } from '../line/line-headers.ts';

const VERSION = '2026-07-28';
const META = 'io.modelcontextprotocol/';

/**
 * @param text a request as latin1
 * @param clientInfo as JSON text
 */
export function describingItself(text: string, clientInfo: string): string {
  const members: [string, string][] = [
    ['protocolVersion', `"${VERSION}"`],
    ['clientCapabilities', '{}'],
    ['clientInfo', clientInfo],
  ];
  let described = text;
  for (const [name, value] of members) {
    const path = ['params', '_meta', `${META}${name}`];
    if (valueAt(described, path) === undefined) described = setMember(described, path, value);
  }
  return described;
}

/** The headers that say what the body says. */
export function describedBy(headers: IncomingHttpHeaders, envelope: Envelope): IncomingHttpHeaders {
  const said = headers['mcp-protocol-version'];
  const ofParams = Object.entries(headers).filter(([name]) => name.startsWith('mcp-param-'));
  const state = { sessionId: undefined, protocolVersion: typeof said === 'string' ? said : VERSION };
  const method = canTravel(envelope.method) ? { 'mcp-method': envelope.method } : {};
  return { ...Object.fromEntries(ofParams), ...method, ...messageHeaders(headers, envelope, state) };
}
