// Tags are typed by people: one spelling to find them by, the typed one to show (api.md 1.11).
import { z } from 'zod';

export interface Tag {
  /** Normalised: lower-case, blanks and underscores as `-`. */
  readonly id: string;
  /** As typed. */
  readonly label: string;
}

const SYNTAX = /^[a-z0-9]([a-z0-9\-:.]*[a-z0-9])?$/;
const LENGTH_MIN = 2;
const LENGTH_MAX = 50;
const TAGS_MAX = 100;

const typedTag = z.union([z.string(), z.looseObject({ label: z.string().optional(), id: z.string().optional() })]);

/** An array of texts or `{id, label}`, or one comma-separated text. Tags that break the rules are dropped without an error. */
export const tagsField = z.union([z.string(), z.array(typedTag).max(1000)]).transform((given) => normaliseTags(given));

export const tagsOut = z.array(z.object({ id: z.string(), label: z.string() }));

type TypedTag = z.output<typeof typedTag>;

function normaliseTags(given: string | readonly TypedTag[]): Tag[] {
  const typed = typeof given === 'string' ? given.split(',') : given.map((tag) => (typeof tag === 'string' ? tag : (tag.label ?? tag.id ?? '')));
  const tags = new Map<string, Tag>();
  for (const text of typed) {
    const tag = normaliseTag(text);
    if (tag !== undefined && !tags.has(tag.id) && tags.size < TAGS_MAX) tags.set(tag.id, tag);
  }
  return [...tags.values()];
}

function normaliseTag(text: string): Tag | undefined {
  const label = text.trim();
  const id = label.toLowerCase().replace(/[\s_]+/g, '-');
  return id.length >= LENGTH_MIN && id.length <= LENGTH_MAX && SYNTAX.test(id) ? { id, label } : undefined;
}

/** The ids of a comma-separated filter. */
export function normaliseTagFilter(text: string): Set<string> {
  return new Set(normaliseTags(text).map((tag) => tag.id));
}
