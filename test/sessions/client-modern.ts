/**
 * A session, if the stateless era had one, of the TypeScript SDK v2 pinned to 2026-07-28 with this repository's fixture
 * server: every tool, input_required in all its forms, listen streams, progress, log lines, cancel by closing, errors.
 */
import { CLIENT_CAPABILITIES_META_KEY, Client, LOG_LEVEL_META_KEY, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { CallToolRequestOptions, NotificationMethod } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import type { Endpoint } from './endpoint.ts';
import { createInbox } from './inbox.ts';
import { createScriptedAnswers } from './scripted-answers.ts';

type Arguments = Record<string, unknown>;

const CALLS: readonly [string, Arguments][] = [
  ['test_structured_content', { a: 1.5, b: 2 }],
  ['json_schema_2020_12_tool', { name: 'Ada', phone: '1' }],
  ['test_sampling', { prompt: 'Say hello' }],
  ['test_elicitation', { message: 'Who are you?' }],
  ['test_questions_at_once', { count: 3 }],
  ['test_header_parameters', { region: 'Zürich ', count: 7, dryRun: false, nested: { tenant: '=?base64?x?=' }, note: 'plain' }],
  ['echo_arguments', { text: 'grüß 🌍 \u0000', number: 1.5, list: [null, true, {}], '': '' }],
  ['big_result', { bytes: 300_000 }],
  ['sleep', { durationMs: 20 }],
  ['slow_compute', { seconds: 0.02, label: 'quick' }],
  ['confirm_delete', { filename: 'notes.txt' }],
  ['greet', { name: 'Grace' }],
  ['test_url_elicitation_required', {}],
];

/** Tools that answer with an error; rpc_error with whatever it is given. */
const REFUSED: readonly [string, Arguments][] = [
  ['no_such_tool', {}],
  ['failing_job', {}],
  ['protocol_error_job', {}],
  ['unknown_content', {}],
  ['rpc_error', { code: -32_042, message: 'Not for this era', data: { keep: [1, null] } }],
  ['rpc_error', { code: 7, message: '', data: 'text' }],
];

/** Played with their own steps below, or with nothing to compare: the one shows its caller's headers, the other breaks TCP. */
const ELSEWHERE = ['wait_for_release', 'wait_silently', 'emit_events', 'echo_params', 'cut_connection'];

const METHODS: readonly NotificationMethod[] = [
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/updated',
  'notifications/message',
];

async function refuse(step: string, call: Promise<unknown>): Promise<void> {
  const refused = await call.then(
    () => false,
    () => true,
  );
  if (!refused) throw new Error(`${step} should have been refused`);
}

/** Resolves when a call is waiting in the fixture under `key`, which is when there is something to cancel. */
async function untilWaiting(control: string, key: string): Promise<void> {
  for (;;) {
    const state = (await (await fetch(`${control}/control/state`)).json()) as { waiting: string[] };
    if (state.waiting.includes(key)) return;
    await setTimeout(10);
  }
}

/** Connects to `endpoint` at exactly 2026-07-28 and plays. `control` is the origin of the fixture behind it, for its levers. */
export async function playModernSession(endpoint: Endpoint, control: string): Promise<void> {
  const inbox = createInbox();
  const answers = createScriptedAnswers();
  const client = new Client(
    { name: 'scripted-modern', version: '1.0.0', title: 'Scripted' },
    { capabilities: { roots: {}, sampling: {}, elicitation: { form: {}, url: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  for (const method of METHODS) client.setNotificationHandler(method, ({ params }) => inbox.add(method, params));
  client.setRequestHandler('roots/list', () => answers.roots());
  client.setRequestHandler('sampling/createMessage', ({ params }) => answers.sample(params));
  client.setRequestHandler('elicitation/create', ({ params }) =>
    'url' in params ? answers.elicit(params) : { action: 'accept' as const, content: { name: 'Ada', confirm: true, color: 'blue', context: 'here' } },
  );
  if (endpoint.transport === 'sse') throw new Error('The stateless era has no HTTP+SSE');
  await client.connect(
    endpoint.transport === 'stdio'
      ? new StdioClientTransport({ ...endpoint, args: [...endpoint.args], env: { ...endpoint.env } })
      : new StreamableHTTPClientTransport(new URL(endpoint.url)),
  );

  const call = (name: string, args: Arguments = {}, options: CallToolRequestOptions = {}, meta: Arguments = {}): Promise<unknown> =>
    client.callTool({ name, arguments: args, ...(Object.keys(meta).length > 0 ? { _meta: meta } : {}) }, options);
  const request = (method: string, params: Arguments): Promise<unknown> => client.request({ method, params }, z.record(z.string(), z.unknown()));
  const pull = (lever: string, body: Arguments = {}): Promise<Response> =>
    fetch(`${control}/control/${lever}`, { method: 'POST', body: JSON.stringify(body) });

  await client.discover();
  const { tools } = await client.listTools();
  const special = new Set([...CALLS, ...REFUSED].map(([name]) => name).concat(ELSEWHERE));
  for (const { name } of tools) if (!special.has(name)) await call(name);
  for (const [name, args] of CALLS) await call(name, args);
  for (const [name, args] of REFUSED) await refuse(name, call(name, args));
  await refuse('an undeclared capability', call('test_missing_capability', {}, {}, { [CLIENT_CAPABILITIES_META_KEY]: {} }));
  await call('test_input_required_result_capabilities', {}, {}, { [CLIENT_CAPABILITIES_META_KEY]: { roots: {} } });

  await call('emit_events', { count: 5 }, { onprogress: () => {} });
  await call('test_tool_with_progress', {}, { onprogress: () => {} });
  await call('test_logging_tool', {}, {}, { [LOG_LEVEL_META_KEY]: 'warning' });
  await call(
    'test_tool_with_logging',
    {},
    {},
    { [LOG_LEVEL_META_KEY]: 'debug', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  );
  await call('wait_for_release', { key: 'go' }, { onprogress: () => void pull('release', { key: 'go' }) });
  const leaving = new AbortController();
  await refuse('a cancelled call', call('wait_for_release', { key: 'never' }, { signal: leaving.signal, onprogress: () => leaving.abort('enough') }));

  const leavingEarly = new AbortController();
  const unanswered = refuse('a call cancelled before its first byte', call('wait_silently', { key: 'quiet' }, { signal: leavingEarly.signal }));
  await untilWaiting(control, 'quiet');
  leavingEarly.abort('enough');
  await unanswered;

  await client.listResources();
  await client.listResourceTemplates();
  for (const uri of ['test://static-text', 'test://static-binary', 'test://watched-resource', 'ui://fixture/panel', 'test://template/a%2Fb/data']) {
    await client.readResource({ uri });
  }
  await refuse('an unknown resource', client.readResource({ uri: 'test://nowhere' }));
  await client.listPrompts();
  await client.getPrompt({ name: 'test_simple_prompt' });
  await client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'Zürich', arg2: '' } });
  await client.getPrompt({ name: 'test_prompt_with_embedded_resource', arguments: { resourceUri: 'test://static-text' } });
  await client.getPrompt({ name: 'test_prompt_with_image' });
  await client.getPrompt({ name: 'test_input_required_result_prompt' });
  await refuse('an unknown prompt', client.getPrompt({ name: 'no_such_prompt' }));
  await client.complete({ ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1', value: 'pa' } });
  await client.complete({
    ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
    argument: { name: 'arg2', value: '' },
    context: { arguments: { arg1: 'paris' } },
  });
  await refuse('an unknown reference', client.complete({ ref: { type: 'ref/prompt', name: 'nobody' }, argument: { name: 'x', value: '' } }));
  await refuse('an unknown cursor', client.listTools({ cursor: 'no-such-cursor' }));
  await request('vendor/echo', { deep: { list: [1, null] }, empty: '' });
  await refuse('an unknown method', request('no/such-method', {}));
  await refuse('a changed state', request('tools/call', { name: 'test_input_required_result_tampered_state', requestState: 'forged' }));

  const watching = await client.listen({
    toolsListChanged: true,
    promptsListChanged: true,
    resourceSubscriptions: ['test://watched-resource', 'test://nowhere'],
  });
  await call('test_trigger_tool_change');
  await inbox.take('notifications/tools/list_changed');
  await call('test_trigger_prompt_change');
  await inbox.take('notifications/prompts/list_changed');
  await pull('resource-updated');
  await inbox.take('notifications/resources/updated');
  await client.readResource({ uri: 'test://watched-resource' }, { cacheMode: 'refresh' });
  await pull('end-listens');
  if ((await watching.closed) !== 'graceful') throw new Error('the listen stream should have ended with its result');
  const left = await client.listen({ toolsListChanged: true });
  await left.close();
  await call('greet', { name: 'the last one' });
  await client.close();
}
