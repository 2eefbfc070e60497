// Upstreams of the older era and modern clients that behave as nobody should, moment by moment: nothing waits in vain, nothing is asked
// of whom it does not concern, and nothing is kept for good.
import { afterEach, describe, expect, it } from 'vitest';
import { createBridge } from '../../../src/data-plane/upstream/bridge/bridge.ts';
import { bridgeRig, PlayedClient, settled, type Message } from '../bridge-rig.ts';
import { asked, FORM, modernRig, over, SAMPLE, type ModernRig } from './modern-rig.ts';

const rigs: ModernRig[] = [];
function rigOf(...args: Parameters<typeof modernRig>): ModernRig {
  const rig = modernRig(...args);
  rigs.push(rig);
  return rig;
}
afterEach(async () => {
  await Promise.all(rigs.splice(0).map(({ clients }) => clients.close()));
});

const ROOTS: Message = { method: 'roots/list' };

function answersSent(rig: ModernRig): Message[] {
  return rig.upstream.of('').map(({ message }) => message);
}

describe('questions apart from the stream of a call', () => {
  it('are not asked any more when they were taken back the same way', async () => {
    const rig = rigOf();
    const first = rig.tool();
    const call = await rig.arrived('tools/call');
    rig.upstream.streams[0]?.say({ id: 'q', ...FORM });
    rig.upstream.streams[0]?.say({ id: 'r', ...SAMPLE });
    const { keys, requestState } = asked(await over(first));
    rig.upstream.streams[0]?.say({ method: 'notifications/cancelled', params: { requestId: 'q' } });
    const inputResponses = Object.fromEntries(keys.map((key) => [key, {}]));
    rig.tool({ inputResponses, requestState }, { id: 2 });
    await settled();
    expect(answersSent(rig).map(({ id }) => id)).toEqual(['r']);
    expect(call.isCancelled).toBe(false);
  });

  it('after roots are refused at once, and never brought to a client, when that one declares none', async () => {
    const rig = rigOf();
    const capabilities = { sampling: {} };
    const first = rig.tool({}, { capabilities });
    const call = await rig.arrived('tools/call');
    call.answer({ content: [] });
    await over(first);
    rig.upstream.streams[0]?.say({ id: 'r', ...ROOTS });
    await settled();
    expect(answersSent(rig)).toMatchObject([{ id: 'r', error: { code: -32601 } }]);
    const second = rig.tool({}, { capabilities });
    const again = await rig.arrived('tools/call', 2);
    again.answer({ content: [] });
    expect((await over(second)).answer).toMatchObject({ result: { resultType: 'complete' } });
  });
});

describe('pages to be visited first', () => {
  const visits = (...ids: string[]): object => ({
    elicitations: ids.map((id) => ({ mode: 'url', elicitationId: id, url: `https://pages.example/${id}`, message: 'look' })),
  });

  it('are asked for again when the client says nothing of one', async () => {
    const rig = rigOf();
    const first = rig.tool();
    (await rig.arrived('tools/call')).refuse(-32042, 'visit', 200, visits('a', 'b'));
    const round = asked(await over(first));
    const [one = '', two = ''] = round.keys;
    const second = rig.tool({ inputResponses: { [one]: { action: 'accept' } }, requestState: round.requestState }, { id: 2 });
    const again = asked(await over(second));
    expect(again.requests).toEqual({ [two]: round.requests[two] });
    expect(again.requestState).not.toBe(round.requestState);
    rig.tool({ inputResponses: { [two]: { action: 'accept' } }, requestState: again.requestState }, { id: 3 });
    await rig.arrived('tools/call', 2);
  });

  it('lead back to the upstream as it is then', async () => {
    const rig = rigOf();
    const first = rig.tool();
    (await rig.arrived('tools/call')).refuse(-32042, 'visit', 200, visits('a'));
    const { keys, requestState } = asked(await over(first));
    const upstream = rig.upstreams.get('u');
    if (upstream === undefined) throw new Error('There is no upstream');
    (rig.upstreams as Map<string, typeof upstream>).set('u', { ...upstream, row: { ...upstream.row, headers: [['x-key', 'new']] } });
    rig.tool({ inputResponses: { [keys[0] as string]: { action: 'accept' } }, requestState }, { id: 2 });
    const again = await rig.arrived('tools/call', 2);
    expect(again.request.upstream.headers).toEqual([['x-key', 'new']]);
  });
});

describe('a stream that is taken up again', () => {
  it('and refused is not asked for by several at once, and the last of them is the end', async () => {
    const rig = rigOf();
    const first = rig.tool();
    const call = await rig.arrived('tools/call');
    const listening = rig.upstream.streams.length;
    call.retry('0');
    call.sayWithId('7', { method: 'notifications/x' });
    call.end();
    for (let turn = 0; turn < 3000 && first.failure === undefined && !first.isEnded; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      for (const stream of rig.upstream.streams.slice(listening)) if (!stream.isCancelled) stream.beginRefusal(404);
    }
    // The answer may be a stream by now.
    await over(first);
    expect(rig.upstream.streams.slice(listening).map(({ isCancelled }) => isCancelled)).toEqual([true, true, true, true, true]);
  });
});

describe('what an older server says of its result', () => {
  it('is not taken for a round of the newer era', async () => {
    const rig = rigOf();
    const first = rig.tool();
    (await rig.arrived('tools/call')).document({
      id: 1,
      result: { content: [], resultType: 'input_required', inputRequests: { x: FORM }, requestState: 'mine' },
    });
    expect((await over(first)).answer).toMatchObject({ result: { resultType: 'complete', content: [] } });
  });
});

describe('too much', () => {
  it('asked in one call is refused, however few the questions', async () => {
    const rig = rigOf();
    const first = rig.tool();
    const call = await rig.arrived('tools/call');
    const big = { ...FORM, params: { ...FORM.params, message: 'x'.repeat(9 * 1024 * 1024) } };
    for (const id of [1, 2]) call.say({ id, ...big });
    expect(asked(await over(first)).keys).toHaveLength(1);
    expect(answersSent(rig)).toMatchObject([{ id: 2, error: { code: -32601 } }]);
  });
});

it('a server that asks faster than it takes answers is not answered without end', async () => {
  const rig = rigOf();
  rig.tool();
  const call = await rig.arrived('tools/call');
  for (let id = 1; id <= 1000; id++) call.say({ id, method: 'ping' });
  expect(answersSent(rig)).toHaveLength(256);
  await settled();
  call.say({ id: 'last', method: 'ping' });
  expect(answersSent(rig).at(-1)).toMatchObject({ id: 'last', result: {} });
});

describe('an upstream that is reached another way from now on', () => {
  it.each([false, true])('ends the calls of its old sessions, also one whose client is being asked: %s', async (isAsked) => {
    const rig = rigOf();
    const first = rig.tool();
    const call = await rig.arrived('tools/call');
    let requestState = '';
    if (isAsked) {
      call.say({ id: 1, ...FORM });
      ({ requestState } = asked(await over(first)));
    }
    const upstream = rig.upstreams.get('u');
    if (upstream === undefined) throw new Error('There is no upstream');
    rig.clients.keepOnly(new Map([['u', { ...upstream, row: { ...upstream.row, transport: 'SSE' as const } }]]));
    const last = isAsked ? rig.tool({ inputResponses: { 'ask-1': { action: 'accept' } }, requestState }, { id: 2 }) : first;
    expect((await over(last)).failure?.code).toBe('upstream.connection_lost');
    expect(call.isCancelled).toBe(true);
  });
});

describe('a client of thousands of minds', () => {
  it('has no more than its share of sessions, and takes nobody else\u2019s away', async () => {
    const rig = rigOf();
    const neighbour = rig.send('tools/list', {}, { caller: 'bob' });
    (await rig.arrived('tools/list')).answer({ tools: [] });
    await over(neighbour);
    for (let i = 0; i < 600; i++) {
      const heard = rig.send('tools/list', {}, { capabilities: { [`x${i}`]: {} }, id: i + 2 });
      (await rig.arrived('tools/list', i + 2)).answer({ tools: [] });
      await over(heard);
    }
    expect(rig.clients.sessionCount).toBeLessThan(600);
    expect(rig.upstream.ended).not.toContain(1);
    expect(rig.upstream.ended).toContain(2);
  });
});

it('log lines of a level that is just being set are not missed by the next call in the same session', async () => {
  const rig = rigOf({ capabilities: { logging: {} } });
  const meta = { 'io.modelcontextprotocol/logLevel': 'debug' };
  rig.send('tools/list', {}, { meta });
  rig.send('tools/list', {}, { meta, id: 2 });
  const setting = await rig.arrived('logging/setLevel');
  await settled();
  expect(rig.upstream.of('tools/list')).toHaveLength(0);
  setting.answer({});
  await rig.arrived('tools/list', 2);
  expect(rig.upstream.of('logging/setLevel')).toHaveLength(1);
});

it('a question that was asked and not waited for is over with its call', async () => {
  const outcomes: string[] = [];
  const rig = rigOf({}, { onQuestionOver: ({ method, outcome }) => outcomes.push(`${method} ${outcome}`) });
  const first = rig.tool();
  const call = await rig.arrived('tools/call');
  call.say({ id: 'q', ...FORM });
  call.say({ id: call.message.id, result: { content: [] } });
  expect((await over(first)).answer).toMatchObject({ result: { resultType: 'complete' } });
  expect(outcomes).toEqual(['elicitation/create cancelled']);
  expect(rig.clients.counts).toMatchObject({ parked: 0 });
});

it('whoever opens a call through the bridge is told what stands against it, and nothing is thrown', async () => {
  const { port, row, parts } = bridgeRig({ legacy: true, modern: false });
  const bridge = createBridge(parts);
  const client = new PlayedClient(bridge, row);
  client.headers = ['mcp-protocol-version', '2026-07-28', 'mcp-method', 'tools/call', 'mcp-name', 'tool'];
  const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
  const heard = client.send({ id: 1, method: 'tools/call', params: { name: 'tool', requestState: 'mine', _meta } });
  expect(heard.failure?.code).toBe('bridge.state_unknown');
  expect(port.calls).toHaveLength(0);
  await bridge.close();
});

it.each(['x\r\ny', ''])('a server that agrees to no revision of the protocol (%j) is not spoken to', async (protocolVersion) => {
  const rig = rigOf();
  rig.upstream.initialized = { protocolVersion };
  const heard = await over(rig.tool());
  expect(heard.failure?.code).toBe('upstream.bad_answer');
  expect(rig.upstream.streams).toHaveLength(0);
  expect(rig.upstream.of('notifications/initialized')).toHaveLength(0);
});
