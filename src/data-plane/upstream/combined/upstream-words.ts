// What upstreams say to clients of combined servers on the way of a call, when it is for the client at all.
import { jsonText, parsedJson, setMember, valueAt, type Envelope } from '#base/protocol';
import type { UpstreamEntry } from '#data-plane/gateway';

const LISTS_CHANGED: ReadonlySet<string> = new Set([
  'notifications/tools/list_changed',
  'notifications/resources/list_changed',
  'notifications/prompts/list_changed',
]);

/** That an upstream's lists are others now is the gateway's to know: a client hears of it when its own view has changed. */
export function isOfLists({ method }: Envelope): boolean {
  return LISTS_CHANGED.has(method);
}

/** Log lines of several upstreams reach one client: each says whose it is. */
export function withNamedLogger(text: string, { row }: UpstreamEntry): string {
  const logger = valueAt(text, ['params', 'logger']);
  const own = logger?.startsWith('"') === true ? `/${parsedJson(logger) as string}` : '';
  return setMember(text, ['params', 'logger'], jsonText(`${row.name}${own}`));
}
