// An MCP server that registers well and then answers as a test wants it to, down to the bytes on the wire: what real ones never do
// on purpose, and broken or hostile ones do.
import { createServer, type Socket } from 'node:net';

/** What to do with one request: write to the socket, end it, or keep silent. */
export type Answer = (socket: Socket, request: WireRequest) => void;

export interface WireRequest {
  readonly verb: string;
  readonly headers: string;
  readonly body: string;
  /** Undefined when the body is no JSON. */
  readonly message: { id?: unknown; method?: string; params?: Record<string, unknown> } | undefined;
}

export interface LyingUpstream {
  readonly url: string;
  /** Answers of requests from now on that are not part of registration; `undefined` is an honest server. */
  answer: Answer | undefined;
  /** Answers every request from now on, registration and listening as well; `undefined` is as above. */
  everything: Answer | undefined;
  /** What a GET gets: 405 from the honest one. */
  get: Answer;
  /** The result of tools/list, by request; the honest one has a single tool. */
  list: (request: WireRequest) => string;
  /** The result of initialize. */
  initialize: string;
  /** Sent with it when there is one. */
  sessionId: string | undefined;
  close(): Promise<void>;
}

export const INITIALIZE = '{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"liar","version":"1"}}';
const ONE_TOOL = '{"tools":[{"name":"answer","inputSchema":{"type":"object"}}]}';

/** One HTTP answer with a body of known length. */
export function http(status: number, body: string, headers: Record<string, string> = {}): Buffer {
  const all = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)), ...headers };
  const head = `HTTP/1.1 ${status} X\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
  return Buffer.from(head + body);
}

export function result(request: WireRequest, text: string): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(request.message?.id ?? null)},"result":${text}}`;
}

export async function startLyingUpstream(): Promise<LyingUpstream> {
  const sockets = new Set<Socket>();
  const liar: Omit<LyingUpstream, 'url' | 'close'> = {
    answer: undefined,
    everything: undefined,
    get: (socket) => void socket.write(http(405, '')),
    list: () => ONE_TOOL,
    initialize: INITIALIZE,
    sessionId: undefined,
  };

  function respond(socket: Socket, request: WireRequest): void {
    const method = request.message?.method;
    if (liar.everything !== undefined) liar.everything(socket, request);
    else if (request.verb === 'DELETE') socket.write(http(200, '', { 'content-type': 'text/plain' }));
    else if (request.verb !== 'POST') liar.get(socket, request);
    else if (method === 'initialize')
      socket.write(http(200, result(request, liar.initialize), liar.sessionId === undefined ? {} : { 'mcp-session-id': liar.sessionId }));
    else if (method === 'server/discover') socket.write(http(400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no such thing"}}'));
    else if (method === 'notifications/initialized') socket.write(http(202, ''));
    else if (method === 'tools/list' && liar.answer === undefined) socket.write(http(200, result(request, liar.list(request))));
    else if (liar.answer === undefined) socket.write(http(200, result(request, '{"content":[{"type":"text","text":"honest"}]}')));
    else liar.answer(socket, request);
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const headEnd = rest.indexOf('\r\n\r\n');
        if (headEnd === -1) return;
        const headers = rest.subarray(0, headEnd).toString('latin1');
        const length = Number(/^content-length: (\d+)$/im.exec(headers)?.[1] ?? 0);
        if (rest.length < headEnd + 4 + length) return;
        const body = rest.subarray(headEnd + 4, headEnd + 4 + length).toString();
        rest = rest.subarray(headEnd + 4 + length);
        respond(socket, { verb: headers.split(' ', 1)[0] ?? '', headers, body, message: parsed(body) });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return Object.assign(liar, {
    url: `http://127.0.0.1:${port}/mcp`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  });
}

function parsed(body: string): WireRequest['message'] {
  try {
    return JSON.parse(body) as WireRequest['message'];
  } catch {
    return undefined;
  }
}
