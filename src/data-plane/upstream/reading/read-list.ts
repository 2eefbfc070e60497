// Reads one list of an upstream to its end. It is hostile input: paging that never ends or goes round, entries without a name that
// can be shown, the same entry twice, and entries of many megabytes are left out, and said; what cannot be read to its end is not taken
// over at all, and the items of the time before stay.
import { setImmediate as otherWork } from 'node:timers/promises';
import { AppError } from '#base/kernel';
import { listItems, mapMembers, parsedJson, toolParams, valueAt, type ItemKind, type ReadItem, type SkippedItem } from '#base/protocol';
import type { Conversation } from './conversation.ts';
import { printable, reasonToSkip } from './screening.ts';

const PAGES_MAX = 200;
export const ITEMS_MAX = 10_000;
const ITEM_BYTES_MAX = 1024 * 1024;
const ALL_BYTES_MAX = 32 * 1024 * 1024;
/** It is kept until the paging ends, and sent back. */
const CURSOR_CHARS_MAX = 64 * 1024;
const SKIPPED_MAX = 100;
/** So much is read before other work gets its turn. */
const CHARS_AT_ONCE = 128 * 1024;
/** What an entry costs beside its length. */
const ENTRY_COST_CHARS = 512;
/** A name in an entry that is too large to be looked into. */
const NAME_TEXT_CHARS_MAX = 200;
const METHOD_NOT_FOUND = -32601;

interface ListOfKind {
  readonly method: string;
  /** Where in the result the entries are. */
  readonly listKey: string;
  /** Which member of an entry names it among its like. */
  readonly keyMember: 'name' | 'uri' | 'uriTemplate';
  /** The capability under which an upstream has it. */
  readonly capability: 'tools' | 'resources' | 'prompts';
  /** Upstreams that have resources need not have templates. */
  readonly isOptional: boolean;
}

export const LISTS: Readonly<Record<ItemKind, ListOfKind>> = {
  tool: { method: 'tools/list', listKey: 'tools', keyMember: 'name', capability: 'tools', isOptional: false },
  resource: { method: 'resources/list', listKey: 'resources', keyMember: 'uri', capability: 'resources', isOptional: true },
  template: {
    method: 'resources/templates/list',
    listKey: 'resourceTemplates',
    keyMember: 'uriTemplate',
    capability: 'resources',
    isOptional: true,
  },
  prompt: { method: 'prompts/list', listKey: 'prompts', keyMember: 'name', capability: 'prompts', isOptional: true },
};

/** What one client is shown: entries by kind and key, in the upstream's order. */
export class ShownItems {
  readonly items = new Map<string, Omit<ReadItem, 'needs'>>();
  readonly skipped: SkippedItem[] = [];
  #bytes = 0;
  #entries = 0;

  /** Throws AppError `upstream.bad_answer` when there are too many or they are too large together, whether or not they are of any use. */
  add(kind: ItemKind, text: string, gatewayName: string): void {
    this.#bytes += text.length;
    if (++this.#entries > ITEMS_MAX) throw new AppError('upstream.bad_answer', `Gateway "${gatewayName}" lists more than ${ITEMS_MAX} items.`);
    if (this.#bytes > ALL_BYTES_MAX)
      throw new AppError('upstream.bad_answer', `The lists of gateway "${gatewayName}" are larger than ${ALL_BYTES_MAX} bytes.`);
    const { keyMember } = LISTS[kind];
    if (text.length > ITEM_BYTES_MAX) {
      this.#skip(kind, keyOfLarge(text, keyMember), `it is larger than ${ITEM_BYTES_MAX / 1024} KiB`);
      return;
    }
    const json = Buffer.from(text, 'latin1').toString('utf8');
    const entry = membersOf(json);
    const key = entry[keyMember];
    const id = `${kind} ${textOf(key) ?? ''}`;
    const name = textOf(entry['name']) ?? '';
    const reason =
      reasonToSkip(kind, key, name) ??
      (this.items.has(id) ? `another ${kind} has the same ${keyMember}` : undefined) ??
      (saysTwice(text) ? 'a member of it is there twice, so that readers differ in what it says' : undefined);
    if (reason !== undefined || typeof key !== 'string') {
      this.#skip(kind, textOf(key) ?? JSON.stringify(key ?? null), reason ?? '');
      return;
    }
    const fault = kind === 'tool' ? toolParams(json).fault : undefined;
    if (fault !== undefined) this.#skip(kind, key, `clients of 2026-07-28 leave it out: ${fault}`);
    this.items.set(id, { kind, key, name, title: textOf(entry['title']), description: textOf(entry['description']), json });
  }

  #skip(kind: ItemKind, name: string, reason: string): void {
    if (this.skipped.length < SKIPPED_MAX) this.skipped.push({ kind, name: printable(name), reason });
  }
}

/** Adds all entries of one list. Throws AppError as Conversation.request() does, and `upstream.bad_answer` for pages without end. */
export async function readList(conversation: Conversation, kind: ItemKind, gatewayName: string, into: ShownItems): Promise<void> {
  const { method, isOptional } = LISTS[kind];
  const cursors = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page++) {
    const text = await pageOf(conversation, kind, cursor);
    if (text === undefined && isOptional && page === 0) return;
    const { items, nextCursor } = itemsOf(text ?? '', kind, gatewayName);
    let chars = 0;
    for (const item of items) {
      chars += item.length + ENTRY_COST_CHARS;
      if (chars > CHARS_AT_ONCE) {
        chars = 0;
        await otherWork();
      }
      into.add(kind, item, gatewayName);
    }
    if (nextCursor === undefined) return;
    if (cursors.has(nextCursor)) throw new AppError('upstream.bad_answer', `The pages of gateway "${gatewayName}"’s ${method} go round in a circle.`);
    cursors.add(nextCursor);
    cursor = nextCursor;
  }
  throw new AppError('upstream.bad_answer', `Gateway "${gatewayName}" answers ${method} with more than ${PAGES_MAX} pages.`);
}

/** Undefined when a list is not there that need not be. */
async function pageOf(conversation: Conversation, kind: ItemKind, cursor: string | undefined): Promise<string | undefined> {
  const { method, isOptional } = LISTS[kind];
  try {
    return await conversation.request(method, cursor === undefined ? {} : { cursor });
  } catch (error) {
    if (isOptional && cursor === undefined && error instanceof AppError && error.data?.['rpcCode'] === METHOD_NOT_FOUND) return undefined;
    throw error;
  }
}

function itemsOf(text: string, kind: ItemKind, gatewayName: string): ReturnType<typeof listItems> {
  const { method, listKey } = LISTS[kind];
  const unusable = (why: string, cause?: unknown): AppError =>
    new AppError('upstream.bad_answer', `The ${method} of gateway "${gatewayName}" cannot be used: ${why}`, { cause });
  try {
    // Some languages write an empty list as null; anything else than a list is none, and no reason to forget what there was.
    const list = valueAt(text, ['result', listKey]);
    if (list !== undefined && list !== 'null' && !list.startsWith('[')) throw unusable(`${listKey} is no list.`);
    const cursor = valueAt(text, ['result', 'nextCursor']);
    if (cursor !== undefined && cursor !== 'null' && !cursor.startsWith('"')) throw unusable('nextCursor is no text.');
    if (cursor !== undefined && cursor.length > CURSOR_CHARS_MAX) throw unusable(`nextCursor is longer than ${CURSOR_CHARS_MAX} characters.`);
    return listItems(text, listKey);
  } catch (cause) {
    if (cause instanceof AppError && cause.code === 'upstream.bad_answer') throw cause;
    throw unusable(cause instanceof AppError ? cause.message : 'it cannot be read', cause);
  }
}

/** Combined servers put another name in the place of an item's own: with two of them, one would stay. */
function saysTwice(text: string): boolean {
  const names = new Set<string>();
  let isTwice = false;
  mapMembers(text, [], (name) => {
    if (names.has(name)) isTwice = true;
    names.add(name);
    return undefined;
  });
  return isTwice;
}

function keyOfLarge(text: string, keyMember: string): string {
  const key = valueAt(text, [keyMember]);
  const isName = key?.startsWith('"') === true && key.length <= NAME_TEXT_CHARS_MAX;
  return isName ? String(parsedJson(key)) : '(a large one)';
}

function membersOf(json: string): Record<string, unknown> {
  const parsed: unknown = JSON.parse(json);
  return (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Record<string, unknown>;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
