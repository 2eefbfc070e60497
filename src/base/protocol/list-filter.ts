// Takes items out of a list result without touching the others: the kept items, and everything around them, stay the very
// bytes the upstream sent (decisions.md 10).
import { AppError } from '#base/kernel';
import { JsonCursor } from './json-cursor.ts';

const cursor = new JsonCursor();

/**
 * Drops items of `result[listKey]` whose name is refused.
 * @param text one JSON-RPC message as latin1
 * @param nameKey what names an item: `name`, `uri` or `uriTemplate`
 * @returns the text unchanged when nothing was dropped or the message has no such list
 * Throws AppError `request.malformed_json` when the text is not JSON, `request.ambiguous` when the list is there twice.
 */
export function filterListResult(text: string, listKey: string, isHidden: (name: string) => boolean, nameKey = 'name'): string {
  cursor.reset(text);
  if (cursor.peek() !== 0x7b || !findKey('result')) return text;
  if (cursor.peek() !== 0x7b || !cursor.enterObject()) return text;
  const kept: string[] = [];
  let hasList = false;
  let hasDropped = false;
  let start = 0;
  let end = 0;
  do {
    cursor.key();
    if (cursor.stringValue() !== listKey) {
      cursor.skipValue();
      continue;
    }
    // Of two lists most readers take the last.
    if (hasList) throw new AppError('request.ambiguous', `The key "${listKey}" appears more than once in the result.`);
    hasList = true;
    if (cursor.peek() !== 0x5b) {
      cursor.skipValue();
      continue;
    }
    start = cursor.pos;
    if (cursor.enterArray()) {
      do {
        const itemStart = cursor.pos;
        const name = itemName(nameKey);
        const item = text.slice(itemStart, cursor.pos);
        if (name !== undefined && isHidden(name)) hasDropped = true;
        else kept.push(item);
      } while (cursor.moreInArray());
    }
    end = cursor.pos;
  } while (cursor.moreInObject());
  return hasDropped ? `${text.slice(0, start)}[${kept.join(',')}]${text.slice(end)}` : text;
}

/** The texts of the items of `result[listKey]`, and `result.nextCursor` when it is a string (an empty one is a cursor too). */
export function listItems(text: string, listKey: string): { items: string[]; nextCursor: string | undefined } {
  cursor.reset(text);
  const items: string[] = [];
  if (cursor.peek() === 0x7b && findKey('result') && cursor.peek() === 0x7b && findKey(listKey) && cursor.peek() === 0x5b && cursor.enterArray()) {
    do {
      const start = cursor.pos;
      cursor.skipValue();
      items.push(text.slice(start, cursor.pos));
    } while (cursor.moreInArray());
  }
  cursor.reset(text);
  let nextCursor: string | undefined;
  if (cursor.peek() === 0x7b && findKey('result') && cursor.peek() === 0x7b && findKey('nextCursor') && cursor.peek() === 0x22) {
    cursor.skipString();
    nextCursor = cursor.stringValue();
  }
  return { items, nextCursor };
}

/** From the `{` of an object to the value of its first key of this name; false (and past the object) when it has none. */
function findKey(name: string): boolean {
  if (!cursor.enterObject()) return false;
  do {
    cursor.key();
    if (cursor.stringValue() === name) return true;
    cursor.skipValue();
  } while (cursor.moreInObject());
  return false;
}

/** Past one item; what names it when it is an object that has that. */
function itemName(nameKey: string): string | undefined {
  if (cursor.peek() !== 0x7b) {
    cursor.skipValue();
    return undefined;
  }
  let name: string | undefined;
  if (!cursor.enterObject()) return undefined;
  do {
    cursor.key();
    const isName = cursor.stringValue() === nameKey;
    if (isName && cursor.peek() === 0x22) {
      cursor.skipString();
      name = cursor.stringValue();
    } else cursor.skipValue();
  } while (cursor.moreInObject());
  return name;
}
