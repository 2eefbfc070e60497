// Clients of 2026-07-28 at upstreams that know sessions only (protocol.md 2.2): what can be said from here is said, everything else becomes
// a call in a session of the caller's.
import { AppError, toAppError } from '#base/kernel';
import { isRemovedMethod, jsonText, removeMember, rpcErrorText, scanMessage, valueAt, type Envelope } from '#base/protocol';
import type { AnswerSink, UpstreamCall, UpstreamEntry, UpstreamRequest } from '#data-plane/gateway';
import { accepted, headerOf, refused } from '../../channel/http-manners.ts';
import { isLogLevel } from '../../channel/log-levels.ts';
import { declaredCapabilities, refusedModern } from '../../channel/modern-manners.ts';
import { stringAt } from '../../channel/string-at.ts';
import { reply } from '../../reply.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { ModernTasks } from '../tasks/modern-tasks.ts';
import { asModernAnswer, withoutEnvelope, type ModernWords } from '../envelope.ts';
import { BridgedCall } from './bridged-call.ts';
import { cacheHints } from './cache-hints.ts';
import { bindingOf } from './call-binding.ts';
import { CallClient } from './call-client.ts';
import { discovered } from './discovered.ts';
import { canBeAsked, LegBook, type Declared, type HeardOfLists, type Place } from './leg-book.ts';
import { Listenings } from './listenings.ts';
import type { FinalAnswer, ModernParts } from './modern-parts.ts';
import { PageVisit, visitRequests, wantsVisits } from './page-visit.ts';
import { ParkedCalls, type ParkedCounts } from './parked-calls.ts';
import { mayAsk, missingCapability } from './question.ts';
import { RequestStates } from './request-state.ts';

const CLIENT_INFO = ['params', '_meta', 'io.modelcontextprotocol/clientInfo'];
const LOG_LEVEL = ['params', '_meta', 'io.modelcontextprotocol/logLevel'];
const CAPABILITIES_MAX = 64 * 1024;
/** Of sessions, and of no meaning outside one. */
const NOTES_OF_SESSIONS: ReadonlySet<string> = new Set([
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
]);

export class ModernClients {
  readonly #parts: ModernParts;
  readonly #listenings: Listenings;

  constructor(parts: BridgeParts) {
    const { logger } = parts;
    const tasks = new ModernTasks(parts);
    this.#listenings = new Listenings(parts, tasks.watch);
    const heardOfLists: HeardOfLists = (upstreamId, caller, method) => {
      parts.onListChanged(upstreamId);
      this.#listenings.heardElsewhere(upstreamId, caller, method);
    };
    this.#parts = {
      ...parts,
      legs: new LegBook(parts, heardOfLists),
      heardOfLists,
      parked: new ParkedCalls(parts.answerTimeoutMs, parts.parkedMax),
      states: new RequestStates(parts.secret),
      tasks,
      questionOver: (place, question, outcome) => {
        parts.onQuestionOver?.({
          upstreamId: place.upstream.id,
          caller: place.request.caller,
          method: question.method,
          atMs: question.atMs,
          traceparent: headerOf(place.request, 'traceparent') ?? place.request.message?.traceparent,
          outcome,
        });
        if (outcome === 'expired')
          logger.info('A call was given up: its client did not answer', { upstream: place.upstream.row.name, method: question.method });
      },
      finalAnswer: (final) => this.#finalAnswer(final),
    };
  }

  get counts(): ParkedCounts {
    return this.#parts.parked.counts;
  }

  get sessionCount(): number {
    return this.#parts.legs.size + this.#listenings.sessionCount;
  }

  /** Throws AppError `bridge.state_unknown`, `header.mismatch`. */
  open(request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const { message, body, caller } = request;
    const upstream = this.#upstreamOf(request);
    if (message === undefined || body === undefined || caller === undefined) throw new AppError('internal', 'A message of nobody');
    const capabilities = declaredCapabilities(body);
    const refusal = refusedModern(request, message, body, sink, capabilities);
    if (refusal !== undefined) return refusal;
    const text = body.toString('latin1');
    // In this era answers travel in the retry of the request that asked.
    if (message.kind === 'response') return refused(sink, 400, -32600, 'Invalid Request: a response is no message of this protocol revision');
    if (message.kind !== 'request') {
      this.#noted(request, upstream, message, text);
      return accepted(sink);
    }
    if (isRemovedMethod(message.method))
      return reply(sink, message.id, undefined, { code: -32601, message: `Method not found: ${message.method}` }, 404);
    const level = valueAt(text, LOG_LEVEL);
    if (level !== undefined && !isLogLevel(stringAt(text, LOG_LEVEL) ?? ''))
      return reply(
        sink,
        message.id,
        undefined,
        { code: -32602, message: 'Invalid params: _meta["io.modelcontextprotocol/logLevel"] is no log level' },
        400,
      );
    const declared = declaredIn(text, capabilities ?? '{}');
    if (message.method === 'server/discover') return this.#discover(request, upstream, declared, text, sink);
    if (message.method === 'subscriptions/listen') return this.#listenings.open(request, upstream, declared, text, sink);
    const ofTask = this.#parts.tasks.open(request, upstream, text, declared.capabilities, sink);
    if (ofTask !== undefined) return ofTask;
    return valueAt(text, ['params', 'requestState']) === undefined
      ? this.#call(request, upstream, declared, text, sink)
      : this.#retry(request, text, sink);
  }

  keepOnly(upstreams: ReadonlyMap<string, UpstreamEntry>): void {
    const isThere = (id: string): boolean => upstreams.get(id)?.enabled === true;
    this.#parts.parked.keepOnly(isThere);
    this.#parts.tasks.keepOnly(upstreams);
    this.#parts.legs.keepOnly(upstreams);
    this.#listenings.keepOnly(upstreams);
  }

  async close(): Promise<void> {
    this.#parts.parked.close();
    this.#parts.tasks.close();
    await Promise.all([this.#parts.legs.close(), this.#listenings.close()]);
  }

  #call(request: UpstreamRequest, upstream: UpstreamEntry, declared: Declared, text: string, sink: AnswerSink): UpstreamCall {
    const needsOwnLeg = mayAsk(request.message?.method ?? '') && canBeAsked(declared);
    return new BridgedCall(this.#parts, this.#parts.legs.placeOf(request, upstream, declared), text, needsOwnLeg).begin(request, text, sink);
  }

  /** The client is back with answers, or with a state that is nobody's. */
  #retry(request: UpstreamRequest, text: string, sink: AnswerSink): UpstreamCall {
    const binding = bindingOf(request);
    const state = this.#parts.states.open(stringAt(text, ['params', 'requestState']) ?? '', binding, Date.now());
    const parked = state === undefined ? undefined : this.#parts.parked.take(state.callId, state.round, binding);
    if (parked === undefined) throw new AppError('bridge.state_unknown', 'No call waits for this requestState. Make the call anew.');
    return parked.resume(request, text, sink);
  }

  #discover(request: UpstreamRequest, upstream: UpstreamEntry, declared: Declared, text: string, sink: AnswerSink): UpstreamCall {
    const { leg } = this.#parts.legs.shared(this.#parts.legs.placeOf(request, upstream, declared));
    const client = new CallClient({ upstreamId: upstream.id, left() {}, paused() {} }, request, text, sink);
    leg
      .ready()
      .then(() => {
        const result = discovered(leg.words, this.#wordsFor(request, upstream, 'server/discover', leg.words));
        client.answer(`{"jsonrpc":"2.0","id":null,"result":${result}}`);
      })
      .catch((error: unknown) => client.fail(toAppError(error)));
    return client;
  }

  /** What is of no session goes the way the caller's requests go. */
  #noted(request: UpstreamRequest, upstream: UpstreamEntry, message: Envelope, text: string): void {
    if (NOTES_OF_SESSIONS.has(message.method)) return;
    const { leg } = this.#parts.legs.shared(
      this.#parts.legs.placeOf(request, upstream, declaredIn(text, declaredCapabilities(Buffer.from(text, 'latin1')) ?? '{}')),
    );
    const sent = withoutEnvelope(text);
    leg
      .ready()
      .then(() => leg.tell(Buffer.from(sent, 'latin1'), scanMessage(sent)))
      .catch(() => undefined);
  }

  #finalAnswer(final: FinalAnswer): void {
    const { text, client, place, leg, headers } = final;
    if (wantsVisits(text)) {
      this.#askVisits(final);
      return;
    }
    client.answer(asModernAnswer(text, this.#wordsFor(place.request, place.upstream, client.message.method, leg?.leg.words ?? '{}')), headers);
  }

  #askVisits({ text, client, place }: FinalAnswer): void {
    const requests = visitRequests(text);
    const { capabilities } = place.declared;
    const refuse = (error: AppError): void => client.answer(rpcErrorText(error, undefined));
    if (requests === undefined || !mayAsk(client.message.method)) {
      refuse(new AppError('bridge.mid_call', 'The upstream wants a page visited first and does not say which.'));
      return;
    }
    if (valueAt(capabilities, ['elicitation', 'url']) === undefined) {
      refuse(missingCapability({ elicitation: { url: {} } }));
      return;
    }
    this.#parkVisits(client, requests, place);
  }

  #parkVisits(client: CallClient, requests: string, place: Place): void {
    const callerKey = place.request.caller?.key ?? '';
    if (!this.#parts.parked.hasRoom(callerKey)) {
      client.fail(
        new AppError('limit.waiting_calls', 'As many calls wait for answers of their clients as this gateway holds.', {
          data: { retryAfterMs: 5000 },
        }),
      );
      return;
    }
    const visit = new PageVisit(place.upstream.id, requests, {
      // The upstream may be reached in another way than it was when the pages were asked for.
      again: (request, text, sink) => this.#call(request, this.#upstreamOf(request), place.declared, text, sink),
      ask: (again, left) => this.#parkVisits(again, left, place),
    });
    const binding = bindingOf(place.request);
    const state = this.#parts.states.seal(this.#parts.parked.park(visit, callerKey, binding), binding);
    client.answer(
      `{"jsonrpc":"2.0","id":null,"result":{"resultType":"input_required","inputRequests":${requests},"requestState":${jsonText(state)}}}`,
    );
  }

  #upstreamOf({ upstream: { id } }: UpstreamRequest): UpstreamEntry {
    const upstream = this.#parts.snapshot().upstreams.get(id);
    if (upstream === undefined) throw new AppError('gateway.not_found', 'The gateway is no more.');
    return upstream;
  }

  #wordsFor(request: UpstreamRequest, upstream: UpstreamEntry, method: string, words: string): ModernWords {
    return { hints: cacheHints(this.#parts, upstream, request, method, Date.now()), serverInfo: valueAt(words, ['serverInfo']) };
  }
}

/** Throws AppError `request.bad_params` when the client declares more than is worth keeping. */
function declaredIn(text: string, capabilities: string): Declared {
  if (capabilities.length > CAPABILITIES_MAX) throw new AppError('request.bad_params', 'The declared capabilities are too large.');
  const info = valueAt(text, CLIENT_INFO);
  // Tasks that clients run are of the older era only.
  return {
    capabilities: copied(removeMember(capabilities, ['tasks'])),
    clientInfo: info?.startsWith('{') === true && info.length < CAPABILITIES_MAX ? copied(info) : undefined,
  };
}

/** A piece of a text keeps the whole of it in memory. */
function copied(text: string): string {
  return text === '{}' ? '{}' : Buffer.from(text, 'latin1').toString('latin1');
}
