// The yardstick: the least a proxy on node:http and undici can do. Reads the body, sends it on with fixed headers, collects the
// answer, writes it back with its status and type. No JSON, no authentication, no feature; timeouts are the libraries' own.
// Started as a process of its own with the upstream's URL; prints its port.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

const upstream = new URL(process.argv[2] ?? '');
const pool = new Pool(upstream.origin, { pipelining: 1 });
const HEADERS = ['content-type', 'application/json', 'accept', 'application/json, text/event-stream'];

function forward(body: Buffer, res: ServerResponse): void {
  let status = 502;
  let type = 'application/json';
  const parts: Buffer[] = [];
  pool.dispatch(
    { path: upstream.pathname, method: 'POST', headers: HEADERS, body },
    {
      onRequestStart() {},
      onResponseStart(_controller, code, headers) {
        status = code;
        type = String(headers['content-type'] ?? type);
      },
      onResponseData(_controller, chunk) {
        parts.push(chunk);
      },
      onResponseEnd() {
        const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
        res.writeHead(status, ['content-type', type, 'content-length', String(bytes.length)]);
        res.end(bytes);
      },
      onResponseError() {
        res.writeHead(502, ['content-length', '0']).end();
      },
    },
  );
}

const server = createServer((req, res) => {
  const parts: Buffer[] = [];
  req.on('data', (chunk: Buffer) => parts.push(chunk));
  req.on('end', () => forward(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts), res));
});

server.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => {
  console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`);
});
