// Which entries of an upstream's lists have a key that people and programs can tell from others. Other people wrote these.
import type { ItemKind } from '#base/protocol';

const NAME_CHARS_MAX = 128;
const URI_CHARS_MAX = 2048;
const PRINTED_CHARS_MAX = 80;

/** Control, format (zero-width, bidi), line separators, halves of characters: two keys look alike, or a line reads backwards. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;
const HIDDEN_ALL = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
/** In a name that is only shown, joiners are letters of some scripts; what turns a line round or breaks it is not. */
const TURNING = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u;
/** RFC 3986, and the braces of RFC 6570. Blanks and quotes end a URI in too many readers; others are only encoded by some. */
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
/** A client that opened such a URI would run the upstream's code. */
const SCRIPT = /^(?:javascript|vbscript):/i;
const NEVER_IN_URI = /[\s<>"\\^`|]/;

/**
 * Why an entry cannot be taken over; undefined when it can.
 * @param key what the upstream gives as the name of a tool or prompt, the URI of a resource, the URI template of a template
 * @param name its `name`, '' when it has none
 */
export function reasonToSkip(kind: ItemKind, key: unknown, name: string): string | undefined {
  return kind === 'tool' || kind === 'prompt' ? reasonByName(key) : reasonByUri(kind, key, name);
}

function reasonByName(name: unknown): string | undefined {
  if (typeof name !== 'string' || name.trim() === '') return 'it has no name';
  if (name.length > NAME_CHARS_MAX) return `its name is longer than ${NAME_CHARS_MAX} characters`;
  if (HIDDEN.test(name)) return 'its name has control, invisible or direction characters';
  return undefined;
}

function reasonByUri(kind: 'resource' | 'template', uri: unknown, name: string): string | undefined {
  if (typeof uri !== 'string' || uri === '') return `it has no ${kind === 'template' ? 'URI template' : 'URI'}`;
  if (uri.length > URI_CHARS_MAX) return `its URI is longer than ${URI_CHARS_MAX} characters`;
  if (HIDDEN.test(uri)) return 'its URI has control, invisible or direction characters';
  if (NEVER_IN_URI.test(uri)) return 'its URI has blanks, quotes or other characters that no URI has';
  if (kind === 'resource' && !SCHEME.test(uri)) return 'its URI has no scheme';
  if (SCRIPT.test(uri)) return 'its URI is a script';
  if (TURNING.test(name)) return 'its name has control or direction characters';
  return undefined;
}

/** A key as it can be shown in a reason. */
export function printable(key: string): string {
  return key.slice(0, PRINTED_CHARS_MAX).replaceAll(HIDDEN_ALL, '\ufffd');
}
