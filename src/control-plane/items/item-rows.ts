// Items as the data plane takes them. Items that have not changed are handed over as the very objects of the time before, and only those
// of gateways of which some have changed are read at all, so that one busy upstream does not make thousands of others be read again.
import { isDeepStrictEqual } from 'node:util';
import type { ClientNeed } from '#base/protocol';
import { fromJsonColumn, type Database } from '#control-plane/db';
import type { Tag } from '#control-plane/http-contract';
import type { ItemRow } from '#data-plane/gateway';
import { itemColumns, itemsVersions } from './item-store.ts';

interface KnownItems {
  readonly version: number;
  readonly rows: readonly ItemRow[];
}

type Columns = Awaited<ReturnType<typeof itemColumns>>[number];

const NONE: readonly never[] = [];
const NO_OVERRIDES: ItemRow['overrides'] = {};

export interface ItemRows {
  load(): Promise<ItemRow[]>;
}

export function createItemRows(database: Database): ItemRows {
  let known = new Map<string, KnownItems>();
  return {
    async load() {
      // Read first: items may be newer than the version they are kept under, never older.
      const versions = await itemsVersions(database.db);
      const changed = [...versions].filter(([id, version]) => known.get(id)?.version !== version).map(([id]) => id);
      const groups = new Map<string, ItemRow[]>(changed.map((id) => [id, []]));
      if (changed.length > 0) {
        const before = new Map(changed.flatMap((id) => known.get(id)?.rows ?? []).map((row) => [row.id, row]));
        for (const columns of await itemColumns(database.db, changed.length === versions.size ? 'all' : changed)) {
          const row = itemRow(columns);
          const same = before.get(row.id);
          groups.get(row.upstreamId)?.push(same !== undefined && isDeepStrictEqual(same, row) ? same : row);
        }
      }
      const next = new Map<string, KnownItems>();
      for (const [id, version] of versions) {
        const rows = groups.get(id) ?? known.get(id)?.rows;
        if (rows !== undefined) next.set(id, { version, rows });
      }
      known = next;
      return [...next.values()].flatMap(({ rows }) => rows);
    },
  };
}

function itemRow(row: Columns): ItemRow {
  return {
    id: row.id,
    upstreamId: row.gateway_id,
    kind: row.kind,
    key: row.key,
    name: row.name,
    formerNames: row.former_names === '[]' ? NONE : fromJsonColumn<string[]>(row.former_names, []),
    json: row.source_json,
    enabled: row.enabled === 1 && row.gone_since === null,
    visibility: row.visibility,
    ownerEmail: row.owner_email,
    teamId: row.team_id,
    tags: row.tags === '[]' ? NONE : fromJsonColumn<Tag[]>(row.tags, []).map((tag) => tag.id),
    needs: row.needs === '[]' ? NONE : fromJsonColumn<ClientNeed[]>(row.needs, []),
    overrides: overridesOf(row),
  };
}

function overridesOf(row: Columns): ItemRow['overrides'] {
  const isNamedByUri = row.kind === 'resource' || row.kind === 'template';
  const name = isNamedByUri ? row.custom_name : null;
  if (name === null && row.custom_title === null && row.custom_description === null && row.custom_annotations === null) return NO_OVERRIDES;
  return {
    ...(name === null ? {} : { name }),
    ...(row.custom_title === null ? {} : { title: row.custom_title }),
    ...(row.custom_description === null ? {} : { description: row.custom_description }),
    ...(row.custom_annotations === null ? {} : { annotations: fromJsonColumn<Record<string, unknown>>(row.custom_annotations, {}) }),
  };
}
