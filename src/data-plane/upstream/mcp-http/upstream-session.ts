// A session the gateway holds with an upstream on behalf of one client session. When the upstream has forgotten it – it was
// restarted, it expired – the session is opened again with the client's own `initialize`, and told again what the client had
// asked to stay: its log level and subscriptions (checklist 40).
import { AppError } from '#base/kernel';
import type { Outbound } from '#base/net';
import type { UpstreamRow, UpstreamSession } from '#data-plane/gateway';
import { plainRequest, type PlainAnswer } from './plain-request.ts';

const REOPEN_TIMEOUT_MS = 30_000;
const REMEMBERED_MAX = 1000;
/** Of all that one session remembers, its initialize apart. */
const REMEMBERED_BYTES_MAX = 1024 * 1024;
const INITIALIZE_BYTES_MAX = 256 * 1024;
/** Headers of a client's message that belong to that message alone. */
const OF_ONE_MESSAGE = /^(?:accept|content-type|mcp-.*)$/i;

export class HttpUpstreamSession implements UpstreamSession {
  /** The upstream's session id. Never shown to a client. */
  id: string;
  /** The client has ended it. What was still under way, and finds it gone, must not open another that nobody would end. */
  isEnding = false;
  readonly #outbound: Outbound;
  /** Undefined when it is larger than is worth keeping for the day the upstream forgets the session. */
  readonly #initialize: Buffer | undefined;
  readonly #remembered = new Map<string, Buffer>();
  #rememberedBytes = 0;
  #reopening: Promise<void> | undefined;

  constructor(outbound: Outbound, id: string, initialize: Buffer) {
    this.#outbound = outbound;
    this.id = id;
    this.#initialize = initialize.length > INITIALIZE_BYTES_MAX ? undefined : initialize;
  }

  remember(key: string, body: Buffer): void {
    this.forget(key);
    if (this.#remembered.size >= REMEMBERED_MAX || this.#rememberedBytes + body.length > REMEMBERED_BYTES_MAX) return;
    // A copy: the key is a piece of the message and would keep all of its text.
    this.#remembered.set(Buffer.from(key).toString(), body);
    this.#rememberedBytes += body.length;
  }

  forget(key: string): void {
    this.#rememberedBytes -= this.#remembered.get(key)?.length ?? 0;
    this.#remembered.delete(key);
  }

  /**
   * Makes sure that the session is another one than the lost one; calls at the same time share one attempt.
   * @param upstream as it is now: its URL and credentials may have changed since the session was opened
   * @param clientHeaders those of the message that found it lost, for what the client itself sends to the upstream
   * Throws AppError `upstream.session_lost`.
   */
  async reopen(lostId: string, upstream: UpstreamRow, clientHeaders: readonly string[]): Promise<void> {
    if (this.id !== lostId) return;
    this.#reopening ??= this.#open(upstream, clientHeaders).finally(() => {
      this.#reopening = undefined;
    });
    await this.#reopening;
  }

  async #open(upstream: UpstreamRow, clientHeaders: readonly string[]): Promise<void> {
    const { name } = upstream;
    if (this.#initialize === undefined)
      throw new AppError('upstream.session_lost', `Gateway "${name}" forgot the session, whose initialize was too large to be kept.`);
    const kept = clientHeaders.flatMap((header, at) => (at % 2 === 0 && !OF_ONE_MESSAGE.test(header) ? [header, clientHeaders[at + 1] ?? ''] : []));
    const opened = await this.#post(upstream, kept, this.#initialize, undefined, undefined);
    if (opened.status >= 300 || opened.sessionId === undefined) {
      throw new AppError('upstream.session_lost', `Gateway "${name}" forgot the session and did not open a new one (HTTP ${opened.status}).`);
    }
    const version = negotiatedVersion(opened.message);
    await this.#post(upstream, kept, '{"jsonrpc":"2.0","method":"notifications/initialized"}', opened.sessionId, version);
    for (const body of this.#remembered.values()) await this.#post(upstream, kept, body, opened.sessionId, version);
    this.id = opened.sessionId;
  }

  #post(
    upstream: UpstreamRow,
    clientHeaders: readonly string[],
    body: Buffer | string,
    sessionId: string | undefined,
    version: string | undefined,
  ): Promise<PlainAnswer> {
    const headers = [...clientHeaders, 'content-type', 'application/json', 'accept', 'application/json, text/event-stream'];
    if (sessionId !== undefined) headers.push('mcp-session-id', sessionId);
    if (version !== undefined) headers.push('mcp-protocol-version', version);
    for (const [name, value] of upstream.headers) headers.push(name, value);
    return plainRequest(this.#outbound, {
      name: upstream.name,
      url: new URL(upstream.url),
      method: 'POST',
      lane: 'reply',
      headers,
      body,
      timeoutMs: REOPEN_TIMEOUT_MS,
    });
  }
}

function negotiatedVersion(message: string): string | undefined {
  try {
    const version = (JSON.parse(message) as { result?: { protocolVersion?: unknown } }).result?.protocolVersion;
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}
