// What an answer of the pipeline holds, message by message: on a line there is neither a status nor a frame around them, so each
// must be told apart, and a refusal that HTTP would have told by its status becomes an answer to the request.
import { AppError } from '#base/kernel';
import { batchElements, isBatch, rpcErrorText, scanMessage } from '#base/protocol';

export interface LineMessage {
  /** The message as it came, its bytes spelt as latin1. */
  readonly text: string;
  /** Of a response the id it answers, as it is written (`null` also when there is none); undefined for anything else. */
  readonly answers: string | undefined;
  readonly isError: boolean;
}

/** The messages of one JSON document or event: one, an array of them, or JSON lines. None when it is no JSON object. */
export function messagesIn(text: string): LineMessage[] {
  return oneMessage(text) ?? severalMessages(text);
}

function oneMessage(text: string): LineMessage[] | undefined {
  try {
    const { kind, id, isError } = scanMessage(text);
    return [{ text, answers: kind === 'response' ? (id ?? 'null') : undefined, isError }];
  } catch {
    // What a strict reader refuses may still be what clients understand.
    const message = parsed(text);
    if (!isObject(message)) return undefined;
    const isResponse = message['method'] === undefined;
    return [{ text, answers: isResponse ? written(message['id'] ?? null) : undefined, isError: isResponse && message['result'] === undefined }];
  }
}

function severalMessages(text: string): LineMessage[] {
  try {
    return (isBatch(text) ? batchElements(text) : text.split('\n')).flatMap((part) => oneMessage(part) ?? []);
  } catch {
    return [];
  }
}

/** The same id, perhaps in another spelling, e.g. `"\u0061"` for `"a"`. */
export function isSameId(answered: string, asked: string): boolean {
  if (answered === asked) return true;
  const [a, b] = [parsed(answered), parsed(asked)];
  return a !== undefined && a === b;
}

/**
 * The error response of a server that did not say, or could not tell, which request it refuses.
 * @param id the request's, as it is written
 * @param status of the HTTP answer it came with
 */
export function refusalText(text: string, id: string, status: number): string {
  const body = parsed(text);
  const error = isObject(body) ? body['error'] : undefined;
  if (isObject(error) && Number.isInteger(error['code']) && typeof error['message'] === 'string') {
    return `{"jsonrpc":"2.0","id":${id},"error":${written(error)}}`;
  }
  const said = text.trim() === '' ? 'without a body' : `with ${Buffer.from(text, 'latin1').toString('utf8').trim().slice(0, 200)}`;
  return rpcErrorText(new AppError('upstream.bad_answer', `The upstream answered HTTP ${status} ${said}.`), id);
}

/** The id of a request that could not be read otherwise, as it is to be written; undefined when nobody waits for an answer to it. */
export function idOf(text: string): string | undefined {
  const message = parsed(text);
  if (!isObject(message) || message['method'] === undefined) return undefined;
  const id = message['id'];
  return typeof id === 'string' || typeof id === 'number' ? written(id) : undefined;
}

/** As bytes spelt in latin1, like all messages on their way. */
function written(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('latin1');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'latin1').toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
