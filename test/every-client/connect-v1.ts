// The TypeScript SDK v1, which most clients are built on.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { transportTo } from '../sessions/client-v1.ts';
import type { ClientCall, ClientJob } from './client-words.ts';
import type { Ears } from './ears.ts';
import { doAsTold, subscribing } from './sdk-client.ts';
import type { SdkManners } from './sdk-client.ts';

export async function connectV1({ endpoint }: ClientJob, ears: Ears): Promise<(call: ClientCall) => Promise<unknown>> {
  const client = new Client(
    { name: 'every-client-v1', version: '1.0.0' },
    { capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } } },
  );
  client.setRequestHandler(ListRootsRequestSchema, (request) => ears.roots(request));
  client.setRequestHandler(CreateMessageRequestSchema, (request) => ears.sample(request));
  client.setRequestHandler(ElicitRequestSchema, (request) => ears.elicit(request));
  client.fallbackNotificationHandler = (notification) => ears.hear(notification);
  await client.connect(transportTo(endpoint));
  const manners: SdkManners = {
    isModern: false,
    instructions: client.getInstructions(),
    call: (name, args) => client.callTool({ name, arguments: args }, undefined, { onprogress: ears.progress }),
    complete: (params) => client.complete(params as Parameters<Client['complete']>[0]),
    level: (level) => client.setLoggingLevel(level),
    ...subscribing(client),
  };
  return (call) => doAsTold(client, manners, ears, call);
}
