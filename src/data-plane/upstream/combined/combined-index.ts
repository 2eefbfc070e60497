// What a combined server finds its items by: published names, URIs and templates. Built once for each server of a snapshot; two
// items never answer to one name, and none takes another's (decisions.md 8).
import type { ItemEntry, ServerEntry } from '#data-plane/gateway';
import { jsonText, matcherOf, type UriMatcher } from '#base/protocol';

/** URIs of one upstream that others have too, and under which the combined server shows them. */
export interface UriNames {
  readonly published: ReadonlyMap<string, string>;
  readonly original: ReadonlyMap<string, string>;
  /** Shared templates: whatever fits one is shown with this before it. */
  readonly templates: readonly { readonly matches: UriMatcher; readonly prefix: string }[];
}

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
  /** Nobody's view differs from anybody's, but by what a token is restricted to and what a client declares. */
  readonly isAllPublic: boolean;
  readonly upstreamIds: ReadonlySet<string>;
}

const indexes = new WeakMap<ServerEntry, CombinedIndex>();

export function indexOf(server: ServerEntry): CombinedIndex {
  let index = indexes.get(server);
  if (index === undefined) indexes.set(server, (index = build(server.items ?? [])));
  return index;
}

/** The URI under which a resource or template is shown. */
export function publishedUri(index: CombinedIndex, item: ItemEntry): string {
  return index.uriNames.get(item.row.upstreamId)?.published.get(item.row.key) ?? item.row.key;
}

function build(unordered: readonly ItemEntry[]): CombinedIndex {
  // The same whatever the order of registration or reading: by name, then by the upstream's own key.
  const items = unordered.toSorted((a, b) => compare(a.row.name, b.row.name) || compare(a.row.key, b.row.key) || compare(a.id, b.id));
  const tools = new Map<string, ItemEntry>();
  const prompts = new Map<string, ItemEntry>();
  for (const item of items) {
    if (item.row.kind === 'tool') claim(tools, item);
    else if (item.row.kind === 'prompt') claim(prompts, item);
  }
  // Names of former times and the upstream's own names serve where nobody has a better claim, and where they are one item's only.
  addSpare(tools, items, 'tool');
  addSpare(prompts, items, 'prompt');
  const uriNames = namesForSharedUris(items);
  const resources = new Map<string, ItemEntry>();
  const templates: { item: ItemEntry; matches: UriMatcher }[] = [];
  for (const item of items) {
    const uri = uriNames.get(item.row.upstreamId)?.published.get(item.row.key) ?? item.row.key;
    if (item.row.kind === 'resource') resources.set(uri, item);
    else if (item.row.kind === 'template') templates.push({ item, matches: matcherOf(uri) });
  }
  const isAllPublic = items.every(({ visibility, upstream }) => visibility === 'public' && upstream.visibility === 'public');
  return { tools, prompts, resources, templates, uriNames, items, isAllPublic, upstreamIds: new Set(items.map(({ row }) => row.upstreamId)) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Published names are unique in the database; should two meet nevertheless, neither is served by the other's. */
function claim(names: Map<string, ItemEntry>, item: ItemEntry): void {
  if (!names.has(item.row.name)) names.set(item.row.name, item);
}

function addSpare(names: Map<string, ItemEntry>, items: readonly ItemEntry[], kind: 'tool' | 'prompt'): void {
  const claims = new Map<string, ItemEntry | null>();
  for (const item of items) {
    if (item.row.kind !== kind) continue;
    for (const name of new Set([...item.row.formerNames, item.row.key])) claims.set(name, claims.has(name) ? null : item);
  }
  for (const [name, item] of claims) if (item !== null && !names.has(name)) names.set(name, item);
}

/** A URI that several upstreams have is shown with its gateway's slug in the scheme, for each of them alike. */
function namesForSharedUris(items: readonly ItemEntry[]): Map<string, UriNames> {
  const owners = new Map<string, Set<string>>();
  for (const { row } of items) {
    if (row.kind === 'tool' || row.kind === 'prompt') continue;
    const ofKey = owners.get(row.key);
    if (ofKey === undefined) owners.set(row.key, new Set([row.upstreamId]));
    else ofKey.add(row.upstreamId);
  }
  type Names = { published: Map<string, string>; original: Map<string, string>; templates: { matches: UriMatcher; prefix: string }[] };
  const names = new Map<string, Names>();
  for (const { row, upstream } of items) {
    if ((owners.get(row.key)?.size ?? 0) < 2) continue;
    let ofUpstream = names.get(row.upstreamId);
    if (ofUpstream === undefined) names.set(row.upstreamId, (ofUpstream = { published: new Map(), original: new Map(), templates: [] }));
    const prefix = `${schemeFor(upstream.row.name)}+`;
    const published = prefix + row.key;
    if (row.kind === 'template') ofUpstream.templates.push({ matches: matcherOf(row.key), prefix });
    ofUpstream.published.set(row.key, published);
    ofUpstream.original.set(published, row.key);
  }
  return names;
}

/** What may stand in a URI's scheme (RFC 3986 §3.1). */
function schemeFor(name: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return /^[a-z]/.test(slug) ? slug : `g${slug}`;
}

/** An upstream's message with the URIs of its items as the combined server shows them. */
export function withPublishedUris(text: string, names: UriNames | undefined): string {
  if (names === undefined) return text;
  return text.replaceAll(/("(?:uri|resourceUri|ui\/resourceUri)"\s*:\s*)("(?:[^"\\]|\\.)*")/g, (whole, key: string, literal: string) => {
    const uri = uriOf(literal);
    const published = shownUri(uri, names);
    return published === uri ? whole : key + jsonText(published);
  });
}

/** What the combined server calls what one upstream calls so. */
function shownUri(uri: string, names: UriNames): string {
  const published = names.published.get(uri);
  if (published !== undefined) return published;
  const template = names.templates.find(({ matches }) => matches(uri));
  return template === undefined ? uri : template.prefix + uri;
}

function uriOf(literal: string): string {
  return JSON.parse(Buffer.from(literal, 'latin1').toString('utf8')) as string;
}
