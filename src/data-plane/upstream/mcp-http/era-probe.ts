// Which revisions an upstream speaks. The order and what counts as evidence follow MCP 2026-07-28 (protocol.md 1.2): a modern
// request first; a refusal in a foreign form means the older era; 401, 403, 5xx and network errors mean nothing of the kind.
import { AppError } from '#base/kernel';
import type { Outbound } from '#base/net';
import { MODERN_VERSION, type ClientNeed, type ReadStep, type UpstreamTarget } from '#base/protocol';
import {
  ALL_NEEDS,
  capabilitiesFor,
  CLIENT_INFO,
  LEGACY_VERSION,
  modernMeta,
  outcomeOf,
  parsedMessage,
  resultOf,
  shown,
  VERSION,
  type Conversation,
  type EraProbe,
  type LegacyFound,
  type ModernFound,
} from '../reading/conversation.ts';
import { plainRequest, type PlainAnswer } from './plain-request.ts';

export class HttpEraProbe implements EraProbe {
  readonly #outbound: Outbound;
  readonly #target: UpstreamTarget;
  readonly #deadlineAtMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly steps: ReadStep[] = [];
  #nextId = 1;

  constructor(outbound: Outbound, target: UpstreamTarget, timeoutMs: number, signal: AbortSignal | undefined) {
    this.#outbound = outbound;
    this.#target = target;
    this.#deadlineAtMs = Date.now() + timeoutMs;
    this.#signal = signal;
  }

  async modern(): Promise<ModernFound | undefined> {
    const answer = await this.#send(
      'server/discover',
      this.#modernBody('server/discover', {}, ALL_NEEDS),
      this.#modernHeaders('server/discover', undefined),
    );
    this.#refuseChallenge(answer);
    const message = parsedMessage(answer.message);
    const discovered = message?.['result'] as Record<string, unknown> | undefined;
    if (answer.status >= 300 || !Array.isArray(discovered?.['supportedVersions'])) {
      this.#note('server/discover', false, `HTTP ${answer.status}: not a server of ${MODERN_VERSION}`);
      return undefined;
    }
    this.#note('server/discover', true, `speaks ${(discovered['supportedVersions'] as unknown[]).slice(0, 20).map(shown).join(', ')}`);
    if (!(discovered['supportedVersions'] as unknown[]).includes(MODERN_VERSION)) return undefined;
    const conversationAs = (needs: readonly ClientNeed[]): Conversation => ({
      request: async (method, params) => {
        const name = typeof params['name'] === 'string' ? params['name'] : undefined;
        const reply = await this.#send(method, this.#modernBody(method, params, needs), this.#modernHeaders(method, name));
        return this.#checked(method, reply);
      },
      close: async () => {},
    });
    return { conversationAs, discovered };
  }

  async legacy(needs: readonly ClientNeed[]): Promise<LegacyFound> {
    const params = { protocolVersion: LEGACY_VERSION, capabilities: capabilitiesFor(needs), clientInfo: CLIENT_INFO };
    const answer = await this.#send('initialize', this.#body('initialize', params), this.#headers());
    this.#refuseChallenge(answer);
    const result = resultOf(this.#checked('initialize', answer));
    const version = result['protocolVersion'];
    if (typeof version !== 'string' || !VERSION.test(version)) {
      throw this.#failed(
        'initialize',
        'upstream.bad_answer',
        `Gateway "${this.#target.name}" answered initialize with the protocol version ${shown(version)}, which is none.`,
      );
    }
    this.#note('initialize', true, `answered with revision ${version}`);
    const headers = [...this.#headers(), 'mcp-protocol-version', version];
    if (answer.sessionId !== undefined) headers.push('mcp-session-id', answer.sessionId);
    let isOpen = answer.sessionId !== undefined;
    const close = async (): Promise<void> => {
      if (!isOpen) return;
      isOpen = false;
      await this.#send('end of session', undefined, headers, 'DELETE').catch(() => undefined);
    };
    try {
      await this.#send('notifications/initialized', '{"jsonrpc":"2.0","method":"notifications/initialized"}', headers);
    } catch (error) {
      await close();
      throw error;
    }
    const conversation: Conversation = {
      request: async (method, requestParams) => this.#checked(method, await this.#send(method, this.#body(method, requestParams), headers)),
      close,
    };
    return { conversation, initialized: result, protocolVersion: version };
  }

  /** The message, when it has a result. */
  #checked(method: string, answer: PlainAnswer): string {
    const { name } = this.#target;
    const { error, hasResult, fault } = outcomeOf(answer.message);
    if (error !== undefined) {
      throw this.#failed(
        method,
        'upstream.bad_answer',
        `Gateway "${name}" answered ${method} with error ${shown(error.code)}: ${shown(error.message)}`,
        error.code,
      );
    }
    if (answer.status >= 300 || !hasResult) {
      throw this.#failed(
        method,
        'upstream.bad_answer',
        `Gateway "${name}" answered ${method} with HTTP ${answer.status} and no MCP result${fault} (${answer.contentType.slice(0, 60) || 'no content type'}). Is the URL an MCP endpoint?`,
      );
    }
    return answer.message;
  }

  #refuseChallenge(answer: PlainAnswer): void {
    if (answer.status !== 401 && answer.status !== 403) return;
    const challenge = answer.wwwAuthenticate === undefined ? '' : ` It asks for: ${answer.wwwAuthenticate.slice(0, 200)}`;
    throw this.#failed(
      'authentication',
      'upstream.needs_auth',
      `Gateway "${this.#target.name}" wants other credentials (HTTP ${answer.status}).${challenge}`,
    );
  }

  #failed(step: string, code: 'upstream.bad_answer' | 'upstream.needs_auth', message: string, rpcCode?: unknown): AppError {
    this.#note(step, false, message);
    return new AppError(code, message, { data: { steps: this.steps, ...(typeof rpcCode === 'number' ? { rpcCode } : {}) } });
  }

  async #send(step: string, body: string | undefined, headers: string[], method: 'POST' | 'DELETE' = 'POST'): Promise<PlainAnswer> {
    const url = new URL(this.#target.url);
    const timeoutMs = Math.max(1, this.#deadlineAtMs - Date.now());
    try {
      return await plainRequest(this.#outbound, {
        name: this.#target.name,
        url,
        method,
        lane: 'reply',
        headers: [...headers, ...this.#target.headers.flat()],
        body,
        timeoutMs,
        signal: this.#signal,
      });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#note(step, false, error.message);
      throw new AppError(error.code, error.message, {
        ...(error.internal === undefined ? {} : { internal: error.internal }),
        cause: error.cause,
        data: { ...error.data, steps: this.steps },
      });
    }
  }

  #note(step: string, ok: boolean, detail: string): void {
    this.steps.push({ step, ok, detail });
  }

  #headers(): string[] {
    return ['content-type', 'application/json', 'accept', 'application/json, text/event-stream'];
  }

  #modernHeaders(method: string, name: string | undefined): string[] {
    const headers = [...this.#headers(), 'mcp-protocol-version', MODERN_VERSION, 'mcp-method', method];
    if (name !== undefined) headers.push('mcp-name', name);
    return headers;
  }

  #body(method: string, params: Record<string, unknown>): string {
    return JSON.stringify({ jsonrpc: '2.0', id: this.#nextId++, method, params });
  }

  #modernBody(method: string, params: Record<string, unknown>, needs: readonly ClientNeed[]): string {
    return this.#body(method, { ...params, _meta: modernMeta(needs) });
  }
}
