// A request of a legacy client, or of the gateway for it, as a server of 2026-07-28 wants it: with an envelope in the message, and headers
// that say the same (protocol.md 1.2, 1.4).
import { headerValue, jsonText, removeMember, scanMessage, setMember, valueAt, type ParamHeader, MODERN_VERSION } from '#base/protocol';
import { addParamHeaders, type UpstreamRequest } from '#data-plane/gateway';
import { stringAt } from '../../channel/string-at.ts';
import type { ClientWords } from './client-words.ts';

const PREFIX = 'io.modelcontextprotocol/';
/** What a request is about, which stands in a header too. */
const NAMED_BY: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};
/** Said anew for each request; what is left are credentials for the upstream, tracing, and what its owner lets pass. */
const OF_THE_MESSAGE = /^(?:accept|content-type|mcp-.*)$/;

const NEWER_ONLY = [
  ['params', 'requestState'],
  ['params', 'inputResponses'],
  ['params', '_meta', `${PREFIX}logLevel`],
];

/** Fields that only the newer era knows mean nothing in a legacy client's request, and must not come to mean something on the way. */
export function withoutNewerFields(text: string): string {
  let plain = text;
  for (const path of NEWER_ONLY) plain = removeMember(plain, path);
  return plain;
}

/** @param level the log level the client has set for its session, if it has */
export function withEnvelope(text: string, { clientInfo, capabilities }: ClientWords, level: string | undefined): string {
  let told = valueAt(text, ['params']) === undefined ? setMember(text, ['params'], '{}') : text;
  told = setMember(told, ['params', '_meta', `${PREFIX}protocolVersion`], jsonText(MODERN_VERSION));
  told = setMember(told, ['params', '_meta', `${PREFIX}clientCapabilities`], capabilities);
  told = setMember(told, ['params', '_meta', `${PREFIX}clientInfo`], clientInfo);
  return level === undefined ? told : setMember(told, ['params', '_meta', `${PREFIX}logLevel`], jsonText(level));
}

/** Headers of a client that go with whatever the gateway asks for it; flat names and values. */
export function passingHeaders(headers: readonly string[]): string[] {
  return headers.flatMap((name, at) => (at % 2 === 0 && !OF_THE_MESSAGE.test(name) ? [name, headers[at + 1] ?? ''] : []));
}

/**
 * @param from whose request it is, to which upstream, and how it travels
 * @param text the message with its envelope, as latin1
 * @param params arguments of the called tool that stand in headers too
 */
export function selfDescribing(from: UpstreamRequest, text: string, params: readonly ParamHeader[] = []): UpstreamRequest {
  const message = scanMessage(text);
  const headers = passingHeaders(from.headers);
  headers.push('content-type', 'application/json', 'accept', 'application/json, text/event-stream');
  headers.push('mcp-protocol-version', MODERN_VERSION, 'mcp-method', headerValue(message.method));
  const nameKey = NAMED_BY[message.method];
  const name = nameKey === undefined ? undefined : stringAt(text, ['params', nameKey]);
  if (name !== undefined) headers.push('mcp-name', headerValue(name));
  addParamHeaders(headers, from.upstream, params, text);
  const { upstream, lane, caller, isSafeToRepeat } = from;
  const body = Buffer.from(text, 'latin1');
  return { upstream, method: 'POST', lane, headers, body, message, caller, session: undefined, lastEventId: undefined, isSafeToRepeat, params };
}
