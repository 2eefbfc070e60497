// The asking server over streamable HTTP, in one era only: sessions and questions on the streams of calls, or requests that describe
// themselves.
import { randomUUID } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerModern, AskingSession, type Message } from './asking-server.ts';

export type Era = 'legacy' | 'modern';

export interface AskingServer {
  readonly url: string;
  /** Sessions that are open. */
  readonly sessions: ReadonlyMap<string, AskingSession>;
  close(): Promise<void>;
}

function sendJson(res: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

async function serveModern(message: Message, res: ServerResponse): Promise<void> {
  const isUnknown = { jsonrpc: '2.0', id: message.id, error: { code: -32601, message: 'Method not found' } };
  if (message.method === undefined || message.id === undefined) return void res.writeHead(202).end();
  const result = await answerModern(message);
  if (result === undefined) sendJson(res, 404, isUnknown);
  else sendJson(res, 200, { jsonrpc: '2.0', id: message.id, result });
}

async function serveLegacy(
  sessions: Map<string, AskingSession>,
  sessionId: string | undefined,
  message: Message,
  res: ServerResponse,
): Promise<void> {
  if (message.method === 'initialize') {
    const id = randomUUID();
    const session = new AskingSession();
    sessions.set(id, session);
    return session.take(message, (answer) => sendJson(res, 200, answer, { 'mcp-session-id': id }));
  }
  const session = sessions.get(sessionId ?? '');
  const error = { code: -32000, message: 'Bad Request: Server not initialized' };
  if (session === undefined) return sendJson(res, sessionId === undefined ? 400 : 404, { jsonrpc: '2.0', id: null, error });
  if (message.method === undefined || message.id === undefined) {
    await session.take(message, () => undefined);
    return void res.writeHead(202).end();
  }
  res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  await session.take(message, (said) => res.write(`event: message\ndata: ${JSON.stringify(said)}\n\n`));
  res.end();
}

export async function startAskingServer(era: Era): Promise<AskingServer> {
  const sessions = new Map<string, AskingSession>();
  const server = createServer((req, res) => {
    const sessionId = req.headers['mcp-session-id'];
    if (req.method === 'DELETE') return void res.writeHead(sessions.delete(String(sessionId)) ? 200 : 404).end();
    if (req.method !== 'POST') return void res.writeHead(405).end();
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const message = JSON.parse(Buffer.concat(parts).toString()) as Message;
      const served = era === 'modern' ? serveModern(message, res) : serveLegacy(sessions, sessionId?.toString(), message, res);
      served.catch((error: unknown) => res.destroy(error as Error));
    });
  });
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    sessions,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
