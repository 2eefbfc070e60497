/**
 * A recording proxy between one client and one MCP endpoint. It copies bytes and adds nothing but the credentials the
 * target needs, so that the very same client script runs against an upstream directly and against the gateway's mirror.
 */
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import type { SeenMessage } from './conversation.ts';
import { createEventReader, parseJson } from './recording.ts';
import type { RecordedExchange, Recording } from './recording.ts';

export interface Tap {
  /** Where the client connects to, http://127.0.0.1:PORT/mcp. */
  readonly url: string;
  readonly recording: Recording;
  /** Every message that passed, in that order, with the exchange that carried it. */
  readonly seen: readonly TappedMessage[];
  close(): Promise<void>;
}

export interface TappedMessage extends SeenMessage {
  readonly exchange: RecordedExchange;
}

/** Headers with a meaning in MCP's transports. Others (date, lengths, caching, proxies' hints) are HTTP's own affair. */
const MEANINGFUL = /^(?:mcp-.*|content-type|accept|last-event-id|allow|location|set-cookie|www-authenticate)$/;

/** Hop-by-hop (RFC 9110, 7.6.1) or recomputed by the HTTP client for the next hop. */
const HOP_BY_HOP = new Set(['connection', 'host', 'keep-alive', 'transfer-encoding', 'content-length', 'upgrade', 'te', 'trailer']);

function meaningfulHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => MEANINGFUL.test(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]).toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}

export function forwardedHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const forwarded: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !HOP_BY_HOP.has(name)) forwarded[name] = value;
  }
  return forwarded;
}

function messageMethod(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'method' in body ? body.method : undefined;
}

/**
 * What a body says as a message. HTTP lets a server refuse a request with a body that names no id, since the status belongs to the
 * request; on a line it has to be named, and stands where JSON-RPC shows it.
 */
function answerOf({ status, requestBody, responseBody }: RecordedExchange): unknown {
  if (status < 400 || typeof requestBody !== 'object' || requestBody === null || !('id' in requestBody)) return responseBody;
  if (typeof responseBody !== 'object' || responseBody === null || !('error' in responseBody)) return responseBody;
  const { error, ...rest } = responseBody;
  return { ...rest, id: requestBody.id, error };
}

/** Starts a tap in front of `target`, the endpoint's full URL; `headers` are added to each request (lower-case names). */
export async function startTap(target: string, headers: Readonly<Record<string, string>> = {}): Promise<Tap> {
  const exchanges: RecordedExchange[] = [];
  const seen: TappedMessage[] = [];
  // A kept connection may be closed by the other side in the moment it is used again, and a request be lost by the tap's doing.
  const agent = new Agent({ keepAlive: false });
  const initialized = Promise.withResolvers<void>();

  async function relay(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const requestBody = parseJson(bytes.toString());
    const exchange: RecordedExchange = {
      method: req.method ?? '',
      requestHeaders: meaningfulHeaders(req.headers),
      requestBody,
      status: 0,
      responseHeaders: {},
      responseBody: undefined,
      events: [],
      end: 'open',
      outlivedSession: false,
    };
    exchanges.push(exchange);
    if (requestBody !== undefined) seen.push({ from: 'client', message: requestBody, exchange });
    const hear = (message: unknown): void => void seen.push({ from: 'server', message, exchange });
    if (exchange.method === 'DELETE') {
      const session = req.headers['mcp-session-id'];
      for (const other of exchanges) {
        if (other !== exchange && other.end === 'open' && other.requestHeaders['mcp-session-id'] === session) other.outlivedSession = true;
      }
    }
    // The Python client opens its GET stream while notifications/initialized is still on its way, so that what the server
    // sends in between is on the stream or not as chance has it. The TypeScript clients open it afterwards; so does the tap.
    if (exchange.method === 'GET') await initialized.promise;

    const outgoing = httpRequest(target, {
      method: exchange.method,
      agent,
      headers: { ...forwardedHeaders(req.headers), ...headers, ...(bytes.length > 0 ? { 'content-length': bytes.length } : {}) },
    });
    outgoing.on('response', (incoming) => {
      exchange.status = incoming.statusCode ?? 0;
      exchange.responseHeaders = meaningfulHeaders(incoming.headers);
      res.writeHead(exchange.status, forwardedHeaders(incoming.headers));
      res.flushHeaders();
      const decoder = new StringDecoder('utf8');
      const isStream = String(incoming.headers['content-type']).startsWith('text/event-stream');
      const readEvents = createEventReader((event) => {
        exchange.events.push(event);
        if (event.data !== '') hear(event.data);
      });
      let text = '';
      incoming.on('data', (chunk: Buffer) => {
        const decoded = decoder.write(chunk);
        if (isStream) readEvents(decoded);
        else text += decoded;
        res.write(chunk);
      });
      incoming.on('end', () => {
        if (exchange.end === 'open') exchange.end = 'server';
        exchange.responseBody = parseJson(text);
        if (exchange.responseBody !== undefined) hear(answerOf(exchange));
        if (messageMethod(requestBody) === 'notifications/initialized') initialized.resolve();
        res.end();
      });
      incoming.on('error', () => res.destroy());
    });
    outgoing.on('error', () => res.destroy());
    res.on('close', () => {
      if (exchange.end === 'open' && !res.writableFinished) exchange.end = 'client';
      outgoing.destroy();
    });
    outgoing.end(bytes);
  }

  const server = createServer((req, res) => {
    relay(req, res).catch(() => res.destroy());
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    recording: { exchanges },
    seen,
    async close() {
      initialized.resolve();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      agent.destroy();
    },
  };
}
