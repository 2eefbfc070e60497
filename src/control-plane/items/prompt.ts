// A prompt as REST shows it (api.md 2.6.1). Its text is the upstream's and is not here.
import { z } from 'zod';
import type { UpstreamHealth } from '#base/protocol';
import { historyOut, ownershipOut } from '#control-plane/http-contract';
import { shownOf, sourceOf } from './item-shown.ts';
import type { ItemRecord } from './item-store.ts';
import { displayNameOf, slugOf } from './names.ts';

const text = z.string().nullable();
const argument = z.object({ name: z.string(), description: text, required: z.boolean() });

export const promptOut = z
  .object({
    id: z.string(),
    name: z.string().describe('The published name.'),
    originalName: z.string().describe('The name the upstream uses, and the clients of a mirror with it.'),
    customName: z.string(),
    customNameSlug: z.string(),
    formerNames: z.array(z.string()).describe('Names it had, good until something else has one.'),
    displayName: text,
    title: text,
    description: text,
    originalDescription: text,
    template: z.string().describe('Empty: the upstream renders it.'),
    arguments: z.array(argument),
    annotations: z.unknown(),
    needs: z.array(z.string()).describe('What a client must be able to do to be shown it.'),
    gatewayId: text,
    gatewaySlug: z.string(),
    reachable: z.boolean(),
    staleSince: text.describe('Since when it may be out of date, because its gateway could not be read.'),
    metrics: z.null(),
    _meta: z.unknown(),
    ...ownershipOut,
    ...historyOut,
  })
  .meta({ id: 'Prompt' });

export type PromptEntity = z.output<typeof promptOut>;

export function promptEntity(row: ItemRecord, health: UpstreamHealth): PromptEntity {
  const source = sourceOf(row);
  const shown = shownOf(row, source, health);
  return {
    id: row.id,
    name: row.name,
    originalName: row.original_name,
    customName: row.custom_name ?? row.original_name,
    customNameSlug: slugOf(row.custom_name ?? row.original_name),
    formerNames: JSON.parse(row.former_names),
    displayName: row.display_name ?? shown.title ?? displayNameOf(row.original_name),
    template: '',
    arguments: argumentsIn(source['arguments']),
    ...shown,
  };
}

function argumentsIn(given: unknown): z.output<typeof argument>[] {
  if (!Array.isArray(given)) return [];
  return given.flatMap((each: unknown) => {
    if (typeof each !== 'object' || each === null) return [];
    const { name, description, required } = each as Record<string, unknown>;
    if (typeof name !== 'string') return [];
    return [{ name, description: typeof description === 'string' ? description : null, required: required === true }];
  });
}
