// Tasks of an upstream of 2025-11-25 for clients of 2026-07-28, moment by moment: what no honest server can be made to do when a test wants it.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { itemRow, snapshotOf, upstreamRow } from '../../combined/combined-rig.ts';
import { settled, type Heard, type Message, type PlayedCall } from '../bridge-rig.ts';
import { asked, FORM, modernRig, over, SAMPLE, type ModernRig, type Sent } from './modern-rig.ts';

const EXTENSION = 'io.modelcontextprotocol/tasks';
const ABLE: Sent = { capabilities: { elicitation: {}, extensions: { [EXTENSION]: {} } } };
const RELATED = { _meta: { 'io.modelcontextprotocol/related-task': { taskId: 't' } } };
const DONE = { content: [{ type: 'text', text: 'done' }] };
const task = (more: object = {}): Record<string, unknown> => ({
  taskId: 't',
  status: 'working',
  createdAt: '2026-11-21T00:00:00Z',
  lastUpdatedAt: '2026-11-21T00:00:00Z',
  ttl: 60_000,
  ...more,
});

const rigs: ModernRig[] = [];
function rigOf(support = 'optional'): ModernRig {
  const more = { capabilities: { tools: {}, tasks: { requests: { tools: { call: {} } } } }, legacy: true, modern: false };
  const json = JSON.stringify({ name: 'tool', inputSchema: { type: 'object' }, execution: { taskSupport: support } });
  const snapshot = snapshotOf([upstreamRow('u', more)], [itemRow('tool', 'u', 'tool', { json })]);
  const rig = modernRig(more, { snapshot: () => snapshot });
  rigs.push(rig);
  return rig;
}
afterEach(async () => {
  await Promise.all(rigs.splice(0).map(({ clients }) => clients.close()));
});

/** A task that the client has got, and the tasks/result that waits for its end. */
async function withTask(more: object = {}): Promise<{ rig: ModernRig; waiting: PlayedCall; created: Heard }> {
  const rig = rigOf();
  const created = rig.tool({}, ABLE);
  (await rig.arrived('tools/call')).answer({ task: task(more) });
  await over(created);
  return { rig, created, waiting: await rig.arrived('tasks/result') };
}

/** What tasks/get tells while the upstream says this of the task. */
async function looked(rig: ModernRig, upstreamSays: object, count = rig.upstream.of('tasks/get').length + 1): Promise<Message> {
  const heard = rig.send('tasks/get', { taskId: 't' }, ABLE);
  (await rig.arrived('tasks/get', count)).answer(task(upstreamSays));
  return (await over(heard)).answer ?? {};
}

/** Deeper than any strict reading goes. */
function deep(): unknown {
  let value: unknown = 0;
  for (let depth = 0; depth < 3000; depth++) value = [value];
  return value;
}

/** What comes only after a while. */
async function came(rig: ModernRig, method: string, count: number): Promise<PlayedCall> {
  for (let again = 0; rig.upstream.of(method).length < count && again < 3000; again++) await new Promise((resolve) => setTimeout(resolve, 1));
  return rig.arrived(method, count);
}

const question = (id: unknown, ask: Message = FORM): Message => ({ ...ask, id, params: { ...ask.params, ...RELATED } });
const answersSent = (rig: ModernRig): Message[] => rig.upstream.of('').map(({ message }) => message);

describe('a task kept for its client', () => {
  it('has the session in which it was made to itself until it ends, and leaves it to others then', async () => {
    const { rig, created, waiting } = await withTask();
    expect(created.answer?.result).toMatchObject({ resultType: 'task', taskId: 't', ttlMs: 60_000 });
    const other = rig.send('prompts/get', { name: 'p' }, ABLE);
    const meanwhile = await rig.arrived('prompts/get');
    expect(rig.upstream.sessionOf.get(meanwhile)).not.toBe(rig.upstream.sessionOf.get(waiting));
    meanwhile.answer({ messages: [] });
    await over(other);
    waiting.answer({ ...DONE, ...RELATED });
    await settled();
    const opened = rig.upstream.sessionCount;
    for (const name of ['a', 'b']) rig.send('prompts/get', { name }, ABLE);
    await rig.arrived('prompts/get', 3);
    expect(rig.upstream.sessionCount).toBe(opened);
  });

  it('is told from what has come back already, without asking the upstream again', async () => {
    const { rig, waiting } = await withTask();
    waiting.answer({ ...DONE, ...RELATED });
    await settled();
    const details = (await over(rig.send('tasks/get', { taskId: 't' }, ABLE))).answer?.result;
    expect(details).toMatchObject({ resultType: 'complete', status: 'completed', result: DONE });
    expect(details?.['result']).not.toHaveProperty('_meta');
    expect(rig.upstream.of('tasks/get')).toHaveLength(0);
  });

  it('is not said to be completed before its result is there', async () => {
    const { rig, waiting } = await withTask();
    const heard = rig.send('tasks/get', { taskId: 't' }, ABLE);
    (await rig.arrived('tasks/get')).answer(task({ status: 'completed' }));
    await settled();
    expect(heard.isEnded).toBe(false);
    waiting.answer(DONE);
    expect((await over(heard)).answer?.result).toMatchObject({ status: 'completed', result: DONE });
  });

  it('fails with the error that tasks/result gives when the upstream says so, and runs on when it does not', async () => {
    const { rig, waiting } = await withTask();
    waiting.refuse(-32602, 'not ready');
    expect(await looked(rig, { status: 'working' })).toMatchObject({ result: { status: 'working' } });
    (await rig.arrived('tasks/result', 2)).refuse(-32602, 'still not ready');
    const failed = looked(rig, { status: 'failed', statusMessage: 'oh' });
    (await rig.arrived('tasks/result', 3)).refuse(-32099, 'broke', 200, { why: 1 });
    expect(await failed).toMatchObject({
      result: { status: 'failed', statusMessage: 'oh', error: { code: -32099, message: 'broke', data: { why: 1 } } },
    });
  });

  it('is looked at again for who only listens, in the pace that the upstream wants, until it is known how it ended', async () => {
    const { rig, waiting } = await withTask({ pollInterval: 50 });
    const ear = rig.send('subscriptions/listen', { notifications: { taskIds: ['t'] } }, ABLE);
    for (let again = 0; ear.messages.length === 0 && again < 200; again++) await settled();
    waiting.refuse(-32099, 'broke');
    (await came(rig, 'tasks/get', 1)).answer(task({ pollInterval: 50 }));
    (await came(rig, 'tasks/result', 2)).refuse(-32099, 'broke');
    (await came(rig, 'tasks/get', 2)).answer(task({ status: 'failed' }));
    (await came(rig, 'tasks/result', 3)).refuse(-32099, 'broke');
    await settled();
    expect(ear.messages.at(-1)).toMatchObject({ method: 'notifications/tasks', params: { taskId: 't', status: 'failed', error: { code: -32099 } } });
    ear.call?.cancel();
  });

  it('is waited for again when the stream broke; a question asked once more is one question, and all who asked get the answer', async () => {
    const { rig, waiting } = await withTask();
    waiting.say(question('first'));
    waiting.breakDown();
    expect(await looked(rig, { status: 'input_required' })).toMatchObject({ result: { status: 'input_required' } });
    (await rig.arrived('tasks/result', 2)).say(question('second'));
    const { result } = await looked(rig, { status: 'input_required' });
    const requests = result?.['inputRequests'] as Record<string, Message>;
    expect(Object.values(requests)).toEqual([FORM]);
    const inputResponses = { [Object.keys(requests)[0] ?? '']: { action: 'decline' } };
    await over(rig.send('tasks/update', { taskId: 't', inputResponses }, ABLE));
    await settled();
    expect(answersSent(rig).map(({ id, result: given }) => [id, given])).toEqual([
      ['first', { action: 'decline' }],
      ['second', { action: 'decline' }],
    ]);
    // The upstream has not taken it in yet: nothing is open for the client all the same.
    expect(await looked(rig, { status: 'input_required' })).toMatchObject({ result: { status: 'working' } });
  });

  it('hears its questions apart from its stream too, and only those that its client can be asked', async () => {
    const { rig, waiting } = await withTask();
    rig.upstream.streams.at(-1)?.say(question('apart'));
    waiting.say(question('no', SAMPLE));
    waiting.say({ id: 'odd', method: 'vendor/ask' });
    waiting.say({ id: 'p', method: 'ping' });
    await settled();
    expect(answersSent(rig).map(({ id, error, result }) => [id, error?.code ?? result])).toEqual([
      ['no', -32601],
      ['odd', -32601],
      ['p', {}],
    ]);
    const { result } = await looked(rig, {});
    expect(Object.values(result?.['inputRequests'] as object)).toEqual([FORM]);
    rig.upstream.streams.at(-1)?.say({ method: 'notifications/tasks/status', params: task({ status: 'cancelled' }) });
    await settled();
    expect((await over(rig.send('tasks/get', { taskId: 't' }, ABLE))).answer?.result).toMatchObject({ status: 'cancelled' });
  });

  it('takes back a question that the upstream takes back', async () => {
    const { rig, waiting } = await withTask();
    waiting.say(question('q'));
    waiting.say({ method: 'notifications/cancelled', params: { requestId: 'q' } });
    expect((await looked(rig, {})).result).not.toHaveProperty('inputRequests');
  });

  it('is nobody’s when the upstream has forgotten it, and when its time is over, of which the upstream is told', async () => {
    const forgotten = (await withTask()).rig;
    const heard = forgotten.send('tasks/get', { taskId: 't' }, ABLE);
    (await forgotten.arrived('tasks/get')).refuse(-32602, 'no such');
    expect((await over(heard)).answer).toMatchObject({ id: 1, error: { code: -32602, message: 'no such' } });
    expect((await over(forgotten.send('tasks/get', { taskId: 't' }, ABLE))).answer).toMatchObject({ error: { code: -32602 } });
    expect(forgotten.upstream.of('tasks/get')).toHaveLength(1);
    const { rig } = await withTask({ ttl: 1 });
    for (let again = 0; rig.upstream.of('tasks/cancel').length === 0 && again < 500; again++) {
      await over(rig.send('tasks/update', { taskId: 't', inputResponses: {} }, ABLE));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect((await rig.arrived('tasks/cancel')).message.params).toEqual({ taskId: 't' });
  });

  it('goes with its upstream', async () => {
    const { rig, waiting } = await withTask();
    rig.clients.keepOnly(new Map());
    expect(waiting.isCancelled).toBe(true);
    expect((await over(rig.send('tasks/get', { taskId: 't' }, ABLE))).answer).toMatchObject({ error: { code: -32602 } });
  });

  it('fails when its result cannot be read; a look at it that cannot be read is the upstream’s fault', async () => {
    const { rig, waiting } = await withTask();
    const looking = rig.send('tasks/get', { taskId: 't' }, ABLE);
    (await rig.arrived('tasks/get')).answer(task({ deep: deep() }));
    expect((await over(looking)).failure?.code).toBe('upstream.bad_answer');
    waiting.answer({ content: deep() });
    const failed = looked(rig, { status: 'completed' });
    (await rig.arrived('tasks/result', 2)).answer({ content: deep() });
    expect(await failed).toMatchObject({ result: { status: 'failed', error: { code: -32603 } } });
  });

  it('keeps only so many who ask the same', async () => {
    const { rig, waiting } = await withTask();
    for (let asked = 0; asked < 150; asked++) waiting.say(question(`q${asked}`));
    const { result } = await looked(rig, { status: 'input_required' });
    const [key = ''] = Object.keys(result?.['inputRequests'] as object);
    await over(rig.send('tasks/update', { taskId: 't', inputResponses: { [key]: { action: 'decline' } } }, ABLE));
    await settled();
    const answers = answersSent(rig);
    expect([answers.filter(({ result: given }) => given !== undefined).length, answers.filter(({ error }) => error?.code === -32603).length]).toEqual(
      [100, 50],
    );
  });

  it('takes answers as an object, and nothing else', async () => {
    const { rig } = await withTask();
    for (const inputResponses of [undefined, null, [], 'x'])
      expect((await over(rig.send('tasks/update', { taskId: 't', inputResponses }, ABLE))).answer).toMatchObject({ error: { code: -32602 } });
  });
});

describe('a task that its client listens to', () => {
  afterEach(() => void vi.useRealTimers());

  async function listenedTo(): Promise<{ rig: ModernRig; waiting: PlayedCall; told: () => unknown[] }> {
    const { rig, waiting } = await withTask({ pollInterval: 1000 });
    const ear = rig.send('subscriptions/listen', { notifications: { taskIds: ['t'] } }, ABLE);
    for (let again = 0; ear.messages.length === 0 && again < 200; again++) await settled();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const told = (): unknown[] => ear.messages.slice(1).map(({ params }) => params?.['statusMessage'] ?? params?.['status']);
    return { rig, waiting, told };
  }
  const lookedAt = (rig: ModernRig): number => rig.upstream.of('tasks/get').length;
  const last = (rig: ModernRig, method: string): PlayedCall => rig.upstream.of(method).at(-1) as PlayedCall;

  it('is looked at by one at a time, however often the client asks and the upstream will not wait', async () => {
    const { rig, waiting } = await listenedTo();
    waiting.refuse(-32602, 'not ready');
    for (let asked = 0; asked < 5; asked++) {
      rig.send('tasks/get', { taskId: 't' }, ABLE);
      await settled();
      last(rig, 'tasks/get').answer(task({ pollInterval: 1000 }));
      await settled();
      last(rig, 'tasks/result').refuse(-32602, 'not ready');
      await settled();
    }
    const before = lookedAt(rig);
    vi.advanceTimersByTime(1000);
    await settled();
    expect(lookedAt(rig)).toBe(before + 1);
  });

  it('is looked at again when what waited for its end broke, and when the upstream was not there', async () => {
    const { rig, waiting, told } = await listenedTo();
    waiting.breakDown();
    vi.advanceTimersByTime(1000);
    await settled();
    expect(lookedAt(rig)).toBe(1);
    last(rig, 'tasks/get').breakDown();
    await settled();
    vi.advanceTimersByTime(60_000);
    await settled();
    last(rig, 'tasks/get').answer(task());
    await settled();
    last(rig, 'tasks/result').answer(DONE);
    await settled();
    expect([lookedAt(rig), told()]).toEqual([2, ['completed']]);
    vi.advanceTimersByTime(60_000);
    await settled();
    expect(lookedAt(rig)).toBe(2);
  });

  it('is looked at when nothing waited for its end any more', async () => {
    const { rig, waiting } = await withTask({ pollInterval: 50 });
    waiting.breakDown();
    rig.send('subscriptions/listen', { notifications: { taskIds: ['t'] } }, ABLE);
    expect(await came(rig, 'tasks/get', 1)).toBeDefined();
  });

  it('tells what the upstream says of it, and when a question is taken back', async () => {
    const { rig, waiting, told } = await listenedTo();
    waiting.say({ method: 'notifications/tasks/status', params: task({ statusMessage: 'half' }) });
    waiting.say({ method: 'notifications/tasks/status', params: task({ status: 'completed', statusMessage: 'all' }) });
    expect(told()).toEqual(['half']);
    waiting.say({ method: 'notifications/tasks/status', params: task() });
    waiting.say(question('q'));
    waiting.say({ method: 'notifications/cancelled', params: { requestId: 'other' } });
    waiting.say({ method: 'notifications/cancelled', params: { requestId: 'q' } });
    expect(told()).toEqual(['half', 'working', 'input_required', 'working']);
    expect(rig.upstream.of('tasks/get')).toHaveLength(0);
  });
});

describe('a tool that makes only tasks, called by who knows none', () => {
  const PLAIN: Sent = { capabilities: { elicitation: {} } };

  it('is run to its end: what it asks is asked in a round of the call, and nothing of the task is seen', async () => {
    const rig = rigOf('required');
    const first = rig.tool({}, PLAIN);
    const call = await rig.arrived('tools/call');
    expect(call.message.params).toMatchObject({ task: {} });
    call.answer({ task: task() });
    const waiting = await rig.arrived('tasks/result');
    expect(waiting.message.params).toEqual({ taskId: 't' });
    waiting.say(question('q'));
    const { keys, requests, requestState } = asked(await over(first));
    expect(Object.values(requests)).toEqual([FORM]);
    const inputResponses = { [keys[0] ?? '']: { action: 'decline' } };
    const second = rig.tool({ inputResponses, requestState }, { ...PLAIN, id: 2 });
    await settled();
    waiting.say({ id: waiting.message.id, result: { ...DONE, ...RELATED } });
    expect((await over(second)).answer?.result).toEqual({ ...DONE, resultType: 'complete', _meta: expect.anything() });
    expect(JSON.stringify(second.messages)).not.toContain('related-task');
  });

  it('is cancelled as a task when its client goes', async () => {
    const rig = rigOf('required');
    const heard = rig.tool({}, PLAIN);
    (await rig.arrived('tools/call')).answer({ task: task() });
    await rig.arrived('tasks/result');
    heard.call?.cancel();
    expect((await rig.arrived('tasks/cancel')).message.params).toEqual({ taskId: 't' });
    expect(rig.upstream.of('notifications/cancelled')).toHaveLength(0);
  });
});
