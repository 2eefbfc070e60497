// Requests of 2026-07-28 describe themselves, in `_meta` and in headers. Callers of `/rpc` need not know it: what is missing is
// added here, what they said stays (MCP 2026-07-28, "Standard headers"; protocol.md 1.4).
import type { IncomingHttpHeaders } from 'node:http';
import { setMember, valueAt, type Envelope } from '#base/protocol';

const VERSION = '2026-07-28';
const META = 'io.modelcontextprotocol/';
const NAMED_BY: Readonly<Record<string, 'name' | 'uri' | 'taskId'>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

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
  const member = NAMED_BY[envelope.method];
  const name = member === undefined ? undefined : envelope[member];
  const described: IncomingHttpHeaders = { ...headers, 'mcp-method': envelope.method };
  const version = envelope.protocolVersion ?? headers['mcp-protocol-version'] ?? VERSION;
  if (version !== '') described['mcp-protocol-version'] = version;
  delete described['mcp-name'];
  if (name !== undefined) described['mcp-name'] = headerText(name);
  return described;
}

/** Visible ASCII as it is; everything else, and what looks like the wrapper, in Base64. */
function headerText(value: string): string {
  const isPlain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !(value.startsWith('=?base64?') && value.endsWith('?='));
  return isPlain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}
