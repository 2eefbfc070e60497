// Requests that the gateway's own REST makes in its caller's name: trying a thing is a call like any other (decisions.md 29). They go the
// way that messages of `/rpc` go, to the server of everything, and come back as a result or as an error to answer with.
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '#base/kernel';
import { jsonText, parsedJson, scanMessage, valueAt } from '#base/protocol';
import type { Gateway } from '#data-plane/gateway';
import type { Collected, CollectedAnswer, Waiting } from './collected-answer.ts';
import { responseIn } from './rpc-answer.ts';
import { BOTH, exchange } from './rpc-exchange.ts';

export interface RestCaller {
  /** Of its request: the credential, and what upstreams are to be sent. */
  readonly headers: IncomingHttpHeaders;
  readonly clientAddress: string;
  /** Aborted when it has gone away. */
  readonly signal: AbortSignal;
}

export interface RestCalls {
  /**
   * @returns the `result`
   * Throws AppError: what the gateway refuses, as at every door; `upstream.error` with `data.rpcCode` for what the upstream does.
   */
  call(method: string, params: Readonly<Record<string, unknown>>, caller: RestCaller): Promise<Readonly<Record<string, unknown>>>;
}

const PROTOCOL_VERSION = '2025-11-25';
const MESSAGE_CHARS_MAX = 1000;

export function createRestCalls(gateway: Gateway): RestCalls {
  return {
    async call(method, params, { headers, clientAddress, signal }) {
      const text = jsonText({ jsonrpc: '2.0', id: randomUUID(), method, params });
      const envelope = scanMessage(text);
      const outgoing = { text, envelope, era: 'legacy', serverId: '', headers: ownHeaders(headers), clientAddress } as const;
      return resultOf(await exchange(gateway, outgoing, waitingFor(signal)));
    },
  };
}

/** The request the caller sent is REST's: what speaks of a message, a session or a body is not about this one. */
function ownHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { 'content-length': _, 'last-event-id': __, ...rest } = headers;
  const kept = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith('mcp-')));
  return { ...kept, accept: BOTH, 'content-type': 'application/json', 'mcp-protocol-version': PROTOCOL_VERSION };
}

function waitingFor(signal: AbortSignal): Waiting {
  const answers = new Set<CollectedAnswer>();
  const waiting = { isGone: signal.aborted, answers, heldBytes: 0 };
  const abandon = (): void => {
    waiting.isGone = true;
    for (const answer of answers) answer.abandon();
  };
  signal.addEventListener('abort', abandon, { once: true });
  return waiting;
}

function resultOf({ error, status, body }: Collected): Readonly<Record<string, unknown>> {
  if (error !== undefined) throw error;
  const response = body === undefined ? undefined : responseIn(body, status, undefined)?.toString('latin1');
  if (response === undefined) throw new AppError('upstream.bad_answer', `The upstream answered HTTP ${status} and not with JSON-RPC.`);
  const refusal = valueAt(response, ['error']);
  if (refusal !== undefined) throw refused(parsedJson(refusal));
  const result = parsedJson(valueAt(response, ['result']) ?? 'null');
  if (isObject(result)) return result;
  throw new AppError('upstream.bad_answer', 'The upstream’s result is no object.');
}

function refused(error: unknown): AppError {
  const { code, message } = isObject(error) ? error : {};
  const words = typeof message === 'string' ? message.slice(0, MESSAGE_CHARS_MAX) : 'It does not say why.';
  return new AppError('upstream.error', words, { data: { rpcCode: typeof code === 'number' ? code : null } });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
