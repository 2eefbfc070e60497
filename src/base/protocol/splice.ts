// Changes one place of a JSON text and leaves every other byte as it came: numbers keep their spelling, strings their escapes,
// objects their order (decisions.md 10). Parsing and writing anew would keep none of that.
//
// Texts are the bytes as latin1, like everywhere in this room; names in a path are ordinary strings. Paths lead through objects
// only. Of a name that an object has twice the last one counts, as for most parsers. All functions throw AppError
// `request.malformed_json` when the text is not JSON as far as they have to read it.
import { JsonCursor } from './json-cursor.ts';

const cursor = new JsonCursor();

interface Member {
  readonly name: string;
  readonly keyStart: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Where the next member begins; the end of the value when there is none. */
  readonly nextStart: number;
}

/** A value as JSON text in the form that the functions of this file take and give: its UTF-8 bytes as latin1. */
export function jsonText(value: string | number | boolean | null | object): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('latin1');
}

/** What a JSON text of this form says. */
export function parsedJson(text: string): unknown {
  return JSON.parse(Buffer.from(text, 'latin1').toString('utf8')) as unknown;
}

/** The text of the value at this path; undefined when there is none. The empty path is the whole value. */
export function valueAt(text: string, path: readonly string[]): string | undefined {
  const start = startOf(text, path);
  if (start === -1) return undefined;
  cursor.pos = start;
  cursor.skipValue();
  return text.slice(start, cursor.pos);
}

/** Puts another value at this path; the text unchanged when nothing is there. */
export function replaceAt(text: string, path: readonly string[], value: string): string {
  const start = startOf(text, path);
  if (start === -1) return text;
  cursor.pos = start;
  cursor.skipValue();
  return text.slice(0, start) + value + text.slice(cursor.pos);
}

/**
 * Puts a value at this path, whether or not something is there; objects that are missing on the way are made.
 * The text is unchanged when the path leads through a value that is not an object.
 */
export function setMember(text: string, path: readonly string[], value: string): string {
  cursor.reset(text);
  cursor.peek();
  for (let depth = 0; depth < path.length; depth++) {
    if (cursor.peek() !== 0x7b) return text;
    const objectStart = cursor.pos;
    const name = path[depth] as string;
    const valueStart = lastValueStart(name);
    if (valueStart === -1) return insertInto(text, objectStart, `${jsonText(name)}:${nested(path.slice(depth + 1), value)}`);
    cursor.pos = valueStart;
  }
  return replaceAt(text, path, value);
}

/** Takes a member out of its object, with one comma; the text unchanged when it is not there. */
export function removeMember(text: string, path: readonly string[]): string {
  return path.length === 0 ? text : removeMembers(text, path.slice(0, -1), new Set([path.at(-1) as string]));
}

/** Takes members out of the object at this path; the text unchanged when none is there. */
export function removeMembers(text: string, path: readonly string[], names: ReadonlySet<string>): string {
  const start = startOf(text, path);
  const members = start === -1 ? [] : membersFrom(start);
  // All of a name: of one that was there twice the first would come to count.
  const kept = members.filter(({ name }) => !names.has(name));
  if (kept.length === members.length) return text;
  const [first] = members;
  const last = members.at(-1);
  if (first === undefined || last === undefined) return text;
  const end = kept.at(-1);
  let out = text.slice(0, first.keyStart);
  for (const member of kept) out += text.slice(member.keyStart, member === end ? member.valueEnd : member.nextStart);
  return out + text.slice(last.valueEnd);
}

/** Puts those of the members into the object at this path that it has not yet; the text unchanged when there is no object. */
export function addMembers(text: string, path: readonly string[], members: readonly (readonly [name: string, value: string])[]): string {
  const start = startOf(text, path);
  if (start === -1 || text[start] !== '{') return text;
  const there = membersFrom(start);
  const added = members.filter(([name]) => !there.some((member) => member.name === name)).map(([name, value]) => `${jsonText(name)}:${value}`);
  if (added.length === 0) return text;
  return `${text.slice(0, start + 1)}${added.join(',')}${there.length === 0 ? '' : ','}${text.slice(start + 1)}`;
}

/**
 * Puts other values in place of members of the object at this path.
 * @param change given a member's name and the text of its value, answers the one to put there, or undefined to leave it
 */
export function mapMembers(text: string, path: readonly string[], change: (name: string, value: string) => string | undefined): string {
  const start = startOf(text, path);
  const members = start === -1 ? [] : membersFrom(start);
  let out = '';
  let copied = 0;
  for (const { name, valueStart, valueEnd } of members) {
    const changed = change(name, text.slice(valueStart, valueEnd));
    if (changed === undefined) continue;
    out += text.slice(copied, valueStart) + changed;
    copied = valueEnd;
  }
  return copied === 0 ? text : out + text.slice(copied);
}

/**
 * Puts other values in place of elements of the array at this path.
 * @param change given an element's text, answers the one to put there, or undefined to leave it
 * @returns the text unchanged when there is no array or no element changes
 */
export function mapElements(text: string, path: readonly string[], change: (element: string) => string | undefined): string {
  const start = startOf(text, path);
  if (start === -1) return text;
  cursor.pos = start;
  if (cursor.peek() !== 0x5b || !cursor.enterArray()) return text;
  const bounds: number[] = [];
  do {
    bounds.push(cursor.pos);
    cursor.skipValue();
    bounds.push(cursor.pos);
  } while (cursor.moreInArray());
  // The cursor is the room's: `change` may use it, so that all reading is done before.
  let out = '';
  let copied = 0;
  for (let i = 0; i < bounds.length; i += 2) {
    const from = bounds[i] as number;
    const to = bounds[i + 1] as number;
    const changed = change(text.slice(from, to));
    if (changed === undefined) continue;
    out += text.slice(copied, from) + changed;
    copied = to;
  }
  return copied === 0 ? text : out + text.slice(copied);
}

/** Adds an element at the end of the array at this path; the text unchanged when there is no array. */
export function appendElement(text: string, path: readonly string[], element: string): string {
  const start = startOf(text, path);
  if (start === -1) return text;
  cursor.pos = start;
  if (cursor.peek() !== 0x5b) return text;
  if (!cursor.enterArray()) return `${text.slice(0, start + 1)}${element}${text.slice(start + 1)}`;
  let end: number;
  do {
    cursor.skipValue();
    end = cursor.pos;
  } while (cursor.moreInArray());
  return `${text.slice(0, end)},${element}${text.slice(end)}`;
}

/** Where the value at this path begins, −1 when there is none. */
function startOf(text: string, path: readonly string[]): number {
  cursor.reset(text);
  cursor.peek();
  for (const name of path) {
    const start = cursor.peek() === 0x7b ? lastValueStart(name) : -1;
    if (start === -1) return -1;
    cursor.pos = start;
  }
  return cursor.pos;
}

/** From the `{` of an object past it; where the value of its last member of this name begins, −1 when there is none. */
function lastValueStart(name: string): number {
  let found = -1;
  if (!cursor.enterObject()) return found;
  do {
    cursor.key();
    if (cursor.stringValue() === name) found = cursor.pos;
    cursor.skipValue();
  } while (cursor.moreInObject());
  return found;
}

/** All members of the object that begins here; none when it is no object. */
function membersFrom(start: number): Member[] {
  cursor.pos = start;
  const members: Member[] = [];
  if (cursor.peek() !== 0x7b || !cursor.enterObject()) return members;
  let hasMore: boolean;
  do {
    cursor.peek();
    const keyStart = cursor.pos;
    cursor.key();
    const name = cursor.stringValue();
    const valueStart = cursor.pos;
    cursor.skipValue();
    const valueEnd = cursor.pos;
    hasMore = cursor.moreInObject();
    if (hasMore) cursor.peek();
    members.push({ name, keyStart, valueStart, valueEnd, nextStart: hasMore ? cursor.pos : valueEnd });
  } while (hasMore);
  return members;
}

/** Behind the last member of the object that begins here. */
function insertInto(text: string, objectStart: number, member: string): string {
  cursor.pos = objectStart;
  if (!cursor.enterObject()) return `${text.slice(0, objectStart + 1)}${member}${text.slice(objectStart + 1)}`;
  let end: number;
  do {
    cursor.key();
    cursor.skipValue();
    end = cursor.pos;
  } while (cursor.moreInObject());
  return `${text.slice(0, end)},${member}${text.slice(end)}`;
}

function nested(path: readonly string[], value: string): string {
  let text = value;
  for (const name of path.toReversed()) text = `{${jsonText(name)}:${text}}`;
  return text;
}
