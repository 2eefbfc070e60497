// What a reading of an upstream is made of, whichever way it is reached: finding its era, and a conversation in it on the gateway's
// own account.
import type { ReadStep } from '#base/protocol';

export const MODERN_VERSION = '2026-07-28';
export const LEGACY_VERSION = '2025-11-25';

/** Everything a client can declare, so that an upstream shows all it has (decisions.md 4). The gateway never answers for it. */
export const ALL_CAPABILITIES = {
  roots: { listChanged: true },
  sampling: { tools: {}, context: {} },
  elicitation: { form: {}, url: {} },
  tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } },
  extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] }, 'io.modelcontextprotocol/tasks': {} },
};
/** What can be a revision: it may travel in a header. */
export const VERSION = /^[\x21-\x7e]{1,64}$/;
export const CLIENT_INFO = { name: 'mcpgateway', version: '1' };

/** Speaks to one upstream on the gateway's own account. */
export interface Conversation {
  /** Sends one request; the result object, or throws AppError. */
  request(method: string, params: Record<string, unknown>): Promise<{ text: string; result: Record<string, unknown> }>;
  close(): Promise<void>;
}

export interface ModernFound {
  readonly conversation: Conversation;
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
  /** A conversation in the modern era, or undefined when the upstream does not speak it. Throws AppError when that cannot be told. */
  modern(): Promise<ModernFound | undefined>;
  /** A session of the older era. Throws AppError `upstream.bad_answer` when the upstream does not speak it either. */
  legacy(): Promise<LegacyFound>;
}

/** The `_meta` of a request that describes itself. */
export const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': MODERN_VERSION,
  'io.modelcontextprotocol/clientCapabilities': ALL_CAPABILITIES,
  'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
};

/** What an upstream sent, for an error text: an object's own toString would be code of its choosing, or none. */
export function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number'
    ? String(value)
        .slice(0, 200)
        .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd')
    : `(${typeof value})`;
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
