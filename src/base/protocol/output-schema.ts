// Before 2026-07-28 a tool's output is an object. A schema or value of another type gets an object around it, since clients refuse
// the whole list for one such tool (protocol.md 2.5).
import { JsonCursor } from './json-cursor.ts';
import { jsonText, removeMember, valueAt } from './splice.ts';

const ROOT = '#/properties/result';
/** Their values are data, in which `$ref` means nothing. */
const DATA_KEYWORDS: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples']);
/** Their values are objects whose names are the author's, not keywords. */
const MAP_KEYWORDS: ReadonlySet<string> = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies']);

const cursor = new JsonCursor();

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Is this schema one that every legacy client accepts, an object's? */
export function isObjectSchema(schema: string): boolean {
  return valueAt(schema, ['type']) === '"object"';
}

/** `{"type":"object","properties":{"result":…},"required":["result"]}` around the schema, whose references still lead where they did. */
export function wrapSchema(schema: string): string {
  const dialect = valueAt(schema, ['$schema']);
  // The dialect is said at the root; a schema with an id of its own is a document of its own, and may say it again.
  const isOwnDocument = valueAt(schema, ['$id']) !== undefined;
  const inner = rebased(dialect === undefined || isOwnDocument ? schema : removeMember(schema, ['$schema']));
  const root = dialect === undefined ? '' : `"$schema":${dialect},`;
  return `{${root}"type":"object","properties":{"result":${inner}},"required":["result"]}`;
}

/** `{"result":…}` around the value that belongs to such a schema. */
export function wrapValue(value: string): string {
  return `{"result":${value}}`;
}

function rebased(schema: string): string {
  cursor.reset(schema);
  cursor.peek();
  const edits: Edit[] = [];
  passSchema(edits, 0);
  let out = '';
  let copied = 0;
  for (const { start, end, text } of edits) {
    out += schema.slice(copied, start) + text;
    copied = end;
  }
  return out + schema.slice(copied);
}

/** Past one schema, or list of schemas, or whatever else stands in place of one; notes the references to the document's root. */
function passSchema(edits: Edit[], depth: number): void {
  const c = cursor.peek();
  if (c === 0x5b) {
    if (!cursor.enterArray()) return;
    do passSchema(edits, depth + 1);
    while (cursor.moreInArray());
    return;
  }
  if (c !== 0x7b) {
    cursor.skipValue(depth);
    return;
  }
  if (!cursor.enterObject()) return;
  const before = edits.length;
  let hasId = false;
  do {
    cursor.key();
    const key = cursor.stringValue();
    if (key === '$ref') passReference(edits, depth);
    else if (MAP_KEYWORDS.has(key)) passMap(edits, depth + 1);
    else if (DATA_KEYWORDS.has(key)) cursor.skipValue(depth + 1);
    else {
      hasId ||= key === '$id' && cursor.peek() === 0x22;
      passSchema(edits, depth + 1);
    }
  } while (cursor.moreInObject());
  // References below an id start from there, not from the document's root.
  if (hasId) edits.length = before;
}

function passMap(edits: Edit[], depth: number): void {
  if (cursor.peek() !== 0x7b) {
    passSchema(edits, depth);
    return;
  }
  if (!cursor.enterObject()) return;
  do {
    cursor.key();
    passSchema(edits, depth + 1);
  } while (cursor.moreInObject());
}

function passReference(edits: Edit[], depth: number): void {
  if (cursor.peek() !== 0x22) {
    passSchema(edits, depth);
    return;
  }
  const start = cursor.pos;
  cursor.skipString();
  const reference = cursor.stringValue();
  // `#name` is an anchor and is found wherever it stands.
  if (reference === '#' || reference.startsWith('#/')) edits.push({ start, end: cursor.pos, text: jsonText(ROOT + reference.slice(1)) });
}
