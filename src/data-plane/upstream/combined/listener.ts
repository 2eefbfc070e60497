// One `subscriptions/listen` stream of a combined server: acknowledged with what is honoured, told when the caller's own lists have changed,
// and what upstreams say of the resources it named (ADR 38).
import { jsonText, replaceAt, scanMessage, type ItemKind } from '#base/protocol';
import type { AnswerSink, ServerEntry, UpstreamCall, UpstreamEntry, UpstreamRequest } from '#data-plane/gateway';
import { isPartOf } from '../channel/resource-part.ts';
import { stringAt } from '../channel/string-at.ts';
import { NewsStream, RESOURCE_UPDATED, wantedIn, type ListNews, type Wanted } from '../listen-words.ts';
import { MODERN_VERSION } from '../channel/modern-manners.ts';
import type { CallerView } from './caller-view.ts';
import type { CombinedParts } from './combined-parts.ts';
import { listOf } from './list-pages.ts';
import { shownNews } from './resource-news.ts';
import { ResourceWatch, type WatchOwner } from './resource-watch.ts';
import { resourceOf } from './route.ts';
import type { Told } from './telling-turns.ts';
import { upstreamHeaders } from './upstream-headers.ts';

/** An upstream that does not say in this time what it will tell of is left out: nobody waits for one that hangs. */
const ACK_WITHIN_MS = 5000;
const METHOD = 'subscriptions/listen';

export class Listener implements UpstreamCall, Told, WatchOwner {
  readonly #parts: CombinedParts;
  readonly #view: CallerView;
  readonly #serverId: string;
  readonly #request: UpstreamRequest;
  readonly #text: string;
  readonly #stream: NewsStream;
  readonly #onOver: (listener: Listener) => void;
  /** What the client was last told or could see of the lists it asked for. */
  readonly #hashes = new Map<ListNews, string>();
  readonly #watches: ResourceWatch[] = [];
  #isAcknowledged = false;
  #isOver = false;

  /**
   * @param text the client's request as latin1
   * @param onOver called when it ends
   */
  constructor(
    parts: CombinedParts,
    view: CallerView,
    request: UpstreamRequest,
    idText: string,
    text: string,
    sink: AnswerSink,
    onOver: (listener: Listener) => void,
  ) {
    this.#parts = parts;
    this.#view = view;
    this.#serverId = request.upstream.id;
    this.#request = request;
    this.#text = text;
    this.#stream = new NewsStream(sink, idText);
    this.#onOver = onOver;
  }

  begin(server: ServerEntry): void {
    const { lists, uris } = wantedIn(this.#text);
    for (const news of lists) this.#hashes.set(news, this.#hash(server, news.kinds));
    const named = this.#routed(server, uris);
    if (named.size === 0) this.#acknowledge({ lists, uris: [] });
    else void this.#agree({ lists, uris }, named);
  }

  snapshotChanged(): void {
    if (!this.#isAcknowledged) return;
    const server = this.#server();
    if (server === undefined) {
      this.cancel();
      this.#stream.end();
      return;
    }
    for (const watch of this.#watches) watch.snapshotChanged();
    for (const [news, before] of this.#hashes) {
      const now = this.#hash(server, news.kinds);
      if (now === before) continue;
      this.#hashes.set(news, now);
      this.#stream.say(news.method);
    }
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOver(this);
    for (const watch of this.#watches) watch.end();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#isOver) this.#stream.resume();
  }

  request({ row }: UpstreamEntry, uris: readonly string[]): UpstreamRequest {
    const text = replaceAt(this.#text, ['params', 'notifications'], jsonText({ resourceSubscriptions: uris }));
    const described = { version: MODERN_VERSION, method: METHOD, name: undefined, params: [] };
    return {
      upstream: row,
      method: 'POST',
      lane: 'stream',
      headers: upstreamHeaders(this.#request, row, described),
      body: Buffer.from(text, 'latin1'),
      message: scanMessage(text),
      caller: this.#view.principal,
      session: undefined,
      lastEventId: undefined,
      isSafeToRepeat: true,
    };
  }

  heard(watch: ResourceWatch, text: string): void {
    const { upstream } = watch;
    if (upstream === undefined || !this.#isAcknowledged || scanMessage(text).method !== RESOURCE_UPDATED) return;
    const uri = stringAt(text, ['params', 'uri']);
    // Nobody asked for anything else.
    if (uri === undefined || !watch.uris.some((whole) => isPartOf(uri, whole))) return;
    const shown = shownNews(this.#server(), this.#view, upstream, text);
    if (shown !== undefined) this.#stream.pass(shown);
  }

  mayHaveMissed(watch: ResourceWatch): void {
    for (const uri of watch.uris) this.heard(watch, `{"jsonrpc":"2.0","method":"${RESOURCE_UPDATED}","params":{"uri":${jsonText(uri)}}}`);
  }

  /** By upstream, what the client calls its resources by what the upstream calls them; what the caller may not see is left out. */
  #routed(server: ServerEntry, uris: readonly string[]): Map<string, Map<string, string[]>> {
    const routed = new Map<string, Map<string, string[]>>();
    for (const uri of uris) {
      const found = resourceOf(server, this.#view, uri);
      if (found === undefined) continue;
      const { id } = found.item.upstream;
      const ofUpstream = routed.get(id) ?? new Map<string, string[]>();
      routed.set(id, ofUpstream.set(found.uri, [...(ofUpstream.get(found.uri) ?? []), uri]));
    }
    return routed;
  }

  async #agree(wanted: Wanted, named: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>): Promise<void> {
    const ackTimeoutMs = Math.min(ACK_WITHIN_MS, this.#parts.handshakeTimeoutMs);
    const honoured = new Set<string>();
    await Promise.all(
      [...named].map(async ([upstreamId, uris]) => {
        const watch = new ResourceWatch(this.#parts, this, upstreamId, [...uris.keys()]);
        this.#watches.push(watch);
        if (await watch.begin(ackTimeoutMs)) for (const uri of watch.uris.flatMap((own) => uris.get(own) ?? [])) honoured.add(uri);
      }),
    );
    if (this.#isOver) return;
    this.#acknowledge({ lists: wanted.lists, uris: wanted.uris.filter((uri) => honoured.has(uri)) });
    // It may have been otherwise meanwhile.
    this.snapshotChanged();
  }

  #acknowledge(honoured: Wanted): void {
    this.#isAcknowledged = true;
    this.#stream.acknowledge(honoured);
  }

  /** Undefined when it was deleted, or combines nothing any more. */
  #server(): ServerEntry | undefined {
    const server = this.#parts.snapshot().servers.get(this.#serverId);
    return server?.items === undefined ? undefined : server;
  }

  #hash(server: ServerEntry, kinds: readonly ItemKind[]): string {
    return kinds.map((kind) => listOf(server, this.#view, kind, this.#parts.pageSize).hash).join(' ');
  }
}
