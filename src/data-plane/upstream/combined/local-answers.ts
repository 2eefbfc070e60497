// What a combined server answers by itself, without asking anybody: who it is, its lists, a ping.
import { jsonText, LEGACY_VERSIONS, parsedJson, valueAt, type Envelope, type ItemKind, MODERN_VERSION } from '#base/protocol';
import { AppError } from '#base/kernel';
import type { ServerEntry } from '#data-plane/gateway';
import type { CallerView } from './caller-view.ts';
import type { CacheHints } from '../cache-hints.ts';
import { hintsOf, type HintParts } from './combined-hints.ts';
import type { CombinedParts } from './combined-parts.ts';
import { listOf, pageOf } from './list-pages.ts';
import type { OpenedResult } from '../reply.ts';
import { wordsOf } from './server-words.ts';

const LISTS: Readonly<Record<string, ItemKind>> = {
  'tools/list': 'tool',
  'resources/list': 'resource',
  'resources/templates/list': 'template',
  'prompts/list': 'prompt',
};

/** The result as bytes, or undefined when it is not for this server to say. Throws AppError `cursor.stale` or `request.bad_params`. */
export function localResult(
  parts: HintParts & Pick<CombinedParts, 'pageSize'>,
  server: ServerEntry,
  view: CallerView,
  message: Envelope,
  body: Buffer,
): Buffer | OpenedResult | undefined {
  const kind = LISTS[message.method];
  if (kind !== undefined) {
    const page = pageOf(listOf(server, view, kind, parts.pageSize), cursorIn(body));
    return view.era === 'legacy' ? page : hinted(page, hintsOf(parts, server, view, [kind]));
  }
  if (message.method === 'ping' && view.era === 'legacy') return Buffer.from('{}');
  if (message.method === 'server/discover' && view.era === 'modern')
    return Buffer.from(discovered(server, view, hintsOf(parts, server, view)), 'latin1');
  return undefined;
}

/** The result of `initialize`, as latin1. */
export function initialized(server: ServerEntry, view: CallerView, version: string): string {
  const { capabilities, serverInfo, instructions } = wordsOf(server, view, version);
  return jsonText({ protocolVersion: version, capabilities, serverInfo, ...(instructions === undefined ? {} : { instructions }) });
}

/** A page as clients of 2026-07-28 get it. The hints are of this moment and of this caller; the page is everybody's, and is not copied. */
function hinted(page: Buffer, { ttlMs, cacheScope }: CacheHints): OpenedResult {
  return { opening: `{"resultType":"complete","ttlMs":${ttlMs},"cacheScope":"${cacheScope}",`, rest: page.subarray(1) };
}

function discovered(server: ServerEntry, view: CallerView, hints: CacheHints): string {
  const { capabilities, serverInfo, instructions } = wordsOf(server, view);
  return jsonText({
    resultType: 'complete',
    supportedVersions: [MODERN_VERSION, ...LEGACY_VERSIONS.toReversed()],
    capabilities,
    ...(instructions === undefined ? {} : { instructions }),
    ...hints,
    _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
  });
}

function cursorIn(body: Buffer): string | undefined {
  const cursor = valueAt(body.toString('latin1'), ['params', 'cursor']);
  if (cursor === undefined || cursor === 'null') return undefined;
  const text = parsedJson(cursor);
  if (typeof text !== 'string') throw new AppError('request.bad_params', '`params.cursor` must be a string.');
  return text;
}
