// Clients as they were in earlier revisions: the official SDK of that time, whose parsers are as strict as they were then. Run as
// `node old-client-process.ts VERSION DOOR` with a channel: the test runner resolves their modules by other conditions.
import { Client as Client2024 } from 'sdk-2024-11-05/client/index.js';
import type { Transport as Transport2024 } from 'sdk-2024-11-05/shared/transport.js';
import { CreateMessageRequestSchema as Sampling2024, type JSONRPCMessage } from 'sdk-2024-11-05/types.js';
import { Client as Client2025a } from 'sdk-2025-03-26/client/index.js';
import { SSEClientTransport } from 'sdk-2025-03-26/client/sse.js';
import { StreamableHTTPClientTransport as Transport2025a } from 'sdk-2025-03-26/client/streamableHttp.js';
import { CreateMessageRequestSchema as Sampling2025a } from 'sdk-2025-03-26/types.js';
import { Client as Client2025b } from 'sdk-2025-06-18/client/index.js';
import { StreamableHTTPClientTransport as Transport2025b } from 'sdk-2025-06-18/client/streamableHttp.js';
import { CreateMessageRequestSchema as Sampling2025b, ElicitRequestSchema } from 'sdk-2025-06-18/types.js';
import type { Door } from './doors.ts';

/** What a test asks of the client. */
export type OldClientCall =
  | { readonly do: 'listTools' | 'asked' }
  | { readonly do: 'callTool' | 'getPrompt'; readonly name: string; readonly args: Record<string, string> }
  | { readonly do: 'readResource'; readonly uri: string };

/** `unreadable`: the client's own parser refused what came. */
export type OldClientAnswer = { readonly value: unknown } | { readonly error: string; readonly isUnreadable: boolean };

interface OldClient {
  run(call: OldClientCall): Promise<unknown>;
}

const INFO = { name: 'old', version: '1' };
const SAMPLED = { model: 'm', role: 'assistant', content: { type: 'text', text: 'sampled' } } as const;

/** The part of an SDK's client that is the same in all of them. */
interface SdkClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<object>;
  getPrompt(params: { name: string; arguments: Record<string, string> }): Promise<unknown>;
  readResource(params: { uri: string }): Promise<unknown>;
}

type Asked = { readonly method: string; readonly params: unknown }[];

function wrap(client: SdkClient, asked: Asked): OldClient {
  return {
    async run(call) {
      switch (call.do) {
        case 'listTools':
          return client.listTools();
        case 'callTool':
          return client.callTool({ name: call.name, arguments: call.args });
        case 'getPrompt':
          return client.getPrompt({ name: call.name, arguments: call.args });
        case 'readResource':
          return client.readResource({ uri: call.uri });
        case 'asked':
          return asked;
      }
    },
  };
}

async function connect2024(door: Door): Promise<OldClient> {
  const client = new Client2024(INFO, { capabilities: { sampling: {}, roots: {} } });
  const asked: Asked = [];
  client.setRequestHandler(Sampling2024, ({ method, params }) => {
    asked.push({ method, params });
    return SAMPLED;
  });
  await client.connect(door.url.endsWith('/sse') ? sseTransport(door) : new PostTransport(door));
  return wrap(client, asked);
}

/** The transport of 2024 sends no headers, and so no token; that of a little later speaks the same HTTP+SSE. */
function sseTransport({ url, headers }: Door): Transport2024 {
  const withHeaders: typeof fetch = (input, init) => fetch(input, { ...init, headers: { ...headers, accept: 'text/event-stream' } });
  const transport: unknown = new SSEClientTransport(new URL(url), { requestInit: { headers }, eventSourceInit: { fetch: withHeaders } });
  return transport as Transport2024;
}

async function connect2025a(door: Door): Promise<OldClient> {
  const client = new Client2025a(INFO, { capabilities: { sampling: {}, roots: {} } });
  const asked: Asked = [];
  client.setRequestHandler(Sampling2025a, ({ method, params }) => {
    asked.push({ method, params });
    return SAMPLED;
  });
  // Its own types do not fit each other where undefined is not the same as absent.
  const transport: unknown = new Transport2025a(new URL(door.url), { requestInit: { headers: door.headers } });
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  return wrap(client, asked);
}

async function connect2025b(door: Door): Promise<OldClient> {
  const client = new Client2025b(INFO, { capabilities: { sampling: {}, roots: {}, elicitation: {} } });
  const asked: Asked = [];
  client.setRequestHandler(Sampling2025b, ({ method, params }) => {
    asked.push({ method, params });
    return SAMPLED;
  });
  client.setRequestHandler(ElicitRequestSchema, ({ method, params }) => {
    asked.push({ method, params });
    return { action: 'accept', content: {} };
  });
  const transport: unknown = new Transport2025b(new URL(door.url), { requestInit: { headers: door.headers } });
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  return wrap(client, asked);
}

/** The SDK of 2024 knows no streamable HTTP; what it parses does not depend on what has carried it. */
class PostTransport implements Transport2024 {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #door: Door;
  #session: Record<string, string> = {};
  readonly #closed = new AbortController();

  constructor(door: Door) {
    this.#door = door;
  }

  async start(): Promise<void> {}

  async send(message: JSONRPCMessage): Promise<void> {
    const answer = await this.#fetch('POST', JSON.stringify(message));
    const session = answer.headers.get('mcp-session-id');
    if (session !== null) this.#session = { 'mcp-session-id': session };
    if (answer.headers.get('content-type')?.startsWith('text/event-stream') === true) this.#listen(answer);
    else if (answer.status !== 202) this.#hear(await answer.text());
    if ('method' in message && message.method === 'notifications/initialized') {
      const stream = await this.#fetch('GET', null);
      if (stream.ok) this.#listen(stream);
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.onclose?.();
  }

  #fetch(method: string, body: string | null): Promise<Response> {
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...this.#door.headers, ...this.#session };
    return fetch(this.#door.url, { method, headers, body, signal: this.#closed.signal });
  }

  #listen(answer: Response): void {
    this.#read(answer).catch((error: unknown) => {
      if (!this.#closed.signal.aborted) this.onerror?.(error as Error);
    });
  }

  async #read(answer: Response): Promise<void> {
    let text = '';
    for await (const chunk of (answer.body ?? new ReadableStream<Uint8Array>()).pipeThrough(new TextDecoderStream())) {
      const events = (text + chunk).split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const data = event.split('\n').filter((line) => line.startsWith('data:'));
        if (data.length > 0) this.#hear(data.map((line) => line.slice(5)).join('\n'));
      }
    }
  }

  #hear(text: string): void {
    this.onmessage?.(JSON.parse(text) as JSONRPCMessage);
  }
}

const CONNECT: Readonly<Record<string, (door: Door) => Promise<OldClient>>> = {
  '2024-11-05': connect2024,
  '2025-03-26': connect2025a,
  '2025-06-18': connect2025b,
};

const answer = (message: OldClientAnswer): void => {
  process.send?.(message);
};

async function attempt(work: Promise<unknown>): Promise<void> {
  try {
    answer({ value: await work });
  } catch (error) {
    const { name, message } = error as Error;
    answer({ error: message, isUnreadable: name === 'ZodError' });
  }
}

const [version = '', door = ''] = process.argv.slice(2);
const connecting = CONNECT[version]?.(JSON.parse(door) as Door) ?? Promise.reject(new Error(`There is no client of ${version}`));
await attempt(connecting.then(() => undefined));
process.on('message', (call: OldClientCall) => void attempt(connecting.then((client) => client.run(call))));
process.on('disconnect', () => process.exit());
