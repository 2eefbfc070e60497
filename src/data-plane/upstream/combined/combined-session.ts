// A client's session with a combined server. It has a leg to each upstream the client has used, opened under the client's own capabilities;
// what the upstreams say and ask reaches this client only, on the stream of the call that caused it or on its listening stream.
import { AppError, toAppError } from '#base/kernel';
import { paramHeaders, scanMessage, valueAt, type Envelope } from '#base/protocol';
import type { Principal } from '#base/access';
import type { AnswerSink, ServerEntry, UpstreamCall, UpstreamEntry, UpstreamRequest } from '#data-plane/gateway';
import { accepted, isPrimed, NO_CALL, refused, refusedByHeaders } from '../channel/http-manners.ts';
import { LineSession } from '../channel/line-session.ts';
import { isLogLevel } from '../channel/log-levels.ts';
import { stringAt } from '../channel/string-at.ts';
import { AskIds, type Asker } from './ask-ids.ts';
import { declaredIn, maySee, type CallerView } from './caller-view.ts';
import type { CombinedParts } from './combined-parts.ts';
import { indexOf, withPublishedUris } from './combined-index.ts';
import { asLegacyAnswer, isHeaderMismatch, withEnvelope, MODERN_VERSION } from './era-bridge.ts';
import { Leg, type Hello, type LegOwner } from './leg.ts';
import { listOf } from './list-pages.ts';
import { localResult } from './local-answers.ts';
import { refuseAskingTool } from './mid-call.ts';
import { reply } from './reply.ts';
import { routeOf, type Route } from './route.ts';
import { RoutedCall } from './routed-call.ts';
import { legHeaders, upstreamHeaders } from './upstream-headers.ts';
import { isOfLists, withNamedLogger } from './upstream-words.ts';

const TASKS_MAX = 1000;
const LIST_NOTES = [
  ['tool', 'notifications/tools/list_changed'],
  ['resource', 'notifications/resources/list_changed'],
  ['template', 'notifications/resources/list_changed'],
  ['prompt', 'notifications/prompts/list_changed'],
] as const;

class LegAsker implements Asker {
  readonly key: string;
  readonly leg: Leg;
  constructor(leg: Leg) {
    this.leg = leg;
    this.key = leg.upstreamId;
  }
}

export class CombinedSession extends LineSession implements LegOwner {
  readonly serverId: string;
  readonly #parts: CombinedParts;
  readonly #view: CallerView;
  readonly #hello: Hello;
  readonly #headers: readonly string[];
  readonly #onEnd: (session: CombinedSession) => void;
  readonly #legs = new Map<string, Leg>();
  readonly #asks = new AskIds<LegAsker>();
  /** By the client's own ids. */
  readonly #running = new Map<string, { call: RoutedCall; leg: Leg | undefined }>();
  readonly #taskOwners = new Map<string, string>();
  /** What the client was last told or shown of its lists. */
  #announced: string;
  /** The client's latest request for a log level. */
  #levelAsked: Buffer | undefined;
  #level: string | undefined;

  constructor(parts: CombinedParts, server: ServerEntry, principal: Principal, request: UpstreamRequest, onEnd: (session: CombinedSession) => void) {
    super();
    const text = request.body?.toString('latin1') ?? '';
    const capabilities = valueAt(text, ['params', 'capabilities']) ?? '{}';
    this.#parts = parts;
    this.serverId = server.id;
    this.#view = { principal, declares: declaredIn(capabilities), era: 'legacy' };
    this.version = stringAt(text, ['params', 'protocolVersion']) ?? '';
    this.#hello = {
      version: this.version,
      capabilities,
      clientInfo: valueAt(text, ['params', 'clientInfo']) ?? '{"name":"mcpgateway","version":"1"}',
    };
    this.#headers = request.headers;
    this.#onEnd = onEnd;
    this.#announced = this.#listsNow(server);
  }

  get view(): CallerView {
    return this.#view;
  }

  agreeOn(version: string): void {
    this.version = version;
  }

  post(request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const { message, body } = request;
    const refusal = refusedByHeaders(request, sink);
    if (refusal !== undefined || message === undefined || body === undefined) return refusal ?? accepted(sink);
    this.lastUsedAtMs = Date.now();
    const server = this.#server();
    if (server === undefined) return refused(sink, 404, -32001, 'Session not found');
    if (message.kind === 'response') this.#answered(message, body);
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
    const legs = [...this.#legs.values()];
    this.#legs.clear();
    await Promise.all(legs.map((leg) => leg.end()));
  }

  /** The snapshot is another: tells the client when its own lists are others, and lets go of what is no more. */
  snapshotChanged(): void {
    const server = this.#server();
    if (server === undefined) {
      void this.end();
      return;
    }
    for (const [id, leg] of this.#legs) {
      const upstream = this.#parts.snapshot().upstreams.get(id);
      if (upstream !== undefined && leg.isFor(upstream)) leg.follow(upstream);
      else {
        this.#legs.delete(id);
        void leg.end();
      }
    }
    const now = this.#listsNow(server);
    if (now === this.#announced) return;
    const before = this.#announced.split(' ');
    const notes = new Set(now.split(' ').flatMap((hash, at) => (hash === before[at] ? [] : (LIST_NOTES[at]?.[1] ?? []))));
    this.#announced = now;
    for (const method of notes) this.say(`{"jsonrpc":"2.0","method":"${method}"}`);
  }

  heard(leg: Leg, envelope: Envelope, text: string): void {
    const said = this.#inClientsTerms(leg, { id: leg.upstreamId }, envelope, text);
    if (said !== undefined) this.say(said);
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
    const result = localResult(server, this.#view, message, body, this.#parts.pageSize);
    if (result !== undefined) return reply(sink, message.id, result);
    if (message.method === 'logging/setLevel') return this.#setLevel(message, body, sink);
    const text = body.toString('latin1');
    const route = routeOf(server, this.#view, message, text, (taskId) => this.#taskOwner(taskId));
    if (route === undefined)
      return reply(sink, message.id, undefined, { code: -32601, message: `Method not found: ${message.method.slice(0, 200)}` });
    const { upstream } = route;
    const isBridged = !upstream.row.legacy && upstream.row.modern;
    if (isBridged) refuseAskingTool(server, message);
    const leg = isBridged ? undefined : this.#leg(upstream);
    const call = new RoutedCall(upstream, message, sink, {
      uriNames: indexOf(server).uriNames.get(upstream.id),
      answer: isBridged
        ? (answer) => this.#bridged(answer, message, upstream)
        : message.method === 'tools/call'
          ? this.#noteTask(text, upstream)
          : undefined,
      statusOf: () => 200,
      said: (envelope, said) => this.#inClientsTerms(leg, upstream, envelope, said),
      eventPrefix: leg === undefined ? undefined : `${upstream.id}:`,
      takesEmptyData: isPrimed(this.version),
    });
    call.enter();
    const id = message.id ?? 'null';
    this.#running.set(id, { call, leg });
    call.onOver = () => {
      if (this.#running.get(id)?.call === call) this.#running.delete(id);
    };
    const { lane, isSafeToRepeat } = request;
    if (leg === undefined) this.#sendModern(call, route, request);
    else {
      const bytes = route.text === text ? body : Buffer.from(route.text, 'latin1');
      const sent = message.uri === undefined ? message : { ...message, uri: route.name };
      call.start(leg.isOpen ? undefined : leg.ready(), (into) => {
        if (message.method === 'resources/subscribe') leg.remember(`subscription ${message.uri}`, bytes);
        else if (message.method === 'resources/unsubscribe') leg.forget(`subscription ${message.uri}`);
        return leg.send(bytes, sent, into, { lane, isSafeToRepeat, headers: upstreamHeaders(request, upstream.row) });
      });
    }
    return call;
  }

  /** A request for an upstream that knows no sessions. */
  #sendModern(call: RoutedCall, { upstream, name, ...route }: Route, request: UpstreamRequest): void {
    const { lane, isSafeToRepeat } = request;
    const params = paramHeaders(route.params ?? [], route.text);
    const text = withEnvelope(route.text, this.#hello.clientInfo, this.#level);
    const headers = upstreamHeaders(request, upstream.row, { version: MODERN_VERSION, method: call.message.method, name, params });
    call.start(undefined, (into) =>
      this.#parts.port.open(
        {
          upstream: upstream.row,
          method: 'POST',
          lane,
          headers,
          body: Buffer.from(text, 'latin1'),
          message: scanMessage(text),
          caller: this.#view.principal,
          session: undefined,
          lastEventId: undefined,
          isSafeToRepeat,
        },
        into,
      ),
    );
  }

  #bridged(answer: string, message: Envelope, upstream: UpstreamEntry): string {
    // What is known of the tool is out of date.
    if (isHeaderMismatch(answer)) this.#parts.onListChanged(upstream.id);
    return asLegacyAnswer(answer, message.id);
  }

  #setLevel(message: Envelope, body: Buffer, sink: AnswerSink): UpstreamCall {
    const level = stringAt(body.toString('latin1'), ['params', 'level']);
    if (level === undefined || !isLogLevel(level)) throw new AppError('request.bad_params', '`params.level` must be a log level of MCP.');
    this.#levelAsked = body;
    this.#level = level;
    for (const leg of this.#legs.values()) this.#tellLevel(leg);
    return reply(sink, message.id, Buffer.from('{}'));
  }

  #tellLevel(leg: Leg): void {
    const upstream = this.#parts.snapshot().upstreams.get(leg.upstreamId);
    const asked = this.#levelAsked;
    if (asked === undefined || upstream === undefined || !Object.hasOwn(upstream.row.capabilities, 'logging')) return;
    leg.remember('level', asked);
    void leg.tell(asked, scanMessage(asked.toString('latin1')));
  }

  #leg(upstream: UpstreamEntry): Leg {
    let leg = this.#legs.get(upstream.id);
    if (leg === undefined) {
      const { port, logger, handshakeTimeoutMs } = this.#parts;
      const hello = { ...this.#hello, version: this.version };
      leg = new Leg({ port, logger, handshakeTimeoutMs }, upstream, hello, this.#view.principal, legHeaders(this.#headers, upstream.row), this);
      this.#legs.set(upstream.id, leg);
      const opened = leg;
      opened.ready().then(
        () => this.#tellLevel(opened),
        (error: unknown) => {
          if (this.#legs.get(upstream.id) === opened) this.#legs.delete(upstream.id);
          this.#parts.logger.debug('A leg could not be opened', { upstream: upstream.row.name, internal: toAppError(error).message });
        },
      );
    }
    return leg;
  }

  #notified(message: Envelope, body: Buffer): void {
    if (message.method === 'notifications/initialized') return;
    if (message.method === 'notifications/cancelled') {
      const running = message.requestId === undefined ? undefined : this.#running.get(message.requestId);
      running?.call.takenBack();
      if (running !== undefined && (running.leg === undefined || !running.call.isSent)) running.call.cancel();
      else if (running?.leg !== undefined) void running.leg.tell(body, message);
      // Its stream was taken up again: only its upstream knows it.
      else for (const leg of this.#legs.values()) void leg.tell(body, message);
      return;
    }
    if (message.method === 'notifications/progress') {
      const progress = this.#asks.progressed(message, body.toString('latin1'));
      if (progress !== undefined) this.#tell(progress.asker.leg, progress.text);
      return;
    }
    for (const leg of this.#legs.values()) void leg.tell(body, message);
  }

  #answered(message: Envelope, body: Buffer): void {
    const answer = this.#asks.answered(message, body.toString('latin1'));
    if (answer !== undefined) this.#tell(answer.asker.leg, answer.text);
  }

  #tell(leg: Leg, text: string): void {
    void leg.tell(Buffer.from(text, 'latin1'), scanMessage(text));
  }

  /** What an upstream says or asks, for this client; undefined for nothing. @param leg undefined for one that knows no sessions */
  #inClientsTerms(leg: Leg | undefined, { id }: { readonly id: string }, envelope: Envelope, text: string): string | undefined {
    if (isOfLists(envelope)) {
      // The client hears of it when its own view has changed.
      this.#parts.onListChanged(id);
      return undefined;
    }
    const upstream = this.#parts.snapshot().upstreams.get(id);
    // What was switched off or deleted since says nothing more.
    if (upstream?.enabled !== true) return undefined;
    if (envelope.kind === 'request') return leg === undefined ? undefined : this.#asks.asked(new LegAsker(leg), envelope, text);
    switch (envelope.method) {
      case 'notifications/cancelled':
        return envelope.requestId === undefined || leg === undefined ? undefined : this.#asks.takenBack(new LegAsker(leg), envelope.requestId, text);
      case 'notifications/message':
        return withNamedLogger(text, upstream);
      case 'notifications/resources/updated':
        return this.#ofVisible(upstream, text);
      default:
        return text;
    }
  }

  /** News of a resource, unless the client may not see it any more. */
  #ofVisible(upstream: UpstreamEntry, text: string): string | undefined {
    const server = this.#server();
    if (server === undefined) return undefined;
    const index = indexOf(server);
    const shown = withPublishedUris(text, index.uriNames.get(upstream.id));
    const item = index.resources.get(stringAt(shown, ['params', 'uri']) ?? '');
    return item !== undefined && !maySee(this.#view, server, item) ? undefined : shown;
  }

  #noteTask(request: string, upstream: UpstreamEntry): ((answer: string) => string) | undefined {
    if (valueAt(request, ['params', 'task']) === undefined) return undefined;
    return (answer) => {
      const taskId = stringAt(answer, ['result', 'task', 'taskId']);
      if (taskId === undefined) return answer;
      const [oldest] = this.#taskOwners.keys();
      if (this.#taskOwners.size >= TASKS_MAX && oldest !== undefined) this.#taskOwners.delete(oldest);
      this.#taskOwners.set(taskId, upstream.id);
      return answer;
    };
  }

  #taskOwner(taskId: string): UpstreamEntry | undefined {
    const id = this.#taskOwners.get(taskId);
    return id === undefined ? undefined : this.#parts.snapshot().upstreams.get(id);
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
      statusOf: undefined,
      said: (envelope, said) => this.#inClientsTerms(leg, upstream, envelope, said),
      eventPrefix: `${upstream.id}:`,
      takesEmptyData: isPrimed(this.version),
    });
    call.start(undefined, (into) => leg.resume(request.lastEventId?.slice(at + 1) ?? '', into));
    return call;
  }
}

const STREAM = scanMessage('{"jsonrpc":"2.0","method":"stream/resume"}');
