// Brings the rows of one gateway's items in line with what the upstream offers now (item-difference.ts), and with their gateway.
import type { ReadItem } from '#base/protocol';
import type { GatewaysTable, ItemsTable, Tx } from '#control-plane/db';
import { findDifference, isNone, type DifferenceContext, type ItemDifference } from './item-difference.ts';
import { settleNames } from './item-naming.ts';
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

export interface SyncContext extends DifferenceContext {
  readonly rules: NameRules;
}

/**
 * Writes the difference.
 * @param items from screenItems
 * @param known what findDifference() said before the transaction; found again when items were changed since
 */
export async function syncItems(
  tx: Tx,
  gateway: GatewaysTable,
  items: readonly ReadItem[],
  context: SyncContext,
  known?: ItemDifference,
): Promise<SyncReport> {
  const difference = known?.itemsVersion === gateway.items_version ? known : await findDifference(tx, gateway, items, context);
  const { added, updated, returned, removed, kept } = difference;
  await writeItems(tx, [...updated, ...returned, ...kept]);
  await deleteItems(
    tx,
    removed.map((row) => row.id),
  );
  if ([...added, ...removed].some((row) => row.kind === 'tool' || row.kind === 'prompt')) await settleNames(tx, context.rules, added, gateway);
  await writeItems(tx, added);
  if (!isNone(difference)) await touchGateways(tx, [gateway.id]);
  return reportOf([...added, ...returned], updated, [...removed, ...kept]);
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
