// Whose a resource is that an upstream named to one client, in a result or in news, and that is on no list: many are there for one session
// only. That client can read it at the same endpoint, and nobody else is led anywhere by it. What the catalogue has, hidden or not, is the
// catalogue's to decide on (ADR 39).
import type { Principal } from '#base/access';
import { plainUri, valueAt, type Envelope } from '#base/protocol';
import type { ServerEntry, Snapshot, UpstreamEntry } from '#data-plane/gateway';
import { maySee, type CallerView } from './caller-view.ts';
import { indexOf } from './combined-index.ts';
import { withUris } from './shared-uris.ts';

/** An upstream, and what it calls a resource itself. */
export interface OwnedUri {
  readonly upstream: UpstreamEntry;
  readonly uri: string;
}

interface Link {
  readonly upstreamId: string;
  readonly uri: string;
}

const URI_MAX = 2048;
/** All URIs that are remembered for one client of one server: about 1,500 of usual length. */
const CHARACTERS_MAX = 128 * 1024;
/** What an entry weighs besides its URI. */
const ENTRY_CHARACTERS = 32;
const NAMED_AT_ONCE_MAX = 1000;

const NAMING: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read', 'tasks/get', 'tasks/result']);

/** Can the answer to this name resources? */
export function mayName({ method }: Envelope): boolean {
  return NAMING.has(method);
}

/** By the URI that the client knows; the latest used are the last. */
class ClientLinks {
  readonly #links = new Map<string, Link>();
  #characters = 0;

  get(published: string): Link | undefined {
    const link = this.#links.get(published);
    if (link === undefined) return undefined;
    this.#links.delete(published);
    this.#links.set(published, link);
    return link;
  }

  add(published: string, link: Link): void {
    this.#links.set(published, link);
    this.#characters += published.length + ENTRY_CHARACTERS;
    for (const oldest of this.#links.keys()) {
      if (this.#characters <= CHARACTERS_MAX) return;
      this.#links.delete(oldest);
      this.#characters -= oldest.length + ENTRY_CHARACTERS;
    }
  }
}

export class LinkOwners {
  readonly #clients = new Map<string, ClientLinks>();
  readonly #clientsMax: number;

  /** @param clientsMax the least recently heard of is forgotten beyond so many; a client is a caller of one server */
  constructor(clientsMax: number) {
    this.#clientsMax = clientsMax;
  }

  /**
   * Remembers what a message of an upstream names.
   * @param text as latin1, with the URIs of the catalogue as they are published
   * @returns the message with URIs that lead back to this upstream: one that another has named to this client before gets its gateway
   */
  note(server: ServerEntry, principal: Principal, upstream: UpstreamEntry, text: string): string {
    if (!text.includes('"uri"') || valueAt(text, ['error']) !== undefined) return text;
    let left = NAMED_AT_ONCE_MAX;
    return withUris(text, (uri) => (left-- > 0 ? this.#named(server, principal, upstream, uri) : undefined));
  }

  /** Undefined for what nobody named to this caller, and for what is the catalogue's or no longer theirs to use. */
  ownerOf(server: ServerEntry, view: CallerView, published: string, { upstreams }: Snapshot): OwnedUri | undefined {
    const link = this.#clients.get(keyOf(server, view.principal))?.get(published);
    const upstream = upstreams.get(link?.upstreamId ?? '');
    if (link === undefined || upstream === undefined || isCatalogued(server, upstream, published, link.uri)) return undefined;
    // Not what is switched off or hidden, nor what has nothing left here.
    const isUsed = indexOf(server).items.some((item) => item.upstream.id === upstream.id && maySee(view, server, item));
    return isUsed ? { upstream, uri: link.uri } : undefined;
  }

  /** @returns the URI for the client when it is not the upstream's own */
  #named(server: ServerEntry, principal: Principal, upstream: UpstreamEntry, uri: string): string | undefined {
    if (uri.length > URI_MAX || isListed(server, upstream, uri, uri)) return undefined;
    const links = this.#linksOf(server, principal);
    const known = links.get(uri);
    if (known?.upstreamId === upstream.id) return undefined;
    const { schemes } = indexOf(server);
    if (known === undefined) {
      if (!isOfAnother(schemes, upstream, uri)) links.add(uri, { upstreamId: upstream.id, uri });
      return undefined;
    }
    const published = `${schemes.get(upstream.id)}+${uri}`;
    const other = links.get(published);
    if (other !== undefined) return other.upstreamId === upstream.id && other.uri === uri ? published : undefined;
    if (published.length > URI_MAX || isCatalogued(server, upstream, uri, uri) || isCatalogued(server, upstream, published, uri)) return undefined;
    links.add(published, { upstreamId: upstream.id, uri });
    return published;
  }

  #linksOf(server: ServerEntry, principal: Principal): ClientLinks {
    const key = keyOf(server, principal);
    let links = this.#clients.get(key);
    if (links === undefined) {
      links = new ClientLinks();
      const [oldest] = this.#clients.keys();
      if (this.#clients.size >= this.#clientsMax && oldest !== undefined) this.#clients.delete(oldest);
    } else this.#clients.delete(key);
    this.#clients.set(key, links);
    return links;
  }
}

function keyOf(server: ServerEntry, { key }: Principal): string {
  return JSON.stringify([key, server.id]);
}

/** Nobody is to name what would be taken for a link of another upstream. */
function isOfAnother(schemes: ReadonlyMap<string, string>, upstream: UpstreamEntry, uri: string): boolean {
  if (!uri.includes('+')) return false;
  for (const [id, scheme] of schemes) if (id !== upstream.id && uri.startsWith(`${scheme}+`)) return true;
  return false;
}

function isListed(server: ServerEntry, upstream: UpstreamEntry, published: string, uri: string): boolean {
  return indexOf(server).resources.has(published) || upstream.resources.has(uri);
}

/** Is it on a list, does it fit a template, or may the upstream take it for something that is not for everybody? */
function isCatalogued(server: ServerEntry, upstream: UpstreamEntry, published: string, uri: string): boolean {
  if (isListed(server, upstream, published, uri)) return true;
  const plain = plainUri(uri);
  return (
    upstream.hiddenUris.has(plain) ||
    indexOf(server).templates.some(({ matches }) => matches(published)) ||
    upstream.templates.some(({ matches, mayMatch }) => matches(uri) || mayMatch?.(uri) === true || mayMatch?.(plain) === true)
  );
}
