// Finds the era of an upstream on a line, on throw-away lines: some servers end at any request before `initialize`, and a server that
// was asked in one era must not carry that into the other (protocol.md 1.2). HTTP+SSE is of the older era by definition.
import { AppError, toAppError, type Logger } from '#base/kernel';
import { MODERN_VERSION, type ClientNeed, type Envelope, type ReadStep, type UpstreamTarget } from '#base/protocol';
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
import { ChannelLink, type LinkOwner } from './channel-link.ts';
import type { ChannelOpener } from './message-channel.ts';

/** A server that does not know the question may say nothing; silence for so long counts as no. */
const DISCOVER_MAX_MS = 5000;

export interface ChannelProbeParts {
  readonly opener: ChannelOpener;
  readonly target: UpstreamTarget;
  readonly logger: Logger;
}

type Answer = { text: string; envelope: Pick<Envelope, 'isError'> };

export class ChannelEraProbe implements EraProbe {
  readonly steps: ReadStep[] = [];
  readonly #parts: ChannelProbeParts;
  readonly #transport: 'SSE' | 'STDIO';
  readonly #deadlineAtMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #links = new Set<ChannelLink>();

  constructor(parts: ChannelProbeParts, transport: 'SSE' | 'STDIO', timeoutMs: number, signal: AbortSignal | undefined) {
    this.#parts = parts;
    this.#transport = transport;
    this.#deadlineAtMs = Date.now() + timeoutMs;
    this.#signal = signal;
  }

  async modern(): Promise<ModernFound | undefined> {
    if (this.#transport === 'SSE') return undefined;
    const link = this.#open();
    const discovered = await this.#discover(link);
    if (discovered === undefined) {
      await this.#close(link);
      return undefined;
    }
    const conversationAs = (needs: readonly ClientNeed[]): Conversation => ({
      request: (method, params) => this.#request(link, method, { ...params, _meta: modernMeta(needs) }),
      close: async () => {},
    });
    return { conversationAs, discovered };
  }

  async legacy(needs: readonly ClientNeed[]): Promise<LegacyFound> {
    const link = this.#open();
    const params = { protocolVersion: LEGACY_VERSION, capabilities: capabilitiesFor(needs), clientInfo: CLIENT_INFO };
    const result = resultOf(await this.#request(link, 'initialize', params));
    const version = result['protocolVersion'];
    if (typeof version !== 'string' || !VERSION.test(version)) {
      const { name } = this.#parts.target;
      throw this.#failed('initialize', `Gateway "${name}" answered initialize with the protocol version ${shown(version)}, which is none.`);
    }
    this.#note('initialize', true, `answered with revision ${version}`);
    link.tell('{"jsonrpc":"2.0","method":"notifications/initialized"}');
    const conversation: Conversation = {
      request: (method, requestParams) => this.#request(link, method, requestParams),
      close: () => this.#close(link),
    };
    return { conversation, initialized: result, protocolVersion: version };
  }

  /** Ends all its lines; resolves when nothing of them is left. */
  async close(): Promise<void> {
    await Promise.all([...this.#links].map((link) => this.#close(link)));
  }

  async #close(link: ChannelLink): Promise<void> {
    await link.close();
    this.#links.delete(link);
  }

  #open(): ChannelLink {
    const owner: LinkOwner = {
      asked({ id, method }) {
        const answer = method === 'ping' ? '"result":{}' : '"error":{"code":-32601,"message":"Nobody can be asked while the gateway only looks"}';
        link.tell(`{"jsonrpc":"2.0","id":${id},${answer}}`);
      },
      told() {},
      lost() {},
    };
    const link = new ChannelLink(owner, { ...this.#parts, headers: [], isShared: false });
    this.#links.add(link);
    return link;
  }

  async #discover(link: ChannelLink): Promise<Record<string, unknown> | undefined> {
    const timeoutMs = Math.min(DISCOVER_MAX_MS, this.#leftMs());
    let answer: Answer;
    try {
      answer = await link.ask(body('server/discover', { _meta: modernMeta(ALL_NEEDS) }), timeoutMs, this.#signal);
    } catch (error) {
      const known = toAppError(error);
      // That it cannot be started at all is no evidence of an era. That it ends when it is asked is.
      if (known.code !== 'upstream.exited' && known.code !== 'upstream.timeout') throw this.#explained('start', known);
      this.#note('server/discover', false, known.code === 'upstream.timeout' ? `no answer within ${timeoutMs / 1000} s` : known.message);
      return undefined;
    }
    const result = parsedMessage(answer.text)?.['result'] as Record<string, unknown> | undefined;
    const versions = result?.['supportedVersions'];
    if (!Array.isArray(versions) || !versions.includes(MODERN_VERSION)) {
      this.#note('server/discover', false, `not a server of ${MODERN_VERSION}`);
      return undefined;
    }
    this.#note('server/discover', true, `speaks ${versions.slice(0, 20).map(shown).join(', ')}`);
    return result;
  }

  async #request(link: ChannelLink, method: string, params: Record<string, unknown>): Promise<string> {
    const { name } = this.#parts.target;
    let answer: Answer;
    try {
      answer = await link.ask(body(method, params), this.#leftMs(), this.#signal);
    } catch (error) {
      throw this.#explained(method, toAppError(error));
    }
    const { error, hasResult, fault } = outcomeOf(answer.text);
    if (error !== undefined) {
      throw this.#failed(method, `Gateway "${name}" answered ${method} with error ${shown(error.code)}: ${shown(error.message)}`, error.code);
    }
    if (!hasResult) throw this.#failed(method, `Gateway "${name}" answered ${method} with no MCP result${fault}.`);
    return answer.text;
  }

  #leftMs(): number {
    return Math.max(1, this.#deadlineAtMs - Date.now());
  }

  #failed(step: string, message: string, rpcCode?: unknown): AppError {
    this.#note(step, false, message);
    return new AppError('upstream.bad_answer', message, { data: { steps: this.steps, ...(typeof rpcCode === 'number' ? { rpcCode } : {}) } });
  }

  /** The same error with the steps that led to it. */
  #explained(step: string, error: AppError): AppError {
    const message = error.code === 'upstream.timeout' ? `${error.message} It was asked ${step}.` : error.message;
    this.#note(step, false, message);
    return new AppError(error.code, message, {
      ...(error.internal === undefined ? {} : { internal: error.internal }),
      cause: error.cause,
      data: { ...error.data, steps: this.steps },
    });
  }

  #note(step: string, ok: boolean, detail: string): void {
    this.steps.push({ step, ok, detail });
  }
}

/** As latin1, like all messages on their way; the id is the link's to set. */
function body(method: string, params: Record<string, unknown>): string {
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 0, method, params })).toString('latin1');
}
