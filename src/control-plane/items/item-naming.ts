// Gives tools and prompts their published names, all together, since a name depends on what else there is (names.ts). The name an item
// had before stays good for calls until somebody else takes it (decisions.md 8).
import { setImmediate as otherWork } from 'node:timers/promises';
import { fromJsonColumn, toJsonColumn, type GatewaysTable, type ItemsTable, type Tx } from '#control-plane/db';
import { nameRows, touchGateways, writeName, type NameRow } from './item-store.ts';
import { publishedNames, type NameRules } from './names.ts';

const FORMER_NAMES_MAX = 20;

export type NamingGateway = Pick<GatewaysTable, 'slug' | 'visibility' | 'team_id' | 'owner_email'>;

/**
 * Writes the names that have changed. To be called in the transaction in which items came or went, were renamed, or their gateway was.
 * @param added rows that are not written yet; they are given their names
 */
export async function settleNames(tx: Tx, rules: NameRules, added: readonly ItemsTable[] = [], gateway?: NamingGateway): Promise<void> {
  const stored = await nameRows(tx);
  const touched = new Set<string>();
  for (const kind of ['tool', 'prompt'] as const) {
    const rows = stored.filter((row) => row.kind === kind);
    // With ten thousand items each of these steps takes some milliseconds, in which no call is carried.
    await otherWork();
    const newRows = gateway === undefined ? [] : added.filter((row) => row.kind === kind);
    const names = publishedNames([...rows.map((row) => nameable(row, row)), ...newRows.map((row) => nameable(row, gateway as NamingGateway))], rules);
    await otherWork();
    const taken = new Map([...names].map(([id, name]) => [name, id]));
    for (const row of rows) {
      const name = names.get(row.id) as string;
      const former = formerNames(row, name, taken);
      if (name === row.name && former === row.former_names) continue;
      await writeName(tx, row.id, name, former);
      touched.add(row.gateway_id);
    }
    await otherWork();
    for (const row of newRows) row.name = names.get(row.id) as string;
  }
  await touchGateways(tx, [...touched]);
}

function nameable(row: Pick<ItemsTable, 'id' | 'gateway_id' | 'custom_name' | 'key'>, gateway: NamingGateway) {
  const { slug, visibility, team_id: teamId, owner_email: ownerEmail } = gateway;
  const scope = visibility === 'public' ? '' : visibility === 'team' ? `team ${teamId}` : `owner ${ownerEmail}`;
  return { id: row.id, gatewayId: row.gateway_id, gatewaySlug: slug, gatewayScope: scope, itemName: row.custom_name ?? row.key, key: row.key };
}

/** The names it had, newest last, without those that stand for something else now. */
function formerNames(row: NameRow, name: string, taken: ReadonlyMap<string, string>): string {
  if (name === row.name && row.former_names === '[]') return row.former_names;
  const had = [...fromJsonColumn<string[]>(row.former_names, []), ...(row.name === '' ? [] : [row.name])];
  const free = [...new Set(had)].filter((former) => !taken.has(former));
  return toJsonColumn(free.slice(-FORMER_NAMES_MAX));
}
