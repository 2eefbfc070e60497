// AppError to JSON-RPC: the only place that words an error for an MCP client. The private text stays behind.
import type { AppError } from '#base/kernel';

/**
 * One JSON-RPC error response, as UTF-8 bytes spelled in latin1 like all messages on their way.
 * @param id the request's id as it was written, or undefined when it is unknown (then `null`, JSON-RPC 2.0 §5)
 * `data` carries our stable code, the id to quote, and what the error brings along, e.g. `retryAfterMs`.
 */
export function rpcErrorText(error: AppError, id: string | undefined): string {
  const data = { code: error.code, id: error.id, retryable: error.kind.retryable, ...error.data };
  const text = JSON.stringify({ code: error.kind.rpc, message: error.message, data });
  return `{"jsonrpc":"2.0","id":${id ?? 'null'},"error":${Buffer.from(text).toString('latin1')}}`;
}
