/** The everything script on the TypeScript SDK v1, which also runs the server's requests as experimental tasks. */
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import type { CreateTaskRequestHandlerExtra } from '@modelcontextprotocol/sdk/experimental/tasks';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { RequestOptions } from '@modelcontextprotocol/sdk/shared/protocol.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Result } from '@modelcontextprotocol/sdk/types.js';
import type { Endpoint } from './endpoint.ts';
import { playEverything } from './everything-script.ts';
import type { CallOptions } from './everything-script.ts';
import { createInbox } from './inbox.ts';
import { createScriptedAnswers } from './scripted-answers.ts';

function toRequestOptions({ onProgress, signal }: CallOptions): RequestOptions {
  return { ...(onProgress ? { onprogress: onProgress } : {}), ...(signal ? { signal } : {}) };
}

/** Answers at once, or, when the server wants a task, creates one that is finished before the server first asks for it. */
async function answer<R extends Result>(
  params: { task?: { ttl?: number | undefined } | undefined },
  extra: unknown,
  result: R,
): Promise<R | { task: Awaited<ReturnType<CreateTaskRequestHandlerExtra['taskStore']['createTask']>> }> {
  if (params.task === undefined) return result;
  const { taskStore } = extra as CreateTaskRequestHandlerExtra;
  const task = await taskStore.createTask({ ttl: params.task.ttl ?? null });
  await taskStore.storeTaskResult(task.taskId, 'completed', result);
  return { task };
}

/** This SDK's transport to an endpoint, which is not connected yet. */
export function transportTo(endpoint: Endpoint): StreamableHTTPClientTransport | SSEClientTransport | StdioClientTransport {
  if (endpoint.transport === 'stdio') return new StdioClientTransport({ ...endpoint, args: [...endpoint.args], env: { ...endpoint.env } });
  const requestInit = { headers: { ...endpoint.headers } };
  if (endpoint.transport === 'sse') return new SSEClientTransport(new URL(endpoint.url), { requestInit });
  return new StreamableHTTPClientTransport(new URL(endpoint.url), {
    requestInit,
    // This SDK takes a stream that ended with an error response for a broken one and resumes it a second later, to which
    // server-everything replays the whole session. What is on which stream would then depend on the clock. The SDK v2 no longer does so.
    reconnectionOptions: { maxRetries: 0, initialReconnectionDelay: 1000, maxReconnectionDelay: 1000, reconnectionDelayGrowFactor: 1 },
  });
}

/** Connects to `endpoint`, plays the session and ends it. */
export async function playV1Session(endpoint: Endpoint): Promise<void> {
  const inbox = createInbox();
  const answers = createScriptedAnswers();
  const taskStore = new InMemoryTaskStore();
  const client = new Client(
    { name: 'scripted-v1', version: '1.0.0' },
    {
      capabilities: {
        roots: { listChanged: true },
        sampling: {},
        elicitation: { form: {}, url: {} },
        tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } },
      },
      taskStore,
    },
  );
  client.fallbackNotificationHandler = async ({ method, params }) => inbox.add(method, params);
  client.setRequestHandler(ListRootsRequestSchema, () => answers.roots());
  client.setRequestHandler(CreateMessageRequestSchema, ({ params }, extra) => answer(params, extra, answers.sample(params)));
  client.setRequestHandler(ElicitRequestSchema, ({ params }, extra) => answer(params, extra, answers.elicit(params)));
  const transport = transportTo(endpoint);
  await client.connect(transport);
  await playEverything({
    inbox,
    hasClientTasks: true,
    ping: () => client.ping(),
    setLevel: (level) => client.setLoggingLevel(level),
    listTools: (params) => client.listTools(params),
    callTool: (name, args, options = {}) => client.callTool({ name, arguments: args }, undefined, toRequestOptions(options)),
    listResources: (params) => client.listResources(params),
    listResourceTemplates: () => client.listResourceTemplates(),
    readResource: (uri) => client.readResource({ uri }),
    subscribe: (uri) => client.subscribeResource({ uri }),
    unsubscribe: (uri) => client.unsubscribeResource({ uri }),
    listPrompts: () => client.listPrompts(),
    getPrompt: (name, args) => client.getPrompt({ name, arguments: args }),
    complete: (params) => client.complete(params as Parameters<Client['complete']>[0]),
    request: (method, params) => client.request({ method, params }, ResultSchema),
    async changeRoots() {
      answers.changeRoots();
      await client.sendRootsListChanged();
    },
    async terminate() {
      if (transport instanceof StreamableHTTPClientTransport) await transport.terminateSession();
      await client.close();
      taskStore.cleanup();
    },
  });
}
