// A whole answer of the gateway's own, around the client's id. Large results are not copied: prefix, bytes and end leave one after the other.
import { jsonText } from '#base/protocol';
import type { AnswerSink, UpstreamCall } from '#data-plane/gateway';
import { NO_CALL } from './channel/http-manners.ts';

const END = Buffer.from('}');

/** A result object in two parts, so that what is said of this answer alone can stand before bytes that are shared. */
export interface OpenedResult {
  /** As latin1; from the object's `{` on. */
  readonly opening: string;
  readonly rest: Buffer;
}

/** @param result the result object, or undefined for an error */
export function reply(
  sink: AnswerSink,
  id: string | undefined,
  result: Buffer | OpenedResult | undefined,
  error?: { readonly code: number; readonly message: string },
  status = 200,
): UpstreamCall {
  const opening = result !== undefined && 'opening' in result ? result.opening : '';
  const rest = result !== undefined && 'opening' in result ? result.rest : result;
  const start = Buffer.from(`{"jsonrpc":"2.0","id":${id ?? 'null'},"${rest === undefined ? 'error' : 'result'}":${opening}`, 'latin1');
  const middle = rest ?? Buffer.from(jsonText(error ?? {}), 'latin1');
  sink.head({
    status,
    kind: 'json',
    headers: [],
    contentLength: start.length + middle.length + END.length,
    ownOutcome: result === undefined ? 'rpc_error' : 'ok',
  });
  sink.chunk(start);
  sink.chunk(middle);
  sink.chunk(END);
  sink.end();
  return NO_CALL;
}
