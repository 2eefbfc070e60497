/**
 * What was seen on the wire between one MCP client and its endpoint, as data: every HTTP exchange with the headers that
 * MCP gives a meaning to, every message of its body and every event of its stream, in order. Comparing two of these is
 * how a mirror shows that client and upstream see each other as if directly connected.
 */

/** One server-sent event. `id`, `event` and `retry` are there only when their field was (WHATWG HTML, 9.2.6). */
export interface RecordedEvent {
  readonly event?: string;
  readonly id?: string;
  readonly retry?: string;
  /** The JSON message, or the text itself when it is not JSON (a priming event has an empty one). */
  readonly data: unknown;
}

/** How a response body came to its end: by the server, by the client going away, or not before the tap was closed. */
export type BodyEnd = 'server' | 'client' | 'open';

export interface RecordedExchange {
  readonly method: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** The JSON message(s) sent, the text when it was not JSON, or undefined without a body. */
  readonly requestBody: unknown;
  /** 0 until the response head arrives, and for ever when the client left before it. */
  status: number;
  responseHeaders: Readonly<Record<string, string>>;
  /** The JSON message or text of a response that is not a stream; undefined without a body. */
  responseBody: unknown;
  readonly events: RecordedEvent[];
  end: BodyEnd;
  /** True when this response was still running as the client asked to end its session with DELETE. */
  outlivedSession: boolean;
}

export interface Recording {
  readonly exchanges: readonly RecordedExchange[];
}

/**
 * Only what the client that calls itself `clientName` sent and got: the messages that name it, and those in the session they
 * opened. Between a gateway and an upstream this leaves out what the gateway reads for itself.
 */
export function exchangesOf(clientName: string, recording: Recording): Recording {
  const sessions = new Set<string>();
  return {
    exchanges: recording.exchanges.filter((exchange) => {
      const isNamed = JSON.stringify(exchange.requestBody ?? null).includes(`"name":${JSON.stringify(clientName)}`);
      const opened = exchange.responseHeaders['mcp-session-id'];
      if (isNamed && opened !== undefined) sessions.add(opened);
      return isNamed || sessions.has(exchange.requestHeaders['mcp-session-id'] ?? '');
    }),
  };
}

/** A number whose spelling JavaScript would lose (`1.0`, 2^53 + 1) is kept as its source text, so that it stays distinct. */
export function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
      const source = context?.source;
      return typeof value === 'number' && source !== undefined && source !== String(value) ? { number: source } : value;
    }) as unknown;
  } catch {
    return text;
  }
}

/**
 * Splits a stream of text chunks into events. Comments are left out: they are keep-alives, sent by the clock, and no
 * client sees them. Unlike a client it also reports events without data, since a priming event is one.
 */
export function createEventReader(onEvent: (event: RecordedEvent) => void): (chunk: string) => void {
  let rest = '';
  let fields: { event?: string; id?: string; retry?: string; data?: string } = {};
  return (chunk) => {
    rest += chunk;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end).replace(/\r$/, '');
      rest = rest.slice(end + 1);
      if (line === '') {
        const { data, ...others } = fields;
        if (Object.keys(fields).length > 0) onEvent({ ...others, data: parseJson(data ?? '') ?? '' });
        fields = {};
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (name === 'data') fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
      else if (name === 'event' || name === 'id' || name === 'retry') fields[name] = value;
    }
  };
}
