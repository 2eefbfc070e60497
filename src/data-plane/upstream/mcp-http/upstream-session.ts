// A session the gateway holds with an upstream on behalf of one client session. When the upstream has forgotten it – it was
// restarted, it expired – the session is opened again with the client's own `initialize`, and told again what the client had
// asked to stay: its log level and subscriptions (checklist 40).
import { AppError } from '#base/kernel';
import type { Outbound } from '#base/net';
import type { UpstreamRow, UpstreamSession } from '#data-plane/gateway';
import { plainRequest, type PlainAnswer } from './plain-request.ts';

const REOPEN_TIMEOUT_MS = 30_000;
const REMEMBERED_MAX = 1000;

export class HttpUpstreamSession implements UpstreamSession {
  /** The upstream's session id. Never shown to a client. */
  id: string;
  readonly #outbound: Outbound;
  readonly #upstream: UpstreamRow;
  readonly #initialize: Buffer;
  readonly #remembered = new Map<string, Buffer>();
  #reopening: Promise<void> | undefined;

  constructor(outbound: Outbound, upstream: UpstreamRow, id: string, initialize: Buffer) {
    this.#outbound = outbound;
    this.#upstream = upstream;
    this.id = id;
    this.#initialize = initialize;
  }

  remember(key: string, body: Buffer): void {
    if (this.#remembered.size < REMEMBERED_MAX || this.#remembered.has(key)) this.#remembered.set(key, body);
  }

  forget(key: string): void {
    this.#remembered.delete(key);
  }

  /**
   * Makes sure that the session is another one than the lost one; calls at the same time share one attempt.
   * Throws AppError `upstream.session_lost`.
   */
  async reopen(lostId: string): Promise<void> {
    if (this.id !== lostId) return;
    this.#reopening ??= this.#open().finally(() => {
      this.#reopening = undefined;
    });
    await this.#reopening;
  }

  async #open(): Promise<void> {
    const { name } = this.#upstream;
    const opened = await this.#post(this.#initialize, undefined, undefined);
    if (opened.status >= 300 || opened.sessionId === undefined) {
      throw new AppError('upstream.session_lost', `Gateway "${name}" forgot the session and did not open a new one (HTTP ${opened.status}).`);
    }
    const version = negotiatedVersion(opened.message);
    await this.#post('{"jsonrpc":"2.0","method":"notifications/initialized"}', opened.sessionId, version);
    for (const body of this.#remembered.values()) await this.#post(body, opened.sessionId, version);
    this.id = opened.sessionId;
  }

  #post(body: Buffer | string, sessionId: string | undefined, version: string | undefined): Promise<PlainAnswer> {
    const headers = ['content-type', 'application/json', 'accept', 'application/json, text/event-stream'];
    if (sessionId !== undefined) headers.push('mcp-session-id', sessionId);
    if (version !== undefined) headers.push('mcp-protocol-version', version);
    for (const [name, value] of this.#upstream.headers) headers.push(name, value);
    return plainRequest(this.#outbound, { name: this.#upstream.name, url: new URL(this.#upstream.url), method: 'POST', lane: 'reply', headers, body, timeoutMs: REOPEN_TIMEOUT_MS });
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
