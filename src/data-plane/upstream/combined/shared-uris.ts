// URIs that several upstreams of a combined server have: each is shown with its gateway in the scheme, and an upstream's messages are put
// in those terms, so that what a client reads there leads back to the upstream it came from (decisions.md 8).
import { createHash } from 'node:crypto';
import { jsonText, matcherOf, type UriMatcher } from '#base/protocol';
import type { ItemEntry, UpstreamEntry } from '#data-plane/gateway';

/** URIs of one upstream that others have too, and under which the combined server shows them. */
export interface UriNames {
  /** By the upstream's own URI or URI template. */
  readonly published: ReadonlyMap<string, string>;
  /** Of its shared templates: what a URI made of one begins with. */
  readonly made: readonly { readonly matches: UriMatcher; readonly prefix: string }[];
  /** What it lists itself is no template's. */
  readonly upstream: UpstreamEntry;
}

const URI_MEMBER = /("(?:uri|resourceUri)"\s*:\s*)("(?:[^"\\]|\\.)*")/g;

/**
 * @param items resources and templates
 * @returns by upstream id; only for upstreams with URIs that have to be changed
 */
export function namesForSharedUris(items: readonly ItemEntry[]): Map<string, UriNames> {
  const shared = sharedOf(items);
  if (shared.size === 0) return new Map();
  const schemes = schemesOf(new Set(items.map(({ upstream }) => upstream)));
  const names = new Map<string, { published: Map<string, string>; made: UriNames['made'][number][]; upstream: UpstreamEntry }>();
  for (const { row, upstream } of withTaken(items, shared, schemes)) {
    let ofUpstream = names.get(row.upstreamId);
    if (ofUpstream === undefined) names.set(row.upstreamId, (ofUpstream = { published: new Map(), made: [], upstream }));
    const prefix = `${schemes.get(row.upstreamId)}+`;
    ofUpstream.published.set(row.key, prefix + row.key);
    if (row.kind === 'template') ofUpstream.made.push({ matches: matcherOf(row.key), prefix });
  }
  return names;
}

function sharedOf(items: readonly ItemEntry[]): Set<ItemEntry> {
  const owners = new Map<string, Set<string>>();
  for (const { row } of items) {
    const ofKey = owners.get(row.key);
    if (ofKey === undefined) owners.set(row.key, new Set([row.upstreamId]));
    else ofKey.add(row.upstreamId);
  }
  return new Set(items.filter(({ row }) => (owners.get(row.key)?.size ?? 0) > 1));
}

/** With those whose own URI is what another's would become: no upstream gets a reader of another by its choice of URIs. */
function withTaken(items: readonly ItemEntry[], shared: Set<ItemEntry>, schemes: ReadonlyMap<string, string>): ReadonlySet<ItemEntry> {
  for (;;) {
    const taken = new Set([...shared].map(({ row }) => `${schemes.get(row.upstreamId)}+${row.key}`));
    const more = items.filter((item) => !shared.has(item) && taken.has(item.row.key));
    if (more.length === 0) return shared;
    for (const item of more) shared.add(item);
  }
}

/** By upstream id; no two alike, whatever the order. */
export function schemesOf(upstreams: ReadonlySet<UpstreamEntry>): Map<string, string> {
  const taken = new Map<string, number>();
  for (const { row } of upstreams) taken.set(schemeFor(row.name), (taken.get(schemeFor(row.name)) ?? 0) + 1);
  return new Map(
    [...upstreams].map(({ id, row }) => {
      const scheme = schemeFor(row.name);
      if (taken.get(scheme) === 1) return [id, scheme];
      return [id, `${scheme}.${createHash('sha256').update(id).digest('hex').slice(0, 8)}`];
    }),
  );
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

/** An upstream's message with the URIs of its items as the combined server shows them. Throws SyntaxError for what is not JSON. */
export function withPublishedUris(text: string, names: UriNames | undefined): string {
  return names === undefined ? text : withUris(text, (uri) => publishedFor(uri, names));
}

/**
 * A message with other URIs.
 * @param text as latin1
 * @param renamed what a URI becomes; undefined when it stays as it is
 */
export function withUris(text: string, renamed: (uri: string) => string | undefined): string {
  return text.replaceAll(URI_MEMBER, (whole, key: string, literal: string) => {
    const uri = renamed(uriOf(literal));
    return uri === undefined ? whole : key + jsonText(uri);
  });
}

/** What the combined server calls what one upstream calls so; undefined when that is the same. */
export function publishedFor(uri: string, { published, made, upstream }: UriNames): string | undefined {
  const listed = published.get(uri);
  if (listed !== undefined || upstream.resources.has(uri)) return listed;
  const template = made.find(({ matches }) => matches(uri));
  return template === undefined ? undefined : template.prefix + uri;
}

function uriOf(literal: string): string {
  return JSON.parse(Buffer.from(literal, 'latin1').toString('utf8')) as string;
}
