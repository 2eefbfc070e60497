// Asking an upstream what it is, and what of the answer is kept in its row.
import { AppError, toAppError } from '#base/kernel';
import type { UpstreamDescription, UpstreamReader } from '#base/protocol';
import { toJsonColumn, type GatewaysTable } from '#control-plane/db';
import { cleanText, type Screened } from '#control-plane/items';
import { authHeaders, type AuthSecret } from './upstream-auth.ts';
import type { Target } from './upstream-target.ts';

const JSON_CHARS_MAX = 256 * 1024;

export interface ReadingSubject {
  readonly id: string;
  readonly name: string;
  readonly target: Pick<Target, 'transport' | 'url' | 'process'>;
  readonly secret: AuthSecret | null;
}

/**
 * The name of an upstream that is not there yet need not resolve yet; each connection is checked again. Returns that fault.
 * Throws what UpstreamReader.check() throws.
 */
export async function checkTarget(reader: UpstreamReader, { transport, url, process }: Target, isDeferred: boolean): Promise<AppError | undefined> {
  try {
    await reader.check({ transport, url, process });
    return undefined;
  } catch (error) {
    if (isDeferred && error instanceof AppError && error.code === 'upstream.unreachable') return error;
    throw error;
  }
}

/**
 * What the upstream says of itself, or undefined when it wants other credentials and `mayNeedAuth` allows saving it so.
 * Throws AppError as UpstreamReader.read() does; `upstream.timeout` after `timeoutMs`.
 */
export async function readUpstream(reader: UpstreamReader, subject: ReadingSubject, timeoutMs: number): Promise<UpstreamDescription> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const { id, name, target, secret } = subject;
    const { transport, url, process } = target;
    return await reader.read({ id, name, transport, url, process, headers: authHeaders(secret) }, signal);
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (signal.aborted) throw new AppError('upstream.timeout', `${subject.name} did not answer within ${timeoutMs / 1000} s.`, { cause: error });
    throw toAppError(error);
  }
}

/** The columns that hold what an upstream said of itself. */
export function readingColumns(description: UpstreamDescription, { skipped }: Screened, now: string) {
  return {
    transport: description.transport,
    modern: description.modern ? 1 : 0,
    legacy: description.legacy ? 1 : 0,
    protocol_version: description.protocolVersion,
    server_info: boundedJson(description.serverInfo),
    capabilities: boundedJson(description.capabilities),
    instructions: description.instructions === undefined ? null : cleanText(description.instructions),
    skipped_tools: toJsonColumn(skipped),
    last_refresh_at: now,
    stale_since: null,
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
  stale_since: null,
} satisfies Partial<GatewaysTable>;

function boundedJson(value: unknown): string | null {
  const text = value === undefined || value === null ? null : toJsonColumn(value);
  return text === null || text.length > JSON_CHARS_MAX ? null : text;
}
