// The session of a legacy client with a modern upstream, which knows of none: everything that lasts longer than a request – who the client
// is, its log level, what it has subscribed to, what it was asked – is kept here (protocol.md 2.3).
import { AppError } from '#base/kernel';
import { isSafeToRepeat, jsonText, type Envelope } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamEntry, UpstreamRequest } from '#data-plane/gateway';
import { accepted, refusedByHeaders } from '../../channel/http-manners.ts';
import { lineKey } from '../../channel/line-parts.ts';
import { LineSession, sessionNotFound } from '../../channel/line-session.ts';
import { isLogLevel } from '../../channel/log-levels.ts';
import { stringAt } from '../../channel/string-at.ts';
import { reply } from '../../reply.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { type LegacyTasks, withoutTask, withTasksDeclared, withTasksOffered, type TaskPlace } from '../tasks/legacy-tasks.ts';
import { TaskResultCall } from '../tasks/task-result-call.ts';
import { wholeAnswer } from '../tasks/whole-answer.ts';
import { BridgedCall } from './bridged-call.ts';
import { callHouse, switchedOff, type AskingCall, type CallHouse } from './call-house.ts';
import { CallStream } from './call-stream.ts';
import type { ClientWords } from './client-words.ts';
import { legacyAnswer } from './legacy-answer.ts';
import { passingHeaders, selfDescribing, withEnvelope, withoutNewerFields } from './self-describing.ts';
import { SessionListen } from './session-listen.ts';
import { answerSubscription } from './subscription-answer.ts';

const EMPTY = Buffer.from('{}');
/** Of the other era: here they are methods that nobody knows. */
const NEWER: ReadonlySet<string> = new Set(['server/discover', 'subscriptions/listen']);

export class BridgedSession extends LineSession {
  readonly #parts: BridgeParts;
  readonly #words: ClientWords;
  readonly #tasks: LegacyTasks | undefined;
  readonly #onEnd: (session: BridgedSession) => void;
  readonly #calls = new Set<AskingCall>();
  /** Whom the answer to a question belongs to, by the question's id. */
  readonly #asked = new Map<string, AskingCall>();
  readonly #wrappedTools = new Set<string>();
  readonly #listen: SessionListen;
  /** The latest request: how the upstream is reached now, and with which credentials of the client. */
  #latest: UpstreamRequest;
  #lastAskId = 0;
  #lastTaskId = 0;
  #level: string | undefined;

  /**
   * @param request the client's `initialize`
   * @param tasks undefined when the upstream, or the client's revision, knows none
   */
  constructor(
    parts: BridgeParts,
    request: UpstreamRequest,
    words: ClientWords,
    tasks: LegacyTasks | undefined,
    onEnd: (session: BridgedSession) => void,
  ) {
    super();
    this.#parts = parts;
    this.#words = words;
    this.#tasks = tasks;
    this.version = words.version;
    this.#onEnd = onEnd;
    this.#latest = slim(request);
    const { port, logger, handshakeTimeoutMs } = parts;
    this.#listen = new SessionListen({
      port,
      logger,
      handshakeTimeoutMs,
      request: (text) =>
        selfDescribing(
          { ...this.#latest, headers: [...this.#latest.headers], lane: 'stream', isSafeToRepeat: true },
          withEnvelope(text, words, undefined),
        ),
      say: (text) => this.say(text),
    });
  }

  get upstreamId(): string {
    return this.#latest.upstream.id;
  }

  post(request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const { message, body } = request;
    const refusal = refusedByHeaders(request, sink);
    if (refusal !== undefined || message === undefined || body === undefined) return refusal ?? accepted(sink);
    if (this.isEnded) return sessionNotFound(sink);
    this.lastUsedAtMs = Date.now();
    this.#latest = slim(request);
    const text = body.toString('latin1');
    if (message.kind === 'request') return this.#request(message, text, request, sink);
    if (message.kind === 'response') this.#answered(message, text);
    else if (message.method === 'notifications/cancelled') this.#takenBack(message.requestId);
    // The newer era has no words for anything else that clients notify of.
    return accepted(sink);
  }

  // Nothing of it has to be told again: each request says everything.
  remember(): void {}

  forget(): void {}

  /** The row may have been read again since. */
  follow({ row }: UpstreamEntry): void {
    const former = this.#latest.upstream;
    this.#latest = { ...this.#latest, upstream: row };
    if (!row.enabled) {
      this.#listen.sleep();
      for (const call of this.#calls) call.upstreamIsOff?.(switchedOff(row.name));
    } else if (!former.enabled || lineKey(former) !== lineKey(row)) this.#listen.restart();
  }

  async end(): Promise<void> {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#listen.end();
    this.endListener();
    const over = new AppError('upstream.connection_lost', 'The session of this call has ended.');
    for (const call of this.#calls) call.fail(over);
    this.#onEnd(this);
  }

  protected override listened(): void {
    this.#listen.listen();
  }

  // Calls have streams of their own, each with its own flow; what is said aside is small.
  protected pauseFor(): boolean {
    return false;
  }
  protected resumeFor(): void {}

  #request(message: Envelope, text: string, request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    switch (message.method) {
      case 'ping':
        return reply(sink, message.id, EMPTY);
      case 'initialize':
        return reply(sink, message.id, undefined, { code: -32600, message: 'Invalid Request: Server already initialized' });
      case 'logging/setLevel':
        return this.#setLevel(message, text, sink);
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return answerSubscription(this.#listen, message, text, sink);
      default:
        if (message.method.startsWith('tasks/')) return this.#aboutTask(message, text, request, sink) ?? unknownMethod(message, sink);
        return NEWER.has(message.method) ? unknownMethod(message, sink) : this.#call(message, text, request, sink);
    }
  }

  #aboutTask(message: Envelope, text: string, request: UpstreamRequest, sink: AnswerSink): UpstreamCall | undefined {
    const { upstream } = request;
    const house = {
      ...this.#houseOf(request, message),
      request: (method: string, taskId: string, more = '') => {
        const body = `{"jsonrpc":"2.0","id":"mcpgateway-task-${++this.#lastTaskId}","method":"${method}","params":{"taskId":${jsonText(taskId)}${more}}}`;
        const from = { ...this.#latest, lane: 'call', isSafeToRepeat: isSafeToRepeat(method) } as const;
        const asking = selfDescribing(from, withEnvelope(body, withTasksDeclared(this.#words), undefined));
        return wholeAnswer(upstream.name, (into) => this.#parts.port.open(asking, into));
      },
    };
    const call = this.#tasks?.open(house, message, text, this.#taskPlace, new CallStream(sink, this.manners));
    if (call instanceof TaskResultCall) {
      this.#calls.add(call);
      call.start();
    }
    return call;
  }

  get #taskPlace(): TaskPlace {
    return { owner: this.#latest.caller?.key ?? '', upstreamId: this.upstreamId };
  }

  #call(message: Envelope, text: string, request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const tasks = this.#tasks;
    const house = this.#houseOf(request, message);
    const isTask = tasks?.wants(message, text, this.#taskPlace) === true;
    if (isTask) house.wording = (answer) => tasks.made(answer, message, this.#taskPlace);
    else if (tasks !== undefined && message.method === 'tools/list')
      house.wording = (answer) => withTasksOffered(legacyAnswer(answer, message, this.#wrappedTools));
    const words = isTask ? withTasksDeclared(this.#words) : this.#words;
    const call = new BridgedCall(house, message, withEnvelope(withoutNewerFields(isTask ? withoutTask(text) : text), words, this.#level), sink);
    this.#calls.add(call);
    call.start();
    return call;
  }

  #houseOf(request: UpstreamRequest, message: Envelope): CallHouse {
    return {
      ...callHouse(this.#parts, request, this.#words, message, this.#wrappedTools),
      manners: this.manners,
      asks: (asking) => {
        const id = String(++this.#lastAskId);
        this.#asked.set(id, asking);
        return id;
      },
      forget: (id) => this.#asked.delete(id),
      over: (over) => this.#calls.delete(over),
    };
  }

  #setLevel(message: Envelope, text: string, sink: AnswerSink): UpstreamCall {
    const level = stringAt(text, ['params', 'level']);
    if (level === undefined || !isLogLevel(level)) {
      return reply(sink, message.id, undefined, { code: -32602, message: '`params.level` must be a log level of MCP.' });
    }
    this.#level = level;
    return reply(sink, message.id, EMPTY);
  }

  #answered(message: Envelope, text: string): void {
    // Some clients turn numbers into strings.
    const id = message.id?.replace(/^"(\d+)"$/, '$1') ?? '';
    const call = this.#asked.get(id);
    this.#asked.delete(id);
    call?.clientAnswered(id, message, text);
  }

  #takenBack(requestId: string | undefined): void {
    for (const call of this.#calls) if (call.message.id === requestId) call.takenBack();
  }
}

/** What of a request is worth keeping: how its upstream is reached, on whose behalf and with what. */
function slim(request: UpstreamRequest): UpstreamRequest {
  return { ...request, headers: passingHeaders(request.headers).filter(isLasting), body: undefined, message: undefined };
}

const OF_ONE_TRACE: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'baggage']);

function isLasting(_text: string, at: number, headers: readonly string[]): boolean {
  return !OF_ONE_TRACE.has(headers[at - (at % 2)] ?? '');
}

function unknownMethod(message: Envelope, sink: AnswerSink): UpstreamCall {
  return reply(sink, message.id, undefined, { code: -32601, message: `Method not found: ${message.method}` });
}
