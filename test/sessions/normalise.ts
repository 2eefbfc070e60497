/**
 * Makes two recordings of the same script comparable. Everything here is something that differs between two *direct* runs;
 * what stays untouched is everything else: each field, each message, their order on each stream, statuses, the presence of
 * event ids, retry hints and priming events. A rule that hides more than its comment says makes the comparison worthless.
 */
import type { RecordedEvent, RecordedExchange, Recording } from './recording.ts';

export interface NormalExchange {
  readonly request: { readonly method: string; readonly headers: Readonly<Record<string, string>>; readonly body: unknown };
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly events: readonly RecordedEvent[];
  readonly end: 'answered' | 'with the session' | 'by server' | 'by client' | 'open';
}

/**
 * The exchanges in the order the client began them, apart by what they carry: an SDK sends its requests, its answers to the
 * server, its notifications and its GET independently of each other, so that only the order within each is its own choice.
 */
export interface NormalRecording {
  readonly requests: readonly NormalExchange[];
  readonly answers: readonly NormalExchange[];
  readonly notifications: readonly NormalExchange[];
  readonly streams: readonly NormalExchange[];
  readonly terminations: readonly NormalExchange[];
}

export type Names = (kind: string, value: string, firstTime?: string) => string;

/**
 * Gives each volatile value the number of its first appearance, so that using the wrong one of two still shows. With
 * `firstTime` all values look the same when they first appear, and only one that comes again is told apart.
 */
export function createNames(): Names {
  const known = new Map<string, Map<string, string>>();
  return (kind, value, firstTime) => {
    const values = known.get(kind) ?? new Map<string, string>();
    known.set(kind, values);
    const name = values.get(value) ?? `<${kind} ${values.size + 1}>`;
    const isFirst = !values.has(value);
    values.set(value, name);
    return isFirst && firstTime !== undefined ? firstTime : name;
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const TIME_IN_TEXT = /created at \d{1,2}:\d\d:\d\d [AP]M/;
const SESSION_IN_TEXT = /(\bsession |SessionId )[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const TASK_ID = /\b[0-9a-f]{32}\b/g;
const ELICITATION_ID = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g;
const ISO_TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;
const SIMULATED_LOG = /^(?:Debug|Info|Notice|Warning|Error|Critical|Alert|Emergency)[- ]level[- ]message(?= - SessionId |$)/;

function normaliseText(text: string, names: Names): string {
  return (
    text
      // server-everything puts its session's id into texts. Behind a mirror that id is the upstream session's, while the
      // client holds the gateway's, so the text's own id only has to be an id.
      .replace(SESSION_IN_TEXT, '$1<session>')
      // Task ids of SDK v1 (32 hex digits), also where a tool prints them.
      .replace(TASK_ID, (id) => names('task', id))
      // What is left in UUID form are elicitation ids that server-everything draws when the caller gives none.
      .replace(ELICITATION_ID, (id) => names('id', id))
      // The wall clock: createdAt and lastUpdatedAt of tasks, and the dynamic resources' text.
      .replace(ISO_TIME, '<time>')
      .replace(TIME_IN_TEXT, 'created at <time>')
  );
}

function normaliseValue(value: unknown, names: Names): unknown {
  if (typeof value === 'string') return normaliseText(value, names);
  if (Array.isArray(value)) return value.map((item) => normaliseValue(item, names));
  if (!isObject(value)) return value;
  const fields = Object.entries(value).map(([key, field]) => {
    // The dynamic blob is the base64 of a text with the wall clock in it. Only such a blob is looked into.
    if (key === 'blob' && typeof field === 'string') {
      const text = Buffer.from(field, 'base64').toString();
      if (TIME_IN_TEXT.test(text)) return [key, `base64 of: ${normaliseText(text, names)}`];
    }
    // The fixture's state of a multi-round call is sealed with a key of its own in each run. Which one is sent still shows.
    if (key === 'requestState' && typeof field === 'string') return [key, names('state', field)];
    return [key, normaliseValue(field, names)];
  });
  return Object.fromEntries(fields) as unknown;
}

/** A message with its volatile values named. */
export function normaliseMessage(message: unknown, names: Names): unknown {
  const params = isObject(message) ? message['params'] : undefined;
  // toggle-simulated-logging draws one of eight (level, text) pairs; which one is chance, that there is one is not.
  if (isObject(message) && isObject(params) && message['method'] === 'notifications/message' && SIMULATED_LOG.test(String(params['data']))) {
    const data = String(params['data']).replace(SIMULATED_LOG, '<any level> message');
    return normaliseValue({ ...message, params: { ...params, level: '<any level>', data } }, names);
  }
  return normaliseValue(message, names);
}

function normaliseHeaders(headers: Readonly<Record<string, string>>, names: Names): Record<string, string> {
  const normal = Object.entries(headers).map(([name, value]) => {
    // Session and event ids are random by definition and the gateway's own behind a mirror (decision 2).
    if (name === 'mcp-session-id') return [name, names('session', value)];
    if (name === 'last-event-id') return [name, '<event id>'];
    return [name, value];
  });
  return Object.fromEntries(normal) as Record<string, string>;
}

/** Answers are recognised by the id of the request; a POST that carries no request has none to wait for. */
function hasAnswer(exchange: RecordedExchange): boolean {
  const request = exchange.requestBody;
  if (!isObject(request) || !('method' in request) || !('id' in request)) return false;
  return exchange.events.some(({ data }) => isObject(data) && !('method' in data) && data['id'] === request['id']);
}

function normaliseEnd(exchange: RecordedExchange): NormalExchange['end'] {
  // Once its answer is there, either side may be first to end a stream, and clients differ in whether they wait.
  if (hasAnswer(exchange)) return 'answered';
  // The same after DELETE: the server ends its streams while the client aborts them.
  if (exchange.outlivedSession) return 'with the session';
  return exchange.end === 'open' ? 'open' : `by ${exchange.end}`;
}

function normaliseExchange(exchange: RecordedExchange, names: Names): NormalExchange {
  return {
    request: {
      method: exchange.method,
      headers: normaliseHeaders(exchange.requestHeaders, names),
      body: normaliseMessage(exchange.requestBody, names),
    },
    status: exchange.status,
    headers: normaliseHeaders(exchange.responseHeaders, names),
    body: normaliseMessage(exchange.responseBody, names),
    events: exchange.events.map((event) => ({
      ...event,
      // As for the headers. That there is one stays, and that it is a new one.
      ...(event.id === undefined ? {} : { id: names('event id', event.id, '<event id>') }),
      data: normaliseMessage(event.data, names),
    })),
    end: normaliseEnd(exchange),
  };
}

/** The normal form of a recording; equal for two sessions that a client and a server cannot tell apart. */
export function normalise(recording: Recording): NormalRecording {
  const names = createNames();
  const lane = (belongs: (exchange: RecordedExchange) => boolean): NormalExchange[] =>
    recording.exchanges.filter(belongs).map((exchange) => normaliseExchange(exchange, names));
  const posts = (belongs: (body: unknown) => boolean) => lane((exchange) => exchange.method === 'POST' && belongs(exchange.requestBody));
  const hasMethod = (body: unknown): boolean => isObject(body) && 'method' in body;
  const hasId = (body: unknown): boolean => isObject(body) && 'id' in body;
  return {
    requests: posts((body) => !isObject(body) || (hasMethod(body) && hasId(body))),
    answers: posts((body) => isObject(body) && !hasMethod(body)),
    notifications: posts((body) => hasMethod(body) && !hasId(body)),
    streams: lane((exchange) => exchange.method === 'GET'),
    terminations: lane((exchange) => exchange.method !== 'POST' && exchange.method !== 'GET'),
  };
}
