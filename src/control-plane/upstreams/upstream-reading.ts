// Asking an upstream what it is, and what of the answer is kept in its row.
import { AppError, toAppError } from '#base/kernel';
import type { UpstreamDescription, UpstreamReader } from '#base/protocol';
import { toJsonColumn, type GatewaysTable } from '#control-plane/db';
import { cleanText, screenTools } from '#control-plane/tools';
import { authHeaders, type AuthSecret } from './upstream-auth.ts';

const JSON_CHARS_MAX = 256 * 1024;

export interface ReadingSubject {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly secret: AuthSecret | null;
}

/**
 * What the upstream says of itself, or undefined when it wants other credentials and `mayNeedAuth` allows saving it so.
 * Throws AppError as UpstreamReader.read() does; `upstream.timeout` after `timeoutMs`.
 */
export async function readUpstream(reader: UpstreamReader, subject: ReadingSubject, timeoutMs: number): Promise<UpstreamDescription> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const { id, name, url } = subject;
    return await reader.read({ id, name, transport: 'STREAMABLEHTTP', url, process: undefined, headers: authHeaders(subject.secret) }, signal);
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (signal.aborted) throw new AppError('upstream.timeout', `${subject.name} did not answer within ${timeoutMs / 1000} s.`, { cause: error });
    throw toAppError(error);
  }
}

/** The columns that hold what an upstream said of itself. */
export function readingColumns(description: UpstreamDescription, now: string) {
  const { skipped } = screenTools(description);
  return {
    modern: description.modern ? 1 : 0,
    legacy: description.legacy ? 1 : 0,
    protocol_version: description.protocolVersion,
    server_info: boundedJson(description.serverInfo),
    capabilities: boundedJson(description.capabilities),
    instructions: description.instructions === undefined ? null : cleanText(description.instructions),
    skipped_tools: toJsonColumn(skipped),
    last_refresh_at: now,
  } satisfies Partial<GatewaysTable>;
}

/** The columns of an upstream that was not read yet: it may speak either era. */
export const UNREAD_COLUMNS = {
  modern: 0,
  legacy: 0,
  protocol_version: null,
  server_info: null,
  capabilities: null,
  instructions: null,
  skipped_tools: '[]',
  last_refresh_at: null,
} satisfies Partial<GatewaysTable>;

function boundedJson(value: unknown): string | null {
  const text = value === undefined || value === null ? null : toJsonColumn(value);
  return text === null || text.length > JSON_CHARS_MAX ? null : text;
}
