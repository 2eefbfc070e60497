// The yardstick for stdio upstreams: a POST's body goes to the one child's stdin under an id of its own, the line with that id goes
// back under the client's. Ids are found as text; no JSON, no authentication, no session, no feature.
// Started as a process of its own with the child's command line; prints its port.
import { spawn } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const [command = '', ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
const ID = /"id":(\d+|"[^"]*")/;

interface Waiting {
  readonly res: ServerResponse;
  readonly idText: string;
}

const waiting = new Map<string, Waiting>();
let lastId = 0;
let pending = '';

function forward(body: string, res: ServerResponse): void {
  const idText = ID.exec(body)?.[1];
  if (idText === undefined) {
    child.stdin.write(`${body}\n`, 'latin1');
    return void res.writeHead(202, ['content-length', '0']).end();
  }
  const id = String(++lastId);
  waiting.set(id, { res, idText });
  child.stdin.write(`${body.replace(ID, `"id":${id}`)}\n`, 'latin1');
}

function answer(line: string): void {
  const id = ID.exec(line)?.[1] ?? '';
  const caller = waiting.get(id);
  if (caller === undefined) return;
  waiting.delete(id);
  const bytes = Buffer.from(line.replace(ID, `"id":${caller.idText}`), 'latin1');
  caller.res.writeHead(200, ['content-type', 'application/json', 'content-length', String(bytes.length)]);
  caller.res.end(bytes);
}

child.stdout.setEncoding('latin1');
child.stdout.on('data', (read: string) => {
  const lines = (pending + read).split('\n');
  pending = lines.pop() ?? '';
  for (const line of lines) answer(line);
});

const server = createServer((req, res) => {
  let body = '';
  req.setEncoding('latin1');
  req.on('data', (chunk: string) => (body += chunk));
  req.on('end', () => forward(body, res));
});

process.on('SIGTERM', () => {
  child.kill('SIGTERM');
  process.exit(0);
});
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`);
});
