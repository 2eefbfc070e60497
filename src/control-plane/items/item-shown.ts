// What the entities of all three nouns have in common, read from a row: the upstream's words with what people wrote over them.
import type { UpstreamHealth } from '#base/protocol';
import { fromJsonColumn } from '#control-plane/db';
import { historyOf, ownershipOf } from '#control-plane/http-contract';
import type { ItemRecord } from './item-store.ts';

/** The entry as the upstream wrote it; read only when somebody looks at it. */
export type Source = Readonly<Record<string, unknown>>;

export function sourceOf(row: ItemRecord): Source {
  return fromJsonColumn<Source>(row.source_json, {});
}

/** An object of the upstream's, or null for anything else. */
export function objectIn(source: Source, member: string): Record<string, unknown> | null {
  const value = source[member];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
}

/** `enabled` is false as well while the gateway is switched off; the item's own switch comes back with the gateway's. */
export function shownOf(row: ItemRecord, source: Source, health: UpstreamHealth) {
  const ownership = ownershipOf(row);
  return {
    title: row.custom_title ?? row.title,
    description: row.custom_description ?? row.description,
    originalDescription: row.description,
    annotations: fromJsonColumn<unknown>(row.custom_annotations, null) ?? objectIn(source, 'annotations'),
    gatewayId: row.gateway_id,
    gatewaySlug: row.gateway_slug,
    reachable: health.state === 'ready' || health.state === 'degraded',
    staleSince: row.gateway_stale_since ?? (health.state === 'down' ? health.since : null),
    metrics: null,
    _meta: objectIn(source, '_meta'),
    needs: fromJsonColumn<string[]>(row.needs, []),
    ...ownership,
    enabled: ownership.enabled && row.gateway_enabled === 1,
    ...historyOf(row, row.gateway_name),
  };
}
