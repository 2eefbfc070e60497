// What a caller of `/rpc` reads: one JSON-RPC document with the id it sent, and HTTP 200 unless the status itself is something to
// act on – log in, wait, send less (api.md 2.3).
import { AppError } from '#base/kernel';
import { parsedJson, replaceAt, rpcErrorText, setMember, valueAt } from '#base/protocol';
import { messagesIn } from '../line/line-message.ts';
import type { Collected } from './collected-answer.ts';

export interface RpcAnswer {
  readonly status: number;
  /** Flat names and values. */
  readonly headers: readonly string[];
  /** Undefined when nothing is owed. */
  readonly body: Buffer | undefined;
}

const TELLING_STATUSES: ReadonlySet<number> = new Set([401, 403, 405, 413, 415, 429, 503]);
const TELLING_CODES: ReadonlySet<string> = new Set([
  'request.malformed_json',
  'header.mismatch',
  'server.not_found',
  'server.disabled',
  'session.not_found',
]);
const PASSING_HEADERS: ReadonlySet<string> = new Set(['cache-control', 'retry-after', 'mcp-protocol-version', 'mcp-session-id']);

/** @param id the id the answer carries, as it is written; undefined when it is unknown */
export function errorAnswer(error: AppError, id: string | undefined, headers: readonly string[] = []): RpcAnswer {
  const status = TELLING_STATUSES.has(error.status) || TELLING_CODES.has(error.code) ? error.status : 200;
  const challenge = status === 401 ? ['www-authenticate', 'Bearer'] : [];
  return { status, headers: [...passing(headers), ...challenge], body: Buffer.from(rpcErrorText(error, id), 'latin1') };
}

/**
 * @param id as for errorAnswer; undefined when nothing is owed
 * @param isNotice the message had nothing to answer but that it was taken
 */
export function answerOf({ error, status, headers, body }: Collected, id: string | undefined, isNotice: boolean): RpcAnswer {
  if (error !== undefined) return errorAnswer(error, id, headers);
  if (status < 400 && isNotice) {
    return id === undefined ? { status: 202, headers: [], body: undefined } : answerOf({ status, headers, body: emptyResult() }, id, false);
  }
  const response = body === undefined ? undefined : responseIn(body, status, id);
  if (response === undefined)
    return errorAnswer(new AppError('upstream.bad_answer', `The upstream answered HTTP ${status} and not with JSON-RPC.`), id, headers);
  return { status: status === 429 ? 429 : 200, headers: passing(headers), body: response };
}

/**
 * The one response with the caller's id: large answers have passed unread, and what is no document would spoil a batch for the others
 * in it. Some servers put notifications beside the response, in an array or as JSON lines. @returns undefined when there is none
 */
export function responseIn(body: Buffer, status: number, id: string | undefined): Buffer | undefined {
  const whole = body.toString('latin1');
  try {
    const text = messagesIn(whole).find(({ answers }) => answers !== undefined)?.text;
    if (text === undefined || (valueAt(text, ['error']) === undefined && (status >= 400 || valueAt(text, ['result']) === undefined)))
      return undefined;
    return withId(text === whole ? body : Buffer.from(text, 'latin1'), text, id);
  } catch {
    // Nested deeper than we read.
    return undefined;
  }
}

/** All answers of a batch as one. A status that all of them share is the status of the whole: a caller that looks at it alone must see it. */
export function batchAnswer(answers: readonly RpcAnswer[]): RpcAnswer {
  const statuses = new Set(answers.map(({ status }) => status));
  const [first] = answers;
  const isShared = statuses.size === 1 && first !== undefined && first.status >= 400;
  const bodies = answers.flatMap(({ body }) => (body === undefined ? [] : [body]));
  const headers = isShared ? first.headers : [];
  if (bodies.length === 0) return { status: isShared ? first.status : 202, headers, body: undefined };
  const parts = bodies.flatMap((body, index) => [Buffer.from(index === 0 ? '[' : ','), body]);
  return { status: isShared ? first.status : 200, headers, body: Buffer.concat([...parts, Buffer.from(']')]) };
}

function emptyResult(): Buffer {
  return Buffer.from('{"jsonrpc":"2.0","result":{}}');
}

/** The caller's id instead of the one the message had on its way, or of none. */
function withId(body: Buffer, text: string, id: string | undefined): Buffer {
  if (id === undefined) return body;
  const answered = valueAt(text, ['id']);
  if (answered === id || (answered !== undefined && answered !== 'null' && parsedJson(answered) === parsedJson(id))) return body;
  return Buffer.from(answered === undefined ? setMember(text, ['id'], id) : replaceAt(text, ['id'], id), 'latin1');
}

function passing(headers: readonly string[]): string[] {
  return headers.flatMap((name, index) => (index % 2 === 0 && PASSING_HEADERS.has(name) ? [name, headers[index + 1] as string] : []));
}
