// The yardstick for clients of HTTP+SSE: a GET opens a stream, each POST gets a 202 and goes on to the upstream's streamable HTTP
// endpoint, its answer comes back as an event. No JSON, no authentication, no feature.
// Started as a process of its own with the upstream's URL; prints its port.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

const upstream = new URL(process.argv[2] ?? '');
const pool = new Pool(upstream.origin, { pipelining: 1 });
const HEADERS = ['content-type', 'application/json', 'accept', 'application/json, text/event-stream'];
const streams = new Map<string, ServerResponse>();
let opened = 0;

function open(res: ServerResponse): void {
  const path = `/message?session=${++opened}`;
  streams.set(path, res);
  res.on('close', () => streams.delete(path));
  res.writeHead(200, ['content-type', 'text/event-stream', 'cache-control', 'no-cache']);
  res.write(`event: endpoint\ndata: ${path}\n\n`);
}

function forward(body: Buffer, stream: ServerResponse): void {
  let text = '';
  pool.dispatch(
    { path: upstream.pathname, method: 'POST', headers: HEADERS, body },
    {
      onRequestStart() {},
      onResponseStart() {},
      onResponseData(_controller, chunk) {
        text += chunk.toString('latin1');
      },
      onResponseEnd() {
        if (text !== '') stream.write(`event: message\ndata: ${text}\n\n`, 'latin1');
      },
      onResponseError() {
        stream.destroy();
      },
    },
  );
}

const server = createServer((req, res) => {
  if (req.method === 'GET') return open(res);
  const parts: Buffer[] = [];
  req.on('data', (chunk: Buffer) => parts.push(chunk));
  req.on('end', () => {
    const stream = streams.get(req.url ?? '');
    res.writeHead(stream === undefined ? 404 : 202, ['content-length', '0']).end();
    if (stream !== undefined) forward(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts), stream);
  });
});

server.listen(0, '127.0.0.1', () => {
  console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`);
});
