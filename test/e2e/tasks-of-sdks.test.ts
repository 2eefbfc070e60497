// Tasks across the eras with peers that others wrote: the reference server, whose task tool is the SDK's 1.x, behind clients of 2026-07-28,
// and the SDK's 1.x client, with its own loop around tasks, in front of a server of 2026-07-28.
import '../kit/event-source-build.ts';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { startEverythingServer, type EverythingServer } from '../sessions/everything-server.ts';
import { mirrorOf, modern, type Door } from './checklist/doors.ts';
import { eventually } from './checklist/wire.ts';

type Json = Record<string, unknown>;
const TOOL = 'simulate-research-query';

let gateway: StartedGateway;
let everything: EverythingServer;
let fixture: Fixture;
let door: Door;
let newDoor: Door;

beforeAll(async () => {
  gateway = await startGateway();
  everything = await startEverythingServer('streamableHttp', { hasShortTasks: true });
  fixture = await startFixture({ eras: 'modern' });
  door = await mirrorOf(gateway, everything.url);
  newDoor = await mirrorOf(gateway, fixture.url);
});
afterAll(async () => {
  await gateway?.stop();
  await everything?.stop();
  await fixture?.close();
});

async function ask(method: string, params: Json, capabilities: object): Promise<Json> {
  const answer = await (await modern(door, method, params, { capabilities })).answer();
  if (answer['result'] === undefined) throw new Error(JSON.stringify(answer));
  return answer['result'] as Json;
}

const chosen = (requests: Json): Json => {
  const [[key, request]] = Object.entries(requests) as [
    [string, { params: { requestedSchema: { properties: { interpretation: { oneOf: { const: string }[] } } } } }],
  ];
  const interpretation = request.params.requestedSchema.properties.interpretation.oneOf[0]?.const;
  return { [key]: { action: 'accept', content: { interpretation } } };
};
const reportOf = (result: Json): string => (result['content'] as { text: string }[])[0]?.text ?? '';

describe('the reference server and a client of 2026-07-28', () => {
  const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

  test('47 · its task tool answers a client that knows no tasks, and asks it in a round of the call', async () => {
    expect(reportOf(await ask('tools/call', { name: TOOL, arguments: { topic: 'bees' } }, {}))).toContain('# Research Report: bees');
    const params = { name: TOOL, arguments: { topic: 'python', ambiguous: true } };
    const round = await ask('tools/call', params, { elicitation: {} });
    expect(round).toMatchObject({ resultType: 'input_required' });
    const inputResponses = chosen(round['inputRequests'] as Json);
    const done = await ask('tools/call', { ...params, inputResponses, requestState: round['requestState'] }, { elicitation: {} });
    expect(done['resultType']).toBe('complete');
    expect(reportOf(done)).toMatch(/Clarification\*\*: (?!technical \(default)/);
  });

  test('47 · its task is followed, asked for and answered by a client that knows the extension', async () => {
    const capabilities = { elicitation: {}, ...TASKS };
    const { taskId, resultType } = await ask('tools/call', { name: TOOL, arguments: { topic: 'python', ambiguous: true } }, capabilities);
    expect(resultType).toBe('task');
    const asking = await eventually(async () => {
      const details = await ask('tasks/get', { taskId }, capabilities);
      return details['status'] === 'input_required' && details;
    });
    await ask('tasks/update', { taskId, inputResponses: chosen(asking['inputRequests'] as Json) }, capabilities);
    const done = await eventually(async () => {
      const details = await ask('tasks/get', { taskId }, capabilities);
      return details['status'] === 'completed' && details;
    });
    expect(reportOf(done['result'] as Json)).toMatch(/Clarification\*\*: (?!technical \(default)/);
  });
});

describe('the SDK’s 1.x client and a server of 2026-07-28', () => {
  async function connected(): Promise<Client> {
    const client = new Client({ name: 'tasks', version: '1' }, { capabilities: { elicitation: {} } });
    const requestInit = { headers: { ...newDoor.headers } };
    await client.connect(new StreamableHTTPClientTransport(new URL(newDoor.url), { requestInit }));
    return client;
  }

  test('47 · its loop makes a task, answers what it asks, and ends with the result', async () => {
    const client = await connected();
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { confirm: true } }));
    // From the list it knows that the tool may be a task.
    await client.listTools();
    const types: string[] = [];
    let result: unknown;
    for await (const message of client.experimental.tasks.callToolStream({ name: 'confirm_delete', arguments: { filename: 'f' } })) {
      types.push(message.type);
      if (message.type === 'error') throw message.error;
      if (message.type === 'result') result = message.result;
    }
    expect(types[0]).toBe('taskCreated');
    expect(types).toContain('taskStatus');
    expect(result).toMatchObject({ content: [{ text: 'Deleted' }] });
    await client.close();
  });

  test('47 · a tool that answers at once is a finished task to it, and one that is cancelled stays so', async () => {
    const client = await connected();
    await client.listTools();
    const seen: string[] = [];
    for await (const message of client.experimental.tasks.callToolStream({ name: 'greet', arguments: { name: 'W' } })) {
      seen.push(message.type === 'result' ? JSON.stringify(message.result.content) : message.type);
    }
    expect([seen[0], seen.at(-1)]).toEqual(['taskCreated', '[{"type":"text","text":"Hello, W!"}]']);
    for await (const message of client.experimental.tasks.callToolStream({ name: 'slow_compute', arguments: { seconds: 60 } })) {
      if (message.type !== 'taskCreated') continue;
      const { taskId } = message.task;
      expect(await client.experimental.tasks.cancelTask(taskId)).toMatchObject({ status: 'cancelled' });
      expect(await client.experimental.tasks.getTask(taskId)).toMatchObject({ status: 'cancelled' });
      break;
    }
    await client.close();
  });
});
