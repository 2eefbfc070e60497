// The TypeScript SDK of the first revision, over HTTP+SSE: no elicitation, no fields that came later.
import { Client } from 'sdk-2024-11-05/client/index.js';
import type { Transport } from 'sdk-2024-11-05/shared/transport.js';
import { CreateMessageRequestSchema, ListRootsRequestSchema, ProgressNotificationSchema } from 'sdk-2024-11-05/types.js';
import { SSEClientTransport } from 'sdk-2025-03-26/client/sse.js';
import type { ClientCall, ClientJob } from './client-words.ts';
import type { Ears } from './ears.ts';
import { doAsTold, subscribing } from './sdk-client.ts';
import type { SdkManners } from './sdk-client.ts';

export async function connect2024({ endpoint }: ClientJob, ears: Ears): Promise<(call: ClientCall) => Promise<unknown>> {
  if (endpoint.transport !== 'sse') throw new Error('This client has HTTP+SSE only');
  const { url, headers = {} } = endpoint;
  const client = new Client({ name: 'every-client-2024', version: '1.0.0' }, { capabilities: { roots: { listChanged: true }, sampling: {} } });
  client.setRequestHandler(ListRootsRequestSchema, (request) => ears.roots(request));
  client.setRequestHandler(CreateMessageRequestSchema, (request) => ears.sample(request));
  client.fallbackNotificationHandler = (notification) => ears.hear(notification);
  // Its own way to hear of progress forgets who wants to know when the answer is read together with the last of it.
  client.setNotificationHandler(ProgressNotificationSchema, ({ params: { progressToken: _token, ...step } }) => ears.progress(step));
  let calls = 0;
  // The transport of 2024 sends no headers, and so no token; that of a little later speaks the same HTTP+SSE.
  const withHeaders: typeof fetch = (input, init) => fetch(input, { ...init, headers: { ...headers, accept: 'text/event-stream' } });
  const transport: unknown = new SSEClientTransport(new URL(url), { requestInit: { headers }, eventSourceInit: { fetch: withHeaders } });
  await client.connect(transport as Transport);
  const manners: SdkManners = {
    isModern: false,
    // This SDK does not keep them.
    instructions: null,
    call: (name, args) => client.callTool({ name, arguments: args, _meta: { progressToken: `call ${(calls += 1)}` } }),
    complete: (params) => client.complete(params as Parameters<Client['complete']>[0]),
    level: (level) => client.setLoggingLevel(level),
    ...subscribing(client),
  };
  return (call) => doAsTold(client, manners, ears, call);
}
