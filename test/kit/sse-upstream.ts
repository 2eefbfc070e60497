// An HTTP+SSE server that registers well and then does what a test wants: the counterpart of lying-upstream.ts for the older pair of
// a GET stream and POSTs.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface SseMessage {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
}

export interface SseUpstream {
  readonly url: string;
  /** What a GET gets; the honest one opens a stream and names an endpoint. */
  get: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  /** What becomes of `tools/call`; the honest one takes it and answers over the stream. */
  call: ((message: SseMessage, post: ServerResponse, stream: ServerResponse) => void) | undefined;
  /** Streams that are open now. */
  readonly streams: ReadonlySet<ServerResponse>;
  /** Streams ever opened. */
  readonly opened: number;
  readonly posts: readonly { readonly path: string; readonly body: string }[];
  close(): Promise<void>;
}

/** One event of a stream. */
export function event(data: string, name = 'message'): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}

export function sseResult(message: SseMessage, result: object): string {
  return event(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
}

/** @param port 0 for a free one; another to be there again after a restart */
export async function startSseUpstream(port = 0): Promise<SseUpstream> {
  const sessions = new Map<string, ServerResponse>();
  const streams = new Set<ServerResponse>();
  const posts: { path: string; body: string }[] = [];
  let opened = 0;
  let get: SseUpstream['get'];
  let call: SseUpstream['call'];

  function take(message: SseMessage, post: ServerResponse, stream: ServerResponse): void {
    if (message.method === 'tools/call' && call !== undefined) {
      call(message, post, stream);
      return;
    }
    post.writeHead(202).end('Accepted');
    if (message.id === undefined || message.method === undefined) return;
    if (message.method === 'initialize') {
      const protocolVersion = message.params?.['protocolVersion'] === '2024-11-05' ? '2024-11-05' : '2025-06-18';
      stream.write(sseResult(message, { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'old', version: '1' } }));
    } else if (message.method === 'tools/list') stream.write(sseResult(message, { tools: [{ name: 'answer', inputSchema: { type: 'object' } }] }));
    else if (message.method === 'tools/call') stream.write(sseResult(message, { content: [{ type: 'text', text: 'honest' }] }));
    else if (message.method === 'ping') stream.write(sseResult(message, {}));
    else stream.write(event(JSON.stringify({ jsonrpc: '2.0', id: message.id, error: { code: -32601, message: 'Method not found' } })));
  }

  const server = createServer((request, response) => {
    if (request.method === 'GET' && get !== undefined) {
      get(request, response);
      return;
    }
    if (request.method === 'GET') {
      const id = String(++opened);
      sessions.set(id, response);
      streams.add(response);
      response.on('close', () => {
        sessions.delete(id);
        streams.delete(response);
      });
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event(`/elsewhere/messages?session=${id}`, 'endpoint'));
      return;
    }
    const url = new URL(request.url ?? '', 'http://localhost');
    const stream = sessions.get(url.searchParams.get('session') ?? '');
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString();
      posts.push({ path: url.pathname, body });
      if (url.pathname !== '/elsewhere/messages') response.writeHead(404).end('Cannot POST here');
      else if (stream === undefined) response.writeHead(404).end('Could not find session');
      else take(JSON.parse(body) as SseMessage, response, stream);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address() as { port: number };

  return {
    url: `http://127.0.0.1:${address.port}/sse`,
    get get() {
      return get;
    },
    set get(value) {
      get = value;
    },
    get call() {
      return call;
    },
    set call(value) {
      call = value;
    },
    streams,
    get opened() {
      return opened;
    },
    posts,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
