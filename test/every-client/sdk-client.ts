// The methods that the clients of all revisions of the TypeScript SDK have in common, and the calls of the script by them.
import type { About, ClientCall, CompletionParams, ListedNoun } from './client-words.ts';
import type { Ears } from './ears.ts';

type Page = Readonly<Record<string, unknown>>;
type Cursor = { cursor: string } | undefined;

export interface SdkClient {
  listTools(params: Cursor): Promise<Page>;
  listResources(params: Cursor): Promise<Page>;
  listResourceTemplates(params: Cursor): Promise<Page>;
  listPrompts(params: Cursor): Promise<Page>;
  readResource(params: { uri: string }): Promise<unknown>;
  getPrompt(params: { name: string; arguments: Record<string, string> }): Promise<unknown>;
  getServerVersion(): unknown;
  getServerCapabilities(): unknown;
}

/** What each SDK has in a way of its own. */
export interface SdkManners {
  readonly isModern: boolean;
  readonly instructions: unknown;
  call(name: string, args: Record<string, unknown>): Promise<unknown>;
  complete(params: CompletionParams): Promise<unknown>;
  level(level: 'debug'): Promise<unknown>;
  watch(uris: readonly string[]): Promise<unknown>;
  unwatch(): Promise<unknown>;
}

/** Subscriptions of a session. */
export function subscribing(
  client: Record<'subscribeResource' | 'unsubscribeResource', (params: { uri: string }) => Promise<unknown>>,
): Pick<SdkManners, 'watch' | 'unwatch'> {
  let watched: readonly string[] = [];
  return {
    async watch(uris) {
      watched = uris;
      for (const uri of uris) await client.subscribeResource({ uri });
    },
    async unwatch() {
      for (const uri of watched) await client.unsubscribeResource({ uri });
    },
  };
}

const LISTS: Readonly<Record<ListedNoun, readonly [keyof SdkClient, string]>> = {
  tools: ['listTools', 'tools'],
  resources: ['listResources', 'resources'],
  templates: ['listResourceTemplates', 'resourceTemplates'],
  prompts: ['listPrompts', 'prompts'],
};

async function listAll(client: SdkClient, what: ListedNoun): Promise<unknown[]> {
  const [method, key] = LISTS[what];
  const all: unknown[] = [];
  for (let params: Cursor; ;) {
    const page = await (client[method] as SdkClient['listTools'])(params);
    all.push(...(page[key] as unknown[]));
    const next = page['nextCursor'];
    if (typeof next !== 'string') return all;
    params = { cursor: next };
  }
}

/** Resolves with what the SDK's method gives, and rejects as it does. */
export async function doAsTold(client: SdkClient, manners: SdkManners, ears: Ears, call: ClientCall): Promise<unknown> {
  switch (call.do) {
    case 'about':
      return {
        isModern: manners.isModern,
        serverInfo: client.getServerVersion(),
        capabilities: client.getServerCapabilities(),
        instructions: manners.instructions,
      } satisfies About;
    case 'list':
      return listAll(client, call.what);
    case 'call':
      return manners.call(call.name, call.args);
    case 'prompt':
      return client.getPrompt({ name: call.name, arguments: call.args });
    case 'read':
      return client.readResource({ uri: call.uri });
    case 'complete':
      return manners.complete(call.params);
    case 'level':
      return manners.level(call.level);
    case 'watch':
      return manners.watch(call.uris);
    case 'unwatch':
      return manners.unwatch();
    case 'until':
      return ears.inbox.take(call.method, (params) => JSON.stringify(params).includes(call.text));
    case 'told':
      return ears.told;
  }
}
