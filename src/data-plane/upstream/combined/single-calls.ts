// Requests of clients that hold no session on their way to the upstream they belong to: those that describe themselves as they are, plain
// ones in a session that the caller's requests share (leg-pool.ts). What an upstream does not speak itself the bridge below carries over.
import { addParamHeaders, type AnswerSink, type ServerEntry, type UpstreamCall, type UpstreamEntry, type UpstreamRequest } from '#data-plane/gateway';
import { checkParamHeaders, parsedJson, replaceAt, scanMessage, type Envelope, MODERN_VERSION } from '#base/protocol';
import { stringAt } from '../channel/string-at.ts';
import type { CallerView } from './caller-view.ts';
import type { ClientMemory } from './client-memory.ts';
import { isForAll } from './combined-hints.ts';
import { indexOf } from './combined-index.ts';
import type { CombinedParts } from './combined-parts.ts';
import type { Leg } from '../leg/leg.ts';
import type { LegPool } from './leg-pool.ts';
import { mayName } from './link-owners.ts';
import type { Route } from './route.ts';
import type { RouteHooks } from './route-hooks.ts';
import { RoutedCall } from './routed-call.ts';
import { legHeaders, sentParams, upstreamHeaders } from '../upstream-headers.ts';
import { isOfLists, withNamedLogger } from './upstream-words.ts';

/** What is said of a session, or on listening streams, has no place in an answer. */
const OF_SESSIONS: ReadonlySet<string> = new Set([
  'notifications/cancelled',
  'notifications/resources/updated',
  'notifications/elicitation/complete',
  'notifications/tasks/status',
]);
const TOKEN_PATH = ['params', '_meta', 'progressToken'];

export interface SingleParts extends CombinedParts {
  readonly pool: LegPool;
  readonly memory: ClientMemory;
}

export interface SingleCall {
  readonly server: ServerEntry;
  readonly view: CallerView;
  readonly request: UpstreamRequest;
  readonly message: Envelope;
  readonly route: Route;
  readonly sink: AnswerSink;
}

/** Throws AppError `header.mismatch`, `limit.rate` or `limit.concurrency`. */
export function sendSingle(parts: SingleParts, single: SingleCall): UpstreamCall {
  return single.view.era === 'legacy' ? sendOnLeg(parts, single) : sendModern(parts, single);
}

function sendModern(parts: SingleParts, single: SingleCall): UpstreamCall {
  const { request, message } = single;
  const { params = [], text } = single.route;
  if (params.length > 0) {
    if (request.isHeaderless === true) addParamHeaders(request.headers, request.upstream, params, text);
    checkParamHeaders(params, request.headers, text);
  }
  const call = routed(parts, single, { answer: message.method === 'resources/read' ? ownScope(single) : noteTask(parts, single) });
  return sendSelfDescribing(parts, call, single, text, sentParams(request), renamed(message, single.route.name));
}

/** What not everybody may read here is for its reader alone, whatever the upstream thinks of it. */
function ownScope({ server, view, route }: SingleCall): ((answer: string) => string) | undefined {
  if (route.isLink !== true && isForAll(server, view, ['resource', 'template'])) return undefined;
  return (answer) => replaceAt(answer, ['result', 'cacheScope'], '"private"');
}

/** Where to ask after a task that the answer promises. */
function noteTask({ memory: { tasks } }: SingleParts, { view, message, route }: SingleCall): ((answer: string) => string) | undefined {
  if (message.method !== 'tools/call' || !view.declares.has('tasks')) return undefined;
  return (answer) => {
    if (stringAt(answer, ['result', 'resultType']) === 'task') tasks.note(view.principal, stringAt(answer, ['result', 'taskId']), route.upstream.id);
    return answer;
  };
}

function sendOnLeg(parts: SingleParts, single: SingleCall): UpstreamCall {
  const { view, request, route, message } = single;
  const { row } = route.upstream;
  const leg = parts.pool.leg(view.principal, route.upstream, legHeaders(request.headers, row));
  const id = leg.newId();
  const call = routed(parts, single, { statusOf: () => 200, upstreamId: id, abandoned: () => tellCancelled(leg, id) }, leg);
  // Others use the leg too, and their ids and tokens would be the same.
  const own = replaceAt(route.text, ['id'], id);
  const sent = message.progressToken === undefined ? own : replaceAt(own, TOKEN_PATH, id);
  const { lane, isSafeToRepeat } = request;
  leg.runningCalls++;
  call.watcher = leg;
  call.start(leg.isOpen ? undefined : leg.ready(), (into) =>
    leg.send(Buffer.from(sent, 'latin1'), scanMessage(sent), into, { lane, isSafeToRepeat, headers: upstreamHeaders(request, row) }),
  );
  return call;
}

function sendSelfDescribing(
  { port }: CombinedParts,
  call: RoutedCall,
  { view, request, route: { upstream, name } }: SingleCall,
  text: string,
  params: readonly string[],
  message: Envelope,
): UpstreamCall {
  const { lane, isSafeToRepeat } = request;
  const headers = upstreamHeaders(request, upstream.row, { version: MODERN_VERSION, method: call.message.method, name, params });
  call.start(undefined, (into) =>
    port.open(
      {
        upstream: upstream.row,
        method: 'POST',
        lane,
        headers,
        body: Buffer.from(text, 'latin1'),
        message,
        caller: view.principal,
        session: undefined,
        lastEventId: undefined,
        isSafeToRepeat,
      },
      into,
    ),
  );
  return call;
}

/** The message with the upstream's own name for what it is about; nothing else in it was changed. */
function renamed(message: Envelope, name: string | undefined): Envelope {
  if (name === undefined || name === message.name || name === message.uri) return message;
  if (message.name !== undefined) return { ...message, name };
  return message.uri === undefined ? message : { ...message, uri: name };
}

function routed(
  parts: SingleParts,
  { server, view, message, route: { upstream }, sink }: SingleCall,
  hooks: Pick<Partial<RouteHooks>, 'answer' | 'statusOf' | 'upstreamId' | 'abandoned'>,
  leg?: Leg,
): RoutedCall {
  const call: RoutedCall = new RoutedCall(upstream, message, sink, {
    answer: undefined,
    statusOf: undefined,
    ...hooks,
    uriNames: indexOf(server).uriNames.get(upstream.id),
    named: mayName(message) ? (text) => parts.memory.links.note(server, view.principal, upstream, text) : undefined,
    eventPrefix: undefined,
    takesEmptyData: true,
    said: (envelope, text) => {
      if (isOfLists(envelope)) parts.onListChanged(upstream.id);
      if (envelope.kind === 'request' && leg !== undefined) refuseAsk(leg, envelope);
      if (parts.snapshot().upstreams.get(upstream.id)?.enabled !== true) return undefined;
      return told(upstream, envelope, text, message, hooks.upstreamId);
    },
  });
  call.enter();
  return call;
}

/** What is said to a client without a session: of this call, and nothing else. */
function told(
  upstream: UpstreamEntry,
  envelope: Envelope,
  text: string,
  { progressToken }: Envelope,
  upstreamId: string | undefined,
): string | undefined {
  if (envelope.kind === 'request') return undefined;
  if (envelope.method === 'notifications/progress') {
    if (upstreamId === undefined || progressToken === undefined) return text;
    const token = envelope.progressToken;
    const isOwn = token !== undefined && String(parsedJson(token)) === upstreamId;
    return isOwn ? replaceAt(text, ['params', 'progressToken'], progressToken) : undefined;
  }
  if (envelope.method === 'notifications/message') return withNamedLogger(text, upstream);
  return isOfLists(envelope) || OF_SESSIONS.has(envelope.method) ? undefined : text;
}

/** Nothing was declared, so nothing may be asked. */
function refuseAsk(leg: Leg, { id, method }: Envelope): void {
  const outcome = method === 'ping' ? '"result":{}' : '"error":{"code":-32601,"message":"The client cannot be asked anything."}';
  tell(leg, `{"jsonrpc":"2.0","id":${id},${outcome}}`);
}

/** In the modern era to go is to cancel; in a session it has to be said. */
function tellCancelled(leg: Leg, id: string): void {
  tell(leg, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"The client has gone away"}}`);
}

function tell(leg: Leg, text: string): void {
  void leg.tell(Buffer.from(text, 'latin1'), scanMessage(text));
}
