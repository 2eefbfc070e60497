// What a streamable HTTP server would say where a line has no words for it: refusals by status, 202 for what needs no answer. To
// the pipeline an upstream on a line is a streamable HTTP server like any other (protocol.md 1.3; checklist 37).
import { isLegacyVersion, LEGACY_VERSIONS } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamRequest } from '#data-plane/gateway';

export const NO_CALL: UpstreamCall = { cancel() {}, pause() {}, resume() {} };

const FIRST_PRIMED_VERSION = '2025-11-25';

/** Do streams to clients of this revision begin with a priming event? Older parsers choke on empty data. */
export function isPrimed(version: string): boolean {
  return version >= FIRST_PRIMED_VERSION;
}

export function accepted(sink: AnswerSink): UpstreamCall {
  sink.head({ status: 202, kind: 'empty', headers: [], contentLength: 0 });
  sink.end();
  return NO_CALL;
}

export function done(sink: AnswerSink): UpstreamCall {
  sink.head({ status: 200, kind: 'empty', headers: [], contentLength: 0 });
  sink.end();
  return NO_CALL;
}

/** A refusal in the form and with the statuses SDK servers use; its id is null as theirs is. */
export function refused(sink: AnswerSink, status: number, code: number, message: string): UpstreamCall {
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }));
  sink.head({ status, kind: 'json', headers: status === 405 ? ['allow', 'POST'] : [], contentLength: body.length });
  sink.chunk(body);
  sink.end();
  return NO_CALL;
}

/** Refuses what a streamable HTTP server refuses by its headers; undefined when there is nothing to refuse. */
export function refusedByHeaders(request: UpstreamRequest, sink: AnswerSink): UpstreamCall | undefined {
  const accept = headerOf(request, 'accept') ?? '';
  const needed = request.method === 'GET' ? ['text/event-stream'] : ['application/json', 'text/event-stream'];
  if (!needed.every((type) => accepts(accept, type))) return refused(sink, 406, -32000, `Not Acceptable: accept ${needed.join(' and ')}`);
  const version = headerOf(request, 'mcp-protocol-version');
  if (version !== undefined && request.message?.protocolVersion === undefined && !isLegacyVersion(version)) {
    return refused(sink, 400, -32000, `Bad Request: Unsupported protocol version (supported versions: ${LEGACY_VERSIONS.join(', ')})`);
  }
  return undefined;
}

/** A header as the client sent it; names are lower case. */
export function headerOf(request: UpstreamRequest, name: string): string | undefined {
  for (let at = 0; at < request.headers.length; at += 2) if (request.headers[at] === name) return request.headers[at + 1];
  return undefined;
}

function accepts(accept: string, type: string): boolean {
  const [main] = type.split('/');
  return accept.split(',').some((part) => {
    const range = (part.split(';')[0] ?? '').trim().toLowerCase();
    return range === type || range === '*/*' || range === `${main}/*`;
  });
}
