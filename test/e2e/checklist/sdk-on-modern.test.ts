// Checklist points 41 and 43 with a real client: the TypeScript SDK v1, which knows sessions only and reads results strictly, in front of a
// server that knows none, through every door of the gateway, to a mirror and to a combined server.
import '../../kit/event-source-build.ts';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  type CallToolResult,
  type ElicitRequest,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { transportTo } from '../../sessions/client-v1.ts';
import { doorTo, type Mirror } from '../../sessions/gateway-cell.ts';
import type { Transport } from '../../sessions/endpoint.ts';
import { combinedOf, items } from './combined-doors.ts';
import { mirrorOfCopy, startCopy, type Copy } from './copies.ts';
import { eventually } from './wire.ts';

let gateway: StartedGateway;

interface Behind {
  readonly copy: Copy;
  readonly server: Mirror;
  /** What the server calls a tool or a prompt. */
  readonly nameOf: (original: string) => string;
}
const behind = new Map<string, Behind>();
const clients: Client[] = [];

beforeAll(async () => {
  gateway = await startGateway();
  const [http, stdio] = [await startCopy('streamable HTTP', 'modern'), await startCopy('stdio', 'modern')];
  const same = (original: string): string => original;
  behind.set('a mirror over HTTP', { copy: http, server: await mirrorOfCopy(gateway, http), nameOf: same });
  behind.set('a mirror over stdio', { copy: stdio, server: await mirrorOfCopy(gateway, stdio), nameOf: same });
  const { endpoint } = http;
  const url = endpoint.transport === 'stdio' ? '' : `${endpoint.url}?combined`;
  const { serverId, gatewayIds } = await combinedOf(gateway, [{ name: 'new', url }]);
  const gatewayId = gatewayIds['new'] as string;
  const rows = [...(await items(gateway, 'tools', gatewayId)), ...(await items(gateway, 'prompts', gatewayId))];
  const names = new Map(rows.map(({ name, originalName }) => [originalName, name]));
  behind.set('a combined server', { copy: http, server: { serverId, gatewayId }, nameOf: (original) => names.get(original) as string });
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([...new Set([...behind.values()].map(({ copy }) => copy))].map((copy) => copy.close()));
});

interface Connected {
  readonly client: Client;
  readonly heard: { readonly method: string; readonly params: unknown }[];
  readonly asked: string[];
  readonly urls: unknown[];
}

async function connect(server: Mirror, door: Transport): Promise<Connected> {
  const heard: { method: string; params: unknown }[] = [];
  const asked: string[] = [];
  const urls: unknown[] = [];
  const client = new Client(
    { name: 'v1', version: '1' },
    { capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } } },
  );
  client.fallbackNotificationHandler = async ({ method, params }) => void heard.push({ method, params });
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///v1', name: 'v1' }] }));
  client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
    const said = params.messages[0]?.content;
    const text = said !== undefined && 'text' in said ? said.text : '';
    asked.push(text);
    if (text === 'refuse') throw new Error('The user refused');
    return { role: 'assistant' as const, model: 'm', content: { type: 'text' as const, text: `re: ${text}` } };
  });
  client.setRequestHandler(ElicitRequestSchema, ({ params }: ElicitRequest) => {
    asked.push(params.message);
    if (params.mode === 'url') {
      urls.push(params.elicitationId);
      return { action: 'accept' as const };
    }
    return { action: 'accept' as const, content: { name: 'ada', username: 'ada', color: 'green', ok: true } };
  });
  await client.connect(transportTo(doorTo(gateway, server, door)));
  clients.push(client);
  return { client, heard, asked, urls };
}

function words(result: unknown): string {
  const [block] = (result as CallToolResult).content;
  return block?.type === 'text' ? block.text : '';
}

const CASES = [
  ['a mirror over HTTP', 'streamableHttp'],
  ['a mirror over HTTP', 'sse'],
  ['a mirror over HTTP', 'stdio'],
  ['a mirror over stdio', 'streamableHttp'],
  ['a combined server', 'streamableHttp'],
] as const;

describe.each(CASES)('point 43: SDK v1 at %s through %s', (kind, door) => {
  const there = (): Behind => behind.get(kind) as Behind;

  test('point 43: it is asked whatever the server wants to know in the middle of its calls', async () => {
    const { nameOf, server } = there();
    const { client, asked, urls } = await connect(server, door);
    const call = (name: string, args: Record<string, unknown> = {}): Promise<unknown> => client.callTool({ name: nameOf(name), arguments: args });
    expect(words(await call('test_sampling', { prompt: 'capital?' }))).toBe('LLM response: re: capital?');
    expect(words(await call('test_elicitation', { message: 'who?' }))).toContain('"username":"ada"');
    expect(words(await call('test_list_roots'))).toBe('[{"uri":"file:///v1","name":"v1"}]');
    expect(words(await call('test_elicitation_url'))).toBe('Consent: accept');
    expect(urls).toEqual([expect.any(String)]);
    expect(words(await call('test_input_required_result_multi_round'))).toBe('ada likes green');
    expect(words(await call('test_question_chain', { depth: 3 }))).toBe('re: ada>2');
    expect(asked).toEqual([
      'capital?',
      'who?',
      'Please sign in',
      'Step 1: What is your name?',
      'Step 2: What is your favorite color?',
      'start>0',
      're: start>0>1',
      'ada>2',
    ]);
    const refused = await call('test_sampling', { prompt: 'refuse' });
    expect([(refused as CallToolResult).isError, words(refused)]).toEqual([true, expect.stringContaining('The user refused')]);
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => call('test_sampling', { prompt: `at once ${i}` })));
    expect(answers.map(words)).toEqual(Array.from({ length: 10 }, (_, i) => `LLM response: re: at once ${i}`));
    const prompt = await client.getPrompt({ name: nameOf('test_input_required_result_prompt') });
    expect(prompt.messages.length).toBeGreaterThan(0);
    expect(JSON.stringify(await client.readResource({ uri: 'test://asking-resource' }))).toContain('ada');
  });

  test('point 43: lists, reads, prompts, completions and empty results are what its revision knows', async () => {
    const { nameOf, server } = there();
    const { client } = await connect(server, door);
    expect(client.getServerCapabilities()).toMatchObject({ tools: {}, resources: { subscribe: true }, prompts: {}, logging: {} });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain(nameOf('test_sampling'));
    expect((await client.listResources()).resources.map(({ uri }) => uri)).toContain('test://static-text');
    expect((await client.listResourceTemplates()).resourceTemplates.length).toBeGreaterThan(0);
    expect((await client.readResource({ uri: 'test://static-text' })).contents).toHaveLength(1);
    const prompt = nameOf('test_prompt_with_arguments');
    expect((await client.getPrompt({ name: prompt, arguments: { arg1: 'x', arg2: 'y' } })).messages.length).toBeGreaterThan(0);
    const { completion } = await client.complete({ ref: { type: 'ref/prompt', name: prompt }, argument: { name: 'arg1', value: 'pa' } });
    expect(completion.values.length).toBeGreaterThan(0);
    expect(await client.ping()).toEqual({});
    expect(await client.setLoggingLevel('debug')).toEqual({});
    expect(await client.callTool({ name: nameOf('test_structured_content'), arguments: { a: 1, b: 2 } })).toMatchObject({
      structuredContent: expect.anything() as object,
    });
  });

  test('point 43: progress, log lines, news and a cancel find their way', async () => {
    const { nameOf, server, copy } = there();
    const { client, heard } = await connect(server, door);
    const of = (method: string): unknown[] => heard.filter((each) => each.method === method).map(({ params }) => params);
    const progress: number[] = [];
    await client.callTool({ name: nameOf('test_tool_with_progress') }, undefined, { onprogress: (step) => progress.push(step.progress) });
    // This SDK drops progress that arrives together with the answer.
    expect([progress, progress.length >= 2]).toEqual([[0, 50, 100].slice(0, progress.length), true]);
    await client.setLoggingLevel('warning');
    await client.callTool({ name: nameOf('test_logging_tool') });
    expect(of('notifications/message').map((params) => (params as { level: string }).level)).toEqual(['warning', 'error']);
    expect(await client.subscribeResource({ uri: 'test://watched-resource' })).toEqual({});
    await copy.pull('resource-updated');
    await eventually(() => of('notifications/resources/updated').length > 0);
    expect(of('notifications/resources/updated')).toEqual([{ uri: 'test://watched-resource' }]);
    expect(await client.unsubscribeResource({ uri: 'test://watched-resource' })).toEqual({});
    await copy.pull('list-changed', { kind: 'tools' });
    await eventually(() => of('notifications/tools/list_changed').length > 0);
    const abort = new AbortController();
    const key = `${kind} ${door}`;
    const running = client.callTool({ name: nameOf('wait_silently'), arguments: { key } }, undefined, { signal: abort.signal });
    const isWaiting = async (): Promise<boolean> => ((await copy.state())['waiting'] as string[]).includes(key);
    await eventually(isWaiting);
    abort.abort();
    await expect(running).rejects.toThrow();
    await eventually(async () => !(await isWaiting()));
  });
});
