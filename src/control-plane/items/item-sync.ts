// Brings the rows of one gateway's items in line with what the upstream offers now. An item is the same item when its kind and key are:
// its id, its switch, its tags and what people wrote over its words survive every refresh (api.md 4.7).
import { setImmediate as otherWork } from 'node:timers/promises';
import { newId } from '#base/kernel';
import type { ReadItem } from '#base/protocol';
import { toJsonColumn, type GatewaysTable, type ItemsTable, type Tx } from '#control-plane/db';
import { auditOnCreate, auditOnUpdate, type Caller } from '#control-plane/http-contract';
import { settleNames } from './item-naming.ts';
import { cleanText } from './item-screening.ts';
import { deleteItems, itemsOfGateway, touchGateways, writeItems, type Kind } from './item-store.ts';
import type { NameRules } from './names.ts';

export interface SyncCounts {
  readonly added: number;
  readonly updated: number;
  readonly removed: number;
}

/** Resources include resource templates. */
export type SyncReport = Readonly<Record<'tools' | 'resources' | 'prompts', SyncCounts>>;

export const NO_DIFFERENCE: SyncReport = {
  tools: { added: 0, updated: 0, removed: 0 },
  resources: { added: 0, updated: 0, removed: 0 },
  prompts: { added: 0, updated: 0, removed: 0 },
};

const NOUN = { tool: 'tools', resource: 'resources', template: 'resources', prompt: 'prompts' } as const satisfies Record<Kind, string>;
/** So many are compared before other work gets its turn (decisions.md 20). */
const ITEMS_AT_ONCE = 250;

/** What a refresh writes. */
type ItemContent = Pick<ItemsTable, 'original_name' | 'title' | 'description' | 'source_json' | 'needs'>;

export interface SyncContext {
  readonly caller: Caller;
  readonly now: string;
  readonly rules: NameRules;
}

/** Writes the difference. `items` come from screenItems. */
export async function syncItems(tx: Tx, gateway: GatewaysTable, items: readonly ReadItem[], context: SyncContext): Promise<SyncReport> {
  const { caller, now, rules } = context;
  const stored = new Map((await itemsOfGateway(tx, gateway.id)).map((row) => [`${row.kind} ${row.key}`, row]));
  const added: ItemsTable[] = [];
  const updated: ItemsTable[] = [];
  for (const [at, item] of items.entries()) {
    if (at % ITEMS_AT_ONCE === ITEMS_AT_ONCE - 1) await otherWork();
    const id = `${item.kind} ${item.key}`;
    const row = stored.get(id);
    stored.delete(id);
    const content = contentOf(item);
    if (row === undefined) added.push(newRow(gateway, item, content, context));
    else if (differs(row, content)) updated.push({ ...row, ...content, ...auditOnUpdate(caller, 'federation', now, row.version) });
  }
  const gone = [...stored.values()];
  await writeItems(tx, updated);
  await deleteItems(
    tx,
    gone.map((row) => row.id),
  );
  if ([...added, ...gone].some((row) => row.kind === 'tool' || row.kind === 'prompt')) await settleNames(tx, rules, added, gateway);
  await writeItems(tx, added);
  if (added.length + updated.length + gone.length > 0) await touchGateways(tx, [gateway.id]);
  return reportOf(added, updated, gone);
}

function reportOf(added: readonly ItemsTable[], updated: readonly ItemsTable[], gone: readonly ItemsTable[]): SyncReport {
  const count = (noun: keyof SyncReport, rows: readonly ItemsTable[]): number => rows.filter((row) => NOUN[row.kind] === noun).length;
  const counts = (noun: keyof SyncReport): SyncCounts => ({ added: count(noun, added), updated: count(noun, updated), removed: count(noun, gone) });
  return { tools: counts('tools'), resources: counts('resources'), prompts: counts('prompts') };
}

export interface GatewayFollow {
  readonly before: Pick<GatewaysTable, 'slug' | 'visibility' | 'team_id'>;
  readonly after: Pick<GatewaysTable, 'slug' | 'visibility' | 'team_id'>;
}

/** Items follow their gateway's name, and its visibility where they still had it (api.md 4.3). After the gateway's row is written. */
export async function followGateway(tx: Tx, gatewayId: string, { before, after }: GatewayFollow, rules: NameRules): Promise<void> {
  const isMoved = before.visibility !== after.visibility || before.team_id !== after.team_id;
  if (isMoved) {
    const rows = await itemsOfGateway(tx, gatewayId);
    const following = rows.filter((row) => row.visibility === before.visibility);
    await writeItems(
      tx,
      following.map((row) => ({ ...row, visibility: after.visibility, team_id: after.team_id })),
    );
    await touchGateways(tx, [gatewayId]);
  }
  if (isMoved || before.slug !== after.slug) await settleNames(tx, rules);
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

function newRow(gateway: GatewaysTable, item: ReadItem, content: ItemContent, { caller, now }: SyncContext): ItemsTable {
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
    enabled: 1,
    visibility: gateway.visibility,
    owner_email: gateway.owner_email,
    team_id: gateway.team_id,
    tags: '[]',
    ...auditOnCreate(caller, 'federation', now),
  };
}
