// Which era a request belongs to, and whether its headers say the same as its body. Intermediaries route by the headers, we by
// the body, so they must agree (MCP 2026-07-28 "Standard headers"; checklist 14).
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '#base/kernel';
import { headerText, type Envelope } from '#base/protocol';
import type { Era } from '#data-plane/gateway';

const FIRST_MODERN = '2026-07-28';

/** Modern requests describe themselves in `_meta`; the header alone says it too, so that a missing envelope is told as such. */
export function eraOf(headers: IncomingHttpHeaders, envelope: Envelope | undefined): Era {
  if (envelope?.protocolVersion !== undefined) return 'modern';
  const version = headers['mcp-protocol-version'];
  return typeof version === 'string' && isDate(version.trim()) && version.trim() >= FIRST_MODERN ? 'modern' : 'legacy';
}

/** Throws AppError `header.mismatch`. What is missing is for the upstream to refuse; what contradicts the body is refused here. */
export function checkHeaders(headers: IncomingHttpHeaders, envelope: Envelope): void {
  // Without an envelope there is nothing to agree with, and the upstream says what is missing.
  if (envelope.protocolVersion === undefined) return;
  // '' is what a value of another type is read as: a malformed envelope, which the upstream refuses as such before it looks at headers.
  if (envelope.protocolVersion !== '') compare('MCP-Protocol-Version', headers['mcp-protocol-version'], envelope.protocolVersion, false);
  compare('Mcp-Method', headers['mcp-method'], envelope.method, false);
  const named = envelope.name ?? envelope.uri ?? envelope.taskId;
  if (named !== undefined && NAMED_METHODS.has(envelope.method)) compare('Mcp-Name', headers['mcp-name'], named, true);
}

/** Whose target travels in Mcp-Name too. */
export const NAMED_METHODS: ReadonlySet<string> = new Set([
  'tools/call',
  'prompts/get',
  'resources/read',
  'tasks/get',
  'tasks/update',
  'tasks/cancel',
]);

function compare(name: string, header: string | string[] | undefined, expected: string, isEncodable: boolean): void {
  if (header === undefined) return;
  const sent = typeof header === 'string' ? header.trim() : header.join(', ');
  const value = isEncodable ? headerText(sent) : sent;
  if (value === undefined) throw new AppError('header.mismatch', `The header ${name} is not valid Base64 of UTF-8 inside its wrapper.`);
  if (value !== expected) {
    throw new AppError(
      'header.mismatch',
      `The header ${name} says ${JSON.stringify(value.slice(0, 200))}, the body says ${JSON.stringify(expected.slice(0, 200))}.`,
    );
  }
}

function isDate(version: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(version);
}
