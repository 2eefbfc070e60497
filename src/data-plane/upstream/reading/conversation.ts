// What a reading of an upstream is made of, whichever way it is reached: finding its era, and a conversation in it on the gateway's
// own account.
import { AppError } from '#base/kernel';
import { parsedJson, valueAt, type ClientNeed, type ReadStep, MODERN_VERSION } from '#base/protocol';

export const LEGACY_VERSION = '2025-11-25';

/** The gateway shows these to whoever can use them, so that they are declared in every reading. */
const ALWAYS = { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } };

const DECLARED: Readonly<Record<ClientNeed, Readonly<Record<string, unknown>>>> = {
  sampling: { sampling: { tools: {}, context: {} } },
  elicitation: { elicitation: { form: {}, url: {} } },
  roots: { roots: { listChanged: true } },
  tasks: { tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } } },
};

export const ALL_NEEDS = Object.keys(DECLARED) as readonly ClientNeed[];

/** The `capabilities` of a client that can do what is named; the gateway never answers for it. */
export function capabilitiesFor(needs: readonly ClientNeed[]): Record<string, unknown> {
  const extensions = needs.includes('tasks') ? { ...ALWAYS, 'io.modelcontextprotocol/tasks': {} } : ALWAYS;
  return { ...Object.fromEntries(needs.flatMap((need) => Object.entries(DECLARED[need]))), extensions };
}

/** What can be a revision: it may travel in a header. */
export const VERSION = /^[\x21-\x7e]{1,64}$/;
export const CLIENT_INFO = { name: 'mcpgateway', version: '1' };

/** Speaks to one upstream on the gateway's own account. */
export interface Conversation {
  /** Sends one request; the whole answer, which has a result object, or throws AppError, with the upstream's error code as `data.rpcCode`. */
  request(method: string, params: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

export interface ModernFound {
  /** In this era each request says what its client can do, so that one line serves clients of every kind. */
  conversationAs(needs: readonly ClientNeed[]): Conversation;
  readonly discovered: Record<string, unknown>;
}

export interface LegacyFound {
  readonly conversation: Conversation;
  readonly initialized: Record<string, unknown>;
  readonly protocolVersion: string;
}

/** Finds out which revisions an upstream speaks (protocol.md 1.2). */
export interface EraProbe {
  /** What was tried so far. */
  readonly steps: readonly ReadStep[];
  /** The modern era, or undefined when the upstream does not speak it. Throws AppError when that cannot be told. */
  modern(): Promise<ModernFound | undefined>;
  /**
   * A session of the older era as a client that can do what is named.
   * Throws AppError `upstream.bad_answer` when the upstream does not speak it either.
   */
  legacy(needs: readonly ClientNeed[]): Promise<LegacyFound>;
}

/** The `_meta` of a request that describes itself. */
export function modernMeta(needs: readonly ClientNeed[]): Record<string, unknown> {
  return {
    'io.modelcontextprotocol/protocolVersion': MODERN_VERSION,
    'io.modelcontextprotocol/clientCapabilities': capabilitiesFor(needs),
    'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
  };
}

/** What an upstream sent, for an error text: an object's own toString would be code of its choosing, or none. */
export function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number'
    ? String(value)
        .slice(0, 200)
        .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd')
    : `(${typeof value})`;
}

export interface AnswerOutcome {
  /** Its members are the upstream's: show them with shown(). */
  readonly error?: { readonly code?: unknown; readonly message?: unknown };
  readonly hasResult: boolean;
  /** Why it cannot be read, '' otherwise. */
  readonly fault: string;
}

/** Whether an answer is an error or has a result object; a list may be too large for a copy of the whole of it as objects. */
export function outcomeOf(message: string): AnswerOutcome {
  try {
    const error = valueAt(message, ['error']);
    if (error !== undefined && error !== 'null') return { error: parsedJson(error) as object, hasResult: false, fault: '' };
    return { hasResult: valueAt(message, ['result'])?.startsWith('{') === true, fault: '' };
  } catch (error) {
    return { hasResult: false, fault: error instanceof AppError ? ` (${error.message})` : '' };
  }
}

/** A message as an object; undefined when it is none. */
export function parsedMessage(message: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(message, 'latin1').toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The result of an answer that has one. */
export function resultOf(message: string): Record<string, unknown> {
  const result = parsedMessage(message)?.['result'];
  return typeof result === 'object' && result !== null ? (result as Record<string, unknown>) : {};
}
