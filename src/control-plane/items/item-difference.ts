// What an upstream lists now against what is known of it. An item is the same item when its kind and key are: its id, its switch, its
// tags and what people wrote over its words survive every refresh (api.md 4.7), and, where people made something of it, also a time in
// which the upstream did not list it: an upstream that forgets its tools for a minute does not switch on what was switched off.
import { setImmediate as otherWork } from 'node:timers/promises';
import { newId } from '#base/kernel';
import type { ReadItem } from '#base/protocol';
import { toJsonColumn, type Db, type GatewaysTable, type ItemsTable, type Tx } from '#control-plane/db';
import { auditOnCreate, auditOnUpdate, type Caller } from '#control-plane/http-contract';
import { cleanText } from './item-screening.ts';
import { itemsOfGateway, membersAmong } from './item-store.ts';

export interface ItemDifference {
  /** The gateway's `items_version` that the known items were of. */
  readonly itemsVersion: number;
  readonly added: readonly ItemsTable[];
  /** As they are to be written. */
  readonly updated: readonly ItemsTable[];
  /** Not listed for a while, and listed again; as they are to be written. */
  readonly returned: readonly ItemsTable[];
  /** To be deleted. */
  readonly removed: readonly ItemsTable[];
  /** Not listed any more but kept; as they are to be written. */
  readonly kept: readonly ItemsTable[];
}

export interface DifferenceContext {
  readonly caller: Caller;
  readonly now: string;
}

/** What a refresh writes. */
type ItemContent = Pick<ItemsTable, 'original_name' | 'title' | 'description' | 'source_json' | 'needs'>;

/** So many are compared before other work gets its turn (decisions.md 20). */
const ITEMS_AT_ONCE = 250;

/** `items` come from screenItems. */
export async function findDifference(
  db: Db | Tx,
  gateway: GatewaysTable,
  items: readonly ReadItem[],
  { caller, now }: DifferenceContext,
): Promise<ItemDifference> {
  const stored = new Map((await itemsOfGateway(db, gateway.id)).map((row) => [`${row.kind} ${row.key}`, row]));
  const added: ItemsTable[] = [];
  const updated: ItemsTable[] = [];
  const returned: ItemsTable[] = [];
  for (const [at, item] of items.entries()) {
    if (at % ITEMS_AT_ONCE === ITEMS_AT_ONCE - 1) await otherWork();
    const id = `${item.kind} ${item.key}`;
    const row = stored.get(id);
    stored.delete(id);
    const content = contentOf(item);
    if (row === undefined) added.push(newRow(gateway, item, content, { caller, now }));
    else if (row.gone_since !== null || differs(row, content)) {
      const after = { ...row, ...content, gone_since: null, ...auditOnUpdate(caller, 'federation', now, row.version) };
      if (row.gone_since === null) updated.push(after);
      else returned.push(after);
    }
  }
  const missing = [...stored.values()].filter((row) => row.gone_since === null);
  const members = missing.length === 0 ? new Set<string>() : await membersAmong(db, gateway.id);
  const isKept = (row: ItemsTable): boolean => members.has(row.id) || isTouched(row, gateway);
  return {
    itemsVersion: gateway.items_version,
    added,
    updated,
    returned,
    removed: missing.filter((row) => !isKept(row)),
    kept: missing.filter(isKept).map((row) => ({ ...row, gone_since: now })),
  };
}

export function isNone({ added, updated, returned, removed, kept }: ItemDifference): boolean {
  return added.length + updated.length + returned.length + removed.length + kept.length === 0;
}

/** Has somebody here made something of it? */
function isTouched(row: ItemsTable, gateway: GatewaysTable): boolean {
  const words = [row.custom_name, row.display_name, row.custom_title, row.custom_description, row.custom_annotations];
  const isElsewhere = row.visibility !== gateway.visibility || row.team_id !== gateway.team_id || row.owner_email !== gateway.owner_email;
  return row.enabled === 0 || row.tags !== '[]' || isElsewhere || words.some((word) => word !== null);
}

function contentOf(item: ReadItem): ItemContent {
  return {
    original_name: cleanText(item.name),
    title: item.title === undefined ? null : cleanText(item.title),
    description: item.description === undefined ? null : cleanText(item.description),
    source_json: item.json,
    needs: item.needs.length === 0 ? '[]' : toJsonColumn(item.needs),
  };
}

function differs(row: ItemsTable, content: ItemContent): boolean {
  return (Object.keys(content) as (keyof ItemContent)[]).some((key) => row[key] !== content[key]);
}

function newRow(gateway: GatewaysTable, item: ReadItem, content: ItemContent, { caller, now }: DifferenceContext): ItemsTable {
  return {
    id: newId(),
    gateway_id: gateway.id,
    kind: item.kind,
    key: item.key,
    name: '',
    former_names: '[]',
    ...content,
    custom_name: null,
    display_name: null,
    custom_title: null,
    custom_description: null,
    custom_annotations: null,
    gone_since: null,
    enabled: 1,
    visibility: gateway.visibility,
    owner_email: gateway.owner_email,
    team_id: gateway.team_id,
    tags: '[]',
    ...auditOnCreate(caller, 'federation', now),
  };
}
