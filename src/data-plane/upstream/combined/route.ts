// Which upstream a request is for, and how the upstream calls what the client named.
import { AppError } from '#base/kernel';
import { jsonText, parsedJson, plainUri, replaceAt, valueAt, type Envelope, type ParamHeader } from '#base/protocol';
import { declaredParams, type ItemEntry, type ServerEntry, type Snapshot, type UpstreamEntry } from '#data-plane/gateway';
import { maySee, type CallerView } from './caller-view.ts';
import type { ClientMemory } from './client-memory.ts';
import { indexOf, publishedUri, type CombinedIndex } from './combined-index.ts';
import type { OwnedUri } from './link-owners.ts';

export interface Route {
  readonly upstream: UpstreamEntry;
  /** The request with the upstream's own names, as latin1. */
  readonly text: string;
  /** `Mcp-Name` for the upstream: what it calls the thing. */
  readonly name: string | undefined;
  /** Arguments that travel in headers too; undefined for what is no tool. */
  readonly params?: readonly ParamHeader[];
  /** It is on no list, and was named to this caller. */
  readonly isLink?: boolean;
}

/**
 * @param memory what upstreams made for this client, or named to it
 * @returns undefined when no upstream can be told from the request
 * Throws AppError `tool.not_found`, `prompt.not_found`, `resource.not_found` or `request.bad_params`.
 */
export function routeOf(
  server: ServerEntry,
  view: CallerView,
  message: Envelope,
  text: string,
  memory: ClientMemory,
  snapshot: Snapshot,
): Route | undefined {
  switch (message.method) {
    case 'tools/call':
      return byName(server, view, message, text, 'tools', 'tool');
    case 'prompts/get':
      return byName(server, view, message, text, 'prompts', 'prompt');
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return byUri(server, view, required(message.uri, 'uri'), text, ['params', 'uri'], memory, snapshot);
    case 'completion/complete':
      return byReference(server, view, text, memory, snapshot);
    case 'tasks/get':
    case 'tasks/result':
    case 'tasks/cancel':
    case 'tasks/update': {
      const upstream = memory.tasks.ownerOf(view.principal, required(message.taskId, 'taskId'), snapshot);
      if (upstream === undefined) throw new AppError('request.bad_params', 'There is no such task.');
      return { upstream, text, name: message.taskId };
    }
    default:
      return onlyUpstream(server, view, text);
  }
}

function byName(server: ServerEntry, view: CallerView, message: Envelope, text: string, where: 'tools' | 'prompts', noun: 'tool' | 'prompt'): Route {
  const name = required(message.name, 'name');
  const item = indexOf(server)[where].get(name);
  if (item === undefined || !maySee(view, server, item)) throw new AppError(`${noun}.not_found`, `Unknown ${noun}: ${name.slice(0, 200)}`);
  const { key } = item.row;
  return {
    upstream: item.upstream,
    text: key === name ? text : replaceAt(text, ['params', 'name'], jsonText(key)),
    name: key,
    params: declaredParams(item.row).params,
  };
}

function byUri(
  server: ServerEntry,
  view: CallerView,
  uri: string,
  text: string,
  path: readonly string[],
  { links }: ClientMemory,
  snapshot: Snapshot,
): Route {
  const listed = resourceOf(server, view, uri);
  const found = listed ?? links.ownerOf(server, view, uri, snapshot);
  if (found === undefined) throw new AppError('resource.not_found', `Unknown resource: ${uri.slice(0, 200)}`, { data: { uri: uri.slice(0, 2048) } });
  return {
    upstream: found.upstream,
    text: found.uri === uri ? text : replaceAt(text, path, jsonText(found.uri)),
    name: found.uri,
    isLink: listed === undefined,
  };
}

/** Whose the resource, or template, is that a caller's URI is one of; undefined when the caller may see none. */
export function resourceOf(server: ServerEntry, view: CallerView, uri: string): OwnedUri | undefined {
  const index = indexOf(server);
  const listed = index.resources.get(uri);
  const item =
    listed !== undefined && maySee(view, server, listed)
      ? listed
      : index.templates.find(
          (template) =>
            template.matches(uri) && maySee(view, server, template.item) && !isHidden(view, server, template.item, ownUri(index, template.item, uri)),
        )?.item;
  return item === undefined ? undefined : { upstream: item.upstream, uri: ownUri(index, item, uri) };
}

/** What the item's upstream calls what the client calls so. */
function ownUri(index: CombinedIndex, item: ItemEntry, uri: string): string {
  const published = publishedUri(index, item);
  return published === item.row.key ? uri : uri.slice(published.length - item.row.key.length);
}

/** A resource that somebody hid is not to be had by way of a template it fits. */
function isHidden(view: CallerView, server: ServerEntry, { upstream }: ItemEntry, uri: string): boolean {
  const resource = upstream.hiddenUris.size === 0 ? undefined : upstream.hiddenUris.get(plainUri(uri));
  return resource !== undefined && !maySee(view, server, resource);
}

function byReference(server: ServerEntry, view: CallerView, text: string, memory: ClientMemory, snapshot: Snapshot): Route {
  const reference = valueAt(text, ['params', 'ref']);
  const { name, uri } = (reference?.startsWith('{') === true ? parsedJson(reference) : {}) as { name?: unknown; uri?: unknown };
  if (typeof name === 'string') {
    const item = indexOf(server).prompts.get(name);
    if (item === undefined || !maySee(view, server, item)) throw new AppError('prompt.not_found', `Unknown prompt: ${name.slice(0, 200)}`);
    return { upstream: item.upstream, text: replaceAt(text, ['params', 'ref', 'name'], jsonText(item.row.key)), name: undefined };
  }
  const wanted = required(typeof uri === 'string' ? uri : undefined, 'ref');
  const index = indexOf(server);
  const template = index.templates.find(({ item }) => publishedUri(index, item) === wanted && maySee(view, server, item));
  if (template === undefined) return byUri(server, view, wanted, text, ['params', 'ref', 'uri'], memory, snapshot);
  return { upstream: template.item.upstream, text: replaceAt(text, ['params', 'ref', 'uri'], jsonText(template.item.row.key)), name: undefined };
}

/** A method we do not know, on a server with one upstream, is that one's. */
function onlyUpstream(server: ServerEntry, view: CallerView, text: string): Route | undefined {
  const { items, upstreamIds } = indexOf(server);
  if (upstreamIds.size !== 1) return undefined;
  const item = items.find((each) => maySee(view, server, each));
  return item === undefined ? undefined : { upstream: item.upstream, text, name: undefined };
}

function required(value: string | undefined, name: string): string {
  if (value === undefined) throw new AppError('request.bad_params', `\`params.${name}\` must be a string.`);
  return value;
}
