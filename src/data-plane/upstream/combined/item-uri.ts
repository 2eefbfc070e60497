// How those who know an item by its id learn what clients call it.
import type { Snapshot } from '#data-plane/gateway';
import { indexOf, publishedUri } from './combined-index.ts';

/** The URI by which clients of the server of everything know a resource or template; undefined for one that is not there. */
export function uriOfItem({ servers }: Snapshot, itemId: string): string | undefined {
  const server = servers.get('');
  const item = server?.items?.find(({ id }) => id === itemId);
  return server === undefined || item === undefined ? undefined : publishedUri(indexOf(server), item);
}
