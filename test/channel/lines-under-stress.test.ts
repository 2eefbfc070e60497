// Lines at the moments when something else happens: they break while they are opened, their row changes, their clients have gone.
import { setImmediate as turn } from 'node:timers/promises';
import { AppError } from '#base/kernel';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { channelRig, modernParams, type ChannelRig } from './channel-rig.ts';

const ASKABLE = { sampling: {}, elicitation: {}, roots: {} };
const OTHER = { process: { command: 'other', args: [], env: {}, cwd: undefined } };
const AGREED = { protocolVersion: '2025-11-25', capabilities: {} };
const initialize = (capabilities: object = {}) => ({ id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities } });
const call = (name: string, more: Record<string, unknown> = {}) => ({ id: 7, method: 'tools/call', params: { name, ...more } });
let rig: ChannelRig;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'Date'] });
});
afterEach(async () => {
  await rig.upstream.close();
  vi.useRealTimers();
});

describe('an initialize that takes long', () => {
  it('is answered with the session’s id however long it takes and whatever is said before', async () => {
    rig = channelRig();
    const told = rig.post(initialize(ASKABLE));
    rig.line.say({ method: 'notifications/message', params: { level: 'info', data: 'starting' } });
    rig.line.say({ id: 1, method: 'roots/list' });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(told.headSeen).toBeUndefined();
    rig.line.answer('initialize', AGREED);
    expect(told.headSeen).toMatchObject({ kind: 'json', namesSession: true });
  });

  it('tells nothing more to a client that went away when the session began', async () => {
    rig = channelRig();
    const told = rig.post(initialize(ASKABLE), undefined, { session: (session) => void rig.end(session) });
    rig.line.answer('initialize', AGREED);
    await turn();
    expect(rig.line.isClosed).toBe(true);
    expect(told.headSeen).toBeUndefined();
  });
});

describe('a row that changes', () => {
  it('moves sessions of a shared line to the new command, subscriptions and all', async () => {
    rig = channelRig();
    const session = await rig.open();
    const listening = rig.get(session);
    rig.post({ id: 2, method: 'resources/subscribe', params: { uri: 'x:1' } }, session);
    rig.line.answer('resources/subscribe');
    const [old] = rig.lines;
    rig.change(OTHER);
    expect(old?.isClosed).toBe(true);
    const told = rig.post(call('x'), session);
    await turn();
    expect(rig.line.of).toBe('other');
    rig.line.answer('initialize', AGREED);
    await turn();
    expect(rig.line.last('resources/subscribe').params).toEqual({ uri: 'x:1' });
    rig.line.answer('tools/call', { ok: 1 });
    expect(told.answer).toMatchObject({ id: 7, result: { ok: 1 } });
    rig.line.say({ method: 'notifications/resources/updated', params: { uri: 'x:1' } });
    expect(listening.said).toHaveLength(1);
    expect(rig.lines).toHaveLength(2);
  });

  it('wakes the new line for clients that only listen', async () => {
    rig = channelRig();
    const [own, shared] = [await rig.open(ASKABLE), await rig.open()];
    rig.get(own);
    rig.get(shared);
    rig.change(OTHER);
    await vi.advanceTimersByTimeAsync(1000);
    expect(rig.lines.slice(2).map(({ of }) => of)).toEqual(['other', 'other']);
    expect(rig.lines.slice(0, 2).map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  it('starts the new command for requests that describe themselves', async () => {
    rig = channelRig();
    const cut = rig.post({ id: 'a', method: 'tools/call', params: modernParams({ name: 'x' }) });
    rig.change(OTHER);
    expect(cut.error?.code).toBe('upstream.exited');
    rig.post({ id: 'b', method: 'tools/call', params: modernParams({ name: 'x' }) });
    expect(rig.lines.map(({ of, isClosed }) => [of, isClosed])).toEqual([
      ['node', true],
      ['other', false],
    ]);
  });

  it('lets a session of its own finish what runs, and then moves it', async () => {
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    const slow = rig.post(call('slow'), session);
    rig.change(OTHER);
    rig.post({ id: 8, method: 'ping' }, session);
    expect(rig.lines).toHaveLength(1);
    rig.line.say({ id: 7, result: {} });
    rig.line.say({ id: 8, result: {} });
    expect(slow.answer).toMatchObject({ id: 7 });
    rig.post({ id: 9, method: 'ping' }, session);
    await turn();
    expect(rig.lines.map(({ of, isClosed }) => [of, isClosed])).toEqual([
      ['node', true],
      ['other', false],
    ]);
  });

  it('brings sessions back after it was switched off and on', async () => {
    rig = channelRig();
    const [own, shared] = [await rig.open(ASKABLE), await rig.open()];
    rig.change({ enabled: false });
    expect(rig.lines.every(({ isClosed }) => isClosed)).toBe(true);
    rig.change({ enabled: true });
    const told = [rig.post(call('x'), own), rig.post(call('x'), shared)];
    const fresh = rig.post(initialize());
    await turn();
    for (const line of rig.lines.slice(2)) line.answer('initialize', AGREED);
    await turn();
    for (const line of rig.lines.slice(2)) line.answer('tools/call', { ok: 1 });
    expect(told.map(({ answer }) => answer)).toMatchObject([{ result: { ok: 1 } }, { result: { ok: 1 } }]);
    expect(fresh.answer).toMatchObject({ id: 1, result: AGREED });
    expect(rig.health.healthOf('u').state).toBe('ready');
  });

  it('starts nothing of a row that was switched off or deleted while a line was to be opened again', async () => {
    rig = channelRig();
    const [own, shared] = [await rig.open(ASKABLE), await rig.open()];
    rig.get(own);
    rig.get(shared);
    for (const line of rig.lines) line.breakDown();
    rig.change({ enabled: false });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(rig.lines).toHaveLength(2);
    rig.change({ enabled: true });
    rig.post(call('x'), own);
    rig.post(call('x'), shared);
    await turn();
    expect(rig.lines).toHaveLength(4);
    rig.change(undefined);
    await turn();
    expect(rig.lines.every(({ isClosed }) => isClosed)).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(rig.lines).toHaveLength(4);
    expect(rig.post(call('x'), own).headSeen?.status).toBe(404);
    expect(rig.post(call('x'), shared).headSeen?.status).toBe(404);
  });
});

describe('a line that breaks', () => {
  it('in the moment it stands, is not taken for one that stands', async () => {
    rig = channelRig();
    const [own, shared] = [await rig.open(ASKABLE), await rig.open()];
    for (const line of rig.lines) line.breakDown();
    const broken = [rig.post(call('x'), own), rig.post(call('x'), shared)];
    await turn();
    for (const line of rig.lines.slice(2)) {
      line.answer('initialize', AGREED);
      line.breakDown();
    }
    await turn();
    expect(broken.map(({ error }) => error?.code)).toEqual(['upstream.exited', 'upstream.exited']);
    rig.post(call('x'), own);
    rig.post(call('x'), shared);
    await turn();
    expect(rig.lines).toHaveLength(6);
  });

  it('is opened again for listening clients at growing intervals, even when it shakes hands each time before it breaks', async () => {
    for (const capabilities of [ASKABLE, {}]) {
      rig = channelRig();
      rig.get(await rig.open(capabilities));
      rig.line.breakDown();
      for (let second = 0; second < 60; second++) {
        await vi.advanceTimersByTimeAsync(1000);
        if (rig.line.isClosed) continue;
        rig.line.answer('initialize', AGREED);
        await turn();
        rig.line.breakDown();
      }
      expect(rig.lines.length).toBeGreaterThan(4);
      expect(rig.lines.length).toBeLessThan(10);
      await rig.upstream.close();
    }
  });

  it('is opened again for clients that listen to a shared line after the first try failed', async () => {
    rig = channelRig();
    const listening = rig.get(await rig.open());
    rig.line.breakDown();
    await vi.advanceTimersByTimeAsync(1000);
    rig.line.breakDown();
    await vi.advanceTimersByTimeAsync(5000);
    rig.line.answer('initialize', AGREED);
    await turn();
    rig.line.say({ method: 'notifications/tools/list_changed' });
    expect(listening.said).toHaveLength(1);
  });

  it('after it stood keeps nobody else out; one that never stands does', async () => {
    rig = channelRig();
    for (let i = 0; i < 5; i++) await rig.open(ASKABLE);
    for (const line of rig.lines) line.breakDown();
    expect(rig.health.healthOf('u').state).toBe('degraded');
    for (let i = 0; i < 3; i++) {
      rig.post(initialize(ASKABLE));
      rig.line.breakDown();
    }
    expect(rig.health.healthOf('u').state).toBe('down');
  });

  it('takes back the questions nobody can answer any more', async () => {
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    const listening = rig.get(session);
    rig.line.say({ id: 0, method: 'elicitation/create', params: {} });
    rig.line.breakDown();
    expect(listening.said.at(-1)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: 0 } });
    rig.post(call('x'), session);
    await turn();
    rig.line.answer('initialize', AGREED);
    await turn();
    rig.post({ id: 0, result: { action: 'accept' } }, session);
    expect(rig.line.messages.some(({ result }) => result !== undefined)).toBe(false);
  });
});

it('tells a client that listens again which questions were taken back meanwhile, and none it never saw', async () => {
  rig = channelRig();
  const session = await rig.open(ASKABLE);
  const listening = rig.get(session);
  rig.line.say({ id: 'seen', method: 'elicitation/create', params: {} });
  listening.call?.cancel();
  rig.line.say({ id: 'unseen', method: 'elicitation/create', params: {} });
  rig.line.breakDown();
  expect(rig.get(session).said).toMatchObject([{ method: 'notifications/cancelled', params: { requestId: 'seen' } }]);
});

describe('what was for one', () => {
  it('does not reach another: late progress and logs on the line for self-describing requests', () => {
    rig = channelRig();
    const gone = rig.post({ id: 'a', method: 'tools/call', params: modernParams({ name: 'x' }, { progressToken: 9 }) });
    const token = rig.line.last('tools/call').params?._meta?.['progressToken'];
    rig.line.answer('tools/call');
    expect(gone.isEnded).toBe(true);
    const other = rig.post({ id: 'b', method: 'tools/call', params: modernParams({ name: 'y' }, { progressToken: token }) });
    rig.line.say({ method: 'notifications/progress', params: { progressToken: token, progress: 1 } });
    rig.line.say({ method: 'notifications/message', params: { level: 'info', data: 'of x' } });
    expect(other.said).toEqual([]);
    const loud = { 'io.modelcontextprotocol/logLevel': 'info' };
    rig.line.answer('tools/call');
    const asked = rig.post({ id: 'c', method: 'tools/call', params: modernParams({ name: 'z' }, loud) });
    rig.post({ id: 'd', method: 'subscriptions/listen', params: modernParams({ notifications: {} }) });
    rig.line.say({ method: 'notifications/message', params: { level: 'info', data: 'of z' } });
    expect(asked.said).toHaveLength(1);
  });

  it('cannot be cancelled by another: ids on the line for self-describing requests are nobody’s own', () => {
    rig = channelRig();
    const told = rig.post({ id: 'a', method: 'tools/call', params: modernParams({ name: 'x' }) });
    const { id } = rig.line.last('tools/call');
    rig.post({ method: 'notifications/cancelled', params: modernParams({ requestId: id }) });
    expect(rig.line.messages.some(({ method }) => method === 'notifications/cancelled')).toBe(false);
    rig.line.answer('tools/call');
    expect(told.isEnded).toBe(true);
  });

  it('keeps a subscription that one client makes while another drops its own', async () => {
    rig = channelRig();
    const [ann, bob] = [await rig.open(), await rig.open()];
    rig.post({ id: 1, method: 'resources/subscribe', params: { uri: 'x:1' } }, ann);
    rig.line.answer('resources/subscribe');
    rig.post({ id: 2, method: 'resources/subscribe', params: { uri: 'x:1' } }, bob);
    rig.post({ id: 3, method: 'resources/unsubscribe', params: { uri: 'x:1' } }, ann);
    expect(rig.line.messages.some(({ method }) => method === 'resources/unsubscribe')).toBe(false);
  });

  it('tells updates of a part of what was subscribed to', async () => {
    rig = channelRig();
    const [ann, bob] = [await rig.open(), await rig.open()];
    const [annHears, bobHears] = [rig.get(ann), rig.get(bob)];
    rig.post({ id: 1, method: 'resources/subscribe', params: { uri: 'x://a' } }, ann);
    rig.line.answer('resources/subscribe');
    rig.line.say({ method: 'notifications/resources/updated', params: { uri: 'x://a/b' } });
    rig.line.say({ method: 'notifications/resources/updated', params: { uri: 'x://ab' } });
    expect([annHears.said.length, bobHears.said.length]).toEqual([1, 0]);
  });

  it('is not failed by an answer to nobody that another’s message caused', async () => {
    rig = channelRig();
    const [ann, bob] = [await rig.open(), await rig.open()];
    const anns = rig.post(call('x'), ann);
    rig.post({ method: 'notifications/odd', params: {} }, bob);
    rig.line.say({ id: null, error: { code: -32700, message: 'what?' } });
    expect(anns.isEnded).toBe(false);
    rig.line.answer('tools/call');
    const next = rig.post(call('y'), bob);
    rig.line.say({ id: null, result: {} });
    expect(next.isEnded).toBe(false);
    rig.line.say({ id: null, error: { code: -32700, message: 'what?' } });
    expect(next.answer).toMatchObject({ error: { code: -32700 } });
  });

  it('keeps the tasks of each client on a shared line from the others', async () => {
    rig = channelRig();
    const [ann, bob] = [await rig.open(), await rig.open()];
    const [annHears, bobHears] = [rig.get(ann), rig.get(bob)];
    rig.post(call('x', { task: { ttl: 1000 } }), ann);
    rig.line.answer('tools/call', { task: { taskId: 't1', status: 'working' } });
    const peeked = rig.post({ id: 8, method: 'tasks/result', params: { taskId: 't1' } }, bob);
    expect(peeked.answer).toMatchObject({ id: 8, error: { code: -32602 } });
    rig.post({ id: 8, method: 'tasks/get', params: { taskId: 't1' } }, ann);
    rig.line.answer('tasks/get', { taskId: 't1', status: 'working' });
    for (const [session, ids] of [
      [ann, ['t1']],
      [bob, []],
    ] as const) {
      const list = rig.post({ id: 9, method: 'tasks/list' }, session);
      rig.line.answer('tasks/list', { tasks: [{ taskId: 't1' }, { taskId: 't0' }], nextCursor: 'n' });
      expect(list.answer).toMatchObject({ result: { nextCursor: 'n' } });
      expect((list.answer.result as { tasks: { taskId: string }[] }).tasks.map(({ taskId }) => taskId)).toEqual(ids);
    }
    rig.line.say({ method: 'notifications/tasks/status', params: { taskId: 't1', status: 'completed' } });
    expect([annHears.said.length, bobHears.said.length]).toEqual([1, 0]);
  });
});

it('fails a call whose answer cannot be looked through, instead of forgetting it', async () => {
  rig = channelRig();
  const session = await rig.open();
  for (const answer of ['{"taskId":"\\ud800"}', '7', 'null', '{"tasks":7}', '['.repeat(5000) + ']'.repeat(5000)]) {
    const told = rig.post({ id: 9, method: 'tasks/list' }, session);
    rig.line.say(`{"jsonrpc":"2.0","id":${String(rig.line.last('tasks/list').id)},"result":${answer}}`);
    expect(told.isEnded).toBe(true);
  }
});

describe('a call nobody wants any more', () => {
  it('is not sent at all when it was taken back before the line stood', async () => {
    rig = channelRig();
    const [own, shared] = [await rig.open(ASKABLE), await rig.open()];
    for (const line of rig.lines) line.breakDown();
    for (const session of [own, shared]) {
      rig.post(call('x'), session);
      rig.post({ method: 'notifications/cancelled', params: { requestId: 7 } }, session);
    }
    await turn();
    for (const line of rig.lines.slice(2)) line.answer('initialize', AGREED);
    await turn();
    expect(rig.lines.flatMap(({ messages }) => messages).some(({ method }) => method === 'tools/call')).toBe(false);
  });

  it('ends its stream a while after it was taken back, though the upstream says nothing more', async () => {
    rig = channelRig();
    for (const capabilities of [ASKABLE, {}]) {
      const session = await rig.open(capabilities);
      const told = rig.post(call('x', { _meta: { progressToken: 1 } }), session);
      const token = rig.line.last('tools/call').params?._meta?.['progressToken'];
      rig.line.say({ method: 'notifications/progress', params: { progressToken: token, progress: 1 } });
      rig.post({ method: 'notifications/cancelled', params: { requestId: 7 } }, session);
      expect(told.isEnded).toBe(false);
      await vi.advanceTimersByTimeAsync(8000);
      expect(told).toMatchObject({ isEnded: true, error: undefined });
    }
  });

  it('is taken back at the upstream when the gateway gives up on a client without a session', async () => {
    rig = channelRig();
    const told = rig.post({ id: 4, method: 'tools/call', params: { name: 'x' } });
    await turn();
    rig.line.answer('initialize', AGREED);
    await turn();
    told.call?.cancel();
    expect(rig.line.messages.at(-1)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: rig.line.last('tools/call').id } });
  });

  it('fails when the session it belongs to is ended', async () => {
    rig = channelRig();
    const session = await rig.open();
    const told = rig.post(call('x'), session);
    rig.end(session);
    expect(told.error?.code).toBe('session.not_found');
  });
});

describe('room', () => {
  it('is made for a shared line and for one that is opened again, too', async () => {
    rig = channelRig();
    const idle = await rig.open(ASKABLE);
    const full = new AppError('limit.processes', 'Full.');
    rig.refusal = full;
    expect(rig.post(initialize()).isEnded).toBe(false);
    await turn();
    expect(rig.lines[0]?.isClosed).toBe(true);
    rig.refusal = undefined;
    await rig.open();
    rig.refusal = full;
    expect(rig.post(call('x'), idle).isEnded).toBe(false);
    await turn();
    expect(rig.lines[1]?.isClosed).toBe(true);
  });

  it('is bounded for a client of a shared line that listens and does not read', async () => {
    rig = channelRig();
    const listening = rig.get(await rig.open());
    listening.hasRoom = false;
    const text = 'x'.repeat(1024 * 1024);
    for (let i = 0; i < 20 && !listening.isEnded; i++) rig.line.say({ method: 'notifications/message', params: { level: 'info', data: text } });
    expect(listening.isEnded).toBe(true);
  });
});

it('does not take a stream of a call up again: a line has no memory of what it said', async () => {
  rig = channelRig();
  const session = await rig.open(ASKABLE);
  const listening = rig.get(session);
  const told = rig.post(call('x', { _meta: { progressToken: 1 } }), session);
  rig.line.say({ method: 'notifications/progress', params: { progressToken: 1, progress: 1 } });
  const resumed = rig.get(session, undefined, told.events.at(-1)?.id);
  expect(resumed.headSeen?.status).toBe(405);
  expect(listening.isEnded).toBe(false);
});
