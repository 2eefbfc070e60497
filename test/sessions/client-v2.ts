/** The everything script on the TypeScript SDK v2, which finds out by itself that the server is of the session era. */
import { Client, SSEClientTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { RequestOptions } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { z } from 'zod';
import type { Endpoint } from './endpoint.ts';
import { playEverything } from './everything-script.ts';
import type { CallOptions } from './everything-script.ts';
import { createInbox } from './inbox.ts';
import { createScriptedAnswers } from './scripted-answers.ts';

function toRequestOptions({ onProgress, signal }: CallOptions): RequestOptions {
  return { ...(onProgress ? { onprogress: onProgress } : {}), ...(signal ? { signal } : {}) };
}

function transportTo(endpoint: Endpoint): StreamableHTTPClientTransport | SSEClientTransport | StdioClientTransport {
  if (endpoint.transport === 'stdio') return new StdioClientTransport({ ...endpoint, args: [...endpoint.args], env: { ...endpoint.env } });
  return endpoint.transport === 'sse' ? new SSEClientTransport(new URL(endpoint.url)) : new StreamableHTTPClientTransport(new URL(endpoint.url));
}

/**
 * Connects to `endpoint` in the older era, plays the session and ends it. Left to choose it would take the newer one of a gateway, which
 * offers both whatever the server speaks, and could not be compared message by message.
 */
export async function playV2Session(endpoint: Endpoint): Promise<void> {
  const inbox = createInbox();
  const answers = createScriptedAnswers();
  const client = new Client(
    { name: 'scripted-v2', version: '1.0.0' },
    {
      capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } },
      versionNegotiation: { mode: 'legacy' },
    },
  );
  client.fallbackNotificationHandler = async ({ method, params }) => inbox.add(method, params);
  client.setRequestHandler('roots/list', () => answers.roots());
  client.setRequestHandler('sampling/createMessage', ({ params }) => answers.sample(params));
  client.setRequestHandler('elicitation/create', ({ params }) => answers.elicit(params));
  const transport = transportTo(endpoint);
  await client.connect(transport);
  await playEverything({
    inbox,
    hasClientTasks: false,
    ping: () => client.ping(),
    setLevel: (level) => client.setLoggingLevel(level),
    listTools: (params) => client.listTools(params),
    callTool: (name, args, options = {}) => client.callTool({ name, arguments: args }, toRequestOptions(options)),
    listResources: (params) => client.listResources(params),
    listResourceTemplates: () => client.listResourceTemplates(),
    readResource: (uri) => client.readResource({ uri }),
    subscribe: (uri) => client.subscribeResource({ uri }),
    unsubscribe: (uri) => client.unsubscribeResource({ uri }),
    listPrompts: () => client.listPrompts(),
    getPrompt: (name, args) => client.getPrompt({ name, arguments: args }),
    complete: (params) => client.complete(params as Parameters<Client['complete']>[0]),
    request: (method, params) => client.request({ method, params }, z.record(z.string(), z.unknown())),
    async changeRoots() {
      answers.changeRoots();
      await client.sendRootsListChanged();
    },
    async terminate() {
      if (transport instanceof StreamableHTTPClientTransport) await transport.terminateSession();
      await client.close();
    },
  });
}
