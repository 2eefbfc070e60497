// A client's session with a combined server. It has a leg to each upstream the client has used, opened under the client's own capabilities;
// what the upstreams say and ask reaches this client only, on the stream of the call that caused it or on its listening stream.
import { AppError } from '#base/kernel';
import { scanMessage, valueAt, type Envelope } from '#base/protocol';
import type { Principal } from '#base/access';
import type { AnswerSink, ServerEntry, UpstreamCall, UpstreamEntry, UpstreamRequest } from '#data-plane/gateway';
import { accepted, isPrimed, NO_CALL, refused, refusedByHeaders } from '../channel/http-manners.ts';
import { LineSession } from '../channel/line-session.ts';
import { isLogLevel } from '../channel/log-levels.ts';
import { stringAt } from '../channel/string-at.ts';
import { declaredIn, type CallerView } from './caller-view.ts';
import type { ClientMemory } from './client-memory.ts';
import type { CombinedParts } from './combined-parts.ts';
import { indexOf } from './combined-index.ts';
import { HeardWords } from './heard-words.ts';
import type { Hello, Leg, LegOwner } from '../leg/leg.ts';
import { LinkOwners, mayName } from './link-owners.ts';
import { listOf } from './list-pages.ts';
import { localResult } from './local-answers.ts';
import { reply } from '../reply.ts';
import { routeOf } from './route.ts';
import { RoutedCall } from './routed-call.ts';
import { RunningCalls } from './running-calls.ts';
import { SessionLegs } from './session-legs.ts';
import { TaskOwners } from './task-owners.ts';
import { upstreamHeaders } from '../upstream-headers.ts';
import { GATEWAY_INFO } from '../gateway-info.ts';

const TASKS_MAX = 1000;
const LIST_NOTES = [
  ['tool', 'notifications/tools/list_changed'],
  ['resource', 'notifications/resources/list_changed'],
  ['template', 'notifications/resources/list_changed'],
  ['prompt', 'notifications/prompts/list_changed'],
] as const;

export class CombinedSession extends LineSession implements LegOwner {
  readonly serverId: string;
  readonly #parts: CombinedParts;
  readonly #view: CallerView;
  readonly #hello: Hello;
  readonly #onEnd: (session: CombinedSession) => void;
  readonly #legs: SessionLegs;
  readonly #heard: HeardWords;
  /** By the client's own ids. */
  readonly #running = new RunningCalls();
  readonly #memory: ClientMemory = { tasks: new TaskOwners(TASKS_MAX), links: new LinkOwners(1) };
  /** What the client was last told or shown of its lists. */
  #announced: string;
  /** Of what changed, what waits for the client to listen. */
  readonly #untold = new Set<string>();

  /** @param version agreed on with the client */
  constructor(
    parts: CombinedParts,
    server: ServerEntry,
    principal: Principal,
    request: UpstreamRequest,
    version: string,
    onEnd: (session: CombinedSession) => void,
  ) {
    super();
    const text = request.body?.toString('latin1') ?? '';
    const capabilities = valueAt(text, ['params', 'capabilities']) ?? '{}';
    this.#parts = parts;
    this.serverId = server.id;
    this.#view = { principal, declares: declaredIn(capabilities), era: 'legacy' };
    this.version = version;
    this.#hello = {
      version,
      capabilities,
      clientInfo: valueAt(text, ['params', 'clientInfo']) ?? GATEWAY_INFO,
    };
    this.#heard = new HeardWords(parts, this.#view, () => this.#server(), this.#memory.links);
    this.#legs = new SessionLegs(parts, this, this.#hello, principal, request.headers);
    this.#onEnd = onEnd;
    this.#announced = this.#listsNow(server);
  }

  get view(): CallerView {
    return this.#view;
  }

  post(request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const { message, body } = request;
    const refusal = refusedByHeaders(request, sink);
    if (refusal !== undefined || message === undefined || body === undefined) return refusal ?? accepted(sink);
    this.lastUsedAtMs = Date.now();
    const server = this.#server();
    if (server === undefined) return refused(sink, 404, -32001, 'Session not found');
    if (message.kind === 'response') this.#heard.answered(message, body);
    else if (message.kind === 'notification') this.#notified(message, body);
    else return this.#request(server, message, body, request, sink);
    return accepted(sink);
  }

  // Its legs remember what each upstream has to be told again.
  remember(): void {}

  forget(): void {}

  async end(): Promise<void> {
    if (this.isEnded) return;
    this.isEnded = true;
    this.endListener();
    this.#onEnd(this);
    await this.#legs.end();
  }

  /** The snapshot is another: tells the client when its own lists are others, and lets go of what is no more. */
  snapshotChanged(): void {
    const server = this.#server();
    if (server === undefined) {
      void this.end();
      return;
    }
    this.#legs.follow(this.#parts.snapshot().upstreams);
    const now = this.#listsNow(server);
    if (now === this.#announced) return;
    const before = this.#announced.split(' ');
    const notes = new Set(now.split(' ').flatMap((hash, at) => (hash === before[at] ? [] : (LIST_NOTES[at]?.[1] ?? []))));
    this.#announced = now;
    for (const method of notes) {
      // Once is enough for who does not listen.
      if (this.#untold.has(method)) continue;
      if (!this.isListenedTo) this.#untold.add(method);
      this.say(`{"jsonrpc":"2.0","method":"${method}"}`);
    }
  }

  heard(leg: Leg, envelope: Envelope, text: string): void {
    const said = this.#heard.said(leg, envelope, text);
    if (said !== undefined) this.say(said);
  }

  protected override listened(): void {
    this.#untold.clear();
  }

  // Its legs are streams of their own, each with its own flow; what is said aside is small.
  protected pauseFor(): boolean {
    return false;
  }
  protected resumeFor(): void {}

  /** Undefined when it was deleted, or combines nothing any more. */
  #server(): ServerEntry | undefined {
    const server = this.#parts.snapshot().servers.get(this.serverId);
    return server?.items === undefined ? undefined : server;
  }

  #listsNow(server: ServerEntry): string {
    return LIST_NOTES.map(([kind]) => listOf(server, this.#view, kind, this.#parts.pageSize).hash).join(' ');
  }

  #request(server: ServerEntry, message: Envelope, body: Buffer, request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const result = localResult(this.#parts, server, this.#view, message, body);
    if (result !== undefined) return reply(sink, message.id, result);
    if (message.method === 'logging/setLevel') return this.#setLevel(message, body, sink);
    const text = body.toString('latin1');
    const route = routeOf(server, this.#view, message, text, this.#memory, this.#parts.snapshot());
    if (route === undefined)
      return reply(sink, message.id, undefined, { code: -32601, message: `Method not found: ${message.method.slice(0, 200)}` });
    const { upstream } = route;
    const leg = this.#legs.to(upstream);
    const call = new RoutedCall(upstream, message, sink, {
      uriNames: indexOf(server).uriNames.get(upstream.id),
      answer: message.method === 'tools/call' ? this.#noteTask(text, upstream) : undefined,
      named: mayName(message) ? (said) => this.#noteLinks(upstream, said) : undefined,
      statusOf: () => 200,
      said: (envelope, said) => this.#heard.said(leg, envelope, said),
      eventPrefix: `${upstream.id}:`,
      takesEmptyData: isPrimed(this.version),
    });
    call.enter();
    this.#running.add({ id: message.id ?? 'null', call, leg });
    call.watcher = this.#running;
    const { lane, isSafeToRepeat } = request;
    const bytes = route.text === text ? body : Buffer.from(route.text, 'latin1');
    const sent = message.uri === undefined ? message : { ...message, uri: route.name };
    call.start(leg.isOpen ? undefined : leg.ready(), (into) => {
      if (message.method === 'resources/subscribe') leg.remember(`subscription ${message.uri}`, bytes);
      else if (message.method === 'resources/unsubscribe') leg.forget(`subscription ${message.uri}`);
      return leg.send(bytes, sent, into, { lane, isSafeToRepeat, headers: upstreamHeaders(request, upstream.row) });
    });
    return call;
  }

  #setLevel(message: Envelope, body: Buffer, sink: AnswerSink): UpstreamCall {
    const level = stringAt(body.toString('latin1'), ['params', 'level']);
    if (level === undefined || !isLogLevel(level)) throw new AppError('request.bad_params', '`params.level` must be a log level of MCP.');
    this.#legs.setLevel(body);
    return reply(sink, message.id, Buffer.from('{}'));
  }

  #notified(message: Envelope, body: Buffer): void {
    if (message.method === 'notifications/initialized') return;
    if (message.method === 'notifications/cancelled') {
      const running = this.#running.find(message.requestId);
      running?.call.takenBack();
      if (running !== undefined && !running.call.isSent) running.call.cancel();
      else if (running !== undefined) void running.leg.tell(body, message);
      // Its stream was taken up again: only its upstream knows it.
      else this.#legs.tellAll(body, message);
      return;
    }
    if (message.method === 'notifications/progress') this.#heard.progressed(message, body);
    else this.#legs.tellAll(body, message);
  }

  #noteTask(request: string, upstream: UpstreamEntry): ((answer: string) => string) | undefined {
    if (valueAt(request, ['params', 'task']) === undefined) return undefined;
    return (answer) => {
      this.#memory.tasks.note(this.#view.principal, stringAt(answer, ['result', 'task', 'taskId']), upstream.id);
      return answer;
    };
  }

  #noteLinks(upstream: UpstreamEntry, text: string): string {
    const server = this.#server();
    return server === undefined ? text : this.#memory.links.note(server, this.#view.principal, upstream, text);
  }

  /** Takes up the stream of a call, or the listening stream, after a break. */
  override get(request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const at = request.lastEventId?.indexOf(':') ?? -1;
    if (at === -1) return super.get(request, sink);
    const leg = this.#legs.get(request.lastEventId?.slice(0, at) ?? '');
    const upstream = this.#parts.snapshot().upstreams.get(leg?.upstreamId ?? '');
    const server = this.#server();
    if (leg === undefined || upstream === undefined || server === undefined) {
      sink.fail(new AppError('upstream.connection_lost', 'The stream cannot be taken up again.'));
      return NO_CALL;
    }
    const call = new RoutedCall(upstream, STREAM, sink, {
      uriNames: indexOf(server).uriNames.get(upstream.id),
      answer: undefined,
      named: (said) => this.#noteLinks(upstream, said),
      statusOf: undefined,
      said: (envelope, said) => this.#heard.said(leg, envelope, said),
      eventPrefix: `${upstream.id}:`,
      takesEmptyData: isPrimed(this.version),
    });
    call.start(undefined, (into) => leg.resume(request.lastEventId?.slice(at + 1) ?? '', into));
    return call;
  }
}

const STREAM = scanMessage('{"jsonrpc":"2.0","method":"stream/resume"}');
