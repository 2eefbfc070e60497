// News of a resource as a client of a combined server may have it: under the name it knows, and only while it may see the resource.
import { plainUri, valueAt } from '#base/protocol';
import type { ServerEntry, UpstreamEntry } from '#data-plane/gateway';
import { stringAt } from '../channel/string-at.ts';
import { maySee, type CallerView } from './caller-view.ts';
import { indexOf } from './combined-index.ts';
import type { LinkOwners } from './link-owners.ts';
import { withPublishedUris } from './shared-uris.ts';

/**
 * @param server as it is now; undefined when it is no more
 * @param text `notifications/resources/updated` of the upstream, as latin1
 * @param links of this caller, to whom what is on no list is named by this
 * @returns undefined when it is not for this caller
 */
export function shownNews(
  server: ServerEntry | undefined,
  view: CallerView,
  upstream: UpstreamEntry,
  text: string,
  links: LinkOwners,
): string | undefined {
  if (server === undefined || valueAt(text, ['params', 'uri']) === undefined) return undefined;
  const { resources, uriNames } = indexOf(server);
  const uri = stringAt(text, ['params', 'uri']) ?? '';
  const shown = withPublishedUris(text, uriNames.get(upstream.id));
  const item = resources.get(stringAt(shown, ['params', 'uri']) ?? '');
  if (item !== undefined) return maySee(view, server, item) ? shown : undefined;
  // What is on no list was subscribed to by a template, or is a part of what was.
  if (upstream.resources.has(uri) || upstream.hiddenUris.has(plainUri(uri))) return undefined;
  return links.note(server, view.principal, upstream, shown);
}
