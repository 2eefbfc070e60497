// Upstreams list four kinds of things; REST knows them as three nouns (api.md 2.4 to 2.6): a resource template is a resource.
import type { EntityKind } from '#base/access';
import type { Kind } from './item-store.ts';

export interface ItemNoun {
  /** Its name in decisions, errors and bodies. */
  readonly noun: Extract<EntityKind, 'tool' | 'resource' | 'prompt'>;
  readonly kinds: readonly Kind[];
  /** What it is called by in REST besides its id: a resource by its URI (`key`), a prompt by its published name. */
  readonly calledBy?: 'key' | 'name';
}

export const TOOL: ItemNoun = { noun: 'tool', kinds: ['tool'] };
export const RESOURCE: ItemNoun = { noun: 'resource', kinds: ['resource', 'template'], calledBy: 'key' };
export const TEMPLATE: ItemNoun = { noun: 'resource', kinds: ['template'] };
export const PROMPT: ItemNoun = { noun: 'prompt', kinds: ['prompt'], calledBy: 'name' };

export function nounOf(kind: Kind): ItemNoun['noun'] {
  return kind === 'template' ? 'resource' : kind;
}
