// What a PUT on an item comes to. Only what differs from the upstream's own words is kept, so that its later words show where nobody
// wrote over them, although clients send back the whole entity they have read.
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '#base/kernel';
import { toJsonColumn, type ItemsTable } from '#control-plane/db';
import { newOwnership, type Caller } from '#control-plane/http-contract';
import type { ItemUpdate } from './item-input.ts';
import { nounOf } from './item-noun.ts';
import { objectIn, sourceOf } from './item-shown.ts';
import type { ItemRecord } from './item-store.ts';
import { slugOf } from './names.ts';

type Change = Partial<
  Pick<ItemsTable, 'custom_name' | 'display_name' | 'custom_title' | 'custom_description' | 'custom_annotations' | 'tags' | 'visibility'>
>;

/** Throws AppError `request.bad_input` or `access.denied`. */
export function itemChange(caller: Caller, row: ItemRecord, input: ItemUpdate): Change {
  if (typeof input.uri === 'string' && input.uri !== row.key)
    throw new AppError('request.bad_input', 'uri: it is the upstream’s and cannot be changed here.');
  return {
    custom_name: customName(row, input),
    ...(input.displayName === undefined ? {} : { display_name: overriding(input.displayName, null) }),
    ...(input.title === undefined ? {} : { custom_title: overriding(input.title, row.title) }),
    ...(input.description === undefined ? {} : { custom_description: overriding(input.description, row.description) }),
    ...(input.annotations === undefined ? {} : { custom_annotations: annotations(row, input.annotations) }),
    ...(input.tags ? { tags: toJsonColumn(input.tags) } : {}),
    ...(input.visibility ? { visibility: newVisibility(caller, row, input.visibility) } : {}),
  };
}

function overriding(given: string | null, upstreams: string | null): string | null {
  return given === upstreams ? null : given;
}

/** `customName` says it outright; `name` too, unless it is the name that is shown now. null leaves the name. */
function customName(row: ItemRecord, input: ItemUpdate): string | null {
  const isNamedByUri = row.kind === 'resource' || row.kind === 'template';
  const current = row.custom_name ?? row.original_name;
  const shown = isNamedByUri ? current : row.name;
  const wanted = [input.customName, input.name === shown ? undefined : input.name].find((name) => typeof name === 'string' && name !== current);
  if (typeof wanted !== 'string') return row.custom_name;
  if (wanted === row.original_name) return null;
  if (!isNamedByUri && slugOf(wanted) === '') throw new AppError('request.bad_input', 'name: it needs at least one letter a–z or digit.');
  return wanted;
}

function annotations(row: ItemRecord, given: Record<string, unknown> | null): string | null {
  return given === null || isDeepStrictEqual(given, objectIn(sourceOf(row), 'annotations')) ? null : toJsonColumn(given);
}

function newVisibility(caller: Caller, row: ItemRecord, visibility: ItemsTable['visibility']): ItemsTable['visibility'] {
  if (visibility === row.visibility) return visibility;
  return newOwnership(caller.principal, nounOf(row.kind), row.id, { visibility, teamId: row.team_id }).visibility;
}
