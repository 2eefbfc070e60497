// The TypeScript SDK v2: told to hold a session, finding out by itself what there is, or speaking 2026-07-28 only.
import { Client, LOG_LEVEL_META_KEY, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { McpSubscription, VersionNegotiationMode } from '@modelcontextprotocol/client';
import type { ClientCall, ClientJob } from './client-words.ts';
import type { Ears } from './ears.ts';
import { doAsTold, subscribing } from './sdk-client.ts';
import type { SdkManners } from './sdk-client.ts';

const MODERN = '2026-07-28';
const MODES: Readonly<Record<string, VersionNegotiationMode>> = { 'v2 legacy': 'legacy', 'v2 auto': 'auto', 'v2 modern': { pin: MODERN } };

/** This SDK reports rounds of questions as progress. */
const SAID_BY_SDK = /^Fulfilling input required by/;

/** These have no fallback handler in this SDK. */
const HEARD = [
  'notifications/resources/updated',
  'notifications/resources/list_changed',
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/message',
] as const;

export async function connectV2({ kind, endpoint }: ClientJob, ears: Ears): Promise<(call: ClientCall) => Promise<unknown>> {
  if (endpoint.transport !== 'streamableHttp') throw new Error('This client is tried over streamable HTTP');
  const client = new Client(
    { name: 'every-client-v2', version: '1.0.0' },
    {
      capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } },
      versionNegotiation: { mode: MODES[kind] ?? 'auto' },
    },
  );
  client.setRequestHandler('roots/list', (request) => ears.roots(request));
  client.setRequestHandler('sampling/createMessage', (request) => ears.sample(request));
  client.setRequestHandler('elicitation/create', (request) => ears.elicit(request));
  for (const method of HEARD) client.setNotificationHandler(method, (notification) => ears.hear(notification));
  client.fallbackNotificationHandler = (notification) => ears.hear(notification);
  await client.connect(new StreamableHTTPClientTransport(new URL(endpoint.url), { requestInit: { headers: { ...endpoint.headers } } }));
  const isModern = client.getNegotiatedProtocolVersion() === MODERN;
  const manners: SdkManners = { ...(isModern ? modernManners(client) : sessionManners(client, ears)), instructions: client.getInstructions() };
  return (call) => doAsTold(client, manners, ears, call);

  function modernManners(modern: Client): Omit<SdkManners, 'instructions'> {
    let meta: { _meta?: Record<string, unknown> } = {};
    let listening: McpSubscription | undefined;
    return {
      isModern: true,
      call: (name, args) =>
        modern.callTool(
          { name, arguments: args, ...meta },
          { onprogress: (step) => void (SAID_BY_SDK.test(step.message ?? '') || ears.progress(step)) },
        ),
      complete: (params) => modern.complete(params as Parameters<Client['complete']>[0]),
      async level(level) {
        meta = { _meta: { [LOG_LEVEL_META_KEY]: level } };
      },
      async watch(uris) {
        listening = await modern.listen({ resourcesListChanged: true, resourceSubscriptions: [...uris] });
      },
      unwatch: async () => listening?.close(),
    };
  }
}

function sessionManners(client: Client, ears: Ears): Omit<SdkManners, 'instructions'> {
  return {
    isModern: false,
    call: (name, args) => client.callTool({ name, arguments: args }, { onprogress: ears.progress }),
    complete: (params) => client.complete(params as Parameters<Client['complete']>[0]),
    level: (level) => client.setLoggingLevel(level),
    ...subscribing(client),
  };
}
