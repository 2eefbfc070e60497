// What an upstream's status and headers mean, before a byte of its body is read.
import { AppError } from '#base/kernel';
import type { AnswerKind } from '#data-plane/gateway';

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

const PASSING: readonly string[] = ['cache-control', 'retry-after', 'allow', 'mcp-protocol-version'];

/** The upstream's headers that may pass: no session ids, cookies, challenges or redirects (decisions.md 1). */
export function passingHeaders(headers: Headers): string[] {
  const passing: string[] = [];
  for (const name of PASSING) {
    const value = headers[name];
    if (typeof value === 'string') passing.push(name, value);
  }
  return passing;
}

/** Throws AppError for what never reaches a client: authentication challenges, redirects, and bodies that are not MCP. */
export function answerKind(status: number, headers: Headers, gatewayName: string): AnswerKind {
  if (status === 401 || status === 403) {
    throw new AppError('upstream.needs_auth', `Gateway "${gatewayName}" refused the credentials the gateway sent (HTTP ${status}).`);
  }
  if (status >= 300 && status < 400) {
    throw new AppError(
      'upstream.bad_answer',
      `Gateway "${gatewayName}" answered with a redirect (HTTP ${status}), which is not followed. Register its final URL.`,
    );
  }
  // Nobody asked for it, and a client that is given the bytes without the header could not read them.
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new AppError('upstream.bad_answer', `Gateway "${gatewayName}" answered in a compressed form that nobody had asked for.`);
  }
  const type = headers['content-type'];
  if (typeof type === 'string') {
    if (startsWithType(type, 'application/json')) return 'json';
    if (startsWithType(type, 'text/event-stream')) return 'stream';
  }
  if (status === 202 || status === 204 || headers['content-length'] === '0' || status >= 400) return 'empty';
  if (status === 200 && type === undefined) return 'empty';
  throw new AppError(
    'upstream.bad_answer',
    `Gateway "${gatewayName}" answered with ${typeof type === 'string' ? type.slice(0, 80) : 'no content type'}, not with JSON or an event stream. Is the URL an MCP endpoint?`,
  );
}

function startsWithType(value: string, type: string): boolean {
  return value.length >= type.length && (value.startsWith(type) || value.slice(0, type.length).toLowerCase() === type);
}
