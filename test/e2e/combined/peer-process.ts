// `node peer-process.ts JOB`: a client of the job's kind, connected, doing what its standard input says (peer-calls.ts). Processes of
// their own, because the SDKs are to be what their packages publish, without the conditions of the test runner.
import { createInterface } from 'node:readline';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ResultSchema as ResultV1,
} from '@modelcontextprotocol/sdk/types.js';
import { Client as Client2024 } from 'sdk-2024-11-05/client/index.js';
import type { Transport as Transport2024 } from 'sdk-2024-11-05/shared/transport.js';
import { CreateMessageRequestSchema as Sampling2024, ResultSchema as Result2024 } from 'sdk-2024-11-05/types.js';
import { SSEClientTransport } from 'sdk-2025-03-26/client/sse.js';
import { z } from 'zod';
import { transportTo } from '../../sessions/client-v1.ts';
import type { Endpoint } from '../../sessions/endpoint.ts';
import { createInbox } from '../../sessions/inbox.ts';
import type { PeerAnswer, PeerCall, PeerJob } from './peer-calls.ts';

type Json = Record<string, unknown>;

const inbox = createInbox();
const asked: string[] = [];
const INFO = { name: 'peer', version: '1' };
const ROOTS = { roots: [{ uri: 'file:///srv/peer', name: 'peer' }] };
const SAMPLED = { model: 'm', role: 'assistant' as const, content: { type: 'text' as const, text: 'sampled by the peer' } };
const FILLED_IN = {
  action: 'accept' as const,
  content: { name: 'Ada', username: 'ada', confirm: true, check: true, color: 'blue', context: 'here' },
};
const heard = (notification: { method: string; params?: unknown }): Promise<void> => {
  inbox.add(notification.method, notification.params);
  return Promise.resolve();
};
const note = <T>(method: string, answer: T): T => {
  asked.push(method);
  return answer;
};

/** Sends any request of the protocol. */
type Send = (method: string, params: Json) => Promise<Json>;

async function connectV1({ endpoint }: PeerJob): Promise<Send> {
  const client = new ClientV1(INFO, { capabilities: { roots: {}, sampling: {}, elicitation: { form: {}, url: {} } } });
  client.setRequestHandler(ListRootsRequestSchema, () => ROOTS);
  client.setRequestHandler(CreateMessageRequestSchema, ({ method }) => note(method, SAMPLED));
  client.setRequestHandler(ElicitRequestSchema, ({ method }) => note(method, FILLED_IN));
  client.fallbackNotificationHandler = heard;
  await client.connect(transportTo(endpoint));
  return (method, params) => client.request({ method, params }, ResultV1);
}

function transportV2(endpoint: Endpoint): TransportV2 | StdioV2 {
  if (endpoint.transport === 'stdio') return new StdioV2({ ...endpoint, args: [...endpoint.args], env: { ...endpoint.env } });
  return new TransportV2(new URL(endpoint.url), { requestInit: { headers: { ...endpoint.headers } } });
}

async function connectV2({ kind, endpoint }: PeerJob): Promise<Send> {
  const client = new ClientV2(INFO, {
    capabilities: { roots: {}, sampling: {}, elicitation: { form: {}, url: {} } },
    versionNegotiation: { mode: kind === 'v2' ? 'legacy' : 'auto' },
  });
  client.setRequestHandler('roots/list', () => ROOTS);
  client.setRequestHandler('sampling/createMessage', ({ method }) => note(method, SAMPLED));
  client.setRequestHandler('elicitation/create', ({ method }) => note(method, FILLED_IN));
  client.fallbackNotificationHandler = heard;
  await client.connect(transportV2(endpoint));
  if (kind === 'v2 modern') {
    for (const method of ['notifications/tools/list_changed', 'notifications/prompts/list_changed', 'notifications/resources/list_changed'] as const)
      client.setNotificationHandler(method, heard);
    await client.listen({ toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true });
  }
  return (method, params) => client.request({ method, params }, z.record(z.string(), z.unknown()));
}

/** The transport of 2024 sends no headers, and so no token; that of a little later speaks the same HTTP+SSE. */
async function connect2024({ endpoint }: PeerJob): Promise<Send> {
  if (endpoint.transport !== 'sse') throw new Error('This client has HTTP+SSE only');
  const { url, headers = {} } = endpoint;
  const client = new Client2024(INFO, { capabilities: { roots: {}, sampling: {} } });
  client.setRequestHandler(Sampling2024, ({ method }) => note(method, SAMPLED));
  client.fallbackNotificationHandler = heard;
  const withHeaders: typeof fetch = (input, init) => fetch(input, { ...init, headers: { ...headers, accept: 'text/event-stream' } });
  const transport: unknown = new SSEClientTransport(new URL(url), { requestInit: { headers }, eventSourceInit: { fetch: withHeaders } });
  await client.connect(transport as Transport2024);
  return (method, params) => client.request({ method, params }, Result2024);
}

const LISTS = {
  tools: ['tools/list', 'tools'],
  resources: ['resources/list', 'resources'],
  templates: ['resources/templates/list', 'resourceTemplates'],
  prompts: ['prompts/list', 'prompts'],
} as const;

async function listAll(send: Send, what: keyof typeof LISTS): Promise<unknown[]> {
  const [method, key] = LISTS[what];
  const all: unknown[] = [];
  for (let params: Json = {}; ;) {
    const page = await send(method, params);
    all.push(...(page[key] as unknown[]));
    if (page['nextCursor'] === undefined) return all;
    params = { cursor: page['nextCursor'] };
  }
}

function run(send: Send, call: PeerCall): unknown {
  switch (call.do) {
    case 'list':
      return listAll(send, call.what);
    case 'call':
      return send('tools/call', { name: call.name, arguments: call.args });
    case 'prompt':
      return send('prompts/get', { name: call.name, arguments: call.args });
    case 'read':
      return send('resources/read', { uri: call.uri });
    case 'subscribe':
      return send('resources/subscribe', { uri: call.uri });
    case 'until':
      return inbox.take(call.method);
    case 'asked':
      return asked.splice(0);
  }
}

const write = (answer: PeerAnswer): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
const job = JSON.parse(process.argv[2] ?? '') as PeerJob;
const send = await (job.kind === 'v1' ? connectV1(job) : job.kind === '2024' ? connect2024(job) : connectV2(job));
write({ value: 'connected' });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    write({ value: await run(send, JSON.parse(line) as PeerCall) });
  } catch (error) {
    write({ error: String(error), ...(typeof (error as { code?: unknown }).code === 'number' ? { code: (error as { code: number }).code } : {}) });
  }
}
process.exit(0);
