// The lists of a combined server as bytes, made once for each view and kept as long as the snapshot: a list costs no more with ten
// thousand tools than with ten (issue point "lists that cost nothing").
import { createHash } from 'node:crypto';
import { AppError } from '#base/kernel';
import { jsonText, replaceAt, setMember, type ItemKind } from '#base/protocol';
import type { ItemEntry, ServerEntry } from '#data-plane/gateway';
import { maySee, viewKey, type CallerView } from './caller-view.ts';
import { indexOf, publishedUri } from './combined-index.ts';

export interface ListPages {
  /** Changes with anything in the list. */
  readonly hash: string;
  /** The result objects of its pages, one after the other; at least one. */
  readonly pages: readonly Buffer[];
}

const LIST_KEYS: Record<ItemKind, string> = { tool: 'tools', resource: 'resources', template: 'resourceTemplates', prompt: 'prompts' };
const VIEWS_MAX = 200;
/** What results of these lists say in the modern era beside the items; how long they are good for is bettered later. */
const MODERN_MEMBERS = '"resultType":"complete","ttlMs":0,"cacheScope":"private",';
const CURSOR = /^([0-9a-f]{16})\.(\d{1,6})$/;

const listsByServer = new WeakMap<ServerEntry, Map<string, ListPages>>();

export function listOf(server: ServerEntry, view: CallerView, kind: ItemKind, pageSize: number): ListPages {
  let lists = listsByServer.get(server);
  if (lists === undefined) listsByServer.set(server, (lists = new Map()));
  const key = `${kind} ${viewKey(view, indexOf(server).isAllPublic)}`;
  let list = lists.get(key);
  if (list === undefined) {
    // Views are as many as there are kinds of callers; should there be more, the oldest is made again when it is wanted.
    if (lists.size >= VIEWS_MAX) lists.delete(lists.keys().next().value as string);
    lists.set(key, (list = build(server, view, kind, pageSize)));
  }
  return list;
}

/**
 * The page a client asks for.
 * @param cursor `params.cursor`, undefined for the first page
 * Throws AppError `cursor.stale`.
 */
export function pageOf(list: ListPages, cursor: string | undefined): Buffer {
  const asked = cursor === undefined ? undefined : CURSOR.exec(cursor);
  const page = cursor === undefined ? list.pages[0] : asked?.[1] === list.hash ? list.pages[Number(asked[2])] : undefined;
  if (page === undefined) throw new AppError('cursor.stale', 'The cursor is of a list that has changed since, or of no list of this server.');
  return page;
}

function build(server: ServerEntry, view: CallerView, kind: ItemKind, pageSize: number): ListPages {
  const index = indexOf(server);
  const shown = index.items.filter((item) => item.row.kind === kind && maySee(view, server, item));
  const texts = shown.map((item) => itemText(item, kind === 'resource' || kind === 'template' ? publishedUri(index, item) : item.row.name));
  const hash = createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 16);
  const members = view.era === 'modern' ? MODERN_MEMBERS : '';
  const pages: Buffer[] = [];
  for (let start = 0; start === 0 || start < texts.length; start += pageSize) {
    const next = start + pageSize < texts.length ? `,"nextCursor":"${hash}.${pages.length + 1}"` : '';
    pages.push(Buffer.from(`{${members}"${LIST_KEYS[kind]}":[${texts.slice(start, start + pageSize).join(',')}]${next}}`, 'latin1'));
  }
  return { hash, pages };
}

const texts = new WeakMap<ItemEntry['row'], Map<string, string>>();

/** The upstream's own text with the published name and what people here wrote over it, as latin1. */
function itemText(item: ItemEntry, name: string): string {
  let ofRow = texts.get(item.row);
  if (ofRow === undefined) texts.set(item.row, (ofRow = new Map()));
  let text = ofRow.get(name);
  if (text === undefined) ofRow.set(name, (text = written(item, name)));
  return text;
}

const NAME_KEY: Record<ItemKind, string> = { tool: 'name', prompt: 'name', resource: 'uri', template: 'uriTemplate' };

function written({ row }: ItemEntry, name: string): string {
  let text = Buffer.from(row.json).toString('latin1');
  if (name !== row.key) text = replaceAt(text, [NAME_KEY[row.kind]], jsonText(name));
  for (const [key, value] of Object.entries(row.overrides)) if (value !== undefined) text = setMember(text, [key], jsonText(value));
  return text;
}
