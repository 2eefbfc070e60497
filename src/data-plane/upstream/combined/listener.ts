// One `subscriptions/listen` stream of a combined server: acknowledged with what is honoured, told when the caller's own lists have changed,
// and what upstreams say of the resources it named (ADR 38).
import { toAppError, type AppError } from '#base/kernel';
import { jsonText, replaceAt, scanMessage, type ItemKind, MODERN_VERSION } from '#base/protocol';
import type { AnswerSink, ServerEntry, UpstreamCall, UpstreamEntry, UpstreamRequest } from '#data-plane/gateway';
import { isPartOf } from '../channel/resource-part.ts';
import { stringAt } from '../channel/string-at.ts';
import { NewsStream, RESOURCE_UPDATED, TASK_CHANGED, wantedIn, type ListNews, type Wanted } from '../listen-words.ts';
import type { CallerView } from './caller-view.ts';
import type { ClientMemory } from './client-memory.ts';
import { indexOf } from './combined-index.ts';
import type { CombinedParts } from './combined-parts.ts';
import { listOf } from './list-pages.ts';
import { shownNews } from './resource-news.ts';
import { ResourceWatch, type WatchOwner } from './resource-watch.ts';
import { resourceOf } from './route.ts';
import { withPublishedUris } from './shared-uris.ts';
import { TaskWatch } from './task-watch.ts';
import type { Told } from './telling-turns.ts';
import { upstreamHeaders } from '../upstream-headers.ts';

/** An upstream that does not say in this time what it will tell of is left out: nobody waits for one that hangs. */
const ACK_WITHIN_MS = 5000;
const METHOD = 'subscriptions/listen';

export class Listener implements UpstreamCall, Told, WatchOwner {
  readonly #parts: CombinedParts;
  readonly #view: CallerView;
  readonly #serverId: string;
  readonly #request: UpstreamRequest;
  readonly #text: string;
  readonly #sink: AnswerSink;
  readonly #stream: NewsStream;
  readonly #onOver: (listener: Listener) => void;
  /** What the client was last told or could see of the lists it asked for. */
  readonly #hashes = new Map<ListNews, string>();
  readonly #watches: ResourceWatch[] = [];
  readonly #taskWatches: TaskWatch[] = [];
  readonly #memory: ClientMemory;
  #isAcknowledged = false;
  #isOver = false;

  /**
   * @param text the client's request as latin1
   * @param memory what upstreams made for this caller, or named to it
   * @param onOver called when it ends
   */
  constructor(
    parts: CombinedParts,
    view: CallerView,
    request: UpstreamRequest,
    idText: string,
    text: string,
    sink: AnswerSink,
    memory: ClientMemory,
    onOver: (listener: Listener) => void,
  ) {
    this.#memory = memory;
    this.#parts = parts;
    this.#view = view;
    this.#serverId = request.upstream.id;
    this.#request = request;
    this.#text = text;
    this.#sink = sink;
    this.#stream = new NewsStream(sink, idText);
    this.#onOver = onOver;
  }

  begin(server: ServerEntry): void {
    const wanted = wantedIn(this.#text);
    const { lists, uris } = wanted;
    for (const news of lists) this.#hashes.set(news, this.#hash(server, news.kinds));
    const named = this.#routed(server, uris);
    const tasks = this.#ownTasks(wanted);
    if (named.size + tasks.size === 0) this.#acknowledge({ lists, uris: [] });
    else this.#agree(wanted, named, tasks).catch((error: unknown) => this.#fail(toAppError(error)));
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
    for (const watch of [...this.#watches, ...this.#taskWatches]) watch.end();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#isOver) this.#stream.resume();
  }

  request(upstream: UpstreamEntry, uris: readonly string[]): UpstreamRequest {
    return this.#requestFor(upstream, { resourceSubscriptions: uris });
  }

  #requestFor({ row }: UpstreamEntry, filter: object): UpstreamRequest {
    const text = replaceAt(this.#text, ['params', 'notifications'], jsonText(filter));
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
    const shown = shownNews(this.#server(), this.#view, upstream, text, this.#memory.links);
    if (shown !== undefined) this.#stream.pass(shown);
  }

  mayHaveMissed(watch: ResourceWatch): void {
    for (const uri of watch.uris) this.heard(watch, `{"jsonrpc":"2.0","method":"${RESOURCE_UPDATED}","params":{"uri":${jsonText(uri)}}}`);
  }

  /** By upstream, what the client calls its resources by what the upstream calls them; what the caller may not see is left out. */
  #routed(server: ServerEntry, uris: readonly string[]): Map<string, Map<string, string[]>> {
    const routed = new Map<string, Map<string, string[]>>();
    for (const uri of uris) {
      const found = resourceOf(server, this.#view, uri) ?? this.#memory.links.ownerOf(server, this.#view, uri, this.#parts.snapshot());
      if (found === undefined) continue;
      const { id } = found.upstream;
      const ofUpstream = routed.get(id) ?? new Map<string, string[]>();
      routed.set(id, ofUpstream.set(found.uri, [...(ofUpstream.get(found.uri) ?? []), uri]));
    }
    return routed;
  }

  /** Its tasks by the upstream that runs them; none for a client that knows none. */
  #ownTasks({ taskIds = [] }: Wanted): Map<UpstreamEntry, string[]> {
    const tasks = new Map<UpstreamEntry, string[]>();
    for (const taskId of this.#view.declares.has('tasks') ? taskIds : []) {
      const upstream = this.#taskOwner(taskId);
      if (upstream !== undefined) tasks.set(upstream, [...(tasks.get(upstream) ?? []), taskId]);
    }
    return tasks;
  }

  #heardOfTask(upstream: UpstreamEntry, text: string): void {
    if (
      !this.#isAcknowledged ||
      scanMessage(text).method !== TASK_CHANGED ||
      this.#taskOwner(stringAt(text, ['params', 'taskId']) ?? '') === undefined
    )
      return;
    const server = this.#server();
    if (server === undefined) return;
    const shown = withPublishedUris(text, indexOf(server).uriNames.get(upstream.id));
    this.#stream.pass(this.#memory.links.note(server, this.#view.principal, upstream, shown));
  }

  #taskOwner(taskId: string): UpstreamEntry | undefined {
    return this.#memory.tasks.ownerOf(this.#view.principal, taskId, this.#parts.snapshot());
  }

  async #agree(
    wanted: Wanted,
    named: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>,
    tasks: ReadonlyMap<UpstreamEntry, readonly string[]>,
  ): Promise<void> {
    const ackTimeoutMs = Math.min(ACK_WITHIN_MS, this.#parts.handshakeTimeoutMs);
    const honoured = new Set<string>();
    const told = new Set<string>();
    const toldOfTasks = [...tasks].map(async ([upstream, taskIds]) => {
      const watch = new TaskWatch(this.#parts, (text) => this.#heardOfTask(upstream, text));
      this.#taskWatches.push(watch);
      for (const taskId of await watch.begin(this.#requestFor(upstream, { taskIds }), ackTimeoutMs)) told.add(taskId);
    });
    await Promise.all([
      ...toldOfTasks,
      ...[...named].map(async ([upstreamId, uris]) => {
        const watch = new ResourceWatch(this.#parts, this, upstreamId, [...uris.keys()]);
        this.#watches.push(watch);
        if (await watch.begin(ackTimeoutMs)) for (const uri of watch.uris.flatMap((own) => uris.get(own) ?? [])) honoured.add(uri);
      }),
    ]);
    if (this.#isOver) return;
    this.#acknowledge({
      lists: wanted.lists,
      uris: wanted.uris.filter((uri) => honoured.has(uri)),
      taskIds: wanted.taskIds?.filter((id) => told.has(id)) ?? [],
    });
    // It may have been otherwise meanwhile.
    this.snapshotChanged();
  }

  #fail(error: AppError): void {
    if (this.#isOver) return;
    this.cancel();
    this.#sink.fail(error);
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
