// The panel a tool is shown in (MCP Apps): its `ui://` resource is at the same endpoint, under the URI by which the endpoint knows it.
import { jsonText, replaceAt } from '#base/protocol';
import type { ItemEntry } from '#data-plane/gateway';
import { stringAt } from '../channel/string-at.ts';
import type { CombinedIndex } from './combined-index.ts';
import { publishedFor } from './shared-uris.ts';

/** Where tools say so, and where they said so in earlier drafts. */
const PATHS = [
  ['_meta', 'ui', 'resourceUri'],
  ['_meta', 'ui/resourceUri'],
] as const;

const ownPanels = new WeakMap<ItemEntry['row'], string | null>();

/** The URI of a tool's panel, when that is not the upstream's own. */
export function panelUri(index: CombinedIndex, { row }: ItemEntry): string | undefined {
  const names = row.kind === 'tool' ? index.uriNames.get(row.upstreamId) : undefined;
  if (names === undefined) return undefined;
  let own = ownPanels.get(row);
  if (own === undefined) ownPanels.set(row, (own = ownPanel(row.json)));
  return own === null ? undefined : publishedFor(own, names);
}

/** @param text of a tool, as latin1 */
export function withPanel(text: string, uri: string): string {
  return PATHS.reduce((changed, path) => (stringAt(changed, path) === undefined ? changed : replaceAt(changed, path, jsonText(uri))), text);
}

function ownPanel(json: string): string | null {
  if (!json.includes('resourceUri')) return null;
  const text = Buffer.from(json).toString('latin1');
  return PATHS.map((path) => stringAt(text, path)).find((uri) => uri !== undefined) ?? null;
}
