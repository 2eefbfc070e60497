// Open `subscriptions/listen` streams of combined servers (MCP 2026-07-28): acknowledged with what is honoured, told when the caller's
// own lists have changed.
import { jsonText, parsedJson, valueAt, type Envelope, type ItemKind } from '#base/protocol';
import type { AnswerSink, ServerEntry, UpstreamCall } from '#data-plane/gateway';
import type { CallerView } from './caller-view.ts';
import { listOf } from './list-pages.ts';

const FILTERS: readonly { readonly key: string; readonly kinds: readonly ItemKind[]; readonly method: string }[] = [
  { key: 'toolsListChanged', kinds: ['tool'], method: 'notifications/tools/list_changed' },
  { key: 'resourcesListChanged', kinds: ['resource', 'template'], method: 'notifications/resources/list_changed' },
  { key: 'promptsListChanged', kinds: ['prompt'], method: 'notifications/prompts/list_changed' },
];

interface Listener {
  readonly serverId: string;
  readonly view: CallerView;
  readonly idText: string;
  readonly sink: AnswerSink;
  readonly hashes: Map<string, string>;
}

export class Listeners {
  readonly #open = new Set<Listener>();
  readonly #pageSize: number;

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
  }

  open(server: ServerEntry, view: CallerView, message: Envelope, body: Buffer, sink: AnswerSink): UpstreamCall {
    const wanted = valueAt(body.toString('latin1'), ['params', 'notifications']);
    const filter = (wanted?.startsWith('{') === true ? parsedJson(wanted) : {}) as Record<string, unknown>;
    const honoured = FILTERS.filter(({ key }) => filter[key] === true);
    const idText = message.id ?? 'null';
    const hashes = new Map(honoured.map(({ key, kinds }) => [key, this.#hash(server, view, kinds)]));
    const listener: Listener = { serverId: server.id, view, idText, sink, hashes };
    sink.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined });
    const notifications = jsonText(Object.fromEntries(honoured.map(({ key }) => [key, true])));
    say(listener, 'notifications/subscriptions/acknowledged', `"notifications":${notifications},`);
    this.#open.add(listener);
    return {
      cancel: () => {
        this.#open.delete(listener);
      },
      pause() {},
      resume() {},
    };
  }

  snapshotChanged(servers: ReadonlyMap<string, ServerEntry>): void {
    for (const listener of this.#open) {
      const server = servers.get(listener.serverId);
      if (server?.items === undefined) {
        this.#over(listener);
        continue;
      }
      for (const { key, kinds, method } of FILTERS) {
        const before = listener.hashes.get(key);
        if (before === undefined) continue;
        const now = this.#hash(server, listener.view, kinds);
        if (now === before) continue;
        listener.hashes.set(key, now);
        say(listener, method, '');
      }
    }
  }

  /** The server is no more: a listener is told that its stream is over on purpose, by the result it is owed. */
  #over(listener: Listener): void {
    this.#open.delete(listener);
    const { sink, idText } = listener;
    const data = `{"jsonrpc":"2.0","id":${idText},"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":${idText}}}}`;
    sink.event({ id: undefined, event: 'message', retry: undefined, data, comment: undefined });
    sink.end();
  }

  #hash(server: ServerEntry, view: CallerView, kinds: readonly ItemKind[]): string {
    return kinds.map((kind) => listOf(server, view, kind, this.#pageSize).hash).join(' ');
  }
}

function say({ sink, idText }: Listener, method: string, members: string): void {
  const data = `{"jsonrpc":"2.0","method":"${method}","params":{${members}"_meta":{"io.modelcontextprotocol/subscriptionId":${idText}}}}`;
  sink.event({ id: undefined, event: 'message', retry: undefined, data, comment: undefined });
}
