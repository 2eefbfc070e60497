/**
 * A recording proxy between clients and a server of the HTTP+SSE transport: the stream, and the POSTs to wherever the server's
 * endpoint event says. It adds nothing but the credentials the target needs; paths pass unchanged.
 */
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import type { SeenOnLine } from './conversation.ts';
import { createEventReader, parseJson } from './recording.ts';
import { forwardedHeaders } from './tap.ts';

export interface SseTap {
  /** Where the client connects to: the target's own path and query on the tap's origin. */
  readonly url: string;
  /** Each stream is a line, named by the address its endpoint event gave. */
  readonly seen: readonly SeenOnLine[];
  close(): Promise<void>;
}

/** Starts a tap in front of `target`, the full URL of a server's stream; `headers` are added to each request (lower-case names). */
export async function startSseTap(target: string, headers: Readonly<Record<string, string>> = {}): Promise<SseTap> {
  const seen: SeenOnLine[] = [];
  // A kept connection may be closed by the other side in the moment it is used again, and a request be lost by the tap's doing.
  const agent = new Agent({ keepAlive: false });

  async function relay(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const path = req.url ?? '/';
    if (req.method === 'POST') seen.push({ line: path, from: 'client', message: parseJson(bytes.toString()) });
    const outgoing = httpRequest(new URL(path, target), {
      method: req.method,
      agent,
      headers: { ...forwardedHeaders(req.headers), ...headers, ...(bytes.length > 0 ? { 'content-length': bytes.length } : {}) },
    });
    outgoing.on('response', (incoming) => {
      res.writeHead(incoming.statusCode ?? 0, forwardedHeaders(incoming.headers));
      res.flushHeaders();
      const decoder = new StringDecoder('utf8');
      let line = '';
      const readEvents = createEventReader(({ event, data }) => {
        if (event === 'endpoint') line = String(data);
        else seen.push({ line, from: 'server', message: data });
      });
      const isStream = String(incoming.headers['content-type']).startsWith('text/event-stream');
      incoming.on('data', (chunk: Buffer) => {
        if (isStream) readEvents(decoder.write(chunk));
        res.write(chunk);
      });
      incoming.on('end', () => res.end());
      incoming.on('error', () => res.destroy());
    });
    outgoing.on('error', () => res.destroy());
    res.on('close', () => outgoing.destroy());
    outgoing.end(bytes);
  }

  const server = createServer((req, res) => {
    relay(req, res).catch(() => res.destroy());
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { pathname, search } = new URL(target);
  return {
    url: `http://127.0.0.1:${port}${pathname}${search}`,
    seen,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      agent.destroy();
    },
  };
}
