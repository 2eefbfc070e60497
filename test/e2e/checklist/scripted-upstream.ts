// An upstream that says exactly the bytes a test tells it to, in both eras: what the fixture is too honest or too orderly to do.
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as it arrived, and the answer to give. */
export interface Arrived {
  readonly verb: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly text: string;
  /** The message; an empty object when there is none. */
  readonly message: { readonly id?: unknown; readonly method?: string; readonly params?: Record<string, unknown> };
  readonly res: ServerResponse;
}

/** Answers a request itself, or returns false to leave it to the upstream's ordinary manners. */
export type Script = (arrived: Arrived) => boolean | void;

export interface ScriptedUpstream {
  readonly url: string;
  readonly port: number;
  /** Requests that reached the script, without those of registration. */
  readonly seen: Arrived[];
  /** Session ids it has given and still knows. */
  readonly sessions: Set<string>;
  /** From now on every request is shown to this script first. */
  play(script: Script): void;
  close(): Promise<void>;
}

export interface ScriptedOptions {
  readonly port?: number;
  readonly tools?: readonly string[];
  readonly eras?: 'both' | 'legacy';
  /** Members of the results of initialize and server/discover, as text. */
  readonly about?: string;
}

const ABOUT = '"capabilities":{"tools":{"listChanged":true}}';

export async function startScriptedUpstream({
  port = 0,
  tools = ['one'],
  eras = 'both',
  about = ABOUT,
}: ScriptedOptions = {}): Promise<ScriptedUpstream> {
  const seen: Arrived[] = [];
  const sessions = new Set<string>();
  let script: Script | undefined;
  let opened = 0;

  function ordinary({ verb, message, res }: Arrived): void {
    const id = JSON.stringify(message.id);
    if (verb === 'DELETE') return void res.writeHead(200).end();
    if (verb === 'GET') return void res.writeHead(405).end();
    if (message.id === undefined || message.method === undefined) return void res.writeHead(202).end();
    if (message.method === 'initialize') {
      const session = `upstream-session-${++opened}`;
      sessions.add(session);
      const version = JSON.stringify(message.params?.['protocolVersion']);
      json(res, `{"jsonrpc":"2.0","id":${id},"result":{"protocolVersion":${version},${about},"serverInfo":{"name":"scripted","version":"1"}}}`, 200, {
        'mcp-session-id': session,
      });
    } else if (message.method === 'server/discover' && eras === 'both') {
      json(
        res,
        `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","supportedVersions":["2026-07-28"],${about},"ttlMs":0,"cacheScope":"private"}}`,
      );
    } else if (message.method === 'tools/list') json(res, toolList(id, tools));
    else json(res, `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"Method not found"}}`, eras === 'both' ? 404 : 400);
  }

  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const text = Buffer.concat(parts).toString('utf8');
      const arrived: Arrived = { verb: req.method ?? '', headers: req.headers, rawHeaders: req.rawHeaders, text, message: parsed(text), res };
      if (script !== undefined) seen.push(arrived);
      if (script === undefined || script(arrived) === false) ordinary(arrived);
    });
  });
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}/mcp`,
    port: address.port,
    seen,
    sessions,
    play(next) {
      script = next;
      seen.length = 0;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function parsed(text: string): Arrived['message'] {
  try {
    return JSON.parse(text) as Arrived['message'];
  } catch {
    return {};
  }
}

export function toolList(idText: string, names: readonly string[], more = ''): string {
  const tools = names.map((name) => `{"name":${JSON.stringify(name)},"inputSchema":{"type":"object"}}`).join(',');
  return `{"jsonrpc":"2.0","id":${idText},"result":{"tools":[${tools}]${more}}}`;
}

/** One JSON document as an answer. */
export function json(res: ServerResponse, text: string, status = 200, headers: Record<string, string> = {}): void {
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)), ...headers }).end(text);
}

/** The head of an event stream, sent at once. */
export function stream(res: ServerResponse, headers: Record<string, string> = {}): void {
  res.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
  res.flushHeaders();
}

export function event(data: string, id?: string): string {
  return `event: message\n${id === undefined ? '' : `id: ${id}\n`}data: ${data.replaceAll('\n', '\ndata: ')}\n\n`;
}
