// A resource or resource template as REST shows it (api.md 2.5.1). Its content is the upstream's and is not here.
import { z } from 'zod';
import type { UpstreamHealth } from '#base/protocol';
import { historyOut, ownershipOut } from '#control-plane/http-contract';
import { shownOf, sourceOf } from './item-shown.ts';
import type { ItemRecord } from './item-store.ts';

const text = z.string().nullable();

export const resourceOut = z
  .object({
    id: z.string(),
    uri: z.string().describe('Of a template, its URI template.'),
    uriTemplate: text.describe('null for a resource.'),
    name: z.string(),
    originalName: z.string(),
    title: text,
    description: text,
    originalDescription: text,
    mimeType: text,
    size: z.number().nullable().describe('Bytes, where the upstream says.'),
    annotations: z.unknown(),
    needs: z.array(z.string()).describe('What a client must be able to do to be shown it.'),
    gatewayId: text,
    gatewaySlug: z.string(),
    reachable: z.boolean(),
    staleSince: text.describe('Since when it may be out of date, because its gateway could not be read.'),
    metrics: z.null(),
    _meta: z.unknown(),
    ...ownershipOut,
    tags: z.array(z.string()),
    ...historyOut,
  })
  .meta({ id: 'Resource' });

export type ResourceEntity = z.output<typeof resourceOut>;

export function resourceEntity(row: ItemRecord, health: UpstreamHealth): ResourceEntity {
  const source = sourceOf(row);
  const shown = shownOf(row, source, health);
  return {
    id: row.id,
    uri: row.key,
    uriTemplate: row.kind === 'template' ? row.key : null,
    name: row.custom_name ?? row.original_name,
    originalName: row.original_name,
    mimeType: typeof source['mimeType'] === 'string' ? source['mimeType'] : null,
    size: typeof source['size'] === 'number' && Number.isFinite(source['size']) ? source['size'] : null,
    ...shown,
    tags: shown.tags.map((tag) => tag.id),
  };
}

/** One of `GET /resources/templates/list`, whose outer keys the contract has in snake_case. */
export const templateOut = z.object({
  id: z.string(),
  uriTemplate: z.string(),
  name: z.string(),
  description: text,
  mimeType: text,
  annotations: z.unknown(),
  _meta: z.unknown(),
});

export function templateEntity(entity: ResourceEntity): z.output<typeof templateOut> {
  const { id, uri, name, description, mimeType, annotations, _meta } = entity;
  return { id, uriTemplate: uri, name, description, mimeType, annotations, _meta };
}
