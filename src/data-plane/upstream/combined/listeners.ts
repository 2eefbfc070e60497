// Open `subscriptions/listen` streams of combined servers (MCP 2026-07-28): acknowledged with what is honoured, told when the caller's
// own lists have changed.
import type { Envelope, ItemKind } from '#base/protocol';
import type { AnswerSink, ServerEntry, UpstreamCall } from '#data-plane/gateway';
import { NewsStream, wantedIn, type ListNews } from '../listen-words.ts';
import type { CallerView } from './caller-view.ts';
import type { CombinedParts } from './combined-parts.ts';
import { listOf } from './list-pages.ts';
import type { Told } from './telling-turns.ts';

export class Listeners {
  readonly open = new Set<Listener>();
  readonly #parts: CombinedParts;

  constructor(parts: CombinedParts) {
    this.#parts = parts;
  }

  listen(server: ServerEntry, view: CallerView, message: Envelope, body: Buffer, sink: AnswerSink): UpstreamCall {
    const { lists } = wantedIn(body.toString('latin1'));
    const listener = new Listener(this.#parts, server, view, lists, new NewsStream(sink, message.id ?? 'null'), (over) => this.open.delete(over));
    this.open.add(listener);
    return { cancel: () => void this.open.delete(listener), pause() {}, resume() {} };
  }
}

class Listener implements Told {
  readonly #parts: CombinedParts;
  readonly #serverId: string;
  readonly #view: CallerView;
  readonly #stream: NewsStream;
  readonly #onOver: (listener: Listener) => void;
  /** What the client was last told or could see of the lists it asked for. */
  readonly #hashes: Map<ListNews, string>;

  constructor(
    parts: CombinedParts,
    server: ServerEntry,
    view: CallerView,
    lists: readonly ListNews[],
    stream: NewsStream,
    onOver: (listener: Listener) => void,
  ) {
    this.#parts = parts;
    this.#serverId = server.id;
    this.#view = view;
    this.#stream = stream;
    this.#onOver = onOver;
    this.#hashes = new Map(lists.map((news) => [news, this.#hash(server, news.kinds)]));
    stream.acknowledge({ lists, uris: [] });
  }

  snapshotChanged(): void {
    const server = this.#parts.snapshot().servers.get(this.#serverId);
    if (server?.items === undefined) {
      this.#onOver(this);
      this.#stream.end();
      return;
    }
    for (const [news, before] of this.#hashes) {
      const now = this.#hash(server, news.kinds);
      if (now === before) continue;
      this.#hashes.set(news, now);
      this.#stream.say(news.method);
    }
  }

  #hash(server: ServerEntry, kinds: readonly ItemKind[]): string {
    return kinds.map((kind) => listOf(server, this.#view, kind, this.#parts.pageSize).hash).join(' ');
  }
}
