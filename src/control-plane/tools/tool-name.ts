// Names under which tools are published: slug of the gateway, separator, slug of the tool (api.md 3.3). The same across restarts,
// refreshes and orders of registration, so a name that had to be made shorter or told apart carries a hash of what it stands for
// and never a counter (decisions.md 8).
import { createHash } from 'node:crypto';

const SEPARATOR = '-';
const NAME_CHARS_MAX = 64;
const HASH_CHARS = 8;

/** ASCII, lower-case, everything but letters and digits as single separators. Empty when nothing is left. */
export function slugOf(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/(?<=\p{L})['’](?=\p{L})/gu, '')
    .replace(/[^a-z0-9]+/g, SEPARATOR)
    .replace(/^-+|-+$/g, '');
}

/** The published name of each of one gateway's tools, by original name. Names that would be equal are told apart by a hash. */
export function publishedNames(gatewaySlug: string, originalNames: readonly string[]): Map<string, string> {
  const claims = new Map<string, number>();
  for (const original of originalNames) {
    const slug = slugOf(original);
    claims.set(slug, (claims.get(slug) ?? 0) + 1);
  }
  return new Map(originalNames.map((original) => [original, publishedName(gatewaySlug, original, claims)]));
}

function publishedName(gatewaySlug: string, original: string, claims: ReadonlyMap<string, number>): string {
  const slug = slugOf(original);
  // The tool that is already called by its slug keeps it; the others were changed by us anyway.
  const isPlain = slug !== '' && ((claims.get(slug) ?? 0) < 2 || slug === original);
  const plain = `${gatewaySlug}${SEPARATOR}${slug}`;
  if (isPlain && plain.length <= NAME_CHARS_MAX) return plain;
  const hash = createHash('sha256').update(`${gatewaySlug}\0${original}`).digest('hex').slice(0, HASH_CHARS);
  const stem = plain.slice(0, NAME_CHARS_MAX - HASH_CHARS - SEPARATOR.length).replace(/-+$/, '');
  return `${stem}${SEPARATOR}${hash}`;
}

/** `get_forecast` → `Get Forecast`: how a tool without a title of its own is shown. */
export function displayNameOf(original: string): string {
  return original
    .split(/[\s_.\-/]+/)
    .filter((word) => word !== '')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ');
}
