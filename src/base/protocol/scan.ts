// The strict single pass over one JSON-RPC message. It finds what our own decisions rest on – the envelope, and inside `params`
// the few keys this method routes by – and refuses anything that another parser could read differently (decisions.md 9). It
// validates the whole text and changes none of it.
import { AppError } from '#base/kernel';
import { JsonCursor } from './json-cursor.ts';
import { routingKeys } from './methods.ts';

export interface Envelope {
  readonly kind: 'request' | 'notification' | 'response';
  /** '' for a response. */
  readonly method: string;
  /** The id as it is written, e.g. `7`, `"a"` or `null`; undefined when absent. Equal ids have equal text only per sender. */
  readonly id: string | undefined;
  /** A response with `error`. */
  readonly isError: boolean;
  /** A response whose result says `isError: true`. */
  readonly isToolError: boolean;
  readonly name: string | undefined;
  readonly uri: string | undefined;
  readonly taskId: string | undefined;
  /** `params.requestId` of notifications/cancelled, as it is written. */
  readonly requestId: string | undefined;
  /** `_meta.progressToken` (or `params.progressToken` of notifications/progress), as it is written. */
  readonly progressToken: string | undefined;
  /** `_meta["io.modelcontextprotocol/protocolVersion"]`: present only in the self-describing requests of 2026-07-28. */
  readonly protocolVersion: string | undefined;
  /** `_meta.traceparent` when it is a string. */
  readonly traceparent: string | undefined;
}

class Found implements Envelope {
  kind: Envelope['kind'] = 'response';
  method = '';
  id: string | undefined = undefined;
  isError = false;
  isToolError = false;
  name: string | undefined = undefined;
  uri: string | undefined = undefined;
  taskId: string | undefined = undefined;
  requestId: string | undefined = undefined;
  progressToken: string | undefined = undefined;
  protocolVersion: string | undefined = undefined;
  traceparent: string | undefined = undefined;
}

const ENVELOPE_KEYS: readonly string[] = ['jsonrpc', 'id', 'method', 'params', 'result', 'error'];
const META_PREFIX = 'io.modelcontextprotocol/';
const cursor = new JsonCursor();

/**
 * Reads the envelope of one message.
 * @param text the message's bytes as latin1
 * Throws AppError `request.malformed_json`, `request.invalid` or `request.ambiguous`.
 */
export function scanMessage(text: string): Envelope {
  cursor.reset(text);
  if (cursor.peek() !== 0x7b) {
    cursor.skipValue();
    cursor.expectEnd();
    throw new AppError('request.invalid', 'A JSON-RPC message is a JSON object.');
  }
  const found = scanEnvelope();
  cursor.expectEnd();
  return found;
}

/** Is this text a JSON array, that is, a JSON-RPC batch? Looks at the first character only. */
export function isBatch(text: string): boolean {
  cursor.reset(text);
  return cursor.peek() === 0x5b;
}

/** The elements of a batch as spans of the text, whole text validated. */
export function batchElements(text: string): string[] {
  cursor.reset(text);
  cursor.peek();
  const elements: string[] = [];
  if (cursor.enterArray()) {
    do {
      const start = cursor.pos;
      cursor.skipValue();
      elements.push(text.slice(start, cursor.pos));
    } while (cursor.moreInArray());
  }
  cursor.expectEnd();
  return elements;
}

function scanEnvelope(): Found {
  const found = new Found();
  let seen = 0;
  let hasVersion = false;
  let paramsAt = -1;
  if (cursor.enterObject()) {
    do {
      cursor.key();
      const key = cursor.stringValue();
      const index = ENVELOPE_KEYS.indexOf(key);
      if (index === -1) {
        refuseLookAlike(key, ENVELOPE_KEYS, 'the message');
        cursor.skipValue(1);
        continue;
      }
      if ((seen & (1 << index)) !== 0) throw ambiguous(key, 'the message');
      seen |= 1 << index;
      switch (key) {
        case 'jsonrpc':
          hasVersion = readString() === '2.0';
          break;
        case 'id':
          found.id = readId();
          break;
        case 'method':
          found.method = readString() ?? '';
          if (found.method === '') throw new AppError('request.invalid', '`method` must be a non-empty string.');
          break;
        case 'params':
          // Keys are looked at in the light of the method, which a sender may write behind the params.
          if (found.method === '') {
            paramsAt = cursor.pos;
            cursor.skipValue(1);
          } else scanParams(found);
          break;
        case 'result':
          scanResult(found);
          break;
        case 'error':
          found.isError = true;
          cursor.skipValue(1);
          break;
      }
    } while (cursor.moreInObject());
  }
  const end = cursor.pos;
  if (paramsAt !== -1 && found.method !== '') {
    cursor.pos = paramsAt;
    scanParams(found);
    cursor.pos = end;
  }
  if (!hasVersion) throw new AppError('request.invalid', '`jsonrpc` must be "2.0".');
  classify(found, seen);
  return found;
}

function classify(found: Found, seen: number): void {
  const hasAnswer = (seen & 0b110000) !== 0;
  if (found.method !== '') {
    if (hasAnswer) throw new AppError('request.invalid', 'A message has either `method` or `result`/`error`, not both.');
    if (found.id === 'null') throw new AppError('request.invalid', 'The id of a request must be a string or a number, not null.');
    found.kind = found.id === undefined ? 'notification' : 'request';
    return;
  }
  if (!hasAnswer) throw new AppError('request.invalid', 'A message needs `method`, or `result`, or `error`.');
  if ((seen & 0b110000) === 0b110000) throw new AppError('request.invalid', 'A response has either `result` or `error`, not both.');
  found.kind = 'response';
}

function scanParams(found: Found): void {
  if (cursor.peek() !== 0x7b) {
    cursor.skipValue(1);
    return;
  }
  const names: readonly string[] | undefined = routingKeys(found.method);
  let seen = 0;
  if (!cursor.enterObject()) return;
  do {
    cursor.key();
    const key = cursor.stringValue();
    if (names === undefined) {
      if (key === '_meta') scanMeta(found, false);
      else cursor.skipValue(2);
      continue;
    }
    const index = names.indexOf(key);
    if (index === -1) {
      refuseLookAlike(key, names, '`params`');
      if (key === 'progressToken' && found.method === 'notifications/progress') found.progressToken = readId();
      else cursor.skipValue(2);
      continue;
    }
    if ((seen & (1 << index)) !== 0) throw ambiguous(key, '`params`');
    seen |= 1 << index;
    switch (key) {
      case 'name':
        found.name = readString();
        break;
      case 'uri':
        found.uri = readString();
        break;
      case 'taskId':
        found.taskId = readString();
        break;
      case 'requestId':
        found.requestId = readId();
        break;
      case '_meta':
        scanMeta(found, true);
        break;
      default:
        cursor.skipValue(2);
    }
  } while (cursor.moreInObject());
}

/** @param strict refuse duplicates; false for the params of methods we do not know, where the last one wins as in most parsers */
function scanMeta(found: Found, strict: boolean): void {
  if (cursor.peek() !== 0x7b) {
    cursor.skipValue(2);
    return;
  }
  const seen: string[] = [];
  if (!cursor.enterObject()) return;
  do {
    cursor.key();
    const key = cursor.stringValue();
    if (strict) refuseMetaDoubles(key, seen);
    // Where we do not know the method, a token of another type is nobody's business but the upstream's.
    if (key === TOKEN_KEY && (strict || isIdHere())) found.progressToken = readId();
    else if (key === VERSION_KEY) found.protocolVersion = readString() ?? '';
    else if (key === 'traceparent') found.traceparent = readString();
    else cursor.skipValue(3);
  } while (cursor.moreInObject());
}

/** @param seen the folded names met so far; this key's is added */
function refuseMetaDoubles(key: string, seen: string[]): void {
  if (key.length < TOKEN_KEY.length) return;
  const folded = key === VERSION_KEY ? VERSION_FOLDED : key === CAPABILITIES_KEY ? CAPABILITIES_FOLDED : fold(key);
  const isToken = folded === TOKEN_FOLDED;
  if (!isToken && !folded.startsWith(META_PREFIX)) return;
  if (isToken && key !== TOKEN_KEY) throw lookAlike(key, TOKEN_KEY, '`_meta`');
  if (folded === VERSION_FOLDED && key !== VERSION_KEY) throw lookAlike(key, VERSION_KEY, '`_meta`');
  if (!isToken && !key.startsWith(META_PREFIX)) throw lookAlike(key, META_PREFIX, '`_meta`');
  if (seen.includes(folded)) throw ambiguous(key, '`_meta`');
  seen.push(folded);
}

const TOKEN_KEY = 'progressToken';
const TOKEN_FOLDED = TOKEN_KEY.toLowerCase();
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const VERSION_FOLDED = VERSION_KEY.toLowerCase();
// The two keys that every modern message has are not folded anew each time.
const CAPABILITIES_KEY = `${META_PREFIX}clientCapabilities`;
const CAPABILITIES_FOLDED = CAPABILITIES_KEY.toLowerCase();

function scanResult(found: Found): void {
  if (cursor.peek() !== 0x7b) {
    cursor.skipValue(1);
    return;
  }
  if (!cursor.enterObject()) return;
  do {
    cursor.key();
    const isFlag = cursor.stringEnd - cursor.stringStart === 7 && cursor.stringValue() === 'isError';
    if (isFlag && cursor.peek() === 0x74) found.isToolError = true;
    cursor.skipValue(2);
  } while (cursor.moreInObject());
}

/** The string value here, or undefined (and past it) when the value is of another type. */
function readString(): string | undefined {
  if (cursor.peek() !== 0x22) {
    cursor.skipValue(2);
    return undefined;
  }
  cursor.skipString();
  return cursor.stringValue();
}

/** A string, number or null as it is written. Ids of other types are not JSON-RPC. */
function readId(): string {
  if (!isIdHere()) throw new AppError('request.invalid', 'An id or token must be a string or a number.');
  const start = cursor.pos;
  cursor.skipValue(2);
  return cursor.text.slice(start, cursor.pos);
}

/** Is the value here neither an object, an array, true nor false? */
function isIdHere(): boolean {
  const c = cursor.peek();
  return c !== 0x7b && c !== 0x5b && c !== 0x74 && c !== 0x66;
}

/** Unicode simple case folding as far as it can reach an ASCII letter: Go's decoder also folds ſ to s and the Kelvin sign to k. */
function fold(key: string): string {
  return key.toLowerCase().replaceAll('ſ', 's').replaceAll('\u212a', 'k');
}

function refuseLookAlike(key: string, wanted: readonly string[], where: string): void {
  for (const name of wanted) {
    if (key.length === name.length && fold(key) === name.toLowerCase()) throw lookAlike(key, name, where);
  }
}

function lookAlike(key: string, name: string, where: string): AppError {
  return new AppError(
    'request.ambiguous',
    `The key ${JSON.stringify(key)} in ${where} can be read as "${name}" by some parsers. Spell it "${name}".`,
  );
}

function ambiguous(key: string, where: string): AppError {
  return new AppError('request.ambiguous', `The key "${key}" appears more than once in ${where}.`);
}
