// What an upstream with sessions asks in the middle of a call – sampling, elicitation, roots – and how it looks to a client of 2026-07-28:
// an entry of `inputRequests`, answered by an entry of `inputResponses` (protocol.md 1.9, 2.2).
import { AppError } from '#base/kernel';
import { jsonText, parsedJson, removeMember, valueAt, type Envelope } from '#base/protocol';
import { stringAt } from '../../channel/string-at.ts';

export interface Question {
  /** The upstream's own id of it, as it is written. */
  readonly id: string;
  readonly method: string;
  /** What the client is asked: `{"method":…,"params":…}`, as latin1. */
  readonly text: string;
  /** Names it to the client; of one call each has its own. */
  readonly key: string;
  readonly atMs: number;
}

const CAPABILITY_OF: Readonly<Record<string, 'sampling' | 'elicitation' | 'roots'>> = {
  'sampling/createMessage': 'sampling',
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
};

/** Methods in whose middle a client of 2026-07-28 can be asked. */
const ASKING: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

export function mayAsk(method: string): boolean {
  return ASKING.has(method);
}

export function isQuestion(method: string): boolean {
  return Object.hasOwn(CAPABILITY_OF, method);
}

/**
 * What the client would have to declare to be asked this.
 * @param capabilities what it declares, as JSON text
 * @returns undefined when it does, else the missing part of ClientCapabilities
 */
export function missingFor(envelope: Envelope, text: string, capabilities: string): Readonly<Record<string, unknown>> | undefined {
  const name = CAPABILITY_OF[envelope.method];
  if (name === undefined) return undefined;
  const declared = valueAt(capabilities, [name]);
  const isUrl = name === 'elicitation' && stringAt(text, ['params', 'mode']) === 'url';
  if (declared?.startsWith('{') !== true) return { [name]: isUrl ? { url: {} } : {} };
  const modes = name === 'elicitation' ? (parsedJson(declared) as Record<string, unknown>) : {};
  if (isUrl && !Object.hasOwn(modes, 'url')) return { elicitation: { url: {} } };
  // An empty declaration means forms (MCP 2025-11-25).
  if (name === 'elicitation' && !isUrl && Object.hasOwn(modes, 'url') && !Object.hasOwn(modes, 'form')) return { elicitation: { form: {} } };
  return undefined;
}

/** The error for a call that failed because of it. */
export function missingCapability(requiredCapabilities: Readonly<Record<string, unknown>>): AppError {
  return new AppError(
    'bridge.capability_missing',
    `The upstream has to ask for what this client does not declare: ${Object.keys(requiredCapabilities).join(', ')}.`,
    {
      data: { requiredCapabilities },
    },
  );
}

export function questionOf(envelope: Envelope, text: string, key: string): Question {
  const { method } = envelope;
  let params = valueAt(text, ['params']);
  // The modern era knows no completion of a visit, so it knows no id for it.
  if (params !== undefined && method === 'elicitation/create') params = removeMember(params, ['elicitationId']);
  const said = params === undefined ? '' : `,"params":${params}`;
  // Copies: a piece of a message keeps the whole of it in memory.
  return { id: copied(envelope.id ?? 'null'), method, text: copied(`{"method":${jsonText(method)}${said}}`), key, atMs: Date.now() };
}

/**
 * The JSON-RPC response for the upstream.
 * @param answer the client's bare result, as latin1
 */
export function answerText(question: Question, answer: string): string {
  return `{"jsonrpc":"2.0","id":${question.id},"result":${answer}}`;
}

/** What the upstream gets when nobody will answer any more: a person who is not there has cancelled (MCP elicitation, "cancel"). */
export function unansweredText(question: Question, why: string): string {
  if (question.method === 'elicitation/create') return answerText(question, '{"action":"cancel"}');
  return refusedText(question.id, -32603, why);
}

/** @param id of the upstream's request, as it is written */
export function refusedText(id: string, code: number, why: string): string {
  return `{"jsonrpc":"2.0","id":${id},"error":${jsonText({ code, message: why })}}`;
}

function copied(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
