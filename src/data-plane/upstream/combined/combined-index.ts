// What a combined server finds its items by: published names, URIs and templates. Built once for each server of a snapshot; two
// items never answer to one name, and none takes another's (decisions.md 8).
import type { ItemEntry, ServerEntry, UpstreamEntry } from '#data-plane/gateway';
import { matcherOf, type ItemKind, type UriMatcher } from '#base/protocol';
import { namesForSharedUris, schemesOf, type UriNames } from './shared-uris.ts';

export interface CombinedIndex {
  readonly tools: ReadonlyMap<string, ItemEntry>;
  readonly prompts: ReadonlyMap<string, ItemEntry>;
  /** By the URI under which they are shown. */
  readonly resources: ReadonlyMap<string, ItemEntry>;
  readonly templates: readonly { readonly item: ItemEntry; readonly matches: UriMatcher }[];
  /** By upstream id; only for upstreams with URIs that had to be changed. */
  readonly uriNames: ReadonlyMap<string, UriNames>;
  /** In the order in which lists show them. */
  readonly items: readonly ItemEntry[];
  readonly byKind: Readonly<Record<ItemKind, readonly ItemEntry[]>>;
  /** Nobody's view differs from anybody's, but by what a token is restricted to and what a client declares. */
  readonly isAllPublic: boolean;
  readonly upstreamIds: ReadonlySet<string>;
  readonly upstreams: ReadonlySet<UpstreamEntry>;
  /** By upstream id: what its URIs get in front of them when another has the same. */
  readonly schemes: ReadonlyMap<string, string>;
  /** Kinds of which not everybody sees the same: by visibility, or by what a client declares. */
  readonly varying: ReadonlySet<ItemKind>;
}

const indexes = new WeakMap<ServerEntry, CombinedIndex>();

export function indexOf(server: ServerEntry): CombinedIndex {
  let index = indexes.get(server);
  if (index === undefined) indexes.set(server, (index = new Index(server.items ?? [])));
  return index;
}

/** The URI under which a resource or template is shown. */
export function publishedUri(index: CombinedIndex, item: ItemEntry): string {
  return index.uriNames.get(item.row.upstreamId)?.published.get(item.row.key) ?? item.row.key;
}

/** What only calls need is made by the first of them: most changes of the tables are followed by lists and no call of this server. */
class Index implements CombinedIndex {
  readonly items: readonly ItemEntry[];
  readonly byKind: CombinedIndex['byKind'];
  readonly uriNames: ReadonlyMap<string, UriNames>;
  readonly isAllPublic: boolean;
  readonly upstreamIds: ReadonlySet<string>;
  readonly upstreams: ReadonlySet<UpstreamEntry>;
  readonly varying: ReadonlySet<ItemKind>;
  #tools: ReadonlyMap<string, ItemEntry> | undefined;
  #prompts: ReadonlyMap<string, ItemEntry> | undefined;
  #resources: ReadonlyMap<string, ItemEntry> | undefined;
  #templates: CombinedIndex['templates'] | undefined;
  #schemes: ReadonlyMap<string, string> | undefined;

  constructor(unordered: readonly ItemEntry[]) {
    // The same whatever the order of registration or reading: by name, then by the upstream's own key.
    this.items = unordered.toSorted((a, b) => compare(a.row.name, b.row.name) || compare(a.row.key, b.row.key) || compare(a.id, b.id));
    const byKind: Record<ItemKind, ItemEntry[]> = { tool: [], resource: [], template: [], prompt: [] };
    const upstreams = new Set<UpstreamEntry>();
    const varying = new Set<ItemKind>();
    let isAllPublic = true;
    for (const item of this.items) {
      byKind[item.row.kind].push(item);
      upstreams.add(item.upstream);
      if (item.visibility !== 'public') isAllPublic = false;
      if (isSeenBySome(item)) varying.add(item.row.kind);
    }
    this.byKind = byKind;
    this.isAllPublic = isAllPublic && [...upstreams].every(({ visibility }) => visibility === 'public');
    this.upstreams = upstreams;
    this.varying = varying;
    this.upstreamIds = new Set([...upstreams].map(({ id }) => id));
    this.uriNames = namesForSharedUris([...byKind.resource, ...byKind.template]);
  }

  get tools(): ReadonlyMap<string, ItemEntry> {
    return (this.#tools ??= byName(this.byKind.tool));
  }

  get prompts(): ReadonlyMap<string, ItemEntry> {
    return (this.#prompts ??= byName(this.byKind.prompt));
  }

  get resources(): ReadonlyMap<string, ItemEntry> {
    return (this.#resources ??= new Map(this.byKind.resource.map((item) => [publishedUri(this, item), item])));
  }

  get schemes(): ReadonlyMap<string, string> {
    return (this.#schemes ??= schemesOf(this.upstreams));
  }

  get templates(): CombinedIndex['templates'] {
    return (this.#templates ??= this.byKind.template.map((item) => ({ item, matches: matcherOf(publishedUri(this, item)) })));
  }
}

/** What is switched off is seen by nobody, which is the same for all. */
function isSeenBySome({ enabled, visibility, upstream, row }: ItemEntry): boolean {
  if (!enabled || !upstream.enabled) return false;
  return visibility !== 'public' || upstream.visibility !== 'public' || row.needs.length > 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * By published names, which are unique in the database; should two meet nevertheless, neither is served by the other's. Names of former
 * times and the upstream's own serve where nobody has a better claim, and where they are one item's only.
 */
function byName(items: readonly ItemEntry[]): Map<string, ItemEntry> {
  const names = new Map<string, ItemEntry>();
  for (const item of items) if (!names.has(item.row.name)) names.set(item.row.name, item);
  const claims = new Map<string, ItemEntry | null>();
  const claim = (name: string, item: ItemEntry): void => {
    const other = claims.get(name);
    claims.set(name, other === undefined || other === item ? item : null);
  };
  for (const item of items) {
    for (const name of item.row.formerNames) claim(name, item);
    claim(item.row.key, item);
  }
  for (const [name, item] of claims) if (item !== null && !names.has(name)) names.set(name, item);
  return names;
}
