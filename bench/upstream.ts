// The upstream of the bench: an MCP server in hand-written HTTP/1.1 over node:net, because it shares a core with the load and must
// not be what is measured. Stateless in the modern era; in the older one it mints a session and holds nothing for it.
// HTTP+SSE is beside it (upstream-sse.ts).
// Started as a process of its own; prints its port. Source of the framing: RFC 9112 §6; requests come with Content-Length.
import { randomUUID } from 'node:crypto';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { answerText, CALL_ANSWERS, idOf, listAnswer } from './upstream-answers.ts';
import { openEventStream, takePost } from './upstream-sse.ts';

interface RequestHead {
  readonly verb: string;
  readonly path: string;
  /** Bytes from the start of the request to its body. */
  readonly bodyAt: number;
  readonly bodyBytes: number;
}

const HEAD_END = '\r\n\r\n';

/** Answers one request; `body` is latin1 text. */
function answer(socket: Socket, { verb, path }: RequestHead, body: string): void {
  if (path === '/sse') return openEventStream(socket);
  if (path.startsWith('/message')) return takePost(socket, path, body);
  if (verb === 'DELETE') return void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  if (verb !== 'POST') return void socket.write('HTTP/1.1 405 Method Not Allowed\r\nAllow: POST, DELETE\r\nContent-Length: 0\r\n\r\n');
  const id = idOf(body);
  if (id !== undefined && body.includes('"method":"tools/call"')) {
    for (const [marker, write] of CALL_ANSWERS) if (body.includes(marker)) return write(socket, id);
  }
  const isList = id !== undefined && body.includes('"method":"tools/list"');
  const { status, text } = isList ? { status: '200 OK', text: listAnswer(path, body, id) } : answerText(body, path);
  const session = body.includes('"method":"initialize"') ? `Mcp-Session-Id: ${randomUUID()}\r\n` : '';
  const type = text === '' ? '' : 'Content-Type: application/json\r\n';
  socket.write(`HTTP/1.1 ${status}\r\n${type}${session}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}

function headOf(text: string): RequestHead | undefined {
  const end = text.indexOf(HEAD_END);
  if (end === -1) return undefined;
  const head = text.slice(0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  const [verb = '', path = ''] = head.split(' ', 2);
  return { verb, path, bodyAt: end + 4, bodyBytes: Number(length?.[1] ?? 0) };
}

const server = createServer({ noDelay: true }, (socket) => {
  let pending = '';
  // Peers of the bench send the same head again and again; comparing is cheaper than parsing.
  let knownText = '\0';
  let known: RequestHead | undefined;
  socket.on('data', (chunk: Buffer) => {
    const read = chunk.toString('latin1', 0, chunk.length);
    pending = pending === '' ? read : pending + read;
    while (pending !== '') {
      if (known === undefined || !pending.startsWith(knownText)) {
        known = headOf(pending);
        if (known === undefined) return;
        knownText = pending.slice(0, known.bodyAt);
      }
      const end = known.bodyAt + known.bodyBytes;
      if (pending.length < end) return;
      const body = pending.slice(known.bodyAt, end);
      pending = pending.length === end ? '' : pending.slice(end);
      answer(socket, known, body);
    }
  });
  socket.on('error', () => socket.destroy());
});

server.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => {
  console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`);
});
