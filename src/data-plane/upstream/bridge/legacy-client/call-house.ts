// What every bridged call has around it, whether its client holds a session or not: the way to the upstream, and what is known of tools.
import type { Envelope, ParamHeader } from '#base/protocol';
import { AppError } from '#base/kernel';
import type { AnswerSink, UpstreamCall, UpstreamRequest, UpstreamRow } from '#data-plane/gateway';
import { stringAt } from '../../channel/string-at.ts';
import { PLAIN_MANNERS, type CallManners } from '../../channel/pending-call.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import type { ClientWords } from './client-words.ts';
import type { Question } from './input-round.ts';
import { selfDescribing } from './self-describing.ts';
import { knownParams, readParams } from './tool-params.ts';

/** A call of a session, in whose middle the client can be asked. */
export interface AskingCall {
  readonly message: Envelope;
  /** The client has answered a question of this call. */
  clientAnswered(askId: string, answer: Envelope, text: string): void;
  /** The client has taken the call back. */
  takenBack(): void;
  fail(error: AppError): void;
  /** Its upstream is switched off: a call that waits for its client, and not for the upstream, is over. */
  upstreamIsOff?(error: AppError): void;
}

/** What a call needs of the session it belongs to, or of what stands in for one. */
export interface CallHouse {
  readonly upstreamName: string;
  readonly words: ClientWords;
  readonly manners: CallManners;
  /** Tools that this client was shown with an object around what they return. */
  readonly wrappedTools: Set<string>;
  /** How long the client – mostly a person – may take to answer. */
  readonly answerTimeoutMs: number;
  /** @param text the message with its envelope, as latin1 */
  send(text: string, sink: AnswerSink): UpstreamCall;
  /** What is known of the upstream is out of date. */
  noteChange(): void;
  /** The upstream says that headers do not fit the message: learns anew which have to be there. */
  relearn(): Promise<void>;
  /** Mints the id of a question, as JSON text; the answer comes to `answered`. Undefined when this client cannot be asked. */
  readonly asks?: (call: AskingCall, question: Question) => string;
  /** The question is open no longer. */
  forget?(askId: string): void;
  over?(call: AskingCall): void;
  /** Words a result – a complete one, or a promise of one – where it is more than the client's form of the same; undefined where not. */
  wording?(text: string): string | undefined;
}

/**
 * For a client that cannot be asked; a session adds how it is.
 * @param wrappedTools see CallHouse
 */
export function callHouse(parts: BridgeParts, request: UpstreamRequest, words: ClientWords, message: Envelope, wrappedTools: Set<string>): CallHouse {
  const { upstream, body } = request;
  const tool = message.method === 'tools/call' ? stringAt(body?.toString('latin1') ?? '', ['params', 'name']) : undefined;
  let params: readonly ParamHeader[] = tool === undefined ? [] : knownParams(parts, upstream.id, tool);
  return {
    upstreamName: upstream.name,
    words,
    manners: PLAIN_MANNERS,
    wrappedTools,
    answerTimeoutMs: parts.answerTimeoutMs,
    send: (text, sink) => parts.port.open(selfDescribing({ ...request, upstream: rowNow(parts, upstream) }, text, params), sink),
    noteChange: () => parts.onListChanged(upstream.id),
    async relearn() {
      parts.onListChanged(upstream.id);
      if (tool !== undefined) params = await readParams(parts, request, words, tool);
    },
  };
}

/** How the upstream is reached now: a call may be made again long after it was made first. Throws AppError when it is switched off or no more. */
function rowNow({ snapshot }: BridgeParts, { id, name }: UpstreamRow): UpstreamRow {
  const now = snapshot().upstreams.get(id);
  if (now?.enabled !== true) throw switchedOff(name);
  return now.row;
}

export function switchedOff(upstreamName: string): AppError {
  return new AppError('server.disabled', `The gateway "${upstreamName}" behind this server is switched off.`);
}
