// The yardstick for upstreams of HTTP+SSE: one stream is opened for all; a POST's body goes to the upstream under an id of its own,
// the event with that id goes back as the POST's answer under the client's. Ids are found as text.
// Started as a process of its own with the upstream's URL; prints its port once the stream stands.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

const upstream = new URL(process.argv[2] ?? '');
const pool = new Pool(upstream.origin, { pipelining: 1, bodyTimeout: 0 });
const HEADERS = ['content-type', 'application/json'];
const ID = /"id":(\d+|"[^"]*")/;
const EVENT_END = '\n\n';

const waiting = new Map<string, { readonly res: ServerResponse; readonly idText: string }>();
let endpoint: string | undefined;
let lastId = 0;
let pending = '';

function forward(body: string, res: ServerResponse): void {
  const idText = ID.exec(body)?.[1];
  const id = String(++lastId);
  if (idText === undefined) res.writeHead(202, ['content-length', '0']).end();
  else waiting.set(id, { res, idText });
  const text = idText === undefined ? body : body.replace(ID, `"id":${id}`);
  pool.dispatch(
    { path: endpoint ?? '', method: 'POST', headers: HEADERS, body: Buffer.from(text, 'latin1') },
    {
      onRequestStart() {},
      onResponseStart() {},
      onResponseData() {},
      onResponseEnd() {},
      onResponseError() {
        if (waiting.delete(id)) res.writeHead(502, ['content-length', '0']).end();
      },
    },
  );
}

function take(event: string): void {
  const data = event.slice(event.indexOf('data: ') + 6);
  if (endpoint === undefined) {
    endpoint = data;
    return listen();
  }
  const id = ID.exec(data)?.[1] ?? '';
  const caller = waiting.get(id);
  if (caller === undefined) return;
  waiting.delete(id);
  const bytes = Buffer.from(data.replace(ID, `"id":${caller.idText}`), 'latin1');
  caller.res.writeHead(200, ['content-type', 'application/json', 'content-length', String(bytes.length)]);
  caller.res.end(bytes);
}

const server = createServer((req, res) => {
  let body = '';
  req.setEncoding('latin1');
  req.on('data', (chunk: string) => (body += chunk));
  req.on('end', () => forward(body, res));
});

function listen(): void {
  server.listen(0, '127.0.0.1', () => {
    console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}

pool.dispatch(
  { path: upstream.pathname, method: 'GET', headers: ['accept', 'text/event-stream'] },
  {
    onRequestStart() {},
    onResponseStart() {},
    onResponseData(_controller, chunk) {
      const events = (pending + chunk.toString('latin1')).split(EVENT_END);
      pending = events.pop() ?? '';
      for (const event of events) take(event);
    },
    onResponseEnd() {},
    onResponseError(_controller, error) {
      console.error(error);
      process.exit(1);
    },
  },
);
