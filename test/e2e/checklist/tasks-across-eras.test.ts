// Checklist point 47: tasks of 2025-11-25 and of the extension io.modelcontextprotocol/tasks, each for clients of the other era, through a
// mirror and a combined server, over streamable HTTP and stdio: made, followed, asked, answered, cancelled, and nobody else's.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { combinedOf } from './combined-doors.ts';
import { mirrorOfCopy, startCopy, type Copy } from './copies.ts';
import { as, modern, notification, openSession, post, request, toolCall, type ClientSession, type Door } from './doors.ts';
import { eventually, type OpenAnswer } from './wire.ts';

type Json = Record<string, unknown>;
const EXTENSION = 'io.modelcontextprotocol/tasks';
const TASKS = { extensions: { [EXTENSION]: {} } };
const ASKABLE = { elicitation: {}, ...TASKS };

let gateway: StartedGateway;
let overHttp: Copy;
let overStdio: Copy;
const doors = new Map<string, Door>();
let newOverHttp: Copy;
let newOverStdio: Copy;
const newDoors = new Map<string, Door>();

beforeAll(async () => {
  gateway = await startGateway();
  overHttp = await startCopy('streamable HTTP', 'legacy');
  overStdio = await startCopy('stdio', 'legacy');
  doors.set('mirror, streamable HTTP', await mirrorOfCopy(gateway, overHttp));
  doors.set('mirror, stdio', await mirrorOfCopy(gateway, overStdio));
  const url = overHttp.endpoint.transport === 'streamableHttp' ? overHttp.endpoint.url : '';
  doors.set('combined', await combinedOf(gateway, [{ name: 'jobs', url }]));
  newOverHttp = await startCopy('streamable HTTP', 'modern');
  newOverStdio = await startCopy('stdio', 'modern');
  newDoors.set('mirror, streamable HTTP', await mirrorOfCopy(gateway, newOverHttp));
  newDoors.set('mirror, stdio', await mirrorOfCopy(gateway, newOverStdio));
  const newUrl = newOverHttp.endpoint.transport === 'streamableHttp' ? newOverHttp.endpoint.url : '';
  newDoors.set('combined', await combinedOf(gateway, [{ name: 'jobs2', url: newUrl }]));
});
afterAll(async () => {
  await gateway?.stop();
  await overHttp?.close();
  await overStdio?.close();
  await newOverHttp?.close();
  await newOverStdio?.close();
});

const doorOf = (name: string): Door => doors.get(name) ?? { url: '', headers: {} };
/** A combined server names a tool after its gateway; a mirror's have the upstream's own names. */
const toolOf = (name: string, tool: string, gatewayName = 'jobs'): string =>
  name === 'combined' ? `${gatewayName}-${tool.replaceAll('_', '-')}` : tool;

async function ask(door: Door, method: string, params: Json, capabilities: object = ASKABLE): Promise<Json & { status: number }> {
  const answer = await modern(door, method, params, { capabilities });
  return { ...(await answer.answer()), status: answer.status };
}

async function resultOf(door: Door, method: string, params: Json, capabilities?: object): Promise<Json> {
  const { result, ...rest } = await ask(door, method, params, capabilities);
  if (result === undefined) throw new Error(`${method}: ${JSON.stringify(rest)}`);
  return result as Json;
}

async function untilStatus(door: Door, taskId: unknown, ...statuses: string[]): Promise<Json> {
  return eventually(async () => {
    const details = await resultOf(door, 'tasks/get', { taskId });
    return statuses.includes(String(details['status'])) ? details : undefined;
  });
}

describe.each([['mirror, streamable HTTP'], ['mirror, stdio'], ['combined']])('a client of 2026-07-28 and an upstream of 2025-11-25: %s', (name) => {
  const call = (tool: string, args: object = {}, capabilities?: object): Promise<Json> =>
    resultOf(doorOf(name), 'tools/call', { name: toolOf(name, tool), arguments: args }, capabilities);

  test('47 · a call becomes a task as the extension says it, and its result is found in tasks/get', async () => {
    const created = await call('slow_compute', { seconds: 0, label: 'x' });
    expect(created).toMatchObject({ resultType: 'task', status: 'working', ttlMs: 60_000, pollIntervalMs: 100, createdAt: expect.any(String) });
    for (const absent of ['task', 'ttl', 'pollInterval', 'result', 'inputRequests', 'requestState']) expect(created).not.toHaveProperty(absent);
    const details = await untilStatus(doorOf(name), created['taskId'], 'completed', 'failed');
    expect(details).toMatchObject({
      resultType: 'complete',
      status: 'completed',
      taskId: created['taskId'],
      result: { content: [{ text: 'Computed x' }] },
    });
    expect(JSON.stringify(details)).not.toContain('related-task');
    expect(await resultOf(doorOf(name), 'tasks/get', { taskId: created['taskId'] })).toEqual(details);
  });

  test('47 · a client that can be asked nothing has tasks all the same', async () => {
    const { taskId } = await call('slow_compute', { seconds: 0, label: 'w' }, TASKS);
    const details = await untilStatus(doorOf(name), taskId, 'completed', 'failed');
    expect(details).toMatchObject({ status: 'completed', result: { content: [{ text: 'Computed w' }] } });
  });

  test('47 · a tool that failed completes its task, an error of the protocol fails it', async () => {
    const failed = await untilStatus(doorOf(name), (await call('failing_job'))['taskId'], 'completed', 'failed');
    expect(failed).toMatchObject({ status: 'completed', result: { isError: true } });
    const broken = await untilStatus(doorOf(name), (await call('protocol_error_job'))['taskId'], 'completed', 'failed');
    expect(broken).toMatchObject({ status: 'failed', error: { code: -32603, message: 'The job could not be run' } });
    expect(broken).not.toHaveProperty('result');
  });

  test('47 · what the task asks is found in tasks/get, answered by tasks/update one by one, and asked no more', async () => {
    const { taskId } = await call('multi_input');
    const asking = await eventually(async () => {
      const details = await resultOf(doorOf(name), 'tasks/get', { taskId });
      return Object.keys(details['inputRequests'] ?? {}).length === 2 && details;
    });
    expect(asking).toMatchObject({ resultType: 'complete', status: 'input_required' });
    const requests = asking['inputRequests'] as Record<string, { method: string; params: Json }>;
    const [first = '', second = ''] = Object.keys(requests);
    for (const request of Object.values(requests)) {
      expect(request).toMatchObject({ method: 'elicitation/create', params: { message: expect.stringMatching(/name\?$/) } });
      expect(JSON.stringify(request)).not.toContain('related-task');
    }
    const answer = { action: 'accept', content: { name: 'Ann' } };
    expect(await resultOf(doorOf(name), 'tasks/update', { taskId, inputResponses: { unknown: answer } })).toEqual({ resultType: 'complete' });
    expect(await resultOf(doorOf(name), 'tasks/update', { taskId, inputResponses: { [first]: answer } })).toEqual({ resultType: 'complete' });
    const half = await resultOf(doorOf(name), 'tasks/get', { taskId });
    expect([half['status'], Object.keys(half['inputRequests'] as Json)]).toEqual(['input_required', [second]]);
    await resultOf(doorOf(name), 'tasks/update', { taskId, inputResponses: { [first]: answer, [second]: answer } });
    expect(await untilStatus(doorOf(name), taskId, 'completed', 'failed')).toMatchObject({
      status: 'completed',
      result: { content: [{ text: 'Answered: first, second' }] },
    });
  });

  test('47 · a task is cancelled: an acknowledgement, also the second time, and nothing is asked or answered any more', async () => {
    const { taskId } = await call('confirm_delete', { filename: 'f' });
    await untilStatus(doorOf(name), taskId, 'input_required');
    for (let time = 0; time < 2; time++) expect(await resultOf(doorOf(name), 'tasks/cancel', { taskId })).toEqual({ resultType: 'complete' });
    const details = await resultOf(doorOf(name), 'tasks/get', { taskId });
    expect(details).toMatchObject({ resultType: 'complete', status: 'cancelled' });
    for (const absent of ['inputRequests', 'result', 'error']) expect(details).not.toHaveProperty(absent);
  });

  test('47 · who does not declare the extension sees no task: a tool that may be one answers, one that must be is run to its end', async () => {
    expect(await call('slow_compute', { seconds: 0, label: 'y' }, {})).toMatchObject({ resultType: 'complete', content: [{ text: 'Computed y' }] });
    const run = await call('failing_job', {}, {});
    expect(run).toMatchObject({ resultType: 'complete', isError: true, content: [{ text: 'The job failed' }] });
    expect(JSON.stringify(run)).not.toMatch(/task/);
    const { error } = await ask(doorOf(name), 'tools/call', { name: toolOf(name, 'protocol_error_job'), arguments: {} }, {});
    expect(error).toMatchObject({ code: -32603, message: 'The job could not be run' });
  });

  test('47 · what a call asks before it becomes a task is asked in rounds, and the last one gives the task', async () => {
    const params = { name: toolOf(name, 'test_tool_with_task'), arguments: {} };
    const round = await resultOf(doorOf(name), 'tools/call', params);
    expect(round).toMatchObject({ resultType: 'input_required', requestState: expect.any(String) });
    expect(round).not.toHaveProperty('taskId');
    const [key = ''] = Object.keys(round['inputRequests'] as Json);
    const inputResponses = { [key]: { action: 'accept', content: { name: 'Alice' } } };
    const created = await resultOf(doorOf(name), 'tools/call', { ...params, inputResponses, requestState: round['requestState'] });
    expect(created).toMatchObject({ resultType: 'task', taskId: expect.any(String) });
    expect(created).not.toHaveProperty('requestState');
    expect(await untilStatus(doorOf(name), created['taskId'], 'completed', 'failed')).toMatchObject({
      result: { content: [{ text: 'Hello, Alice!' }] },
    });
  });

  test('47 · the parameter of the older form means nothing: it makes no task where there is none', async () => {
    const params = { name: toolOf(name, 'greet'), arguments: { name: 'Z' }, task: { ttl: 1 } };
    expect(await resultOf(doorOf(name), 'tools/call', params)).toMatchObject({ resultType: 'complete', content: [{ text: 'Hello, Z!' }] });
  });

  test('47 · the extension is what discover shows, and its methods need it; methods of the older form are none', async () => {
    const { capabilities } = await resultOf(doorOf(name), 'server/discover', {});
    expect(capabilities).toMatchObject(TASKS);
    expect(capabilities).not.toHaveProperty('tasks');
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const undeclared = await ask(doorOf(name), method, { taskId: 'x', inputResponses: {} }, { elicitation: {} });
      expect(undeclared, method).toMatchObject({ status: 400, error: { code: -32021, data: { requiredCapabilities: TASKS } } });
      expect(await ask(doorOf(name), method, { taskId: 'nobodys', inputResponses: {} }), method).toMatchObject({ error: { code: -32602 } });
    }
    for (const method of ['tasks/list', 'tasks/result'])
      expect(await ask(doorOf(name), method, { taskId: 'x' }), method).toMatchObject({ status: 404, error: { code: -32601 } });
  });

  test('47 · who listens to a task is told whenever it is another, until its result is there; to others it is not acknowledged', async () => {
    const { taskId } = await call('confirm_delete', { filename: 'f' });
    const notifications = { taskIds: [taskId, 'unknown'] };
    const stream = await modern(doorOf(name), 'subscriptions/listen', { notifications }, { id: 'ear', capabilities: ASKABLE });
    const next = async (): Promise<Json> => JSON.parse((await stream.message()) ?? 'null') as Json;
    expect(await next()).toMatchObject({ method: 'notifications/subscriptions/acknowledged', params: { notifications: { taskIds: [taskId] } } });
    const asking = await untilStatus(doorOf(name), taskId, 'input_required');
    const [key = ''] = Object.keys(asking['inputRequests'] as Json);
    await resultOf(doorOf(name), 'tasks/update', { taskId, inputResponses: { [key]: { action: 'accept', content: { confirm: true } } } });
    const told = await eventually(async () => {
      const message = (await next()) as { method: string; params: Json };
      expect(message).toMatchObject({
        method: 'notifications/tasks',
        params: { taskId, _meta: { 'io.modelcontextprotocol/subscriptionId': 'ear' } },
      });
      return message.params['status'] === 'completed' && message.params;
    });
    expect(told).toMatchObject({ result: { content: [{ text: 'Deleted' }] } });
    stream.close();
    const undeclared = await modern(doorOf(name), 'subscriptions/listen', { notifications }, { capabilities: {} });
    const { params } = JSON.parse((await undeclared.message()) ?? 'null') as { params: { notifications: Json } };
    expect(params.notifications).not.toHaveProperty('taskIds');
    undeclared.close();
  });

  test('47 · a task is its maker’s: to everybody else it does not exist', async () => {
    const { taskId } = await call('slow_compute', { seconds: 60 });
    const stranger = as(doorOf(name), await gateway.tokenFor({ sub: 'somebody@example.com', is_admin: true, teams: null }));
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
      expect(await ask(stranger, method, { taskId, inputResponses: {} }), method).toMatchObject({ error: { code: -32602 } });
    expect(await resultOf(doorOf(name), 'tasks/get', { taskId })).toMatchObject({ status: 'working' });
    await resultOf(doorOf(name), 'tasks/cancel', { taskId });
  });
});

const RELATED = 'io.modelcontextprotocol/related-task';

describe.each([['mirror, streamable HTTP'], ['mirror, stdio'], ['combined']])('a client of 2025-11-25 and an upstream of 2026-07-28: %s', (name) => {
  const tool = (own: string): string => toolOf(name, own, 'jobs2');
  const open = (capabilities: object = { elicitation: {} }, version = '2025-11-25'): Promise<ClientSession> =>
    openSession(newDoors.get(name) ?? { url: '', headers: {} }, version, capabilities);
  const say = async (session: ClientSession, method: string, params: Json): Promise<Json> =>
    (await post(session, request(7, method, params))).answer();
  const make = async (session: ClientSession, own: string, args: object = {}): Promise<{ taskId: string } & Json> => {
    const answer = await (await post(session, toolCall(1, tool(own), args, { task: { ttl: 60_000 } }))).answer();
    const { task } = (answer['result'] ?? {}) as { task?: { taskId: string } & Json };
    if (task === undefined) throw new Error(JSON.stringify(answer));
    return task;
  };
  const resultStream = (session: ClientSession, taskId: string, id: unknown = 'r'): Promise<OpenAnswer> =>
    post(session, request(id, 'tasks/result', { taskId }));
  const next = async (stream: OpenAnswer): Promise<Json> => JSON.parse((await stream.message()) ?? 'null') as Json;
  const answer = async (session: ClientSession, id: unknown, result: object): Promise<void> => {
    await (await post(session, JSON.stringify({ jsonrpc: '2.0', id, result }))).bytes();
  };

  test('47 · tasks are offered without their list, and every tool may be called as one', async () => {
    const session = await open();
    const { capabilities } = (JSON.parse(session.initialized) as { result: { capabilities: Json } }).result;
    expect(capabilities['tasks']).toEqual({ cancel: {}, requests: { tools: { call: {} } } });
    expect(JSON.stringify(capabilities)).not.toContain(EXTENSION);
    expect(await say(session, 'tasks/list', {})).toMatchObject({ error: { code: -32601 } });
    const { tools } = (await say(session, 'tools/list', {}))['result'] as { tools: { name: string; execution?: Json }[] };
    expect(tools.find((each) => each.name === tool('greet'))?.execution).toEqual({ taskSupport: 'optional' });
    const older = await open({}, '2025-06-18');
    expect((JSON.parse(older.initialized) as { result: { capabilities: Json } }).result.capabilities).not.toHaveProperty('tasks');
  });

  test('47 · a call with `task` becomes one, is followed, and its result comes from tasks/result', async () => {
    const session = await open();
    const task = await make(session, 'slow_compute', { seconds: 0, label: 'z' });
    expect(task).toMatchObject({
      status: 'working',
      ttl: 60_000,
      pollInterval: 100,
      createdAt: expect.any(String),
      lastUpdatedAt: expect.any(String),
    });
    for (const absent of ['ttlMs', 'pollIntervalMs', 'resultType']) expect(task).not.toHaveProperty(absent);
    const { taskId } = task;
    const related = { _meta: { [RELATED]: { taskId } } };
    const done = await (await resultStream(session, taskId)).answer();
    expect(done).toMatchObject({ id: 'r', result: { content: [{ text: 'Computed z' }], ...related } });
    expect(JSON.stringify(done)).not.toMatch(/resultType|serverInfo/);
    const known = (await say(session, 'tasks/get', { taskId }))['result'] as Json;
    expect(known).toMatchObject({ taskId, status: 'completed', ttl: 60_000 });
    for (const absent of ['result', 'resultType', 'ttlMs', 'inputRequests']) expect(known).not.toHaveProperty(absent);
    expect(await say(session, 'tasks/cancel', { taskId })).toMatchObject({ error: { code: -32602 } });
  });

  test('47 · a tool that failed fails its task, and an error of the protocol is the answer to tasks/result', async () => {
    const session = await open();
    const failed = await make(session, 'failing_job');
    expect(await (await resultStream(session, failed.taskId)).answer()).toMatchObject({ result: { isError: true } });
    expect(await say(session, 'tasks/get', { taskId: failed.taskId })).toMatchObject({ result: { status: 'failed' } });
    const broken = await make(session, 'protocol_error_job');
    expect(await (await resultStream(session, broken.taskId)).answer()).toMatchObject({
      id: 'r',
      error: { code: -32603, message: 'The job could not be run' },
    });
  });

  test('47 · what the task asks comes as requests on the stream of tasks/result, each says whose it is, and all are answered', async () => {
    const session = await open();
    const { taskId } = await make(session, 'multi_input');
    const stream = await resultStream(session, taskId);
    const questions = [await next(stream), await next(stream)];
    for (const question of questions)
      expect(question).toMatchObject({
        method: 'elicitation/create',
        params: { message: expect.stringMatching(/name\?$/), _meta: { [RELATED]: { taskId } } },
      });
    expect(await say(session, 'tasks/get', { taskId })).toMatchObject({ result: { status: 'input_required' } });
    for (const { id } of questions) await answer(session, id, { action: 'accept', content: { name: 'Ann' } });
    expect(await next(stream)).toMatchObject({ id: 'r', result: { content: [{ text: 'Answered: first, second' }] } });
  });

  test('47 · a cancelled task stays cancelled; who waits for its result hears so at once, and what was asked is taken back', async () => {
    const session = await open();
    const { taskId } = await make(session, 'confirm_delete', { filename: 'f' });
    const stream = await resultStream(session, taskId);
    const { id } = await next(stream);
    expect(await say(session, 'tasks/cancel', { taskId })).toMatchObject({ result: { taskId, status: 'cancelled', ttl: 60_000 } });
    expect(await next(stream)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: id } });
    expect(await next(stream)).toMatchObject({ id: 'r', error: { code: -32603 } });
    expect(await say(session, 'tasks/get', { taskId })).toMatchObject({ result: { status: 'cancelled' } });
    expect(await say(session, 'tasks/cancel', { taskId })).toMatchObject({ error: { code: -32602 } });
  });

  test('47 · who takes tasks/result back is asked no more, and may come again', async () => {
    const session = await open();
    const { taskId } = await make(session, 'confirm_delete', { filename: 'f' });
    const first = await resultStream(session, taskId, 'first');
    await next(first);
    await (await post(session, notification('notifications/cancelled', { requestId: 'first' }))).bytes();
    const again = await resultStream(session, taskId, 'again');
    const { id } = await next(again);
    await answer(session, id, { action: 'accept', content: { confirm: true } });
    expect(await next(again)).toMatchObject({ id: 'again', result: { content: [{ text: 'Deleted' }] } });
    first.close();
  });

  test('47 · a result that is there at once is a task that has come to its end', async () => {
    const session = await open();
    const task = await make(session, 'greet', { name: 'Q' });
    expect(task).toMatchObject({ status: 'completed', createdAt: expect.any(String) });
    expect(await (await resultStream(session, task.taskId)).answer()).toMatchObject({
      result: { content: [{ text: 'Hello, Q!' }], _meta: { [RELATED]: { taskId: task.taskId } } },
    });
    expect(await say(session, 'tasks/get', { taskId: task.taskId })).toMatchObject({ result: { status: 'completed' } });
  });

  test('47 · what a call asks before it becomes a task is asked on its own stream', async () => {
    const session = await open();
    const stream = await post(session, toolCall('c', tool('test_tool_with_task'), {}, { task: {} }));
    const { id } = await next(stream);
    await answer(session, id, { action: 'accept', content: { name: 'Alice' } });
    const { task } = (await next(stream))['result'] as { task: { taskId: string } };
    expect(await (await resultStream(session, task.taskId)).answer()).toMatchObject({ result: { content: [{ text: 'Hello, Alice!' }] } });
  });

  test('47 · who says nothing of tasks gets none, and hears what a tool needs that makes only tasks', async () => {
    const session = await open();
    const plain = await (await post(session, toolCall(1, tool('slow_compute'), { seconds: 0, label: 'p' }))).answer();
    expect(plain).toMatchObject({ result: { content: [{ text: 'Computed p' }] } });
    const needed = await (await post(session, toolCall(2, tool('failing_job')))).answer();
    expect(needed).toMatchObject({ error: { code: -32021, data: { requiredCapabilities: TASKS } } });
  });

  test('47 · a task is its maker’s: to everybody else it does not exist', async () => {
    const session = await open();
    const { taskId } = await make(session, 'slow_compute', { seconds: 60 });
    const token = await gateway.tokenFor({ sub: 'somebody@example.com', is_admin: true, teams: null });
    const stranger = await openSession(as(newDoors.get(name) ?? { url: '', headers: {} }, token), '2025-11-25');
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel'])
      expect(await say(stranger, method, { taskId }), method).toMatchObject({ error: { code: -32602 } });
    expect(await say(session, 'tasks/cancel', { taskId })).toMatchObject({ result: { status: 'cancelled' } });
  });
});
