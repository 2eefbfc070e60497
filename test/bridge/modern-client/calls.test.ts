// Clients of 2026-07-28 at an upstream with sessions, moment by moment: what no honest server can be made to do when a test wants it.
import { afterEach, describe, expect, it } from 'vitest';
import { settled, type Message } from '../bridge-rig.ts';
import { ABLE, asked, FORM, modernRig, over, SAMPLE, type ModernRig } from './modern-rig.ts';

const rigs: ModernRig[] = [];
function rigOf(...args: Parameters<typeof modernRig>): ModernRig {
  const rig = modernRig(...args);
  rigs.push(rig);
  return rig;
}
afterEach(async () => {
  await Promise.all(rigs.splice(0).map(({ clients }) => clients.close()));
});

function answersSent(rig: ModernRig): Message[] {
  return rig.upstream.of('').map(({ message }) => message);
}

describe('a call that is asked something', () => {
  it('waits for the retry, which brings the answers to whoever asked and gets the rest', async () => {
    const rig = rigOf();
    const first = rig.tool({}, { meta: { progressToken: 'a' } });
    const call = await rig.arrived('tools/call');
    expect(call.message.params).not.toHaveProperty(['_meta', 'io.modelcontextprotocol/protocolVersion']);
    call.say({ id: 'q1', ...FORM });
    call.say({ id: 5, ...SAMPLE });
    const { keys, requests, requestState } = asked(await over(first));
    expect(Object.values(requests)).toEqual([FORM, SAMPLE]);
    expect(rig.clients.counts).toMatchObject({ waiting: 1, parked: 1 });
    const inputResponses = { [keys[0] as string]: { action: 'decline' }, [keys[1] as string]: { role: 'assistant', x: 1 }, stranger: {} };
    const second = rig.tool({ inputResponses, requestState }, { id: 2, meta: { progressToken: 'b' } });
    await settled();
    expect(answersSent(rig)).toEqual([
      { jsonrpc: '2.0', id: 'q1', result: { action: 'decline' } },
      { jsonrpc: '2.0', id: 5, result: { role: 'assistant', x: 1 } },
    ]);
    call.say({ method: 'notifications/progress', params: { progressToken: call.message.id, progress: 1 } });
    call.say({ id: call.message.id, result: { content: [] } });
    await over(second);
    expect(second.messages.at(-2)).toMatchObject({ method: 'notifications/progress', params: { progressToken: 'b' } });
    expect(second.answer).toMatchObject({ id: 2, result: { content: [], resultType: 'complete' } });
    expect(rig.upstream.of('tools/call')).toHaveLength(1);
    expect(rig.clients.counts).toMatchObject({ waiting: 0, resumed: 1, expired: 0 });
  });

  it('is asked once more for what is missing, under a new state; the old one is good for nothing', async () => {
    const rig = rigOf();
    const first = rig.tool();
    const call = await rig.arrived('tools/call');
    call.say({ id: 1, ...FORM });
    call.say({ id: 2, ...SAMPLE });
    const round = asked(await over(first));
    const [form = '', sample = ''] = round.keys;
    const second = rig.tool({ inputResponses: { [form]: { action: 'accept' }, [sample]: 'no object' }, requestState: round.requestState }, { id: 2 });
    const again = asked(await over(second));
    expect(again.requests).toEqual({ [sample]: SAMPLE });
    expect(again.requestState).not.toBe(round.requestState);
    const replayed = rig.tool({ inputResponses: { [sample]: {} }, requestState: round.requestState }, { id: 3 });
    expect(replayed.failure?.code).toBe('bridge.state_unknown');
    rig.tool({ inputResponses: { [sample]: {} }, requestState: again.requestState }, { id: 4 });
    await settled();
    expect(answersSent(rig).map(({ id }) => id)).toEqual([1, 2]);
  });

  it.each([
    ['somebody else', {}, { caller: 'bob' }],
    ['another tool', { name: 'other' }, {}],
    ['other arguments', { arguments: { x: 1 } }, {}],
  ])('does not go on for %s, and still does for its own client', async (_who, params, sent) => {
    const rig = rigOf();
    const first = rig.tool();
    const call = await rig.arrived('tools/call');
    call.say({ id: 1, ...FORM });
    const { keys, requestState } = asked(await over(first));
    const inputResponses = { [keys[0] as string]: { action: 'accept' } };
    expect(rig.tool({ inputResponses, requestState, ...params }, { id: 2, ...sent }).failure?.code).toBe('bridge.state_unknown');
    expect(answersSent(rig)).toEqual([]);
    const own = rig.tool({ inputResponses, requestState }, { id: 3 });
    call.say({ id: call.message.id, result: {} });
    expect((await over(own)).answer).toMatchObject({ id: 3, result: { resultType: 'complete' } });
  });

  it('gets an answer that came while its client was away, and a failure likewise', async () => {
    for (const isBroken of [false, true]) {
      const rig = rigOf();
      const first = rig.tool();
      const call = await rig.arrived('tools/call');
      call.say({ id: 1, ...FORM });
      const { keys, requestState } = asked(await over(first));
      if (isBroken) call.breakDown();
      else call.say({ id: call.message.id, result: { late: true } });
      const second = await over(rig.tool({ inputResponses: { [keys[0] as string]: {} }, requestState }, { id: 2 }));
      if (isBroken) expect(second.failure?.code).toBe('upstream.connection_lost');
      else expect(second.answer).toMatchObject({ id: 2, result: { late: true } });
    }
  });

  it('is not asked what the upstream took back meanwhile', async () => {
    const rig = rigOf();
    const first = rig.tool();
    const call = await rig.arrived('tools/call');
    call.say({ id: 1, ...FORM });
    const { keys, requestState } = asked(await over(first));
    call.say({ method: 'notifications/cancelled', params: { requestId: 1 } });
    rig.tool({ inputResponses: { [keys[0] as string]: { action: 'accept' } }, requestState }, { id: 2 });
    await settled();
    expect(answersSent(rig)).toEqual([]);
  });

  it('is given up when its client goes away while it runs: the upstream is told, what is open is cancelled, the session ended', async () => {
    const rig = rigOf();
    const first = rig.tool();
    const call = await rig.arrived('tools/call');
    first.call?.cancel();
    await settled();
    expect(call.isCancelled).toBe(true);
    expect(rig.upstream.of('notifications/cancelled').map(({ message }) => message.params)).toMatchObject([{ requestId: call.message.id }]);
    expect(rig.upstream.ended).toEqual([1]);
  });

  it('hears of questions in a method that cannot be interrupted not at all: the upstream is refused', async () => {
    const rig = rigOf();
    const listing = rig.send('tools/list');
    const call = await rig.arrived('tools/list');
    call.say({ id: 9, ...FORM });
    await settled();
    expect(answersSent(rig)).toMatchObject([{ id: 9, error: { code: -32601 } }]);
    call.say({ id: call.message.id, result: { tools: [] } });
    expect((await over(listing)).answer).toMatchObject({ result: { tools: [], resultType: 'complete', cacheScope: expect.any(String) } });
  });
});

describe('the sessions of modern clients', () => {
  it('are opened under what the client declares; one that can be asked nothing shares one', async () => {
    const rig = rigOf();
    for (let id = 1; id <= 3; id++) rig.tool({}, { id, capabilities: {} });
    await rig.arrived('tools/call', 3);
    expect(rig.upstream.of('initialize').map(({ message }) => message.params?.['capabilities'])).toEqual([{}]);
    rig.tool({}, { id: 4, capabilities: ABLE });
    await rig.arrived('tools/call', 4);
    expect(rig.upstream.of('initialize').map(({ message }) => message.params?.['capabilities'])).toEqual([{}, ABLE]);
  });

  it('carry one call at a time where a question may come apart from its stream, and are used again', async () => {
    const rig = rigOf();
    const first = rig.tool({}, { id: 1 });
    const a = await rig.arrived('tools/call', 1);
    const second = rig.tool({}, { id: 2 });
    const b = await rig.arrived('tools/call', 2);
    expect(rig.upstream.sessionOf.get(a)).not.toBe(rig.upstream.sessionOf.get(b));
    const stream = rig.upstream.streams.find((each) => rig.upstream.sessionOf.get(each) === rig.upstream.sessionOf.get(b));
    stream?.say({ id: 'apart', ...SAMPLE });
    expect(asked(await over(second)).requests).toEqual({ 'ask-1': SAMPLE });
    a.answer({});
    await over(first);
    rig.tool({}, { id: 3 });
    const c = await rig.arrived('tools/call', 3);
    expect(rig.upstream.sessionOf.get(c)).toBe(rig.upstream.sessionOf.get(a));
    expect(rig.upstream.sessionCount).toBe(2);
  });

  it('are no more than a program can be for one client: further calls wait, and those that wait for answers do not count', async () => {
    const rig = rigOf({ transport: 'STDIO' });
    const calls = Array.from({ length: 10 }, (_, at) => rig.tool({}, { id: at + 1 }));
    await rig.arrived('tools/call', 8);
    await settled();
    expect(rig.upstream.of('tools/call')).toHaveLength(8);
    rig.upstream.of('tools/call')[0]?.say({ id: 1, ...FORM });
    asked(await over(calls[0] as (typeof calls)[number]));
    const ninth = await rig.arrived('tools/call', 9);
    expect(rig.upstream.sessionOf.get(ninth)).toBe(9);
    rig.upstream.of('tools/call')[1]?.answer({});
    const tenth = await rig.arrived('tools/call', 10);
    expect(rig.upstream.sessionOf.get(tenth)).toBe(2);
    // One that leaves the queue is not sent.
    const waiting = rig.tool({}, { id: 11 });
    waiting.call?.cancel();
    rig.upstream.of('tools/call')[2]?.answer({});
    await settled();
    expect(rig.upstream.of('tools/call')).toHaveLength(10);
  });

  it('are ended with their gateway, and what waits is given up', async () => {
    const rig = rigOf();
    const first = rig.tool();
    (await rig.arrived('tools/call')).say({ id: 1, ...FORM });
    asked(await over(first));
    rig.clients.keepOnly(new Map());
    await settled();
    expect(rig.clients.counts.waiting).toBe(0);
    expect(rig.upstream.ended).toEqual([1]);
    expect(answersSent(rig)).toMatchObject([{ id: 1, result: { action: 'cancel' } }]);
  });
});

describe('a stream that the upstream closes before its answer', () => {
  it('is taken up again where it broke', async () => {
    const rig = rigOf();
    const first = rig.tool();
    const call = await rig.arrived('tools/call');
    const streamsBefore = rig.upstream.streams.length;
    call.sayWithId('e1', { method: 'notifications/x' });
    call.retry('1');
    call.end();
    for (let turn = 0; turn < 500 && rig.upstream.streams.length === streamsBefore; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
    const resumed = rig.upstream.streams.at(-1);
    expect(resumed?.request.lastEventId).toBe('e1');
    resumed?.say({ id: call.message.id, result: { found: true } });
    expect((await over(first)).answer).toMatchObject({ id: 1, result: { found: true } });
  });

  it('is an error where there is nothing to take it up by', async () => {
    const rig = rigOf();
    const first = rig.tool();
    const call = await rig.arrived('tools/call');
    call.say({ method: 'notifications/x' });
    call.end();
    expect((await over(first)).failure?.code).toBe('upstream.connection_lost');
  });
});

it('log lines come to whoever asked for them and no others, of that level and above', async () => {
  const rig = rigOf({ capabilities: { logging: {} } });
  const level = 'io.modelcontextprotocol/logLevel';
  const quiet = rig.tool({}, { id: 1 });
  const silent = await rig.arrived('tools/call');
  const loud = rig.tool({}, { id: 2, meta: { [level]: 'warning' } });
  (await rig.arrived('logging/setLevel')).answer({});
  const call = await rig.arrived('tools/call', 2);
  for (const [at, each] of [silent, call].entries()) {
    for (const said of ['debug', 'warning', 'error']) each.say({ method: 'notifications/message', params: { level: said, data: at } });
    each.say({ id: each.message.id, result: {} });
  }
  expect((await over(quiet)).messages).toHaveLength(1);
  expect((await over(loud)).messages.map(({ params }) => params?.['level'])).toEqual(['warning', 'error', undefined]);
  expect(rig.send('tools/list', {}, { meta: { [level]: 'shout' } }).answer).toMatchObject({ error: { code: -32602 } });
});
