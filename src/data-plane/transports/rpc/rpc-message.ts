// One message as callers of `/rpc` may write it – without an id, naming its server among the params, by the method names of older
// clients – turned into the MCP message that goes on. Only the places concerned change; all else travels as it came.
import { randomUUID } from 'node:crypto';
import { AppError, normaliseId } from '#base/kernel';
import { jsonText, parsedJson, removeMember, replaceAt, routingKeys, scanMessage, setMember, valueAt, type Envelope } from '#base/protocol';

export interface RpcMessage {
  /** The message that goes on, as latin1. */
  readonly text: string;
  readonly envelope: Envelope;
  /** '' when it names none. */
  readonly serverId: string;
  /** The id that the answer carries, as it is written; undefined when none was sent with a notification or a response. */
  readonly answerId: string | undefined;
}

const SERVER_ID = ['params', 'server_id'];

/**
 * @param text one JSON value of the body as latin1
 * Throws AppError `request.malformed_json`, `request.invalid`, `request.ambiguous` or `request.bad_params`.
 */
export function readRpcMessage(text: string): RpcMessage {
  const sent = scanMessage(text);
  if (sent.kind === 'response') return { text, envelope: sent, serverId: '', answerId: undefined };
  const isNotice = sent.method.startsWith('notifications/');
  let changed = text;
  let answerId = sent.id;
  if (isNotice && sent.id !== undefined) changed = removeMember(changed, ['id']);
  if (!isNotice && sent.id === undefined) {
    answerId = jsonText(randomUUID());
    changed = setMember(changed, ['id'], answerId);
  }
  const named = valueAt(changed, SERVER_ID);
  if (named !== undefined) changed = removeMember(changed, SERVER_ID);
  return { text: changed, envelope: changed === text ? sent : scanMessage(changed), serverId: serverIdIn(named), answerId };
}

/** The id of a message that could not be read, if at least that can be: its error should reach whoever waits for it. */
export function idOfRefused(text: string): string | undefined {
  try {
    const id = valueAt(text, ['id']);
    return id !== undefined && /^["\d-]/.test(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

function serverIdIn(named: string | undefined): string {
  const value = named === undefined ? null : parsedJson(named);
  if (value === null) return '';
  if (typeof value !== 'string') throw new AppError('request.bad_params', '`params.server_id` must be a string.');
  return normaliseId(value);
}

/**
 * What older clients call by other names (api.md 2.3): `list_tools`, and any method of the name of a tool as a call of that tool.
 * @param hasTool whether the server has a tool of this name
 * @returns undefined when the message is none of these. Throws AppError `request.bad_params`.
 */
export function modernisedName(message: RpcMessage, hasTool: (name: string) => boolean): RpcMessage | undefined {
  const { text, envelope } = message;
  const { method } = envelope;
  if (envelope.kind !== 'request' || routingKeys(method) !== undefined) return undefined;
  if (hasTool(method)) return withText(message, toolCall(text));
  return method === 'list_tools' ? withText(message, replaceAt(text, ['method'], '"tools/list"')) : undefined;
}

export function withText(message: RpcMessage, text: string): RpcMessage {
  return { ...message, text, envelope: scanMessage(text) };
}

function toolCall(text: string): string {
  const params = valueAt(text, ['params']) ?? '{}';
  if (!params.startsWith('{')) throw new AppError('request.bad_params', 'The arguments of a tool are an object.');
  const name = valueAt(text, ['method']) ?? '""';
  // What describes the request is the protocol's, not the tool's.
  const meta = valueAt(params, ['_meta']);
  const args = meta === undefined ? params : removeMember(params, ['_meta']);
  const call = `{"name":${name},"arguments":${args}${meta === undefined ? '' : `,"_meta":${meta}`}}`;
  return setMember(replaceAt(text, ['method'], '"tools/call"'), ['params'], call);
}
