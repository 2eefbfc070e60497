// A refusal of an upstream that is no answer to the client's request, with the status of a transport the client does not see: of the
// upstream's own session, of the credentials the gateway holds. Passed on as it came, it would be taken for a word on the client's own.
import { AppError } from '#base/kernel';
import type { UpstreamEntry } from '#data-plane/gateway';

/** @returns the error to tell; undefined when the body is a JSON-RPC answer to the request */
export function refusal({ row }: UpstreamEntry, status: number, body: string): AppError | undefined {
  const { id, error } = parsed(body);
  if (id !== undefined && id !== null && error !== undefined) return undefined;
  const { message } = (typeof error === 'object' && error !== null ? error : {}) as { message?: unknown };
  const why = typeof message === 'string' ? `: ${message.slice(0, 200)}` : '';
  const code = status === 401 || status === 403 ? 'upstream.needs_auth' : 'upstream.bad_answer';
  return new AppError(code, `Gateway "${row.name}" refused the call with HTTP ${status}${why}`);
}

function parsed(body: string): { readonly id?: unknown; readonly error?: unknown } {
  try {
    const value = JSON.parse(Buffer.from(body, 'latin1').toString('utf8')) as unknown;
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
