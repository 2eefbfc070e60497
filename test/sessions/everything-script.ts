/**
 * One session with server-everything that uses all it offers, written once for both TypeScript SDKs. Each step starts when
 * what the step before it sets off has arrived, so that two runs give the same messages in the same order on each stream.
 * `python/session.py` is the same script for the Python SDK; the arguments of both are in everything-calls.json.
 */
import calls from './everything-calls.json' with { type: 'json' };
import type { Inbox } from './inbox.ts';

export interface CallOptions {
  readonly onProgress?: () => void;
  readonly signal?: AbortSignal;
}

/** The little in which the SDKs differ. Each function is the SDK's own method for it, and rejects as that one does. */
export interface ScriptedClient {
  readonly inbox: Inbox;
  /** True when this SDK can run the server's sampling and elicitation requests as tasks of the client. */
  readonly hasClientTasks: boolean;
  ping(): Promise<unknown>;
  setLevel(level: 'debug' | 'error'): Promise<unknown>;
  listTools(params?: { cursor: string }): Promise<{ tools: { name: string }[] }>;
  callTool(name: string, args: Record<string, unknown>, options?: CallOptions): Promise<unknown>;
  listResources(params?: { cursor: string }): Promise<{ resources: { uri: string }[] }>;
  listResourceTemplates(): Promise<{ resourceTemplates: unknown[] }>;
  readResource(uri: string): Promise<unknown>;
  subscribe(uri: string): Promise<unknown>;
  unsubscribe(uri: string): Promise<unknown>;
  listPrompts(): Promise<{ prompts: { name: string }[] }>;
  getPrompt(name: string, args: Record<string, string>): Promise<unknown>;
  complete(params: (typeof calls.completions)[number]): Promise<unknown>;
  /** Any request, its result unchecked. */
  request(method: string, params: Record<string, unknown>): Promise<Record<string, unknown>>;
  changeRoots(): Promise<void>;
  /** Ends the session with DELETE, then closes the connection. */
  terminate(): Promise<void>;
}

async function expectRefusal(step: string, call: Promise<unknown>): Promise<void> {
  const outcome = await call.then(
    (result) => ({ result }),
    () => undefined,
  );
  // Some refusals are results (`isError`); the recording holds which it was.
  const result = outcome?.result;
  if (outcome !== undefined && !(typeof result === 'object' && result !== null && 'isError' in result && result.isError === true)) {
    throw new Error(`${step} should have been refused`);
  }
}

const isLog = (text: string) => (params: Readonly<Record<string, unknown>>) => String(params['data']).includes(text);
const hasStatus = (status: string) => (params: Readonly<Record<string, unknown>>) => params['status'] === status;

async function playTools(client: ScriptedClient): Promise<void> {
  const listed = (await client.listTools()).tools.map((tool) => tool.name);
  await client.listTools({ cursor: 'no-such-cursor' });
  const planned = [...calls.tools, ...(client.hasClientTasks ? calls.clientTaskTools : [])] as [string, Record<string, unknown>][];
  const known = new Set([...planned.map(([name]) => name), ...calls.elsewhereTools]);
  const forgotten = listed.filter((name) => !known.has(name));
  if (forgotten.length > 0 || listed.length !== known.size) throw new Error(`tools listed ${listed.join()}, planned ${[...known].join()}`);
  for (const [name, args] of planned) {
    await client.callTool(name, args);
    if (name === 'gzip-file-as-resource') await client.inbox.take('notifications/resources/list_changed');
  }
  for (const [name, args] of calls.wrongToolCalls as [string, Record<string, unknown>][]) {
    await expectRefusal(name, client.callTool(name, args));
  }
}

async function playResources(client: ScriptedClient): Promise<void> {
  const { resources } = await client.listResources();
  await client.listResources({ cursor: '' });
  await client.listResourceTemplates();
  for (const uri of new Set([...resources.map((resource) => resource.uri), ...calls.dynamicResources])) await client.readResource(uri);
  for (const uri of calls.unknownResources) await expectRefusal(`reading ${uri}`, client.readResource(uri));
  for (const uri of calls.subscriptions) {
    await client.subscribe(uri);
    await client.inbox.take('notifications/message', isLog('Received Subscribe'));
  }
  await client.callTool('toggle-subscriber-updates', {});
  for (const uri of calls.subscriptions) await client.inbox.take('notifications/resources/updated', (params) => params['uri'] === uri);
  await client.callTool('toggle-subscriber-updates', {});
  for (const uri of calls.subscriptions) {
    await client.unsubscribe(uri);
    await client.inbox.take('notifications/message', isLog('Received Unsubscribe'));
  }
}

async function playPrompts(client: ScriptedClient): Promise<void> {
  const { prompts } = await client.listPrompts();
  for (const { name } of prompts) {
    if (!calls.prompts.some(([planned]) => planned === name)) throw new Error(`prompt ${name} is not in the script`);
  }
  for (const [name, args] of calls.prompts as [string, Record<string, string>][]) await client.getPrompt(name, args);
  for (const [name, args] of calls.wrongPrompts as [string, Record<string, string>][]) {
    await expectRefusal(name, client.getPrompt(name, args));
  }
  for (const params of calls.completions) await client.complete(params);
  for (const params of calls.wrongCompletions) await expectRefusal('completion', client.complete(params));
}

async function playLogging(client: ScriptedClient): Promise<void> {
  await client.callTool('toggle-simulated-logging', {});
  await client.inbox.take('notifications/message', (params) => /level.message/.test(String(params['data'])));
  await client.callTool('toggle-simulated-logging', {});
}

async function playProgressAndCancel(client: ScriptedClient): Promise<void> {
  await client.callTool('trigger-long-running-operation', { duration: 0.2, steps: 4 }, { onProgress: () => {} });
  const controller = new AbortController();
  const running = client.callTool(
    'trigger-long-running-operation',
    { duration: 5, steps: 2 },
    { onProgress: () => controller.abort('enough'), signal: controller.signal },
  );
  await expectRefusal('a cancelled call', running);
}

async function startResearch(client: ScriptedClient, args: Record<string, unknown>): Promise<string> {
  const created = await client.request('tools/call', { name: 'simulate-research-query', arguments: args, task: { ttl: 60_000 } });
  await client.inbox.take('notifications/tasks/status', (params) => params['statusMessage'] === 'Gathering sources...');
  return (created['task'] as { taskId: string }).taskId;
}

async function playTasks(client: ScriptedClient): Promise<void> {
  const cancelled = await startResearch(client, { topic: 'what nobody waits for' });
  await client.request('tasks/get', { taskId: cancelled });
  await client.request('tasks/cancel', { taskId: cancelled });
  await client.request('tasks/get', { taskId: cancelled });
  await expectRefusal('cancelling again', client.request('tasks/cancel', { taskId: cancelled }));

  const plain = await startResearch(client, { topic: 'gateways' });
  await client.request('tasks/list', {});
  await client.inbox.take('notifications/tasks/status', hasStatus('completed'));
  await client.request('tasks/get', { taskId: plain });
  await client.request('tasks/result', { taskId: plain });

  const ambiguous = await startResearch(client, { topic: 'python', ambiguous: true });
  await client.request('tasks/result', { taskId: ambiguous });
  await client.inbox.take('notifications/tasks/status', hasStatus('completed'));
  await client.request('tasks/list', {});
}

/** Plays the whole session of a client that has just connected. Rejects when a step did not have its effect. */
export async function playEverything(client: ScriptedClient): Promise<void> {
  const { inbox } = client;
  await inbox.take('notifications/message', isLog('Roots updated: 2'));
  await client.ping();
  await client.setLevel('debug');
  await playTools(client);
  await playResources(client);
  await playPrompts(client);
  await playLogging(client);
  await playProgressAndCancel(client);
  await playTasks(client);
  for (const [method, params] of calls.rawRequests as [string, Record<string, unknown>][]) {
    await expectRefusal(method, client.request(method, params));
  }
  await client.changeRoots();
  await inbox.take('notifications/message', isLog('Roots updated: 1'));
  await client.callTool('get-roots-list', {});
  await client.setLevel('error');
  // At this level the server's note about a subscription stays unsent; a mirror must not send it either.
  await client.subscribe('demo://resource/dynamic/text/9');
  await client.ping();
  await client.terminate();
}
