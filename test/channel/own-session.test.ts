import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { channelRig, type ChannelRig } from './channel-rig.ts';

const ASKABLE = { sampling: {}, elicitation: {}, roots: {} };
let rig: ChannelRig;

afterEach(async () => {
  await rig.upstream.close();
  vi.useRealTimers();
});

describe('a session with a line of its own', () => {
  it('carries messages as they came, both ways', async () => {
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    const call = '{ "jsonrpc":"2.0", "id": 1e2, "method":"tools/call","params":{"name":"x","arguments":{"n":1.0,"big":12345678901234567890}} }';
    const told = rig.post(call, session);
    expect(rig.line.texts.at(-1)).toBe(call);
    const answer = '{"result":{"content":[],"n":1.0,"b\\u0061r":null},"jsonrpc":"2.0","id":1e2}';
    rig.line.say(answer);
    expect(told.body).toBe(answer);
    expect(told.headSeen).toMatchObject({ status: 200, kind: 'json' });
  });

  it('gives each client that can be asked something a line of its own', async () => {
    rig = channelRig();
    await rig.open(ASKABLE);
    await rig.open(ASKABLE);
    expect(rig.lines).toHaveLength(2);
  });

  it('answers a call as a stream once something else is said about it', async () => {
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    const told = rig.post({ id: 7, method: 'tools/call', params: { name: 'x', _meta: { progressToken: 'p' } } }, session);
    rig.line.say({ method: 'notifications/progress', params: { progressToken: 'p', progress: 1 } });
    rig.line.say({ id: 7, result: { done: true } });
    expect(told.headSeen?.kind).toBe('stream');
    expect(told.events[0]).toMatchObject({ id: 'call', data: '' });
    expect(told.said.map(({ method, id }) => method ?? id)).toEqual(['notifications/progress', 7]);
    expect(told.isEnded).toBe(true);
  });

  it('primes streams of clients at 2025-11-25 or newer only', async () => {
    rig = channelRig();
    const session = await rig.open(ASKABLE, '2025-06-18');
    expect(rig.get(session).events).toEqual([]);
    const told = rig.post({ id: 7, method: 'tools/call', params: { name: 'x', _meta: { progressToken: 'p' } } }, session);
    rig.line.say({ method: 'notifications/progress', params: { progressToken: 'p', progress: 1 } });
    expect(told.events).toHaveLength(1);
  });

  it('asks on the stream of the only running call, and on the listening stream otherwise', async () => {
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    const listening = rig.get(session);
    const first = rig.post({ id: 7, method: 'tools/call', params: { name: 'x' } }, session);
    rig.line.say({ id: 'q1', method: 'elicitation/create', params: {} });
    const second = rig.post({ id: 8, method: 'tools/call', params: { name: 'y' } }, session);
    rig.line.say({ id: 'q2', method: 'elicitation/create', params: {} });
    expect(first.said.map(({ id }) => id)).toEqual(['q1']);
    expect(second.said).toEqual([]);
    expect(listening.said.map(({ id }) => id)).toEqual(['q2']);
    expect(rig.post({ id: 'q1', result: {} }, session).headSeen?.status).toBe(202);
    expect(rig.line.messages.at(-1)).toMatchObject({ id: 'q1', result: {} });
  });

  it('takes a question back where it was asked', async () => {
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    const listening = rig.get(session);
    const call = rig.post({ id: 7, method: 'tools/call', params: { name: 'x' } }, session);
    rig.line.say({ id: 'q1', method: 'elicitation/create', params: {} });
    rig.line.say({ method: 'notifications/cancelled', params: { requestId: 'q1' } });
    expect(call.said.at(-1)?.method).toBe('notifications/cancelled');
    expect(listening.said).toEqual([]);
  });

  it('keeps what is said before anybody listens, for the stream that comes', async () => {
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    rig.line.say({ id: 'r', method: 'roots/list' });
    rig.line.say({ method: 'notifications/tools/list_changed' });
    expect(rig.get(session).said.map(({ method }) => method)).toEqual(['roots/list', 'notifications/tools/list_changed']);
  });

  it('hands a question nobody could be asked to the next call of a client that does not listen', async () => {
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    rig.line.say({ id: 'r', method: 'roots/list' });
    rig.line.say({ method: 'notifications/tools/list_changed' });
    const call = rig.post({ id: 7, method: 'tools/call', params: { name: 'x' } }, session);
    expect(call.said.map(({ method }) => method)).toEqual(['roots/list']);
    expect(rig.get(session).said.map(({ method }) => method)).toEqual(['notifications/tools/list_changed']);
  });

  it('fails its running calls at once when the line breaks, and opens another for the next', async () => {
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    session.remember('level', Buffer.from('{"jsonrpc":"2.0","id":3,"method":"logging/setLevel","params":{"level":"error"}}'));
    const broken = rig.post({ id: 7, method: 'tools/call', params: { name: 'x' } }, session);
    rig.line.breakDown();
    expect(broken.error?.code).toBe('upstream.exited');
    const next = rig.post({ id: 8, method: 'tools/call', params: { name: 'y' } }, session);
    await turn();
    expect(rig.lines).toHaveLength(2);
    expect(rig.line.last('initialize').params).toMatchObject({ capabilities: ASKABLE, clientInfo: { name: 'test' } });
    rig.line.answer('initialize', { protocolVersion: '2025-11-25' });
    await turn();
    expect(rig.line.messages.map(({ method }) => method)).toEqual(['initialize', 'notifications/initialized', 'logging/setLevel', 'tools/call']);
    rig.line.answer('logging/setLevel');
    rig.line.answer('tools/call', { ok: 1 });
    expect(next.answer).toMatchObject({ id: 8, result: { ok: 1 } });
  });

  it('is opened again after a pause for a client that only listens', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'Date'] });
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    const listening = rig.get(session);
    rig.line.breakDown();
    expect(rig.lines).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(600);
    expect(rig.lines).toHaveLength(2);
    rig.line.answer('initialize', { protocolVersion: '2025-11-25' });
    await turn();
    rig.line.say({ method: 'notifications/resources/updated', params: { uri: 'x:' } });
    expect(listening.said.map(({ method }) => method)).toEqual(['notifications/resources/updated']);
  });

  it('refuses a second request with the id of a running one', async () => {
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    rig.post({ id: 'a', method: 'tools/call', params: { name: 'x' } }, session);
    const second = rig.post('{"jsonrpc":"2.0","id":"\\u0061","method":"tools/call","params":{"name":"x"}}', session);
    expect(second.error?.code).toBe('request.invalid');
  });

  it('stops reading for a client that is full, and goes on when it has room', async () => {
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    const told = rig.post({ id: 7, method: 'tools/call', params: { name: 'x', _meta: { progressToken: 1 } } }, session);
    told.hasRoom = false;
    rig.line.say({ method: 'notifications/progress', params: { progressToken: 1, progress: 1 } });
    expect(rig.line.isPaused).toBe(true);
    told.call?.resume();
    expect(rig.line.isPaused).toBe(false);
    told.call?.pause();
    told.call?.cancel();
    expect(rig.line.isPaused).toBe(false);
  });

  it('ends with its line', async () => {
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    const listening = rig.get(session);
    expect(rig.end(session).headSeen?.status).toBe(200);
    expect(listening.isEnded).toBe(true);
    expect(rig.line.isClosed).toBe(true);
  });

  it('is no session when the upstream refuses to open it, and leaves no line', () => {
    rig = channelRig();
    let opened = 0;
    const told = rig.post({ id: 1, method: 'initialize', params: { protocolVersion: '1', capabilities: ASKABLE } }, undefined, {
      session: () => opened++,
    });
    rig.line.say({ id: 1, error: { code: -32602, message: 'no' } });
    expect(told.answer.error).toEqual({ code: -32602, message: 'no' });
    expect(opened).toBe(0);
    expect(rig.line.isClosed).toBe(true);
  });

  it('lets its line go when nobody has used it for long, and opens it again with the next message', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'Date'] });
    rig = channelRig({}, { idleMs: 10_000 });
    const session = await rig.open(ASKABLE);
    const first = rig.line;
    await vi.advanceTimersByTimeAsync(9000);
    expect(first.isClosed).toBe(false);
    await vi.advanceTimersByTimeAsync(3000);
    expect(first.isClosed).toBe(true);
    rig.post({ id: 8, method: 'ping' }, session);
    await turn();
    expect(rig.lines).toHaveLength(2);
  });

  it('shows after five seconds of silence that a call lives', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'Date'] });
    rig = channelRig();
    const session = await rig.open(ASKABLE);
    const told = rig.post({ id: 7, method: 'tools/call', params: { name: 'x' } }, session);
    await vi.advanceTimersByTimeAsync(4000);
    expect(told.headSeen).toBeUndefined();
    await vi.advanceTimersByTimeAsync(3000);
    expect(told.headSeen?.kind).toBe('stream');
    rig.line.say({ id: 7, result: {} });
    expect(told.said.at(-1)).toMatchObject({ id: 7 });
  });
});
