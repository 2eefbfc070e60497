// What a combined server answers by itself, without asking anybody: who it is, its lists, a ping.
import { jsonText, LEGACY_VERSIONS, parsedJson, valueAt, type Envelope, type ItemKind } from '#base/protocol';
import { AppError } from '#base/kernel';
import type { ServerEntry } from '#data-plane/gateway';
import type { CallerView } from './caller-view.ts';
import { MODERN_VERSION } from '../bridge/envelope.ts';
import { listOf, pageOf } from './list-pages.ts';
import { wordsOf } from './server-words.ts';

const LISTS: Readonly<Record<string, ItemKind>> = {
  'tools/list': 'tool',
  'resources/list': 'resource',
  'resources/templates/list': 'template',
  'prompts/list': 'prompt',
};

/** The result as bytes, or undefined when it is not for this server to say. Throws AppError `cursor.stale` or `request.bad_params`. */
export function localResult(server: ServerEntry, view: CallerView, message: Envelope, body: Buffer, pageSize: number): Buffer | undefined {
  const kind = LISTS[message.method];
  if (kind !== undefined) return pageOf(listOf(server, view, kind, pageSize), cursorIn(body));
  if (message.method === 'ping' && view.era === 'legacy') return Buffer.from('{}');
  if (message.method === 'server/discover' && view.era === 'modern') return Buffer.from(discovered(server, view), 'latin1');
  return undefined;
}

/** The result of `initialize`, as latin1. */
export function initialized(server: ServerEntry, view: CallerView, version: string): string {
  const { capabilities, serverInfo, instructions } = wordsOf(server, view);
  return jsonText({ protocolVersion: version, capabilities, serverInfo, ...(instructions === undefined ? {} : { instructions }) });
}

function discovered(server: ServerEntry, view: CallerView): string {
  const { capabilities, serverInfo, instructions } = wordsOf(server, view);
  return jsonText({
    resultType: 'complete',
    supportedVersions: [MODERN_VERSION, ...LEGACY_VERSIONS.toReversed()],
    capabilities,
    ...(instructions === undefined ? {} : { instructions }),
    ttlMs: 0,
    cacheScope: 'private',
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
