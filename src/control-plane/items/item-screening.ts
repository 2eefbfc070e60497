// What of an upstream's lists is kept. The reading has left out much already (data-plane/upstream/reading); this is what the database
// and its readers rely on, whoever reads.
import type { ReadItem, SkippedItem, UpstreamDescription } from '#base/protocol';

const NAME_CHARS_MAX = 128;
const URI_CHARS_MAX = 2048;
const ITEM_BYTES_MAX = 1024 * 1024;
const ITEMS_MAX = 10_000;
const TEXT_CHARS_MAX = 8192;
const SKIPPED_MAX = 100;
// Controls, zero-width and bidirectional marks: a name with one of these looks like another name.
const INVISIBLE = /[\p{Cc}\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\p{Cs}/u;
const INVISIBLE_ALL = /(?![\n\t])[\p{Cc}\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\p{Cs}/gu;

export interface Screened {
  readonly items: readonly ReadItem[];
  readonly skipped: readonly SkippedItem[];
}

/** Splits what an upstream offers into what is kept and what is left out, each with its reason. Other people wrote this. */
export function screenItems(description: Pick<UpstreamDescription, 'items' | 'skipped'>): Screened {
  const skipped = [...description.skipped];
  const items = new Map<string, ReadItem>();
  for (const item of description.items) {
    const id = `${item.kind} ${item.key}`;
    const reason = items.has(id) ? `another ${item.kind} has the same name` : reasonToSkip(item, items.size);
    if (reason === undefined) items.set(id, item);
    else skipped.push({ kind: item.kind, name: item.key, reason });
  }
  const shown = skipped.slice(0, SKIPPED_MAX).map(({ kind, name, reason }) => ({
    kind,
    name: cleanText(name)
      .replace(/[\n\t]/g, ' ')
      .slice(0, NAME_CHARS_MAX),
    reason,
  }));
  return { items: [...items.values()], skipped: shown };
}

function reasonToSkip(item: ReadItem, taken: number): string | undefined {
  const isNamed = item.kind === 'tool' || item.kind === 'prompt';
  const [what, charsMax] = isNamed ? ['name', NAME_CHARS_MAX] : ['URI', URI_CHARS_MAX];
  if (item.key.trim() === '') return `the ${what} is empty`;
  if (item.key.length > charsMax) return `the ${what} is longer than ${charsMax} characters`;
  if (INVISIBLE.test(item.key)) return `the ${what} has control or invisible characters`;
  if (Buffer.byteLength(item.json) > ITEM_BYTES_MAX) return `the description of the ${item.kind} is larger than 1 MiB`;
  if (taken >= ITEMS_MAX) return `the upstream has more than ${ITEMS_MAX} items`;
  return undefined;
}

/** Invisible characters shown as what they are, length bounded. */
export function cleanText(text: string): string {
  return text.replace(INVISIBLE_ALL, '\ufffd').slice(0, TEXT_CHARS_MAX);
}
