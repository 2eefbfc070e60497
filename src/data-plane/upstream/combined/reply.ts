// A whole answer of the gateway's own, around the client's id. Large results are not copied: prefix, bytes and end leave one after the other.
import { jsonText } from '#base/protocol';
import type { AnswerSink, UpstreamCall } from '#data-plane/gateway';
import { NO_CALL } from '../channel/http-manners.ts';

const END = Buffer.from('}');

/** @param result the result object as bytes, or undefined for an error */
export function reply(
  sink: AnswerSink,
  id: string | undefined,
  result: Buffer | undefined,
  error?: { readonly code: number; readonly message: string },
  status = 200,
): UpstreamCall {
  const start = Buffer.from(`{"jsonrpc":"2.0","id":${id ?? 'null'},"${result === undefined ? 'error' : 'result'}":`, 'latin1');
  const middle = result ?? Buffer.from(jsonText(error ?? {}), 'latin1');
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
