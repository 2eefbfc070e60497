// The lists of a combined server as bytes: texts of items made once for each row, pages once for each view that asks for them. A list
// costs no more with ten thousand tools than with ten, and a change no more than what has changed and one pass over the rest.
import { hash } from 'node:crypto';
import { setImmediate as otherWork } from 'node:timers/promises';
import { AppError } from '#base/kernel';
import { jsonText, replaceAt, setMember, type ItemKind } from '#base/protocol';
import type { ItemEntry, ServerEntry } from '#data-plane/gateway';
import { withTaskSupport } from '../bridge/tasks/task-forms.ts';
import { decidesOnTasks } from '../bridge/tasks/task-support.ts';
import { maySee, viewKey, type CallerView } from './caller-view.ts';
import { indexOf, publishedUri, type CombinedIndex } from './combined-index.ts';
import { panelUri, withPanel } from './panel-uri.ts';

const LIST_KEYS: Record<ItemKind, string> = { tool: 'tools', resource: 'resources', template: 'resourceTemplates', prompt: 'prompts' };
const VIEWS_MAX = 200;
/** Pages kept for all views of a server; should there be more, the oldest are made again when they are wanted. */
const PAGE_BYTES_MAX = 64 * 1024 * 1024;
const CURSOR = /^([0-9a-f]{16})\.(\d{1,6})$/;

export class ListPages {
  /** Changes with anything in the list. */
  readonly hash: string;
  readonly pageCount: number;
  readonly #items: readonly ItemText[];
  readonly #start: string;
  readonly #pageSize: number;
  readonly #onMade: (sizeBytes: number) => void;
  #pages: (Buffer | undefined)[] = [];

  constructor(items: readonly ItemText[], contentHash: string, start: string, pageSize: number, onMade: (sizeBytes: number) => void) {
    this.#items = items;
    this.hash = contentHash;
    this.pageCount = Math.max(1, Math.ceil(items.length / pageSize));
    this.#start = start;
    this.#pageSize = pageSize;
    this.#onMade = onMade;
  }

  /** The result object of a page, in words of both eras; undefined when there is none of this number. The first one is always there. */
  page(number: number): Buffer | undefined {
    const made = this.#pages[number];
    if (made !== undefined || number >= this.pageCount) return made;
    const first = number * this.#pageSize;
    const next = number + 1 < this.pageCount ? `,"nextCursor":"${this.hash}.${number + 1}"` : '';
    const texts = this.#items.slice(first, first + this.#pageSize).map((item) => item.text);
    const page = Buffer.from(`${this.#start}${texts.join(',')}]${next}}`, 'latin1');
    this.#pages[number] = page;
    this.#onMade(page.length);
    return page;
  }

  forgetPages(): void {
    this.#pages = [];
  }
}

/** Of one server in one snapshot. */
class Lists {
  readonly #byView = new Map<string, ListPages>();
  /** Views that show the same share what is made of it. */
  readonly #byContent = new Map<string, ListPages>();
  #pageBytes = 0;

  get(key: string): ListPages | undefined {
    return this.#byView.get(key);
  }

  add(key: string, kind: ItemKind, items: readonly ItemText[], pageSize: number): ListPages {
    const contentHash = hashOf(items);
    const content = `${kind} ${contentHash}`;
    let list = this.#byContent.get(content);
    if (list === undefined) {
      list = new ListPages(items, contentHash, `{"${LIST_KEYS[kind]}":[`, pageSize, (sizeBytes) => this.#made(sizeBytes));
      this.#byContent.set(content, list);
    }
    // Views are as many as there are kinds of callers; should there be more, the oldest is made again when it is wanted.
    if (this.#byView.size >= VIEWS_MAX) this.#dropOldest();
    this.#byView.set(key, list);
    return list;
  }

  #made(sizeBytes: number): void {
    this.#pageBytes += sizeBytes;
    if (this.#pageBytes <= PAGE_BYTES_MAX) return;
    for (const list of this.#byContent.values()) list.forgetPages();
    this.#pageBytes = 0;
  }

  #dropOldest(): void {
    const [oldest] = this.#byView;
    if (oldest === undefined) return;
    this.#byView.delete(oldest[0]);
    const isUsed = [...this.#byView.values()].includes(oldest[1]);
    if (isUsed) return;
    for (const [content, list] of this.#byContent) if (list === oldest[1]) this.#byContent.delete(content);
  }
}

const listsByServer = new WeakMap<ServerEntry, Lists>();

export function listOf(server: ServerEntry, view: CallerView, kind: ItemKind, pageSize: number): ListPages {
  let lists = listsByServer.get(server);
  if (lists === undefined) listsByServer.set(server, (lists = new Lists()));
  const index = indexOf(server);
  const key = `${kind} ${viewKey(view, index.isAllPublic)}`;
  return lists.get(key) ?? lists.add(key, kind, shownTexts(server, view, kind), pageSize);
}

/**
 * The page a client asks for.
 * @param cursor `params.cursor`, undefined for the first page
 * Throws AppError `cursor.stale`.
 */
export function pageOf(list: ListPages, cursor: string | undefined): Buffer {
  const asked = cursor === undefined ? undefined : CURSOR.exec(cursor);
  const page = cursor === undefined ? list.page(0) : asked?.[1] === list.hash ? list.page(Number(asked[2])) : undefined;
  if (page === undefined) throw new AppError('cursor.stale', 'The cursor is of a list that has changed since, or of no list of this server.');
  return page;
}

function shownTexts(server: ServerEntry, view: CallerView, kind: ItemKind): ItemText[] {
  const index = indexOf(server);
  const shown: ItemText[] = [];
  for (const item of index.byKind[kind]) if (maySee(view, server, item)) shown.push(textFor(view, item, itemText(index, item)));
  return shown;
}

function shownName(index: CombinedIndex, item: ItemEntry): string {
  return item.row.kind === 'resource' || item.row.kind === 'template' ? publishedUri(index, item) : item.row.name;
}

interface ItemText {
  readonly name: string;
  readonly panel: string | undefined;
  /** The upstream's own text with the published name and what people here wrote over it, as latin1. */
  readonly text: string;
  readonly digest: Buffer;
}

/** Over digests, because hashing ten thousand texts at every change would be felt. */
function hashOf(items: readonly ItemText[]): string {
  const digests = Buffer.allocUnsafe(items.length * DIGEST_BYTES);
  let at = 0;
  for (const { digest } of items) {
    digests.set(digest, at);
    at += DIGEST_BYTES;
  }
  return hash('sha256', digests, 'hex').slice(0, 16);
}

/** Of SHA-1: a change is to be noticed, nobody is to be kept from anything. */
const DIGEST_BYTES = 20;

const texts = new WeakMap<ItemEntry['row'], ItemText>();

function itemText(index: CombinedIndex, item: ItemEntry): ItemText {
  const name = shownName(index, item);
  const panel = panelUri(index, item);
  let made = texts.get(item.row);
  if (made === undefined || made.name !== name || made.panel !== panel) {
    const text = written(item, name, panel);
    texts.set(item.row, (made = { name, panel, text, digest: hash('sha1', text, 'buffer') }));
  }
  return made;
}

const asTasks = new WeakMap<ItemText, ItemText>();

/** In the older era a tool says whether it may be called as a task; in the newer one its server decides at each call. */
function textFor({ era }: CallerView, item: ItemEntry, own: ItemText): ItemText {
  if (era === 'modern' || item.row.kind !== 'tool' || !decidesOnTasks(item.upstream.row)) return own;
  let made = asTasks.get(own);
  if (made === undefined) {
    const text = withTaskSupport(own.text);
    asTasks.set(own, (made = { ...own, text, digest: hash('sha1', text, 'buffer') }));
  }
  return made;
}

const TEXTS_AT_ONCE = 200;

/** Makes the texts of a server's items before somebody asks, a few at a time. Ends early when `isOver` says so. */
export async function makeTexts(server: ServerEntry, isOver: () => boolean): Promise<void> {
  const index = indexOf(server);
  let made = 0;
  for (const item of index.items) {
    if (texts.has(item.row)) continue;
    itemText(index, item);
    if (++made % TEXTS_AT_ONCE > 0) continue;
    await otherWork();
    if (isOver()) return;
  }
}

const NAME_KEY: Record<ItemKind, string> = { tool: 'name', prompt: 'name', resource: 'uri', template: 'uriTemplate' };

function written({ row }: ItemEntry, name: string, panel: string | undefined): string {
  let text = Buffer.from(row.json).toString('latin1');
  if (name !== row.key) text = replaceAt(text, [NAME_KEY[row.kind]], jsonText(name));
  for (const [key, value] of Object.entries(row.overrides)) if (value !== undefined) text = setMember(text, [key], jsonText(value));
  return panel === undefined ? text : withPanel(text, panel);
}
