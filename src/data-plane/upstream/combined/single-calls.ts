// Requests of clients that hold no session – those that describe themselves, and plain ones – on their way to the upstream they belong
// to: as they are when it knows no sessions either, else in a session that the caller's requests share (leg-pool.ts).
import { addParamHeaders, type AnswerSink, type ServerEntry, type UpstreamCall, type UpstreamEntry, type UpstreamRequest } from '#data-plane/gateway';
import { checkParamHeaders, paramHeaders, parsedJson, replaceAt, scanMessage, type Envelope } from '#base/protocol';
import { logRank } from '../channel/log-levels.ts';
import { modernStatus } from '../channel/modern-manners.ts';
import { stringAt } from '../channel/string-at.ts';
import type { CallerView } from './caller-view.ts';
import { indexOf } from './combined-index.ts';
import type { CombinedParts } from './combined-parts.ts';
import { asLegacyAnswer, asModernAnswer, isHeaderMismatch, midCall, MODERN_VERSION, withEnvelope, withoutEnvelope } from '../bridge/envelope.ts';
import type { Leg } from '../leg/leg.ts';
import type { LegPool } from './leg-pool.ts';
import { refuseAskingTool } from './mid-call.ts';
import type { Route } from './route.ts';
import { RoutedCall, type RouteHooks } from './routed-call.ts';
import type { TaskOwners } from './task-owners.ts';
import { legHeaders, sentParams, upstreamHeaders } from './upstream-headers.ts';
import { isOfLists, withNamedLogger } from './upstream-words.ts';

const GATEWAY_INFO = '{"name":"mcpgateway","version":"1"}';
const TOKEN_PATH = ['params', '_meta', 'progressToken'];
const LOG_LEVEL = ['params', '_meta', 'io.modelcontextprotocol/logLevel'];

export interface SingleParts extends CombinedParts {
  readonly pool: LegPool;
  readonly tasks: TaskOwners;
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
  return single.view.era === 'legacy' ? sendLegacy(parts, single) : sendModern(parts, single);
}

function sendLegacy(parts: SingleParts, single: SingleCall): UpstreamCall {
  const { route, message } = single;
  const { upstream } = route;
  if (upstream.row.legacy || !upstream.row.modern) return sendOnLeg(parts, single, route.text, undefined, () => 200);
  refuseAskingTool(single.server, message);
  const asLegacy = (answer: string): string => {
    // What is known of the tool is out of date.
    if (isHeaderMismatch(answer)) parts.onListChanged(upstream.id);
    return asLegacyAnswer(answer, message.id);
  };
  const call = routed(parts, single, { answer: asLegacy, statusOf: () => 200 });
  const text = withEnvelope(route.text, GATEWAY_INFO);
  return sendSelfDescribing(parts, call, single, text, paramHeaders(route.params ?? [], route.text), scanMessage(text));
}

function sendModern(parts: SingleParts, single: SingleCall): UpstreamCall {
  const { request, message } = single;
  const { upstream, params = [], text } = single.route;
  if (params.length > 0) {
    if (request.isHeaderless === true) addParamHeaders(request.headers, request.upstream, params, text);
    checkParamHeaders(params, request.headers, text);
  }
  if (upstream.row.modern) {
    const call = routed(parts, single, { answer: single.view.declares.has('tasks') ? noteTask(parts, single) : undefined });
    return sendSelfDescribing(parts, call, single, text, sentParams(request), renamed(message, single.route.name));
  }
  refuseAskingTool(single.server, message);
  const statusOf = (answer: string, isError: boolean): number => modernStatus(answer, { isError });
  return sendOnLeg(parts, single, withoutEnvelope(text), (answer) => asModernAnswer(answer, { hints: undefined, serverInfo: undefined }), statusOf);
}

/** Where to ask after a task that the answer promises. */
function noteTask({ tasks }: SingleParts, { view, message, route }: SingleCall): ((answer: string) => string) | undefined {
  if (message.method !== 'tools/call') return undefined;
  return (answer) => {
    if (stringAt(answer, ['result', 'resultType']) === 'task') tasks.note(view.principal, stringAt(answer, ['result', 'taskId']), route.upstream.id);
    return answer;
  };
}

function sendOnLeg(
  parts: SingleParts,
  single: SingleCall,
  text: string,
  answer: RouteHooks['answer'],
  statusOf: RouteHooks['statusOf'],
): UpstreamCall {
  const { view, request, route, message } = single;
  const { row } = route.upstream;
  const leg = parts.pool.leg(view.principal, route.upstream, legHeaders(request.headers, row));
  const id = leg.newId();
  const call = routed(parts, single, { answer, statusOf, upstreamId: id, abandoned: () => tellCancelled(leg, id) }, leg);
  // Others use the leg too, and their ids and tokens would be the same.
  const own = replaceAt(text, ['id'], id);
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
  parts: CombinedParts,
  { server, view, request, message, route: { upstream }, sink }: SingleCall,
  hooks: Pick<Partial<RouteHooks>, 'answer' | 'statusOf' | 'upstreamId' | 'abandoned'>,
  leg?: Leg,
): RoutedCall {
  const call: RoutedCall = new RoutedCall(upstream, message, sink, {
    answer: undefined,
    statusOf: undefined,
    ...hooks,
    uriNames: indexOf(server).uriNames.get(upstream.id),
    eventPrefix: undefined,
    takesEmptyData: true,
    said: (envelope, text) => {
      if (isOfLists(envelope)) parts.onListChanged(upstream.id);
      if (envelope.kind === 'request' && leg !== undefined) {
        refuseAsk(leg, envelope);
        if (view.era === 'modern' && envelope.method !== 'ping') call.giveUp(midCall());
      }
      if (parts.snapshot().upstreams.get(upstream.id)?.enabled !== true) return undefined;
      const isFiltered = view.era === 'modern' && leg !== undefined;
      return told(upstream, envelope, text, message, hooks.upstreamId, isFiltered ? request.body?.toString('latin1') : undefined);
    },
  });
  call.enter();
  return call;
}

/**
 * What is said to a client without a session: of this call, and nothing else.
 * @param asked the request of a client that has to ask for log lines, when the upstream sends them unasked
 */
function told(
  upstream: UpstreamEntry,
  envelope: Envelope,
  text: string,
  { progressToken }: Envelope,
  upstreamId: string | undefined,
  asked: string | undefined,
): string | undefined {
  if (envelope.kind === 'request') return undefined;
  if (envelope.method === 'notifications/progress') {
    if (upstreamId === undefined || progressToken === undefined) return text;
    const token = envelope.progressToken;
    const isOwn = token !== undefined && String(parsedJson(token)) === upstreamId;
    return isOwn ? replaceAt(text, ['params', 'progressToken'], progressToken) : undefined;
  }
  if (envelope.method !== 'notifications/message') return undefined;
  if (asked !== undefined) {
    const wanted = stringAt(asked, LOG_LEVEL);
    if (wanted === undefined || logRank(stringAt(text, ['params', 'level']) ?? '') < logRank(wanted)) return undefined;
  }
  return withNamedLogger(text, upstream);
}

/** Nothing was declared, so nothing may be asked. */
function refuseAsk(leg: Leg, { id, method }: Envelope): void {
  const { message } = midCall();
  const outcome = method === 'ping' ? '"result":{}' : `"error":{"code":-32601,"message":${JSON.stringify(message)}}`;
  tell(leg, `{"jsonrpc":"2.0","id":${id},${outcome}}`);
}

/** In the modern era to go is to cancel; in a session it has to be said. */
function tellCancelled(leg: Leg, id: string): void {
  tell(leg, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"The client has gone away"}}`);
}

function tell(leg: Leg, text: string): void {
  void leg.tell(Buffer.from(text, 'latin1'), scanMessage(text));
}
