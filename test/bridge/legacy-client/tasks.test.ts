// Tasks of a modern upstream for clients of 2025-11-25, moment by moment: what no honest server can be made to do when a test wants it.
import { describe, expect, test } from 'vitest';
import type { BridgeParts } from '../../../src/data-plane/upstream/bridge/bridge-parts.ts';
import { settled, type Heard, type Message, type PlayedCall, type PlayedClient } from '../bridge-rig.ts';
import { DISCOVERED, FORM, initializing, legacyRig, SAMPLE, type LegacyRig } from './legacy-rig.ts';

const EXTENSION = 'io.modelcontextprotocol/tasks';
const RELATED = { 'io.modelcontextprotocol/related-task': { taskId: 't' } };
const DONE = { content: [{ type: 'text', text: 'done' }] };
const details = (more: object = {}): object => ({
  taskId: 't',
  status: 'working',
  createdAt: '2026-11-21T00:00:00Z',
  lastUpdatedAt: '2026-11-21T00:00:00Z',
  ttlMs: 60_000,
  pollIntervalMs: 1,
  ...more,
});

interface Played extends LegacyRig {
  readonly mine: PlayedClient;
}

async function withTask(capabilities: object = { elicitation: {} }, more: Partial<BridgeParts> = {}): Promise<Played> {
  const rig = legacyRig({}, [], more);
  const mine = rig.client();
  mine.send(initializing(capabilities, '2025-11-25'));
  rig.port.last('server/discover').answer({ ...DISCOVERED, capabilities: { tools: {}, extensions: { [EXTENSION]: {} } } });
  await settled();
  mine.send({ id: 'call', method: 'tools/call', params: { name: 't', task: {} } });
  const call = rig.port.last('tools/call');
  expect(call.message.params?._meta?.['io.modelcontextprotocol/clientCapabilities']).toMatchObject({ extensions: { [EXTENSION]: {} } });
  expect(call.message.params).not.toHaveProperty('task');
  call.answer({ ...details(), resultType: 'task' });
  return { ...rig, mine };
}

/** Waits until so many requests of this method have come; the last of them. */
async function arrived({ port }: LegacyRig, method: string, count = 1): Promise<PlayedCall> {
  for (let again = 0; port.ofMethod(method).length < count && again < 3000; again++) await new Promise((resolve) => setTimeout(resolve, 1));
  const found = port.ofMethod(method)[count - 1];
  if (found === undefined) throw new Error(`${method} came ${port.ofMethod(method).length} times`);
  return found;
}

async function until(condition: () => boolean): Promise<void> {
  for (let again = 0; !condition() && again < 3000; again++) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(condition()).toBe(true);
}

const awaiting = ({ mine }: Played, id: string = 'r'): Heard => mine.send({ id, method: 'tasks/result', params: { taskId: 't' } });

describe('tasks/result', () => {
  test('asks after the task until it has ended, in the pace that the upstream wants', async () => {
    const rig = await withTask();
    const heard = awaiting(rig);
    (await arrived(rig, 'tasks/get', 1)).answer(details());
    const again = await arrived(rig, 'tasks/get', 2);
    expect(again.message.params).toMatchObject({ taskId: 't' });
    expect([again.header('mcp-method'), again.header('mcp-name')]).toEqual(['tasks/get', 't']);
    expect(heard.messages).toEqual([]);
    again.answer(details({ status: 'completed', result: { ...DONE, resultType: 'complete' } }));
    await until(() => heard.isEnded);
    expect(heard.answer).toEqual({ jsonrpc: '2.0', id: 'r', result: { ...DONE, _meta: RELATED } });
  });

  test('asks each question once, gives the answers together with those that could not be given before, and goes on', async () => {
    const rig = await withTask();
    const heard = awaiting(rig);
    const open = details({ status: 'input_required', inputRequests: { a: FORM, b: { ...FORM, params: { message: 'b?' } } } });
    (await arrived(rig, 'tasks/get', 1)).answer(open);
    await until(() => heard.questions.length === 2);
    expect(heard.questions[0]?.params?._meta).toEqual(RELATED);
    (await arrived(rig, 'tasks/get', 2)).answer(open);
    rig.mine.send({ id: heard.questions[0]?.id, result: { action: 'decline' } });
    const lost = await arrived(rig, 'tasks/update', 1);
    expect(lost.message.params?.['inputResponses']).toEqual({ a: { action: 'decline' } });
    rig.mine.send({ id: heard.questions[1]?.id, error: { code: -1, message: 'no' } });
    lost.breakDown();
    const told = await arrived(rig, 'tasks/update', 2);
    expect(told.message.params?.['inputResponses']).toEqual({ a: { action: 'decline' }, b: { action: 'cancel' } });
    told.answer({});
    // Not taken in yet.
    (await arrived(rig, 'tasks/get', 3)).answer(open);
    (await arrived(rig, 'tasks/get', 4)).answer(details({ status: 'failed', error: { code: -5, message: 'x', data: 1 } }));
    await until(() => heard.isEnded);
    expect(heard.questions).toHaveLength(2);
    expect(heard.answer).toEqual({ jsonrpc: '2.0', id: 'r', error: { code: -5, message: 'x', data: 1 } });
  });

  test('takes back a question that the task does not ask any more', async () => {
    const rig = await withTask();
    const heard = awaiting(rig);
    (await arrived(rig, 'tasks/get', 1)).answer(details({ inputRequests: { a: FORM } }));
    (await arrived(rig, 'tasks/get', 2)).answer(details());
    await until(() => heard.messages.some(({ method }) => method === 'notifications/cancelled'));
    expect(heard.messages.at(-1)?.params).toMatchObject({ requestId: heard.questions[0]?.id });
    rig.mine.send({ id: heard.questions[0]?.id, result: { action: 'decline' } });
    (await arrived(rig, 'tasks/get', 3)).answer(details({ status: 'cancelled' }));
    await until(() => heard.isEnded);
    expect(rig.port.ofMethod('tasks/update')).toHaveLength(0);
    expect(heard.answer).toMatchObject({ id: 'r', error: { code: -32603 } });
  });

  test('asked twice, only one of them asks the client; the other takes over when that one is taken back', async () => {
    const rig = await withTask();
    const open = details({ status: 'input_required', inputRequests: { a: FORM } });
    const first = awaiting(rig, 'first');
    (await arrived(rig, 'tasks/get', 1)).answer(open);
    await until(() => first.questions.length === 1);
    const second = awaiting(rig, 'second');
    for (let count = 2; count <= 4; count++) (await arrived(rig, 'tasks/get', count)).answer(open);
    expect(second.questions).toEqual([]);
    rig.mine.send({ method: 'notifications/cancelled', params: { requestId: 'first' } });
    for (let count = 5; second.questions.length === 0; count++) {
      (await arrived(rig, 'tasks/get', count)).answer(open);
      await settled();
    }
    expect(first.answer).toBeUndefined();
    expect(first.messages.at(-1)?.method).toBe('notifications/cancelled');
  });

  test.each([
    ['what the client does not declare', { elicitation: {} }, -32021],
    ['what its client refuses', { sampling: {} }, -32603],
  ])('cannot go on without %s: the task is cancelled, and the client told why', async (_what, capabilities, code) => {
    const rig = await withTask(capabilities);
    const heard = awaiting(rig);
    (await arrived(rig, 'tasks/get', 1)).answer(details({ inputRequests: { s: SAMPLE } }));
    if (code === -32603) {
      await until(() => heard.questions.length === 1);
      rig.mine.send({ id: heard.questions[0]?.id, error: { code: -1, message: 'I will not' } });
    }
    await until(() => heard.isEnded);
    expect(heard.answer).toMatchObject({ id: 'r', error: { code } });
    expect((await arrived(rig, 'tasks/cancel')).message.params).toMatchObject({ taskId: 't' });
  });

  test('whose client does not answer in time goes on with a cancelled form, and gives up what has no such word', async () => {
    const rig = await withTask({ elicitation: {}, sampling: {} }, { answerTimeoutMs: 5 });
    const heard = awaiting(rig);
    (await arrived(rig, 'tasks/get', 1)).answer(details({ inputRequests: { a: FORM } }));
    const told = await arrived(rig, 'tasks/update', 1);
    expect(told.message.params?.['inputResponses']).toEqual({ a: { action: 'cancel' } });
    told.answer({});
    for (let count = 2; rig.port.ofMethod('tasks/cancel').length === 0; count++) {
      (await arrived(rig, 'tasks/get', count)).answer(details({ inputRequests: { s: SAMPLE } }));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await until(() => heard.isEnded);
    expect(heard.answer).toMatchObject({ error: { code: -32603, data: { code: 'bridge.expired' } } });
  });

  test('ends with its session, and with its upstream', async () => {
    const ended = await withTask();
    const heard = awaiting(ended);
    (await arrived(ended, 'tasks/get', 1)).answer(details());
    ended.mine.end();
    await until(() => heard.isEnded || heard.failure !== undefined);
    const gone = await withTask();
    const other = awaiting(gone);
    gone.clients.keepOnly(new Map());
    await until(() => other.isEnded || other.failure !== undefined);
    expect(gone.mine.send({ id: 9, method: 'tasks/get', params: { taskId: 't' } }).answer).not.toHaveProperty('result');
  });

  test('is over for all who wait when the task is cancelled, whatever its upstream makes of it', async () => {
    const rig = await withTask();
    const waiting = [awaiting(rig, 'first'), awaiting(rig, 'second')];
    for (let count = 1; count <= 4; count++) (await arrived(rig, 'tasks/get', count)).answer(details());
    const cancelling = rig.mine.send({ id: 'c', method: 'tasks/cancel', params: { taskId: 't' } });
    for (let count = 5; !cancelling.isEnded; count++) {
      for (const call of rig.port.ofMethod('tasks/get').slice(4)) if (!call.isCancelled) call.answer(details());
      for (const call of rig.port.ofMethod('tasks/cancel')) call.answer({});
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until(() => waiting.every(({ isEnded }) => isEnded));
    expect(waiting.map(({ answer }) => answer?.error?.data)).toEqual(Array(2).fill(expect.objectContaining({ code: 'bridge.task_cancelled' })));
    expect(awaiting(rig, 'third').answer?.error?.data).toMatchObject({ code: 'bridge.task_cancelled' });
  });

  test('asks nothing more of an upstream that was switched off, whoever waits', async () => {
    const rig = await withTask();
    const waiting = [awaiting(rig, 'first'), awaiting(rig, 'second')];
    for (let count = 1; count <= 2; count++) (await arrived(rig, 'tasks/get', count)).answer(details());
    rig.clients.keepOnly(new Map([[rig.row.id, { id: rig.row.id, enabled: false, row: { ...rig.row, enabled: false } } as never]]));
    await until(() => waiting.every(({ isEnded }) => isEnded));
    const asked = rig.port.ofMethod('tasks/get').length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(rig.port.ofMethod('tasks/get')).toHaveLength(asked);
  });

  test('is not asked without end', async () => {
    const rig = await withTask();
    const heard = awaiting(rig);
    const inputRequests = Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`k${at}`, FORM]));
    (await arrived(rig, 'tasks/get', 1)).answer(details({ status: 'input_required', inputRequests }));
    await until(() => heard.isEnded);
    expect([heard.questions.length, heard.answer?.error?.data]).toEqual([0, expect.objectContaining({ code: 'upstream.bad_answer' })]);
    expect((await arrived(rig, 'tasks/cancel')).message.params).toMatchObject({ taskId: 't' });
  });

  test('says what the upstream says that has forgotten the task', async () => {
    const rig = await withTask();
    const heard = awaiting(rig);
    (await arrived(rig, 'tasks/get', 1)).refuse(-32602, 'forgotten');
    await until(() => heard.isEnded);
    expect(heard.answer).toMatchObject({ id: 'r', error: { code: -32602, message: 'forgotten' } });
  });
});

test('tasks/get is taken back upstream when its client goes', async () => {
  const rig = await withTask();
  const heard = rig.mine.send({ id: 'g', method: 'tasks/get', params: { taskId: 't' } });
  const asked = await arrived(rig, 'tasks/get');
  heard.call?.cancel();
  expect(asked.isCancelled).toBe(true);
});

describe('a task that the upstream made no task of', () => {
  test('is there with its result, and is not asked of the upstream', async () => {
    const rig = await withTask();
    const made = rig.mine.send({ id: 5, method: 'tools/call', params: { name: 't', task: {} } });
    rig.port.last('tools/call').answer({ ...DONE, isError: true });
    const { task } = (made.answer?.result ?? {}) as { task: { taskId: string } & Record<string, unknown> };
    expect(task).toMatchObject({ status: 'failed', ttl: expect.any(Number) });
    const heard = rig.mine.send({ id: 6, method: 'tasks/result', params: { taskId: task.taskId } });
    await until(() => heard.isEnded);
    expect(heard.answer?.result).toMatchObject({ ...DONE, isError: true });
    const cancelled = rig.mine.send({ id: 7, method: 'tasks/cancel', params: { taskId: task.taskId } });
    await until(() => cancelled.isEnded);
    expect(cancelled.answer).toMatchObject({ id: 7, error: { code: -32602 } });
    expect(rig.port.ofMethod('tasks/get')).toHaveLength(0);
  });

  test('is none when the call failed: the client gets the error', async () => {
    const rig = await withTask();
    const made = rig.mine.send({ id: 5, method: 'tools/call', params: { name: 't', task: {} } });
    rig.port.last('tools/call').refuse(-32602, 'no such tool');
    expect(made.answer).toMatchObject({ id: 5, error: { code: -32602, message: 'no such tool' } } satisfies Message);
  });

  test.each([{ resultType: 'task' }, { resultType: 'task', taskId: 5 }, { resultType: 'vendor' }])(
    'is none when the answer is no answer (%j)',
    async (result) => {
      const rig = await withTask();
      const made = rig.mine.send({ id: 5, method: 'tools/call', params: { name: 't', task: {} } });
      rig.port.last('tools/call').answer(result);
      expect(made.answer).toMatchObject({ id: 5, error: { data: { code: 'upstream.bad_answer' } } });
    },
  );
});
