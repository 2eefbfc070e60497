// Names under which tools and prompts are published: slug of the gateway, separator, slug of the item (api.md 3.3). A name stands for
// one item only, and depends on what there is, never on the order in which it came (decisions.md 8): where two items would share a
// name, or a name would be too long, it carries a hash of what it stands for, so that nobody takes a name over by coming later.
import { createHash } from 'node:crypto';

export interface NameRules {
  readonly separator: '-' | '--' | '_' | '.';
  /** At least 64. */
  readonly charsMax: number;
}

/** What a name is made of. No two items of one kind are alike in all of it. */
export interface Nameable {
  readonly id: string;
  readonly gatewayId: string;
  readonly gatewaySlug: string;
  /** Who the gateway is for: gateways of one slug differ in it. */
  readonly gatewayScope: string;
  /** What people call it, or else the upstream. */
  readonly itemName: string;
  /** What the upstream calls it. */
  readonly key: string;
}

interface Naming {
  readonly item: Nameable;
  readonly slug: string;
  /** 0: the plain name; above: ever more of a hash of ever more of the item. */
  level: number;
  name: string;
}

const HASH_CHARS = [0, 8, 16, 32] as const;
/** All names are made anew when one item comes; the same words are not taken apart each time. */
const SLUGS_MAX = 50_000;
const slugs = new Map<string, string>();

/** ASCII, lower-case, everything but letters and digits as single hyphens. Empty when nothing is left. */
export function slugOf(text: string): string {
  const known = slugs.get(text);
  if (known !== undefined) return known;
  if (slugs.size >= SLUGS_MAX) slugs.clear();
  const slug = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/(?<=\p{L})['’](?=\p{L})/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  slugs.set(text, slug);
  return slug;
}

/** The published name of each item of one kind, by its id. */
export function publishedNames(items: Iterable<Nameable>, rules: NameRules): Map<string, string> {
  const namings = Array.from(items, (item) => firstNaming(item, rules));
  let collisions = collidingGroups(namings);
  while (collisions.length > 0) {
    for (const group of collisions) {
      const keeper = keeperOf(group);
      for (const naming of group) if (naming !== keeper) raise(naming, rules);
    }
    collisions = collidingGroups(namings);
  }
  return new Map(namings.map(({ item, name }) => [item.id, name]));
}

function firstNaming(item: Nameable, rules: NameRules): Naming {
  const slug = slugOf(item.itemName);
  const naming = { item, slug, level: 0, name: `${item.gatewaySlug}${rules.separator}${slug}` };
  if (slug === '' || naming.name.length > rules.charsMax) raise(naming, rules);
  return naming;
}

function collidingGroups(namings: readonly Naming[]): Naming[][] {
  const first = new Map<string, Naming>();
  const groups = new Map<string, Naming[]>();
  for (const naming of namings) {
    const other = first.get(naming.name);
    if (other === undefined) {
      first.set(naming.name, naming);
      continue;
    }
    const group = groups.get(naming.name);
    if (group === undefined) groups.set(naming.name, [other, naming]);
    else group.push(naming);
  }
  return [...groups.values()];
}

/** Within one gateway, the item that is called by its slug keeps it. Between gateways nobody does: one could come to take it. */
function keeperOf(group: readonly Naming[]): Naming | undefined {
  const [one] = group;
  if (one === undefined || group.some(({ item, level }) => level > 0 || item.gatewayId !== one.item.gatewayId)) return undefined;
  const exact = group.filter(({ item, slug }) => item.itemName === slug);
  return exact.length === 1 ? exact[0] : undefined;
}

function raise(naming: Naming, rules: NameRules): void {
  const { item, slug } = naming;
  naming.level = Math.min(naming.level + 1, HASH_CHARS.length - 1);
  const facts = [item.gatewaySlug, item.itemName, item.key, item.gatewayScope, item.id].slice(0, 2 + naming.level);
  const hash = createHash('sha256').update(facts.join('\0')).digest('hex').slice(0, HASH_CHARS[naming.level]);
  const plain = `${item.gatewaySlug}${rules.separator}${slug}`;
  const stem = plain.slice(0, rules.charsMax - hash.length - 1).replace(/[-_.]+$/, '');
  naming.name = `${stem}-${hash}`;
}

/** `get_forecast` → `Get Forecast`: how a tool without a title of its own is shown. */
export function displayNameOf(original: string): string {
  return original
    .split(/[\s_.\-/]+/)
    .filter((word) => word !== '')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ');
}
