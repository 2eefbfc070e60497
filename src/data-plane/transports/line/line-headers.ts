// The headers a good streamable HTTP client would send with a message: on a line there are none, and upstreams look at them.
import type { IncomingHttpHeaders } from 'node:http';
import { headerValue, type Envelope } from '#base/protocol';
import { NAMED_METHODS } from '../streamable-http/classify.ts';

/** Said by the line itself, never taken from what a door's client sent along. */
const OWN = /^(?:accept|content-type|content-length|last-event-id|mcp-.*)$/;

export interface LineState {
  readonly sessionId: string | undefined;
  /** Negotiated by `initialize`. */
  readonly protocolVersion: string | undefined;
}

export const NO_SESSION: LineState = { sessionId: undefined, protocolVersion: undefined };

/** For a POST of this message. */
export function messageHeaders(sent: IncomingHttpHeaders, envelope: Envelope, state: LineState): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = { ...others(sent), accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
  const { protocolVersion, method } = envelope;
  if (protocolVersion !== undefined) {
    if (protocolVersion !== '' && canTravel(protocolVersion)) headers['mcp-protocol-version'] = protocolVersion;
    if (canTravel(method)) headers['mcp-method'] = method;
    const name = envelope.name ?? envelope.uri ?? envelope.taskId;
    if (name !== undefined && NAMED_METHODS.has(method)) headers['mcp-name'] = headerValue(name);
    return headers;
  }
  // A client that starts anew is in no session yet.
  return method === 'initialize' ? headers : inSession(headers, state);
}

/** For a GET or DELETE. */
export function bodylessHeaders(sent: IncomingHttpHeaders, state: LineState): IncomingHttpHeaders {
  return inSession({ ...others(sent), accept: 'text/event-stream' }, state);
}

function inSession(headers: IncomingHttpHeaders, { sessionId, protocolVersion }: LineState): IncomingHttpHeaders {
  if (sessionId !== undefined) headers['mcp-session-id'] = sessionId;
  if (protocolVersion !== undefined) headers['mcp-protocol-version'] = protocolVersion;
  return headers;
}

function others(sent: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(sent).filter(([name]) => !OWN.test(name)));
}

/** What cannot be a header is left out, and the upstream says that it is missing: a request with it could not be sent at all. */
export function canTravel(text: string): boolean {
  return /^[\x20-\x7e\x80-\xff]+$/.test(text);
}
