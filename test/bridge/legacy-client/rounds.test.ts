import { afterEach, describe, expect, test, vi } from 'vitest';
import type { UpstreamRow } from '../../../src/data-plane/gateway/index.ts';
import { snapshotOf, upstreamRow } from '../../combined/combined-rig.ts';
import type { Heard, Message, PlayedClient, PlayedPort } from '../bridge-rig.ts';
import { asking, FORM, legacyRig, ROOTS, SAMPLE, type LegacyRig } from './legacy-rig.ts';

const ACCEPTED = { action: 'accept', content: { name: 'ada' } };
const TOOL: Message = { id: 'call', method: 'tools/call', params: { name: 't', arguments: { n: 1 } } };

afterEach(() => {
  vi.useRealTimers();
});

/** Answers the last request of this method with questions. */
function ask(port: PlayedPort, requests: Record<string, Message>, requestState?: string, method = 'tools/call'): void {
  const call = port.last(method);
  call.document({ id: call.message.id, result: asking(requests, requestState) });
}

function reply(client: PlayedClient, question: Message | undefined, result: object): void {
  client.send({ id: question?.id, result: result as Record<string, unknown> });
}

async function withCall(capabilities?: object, version?: string, message: Message = TOOL): Promise<LegacyRig & { mine: PlayedClient; heard: Heard }> {
  const rig = legacyRig();
  const mine = await rig.opened(capabilities, version);
  return { ...rig, mine, heard: mine.send(message) };
}

describe('a round', () => {
  test('asks the client with requests of its own session on the stream of the call, and calls again with the bare answers', async () => {
    const { port, mine: client, heard } = await withCall();
    ask(port, { 'a key': FORM, b: SAMPLE, c: ROOTS }, 'state\u0000é');
    expect(heard.heads).toMatchObject([{ status: 200, kind: 'stream' }]);
    expect(heard.questions.map(({ method, params }) => [method, params])).toEqual([
      ['elicitation/create', FORM.params],
      ['sampling/createMessage', SAMPLE.params],
      ['roots/list', undefined],
    ]);
    const [form, sample, roots] = heard.questions;
    reply(client, sample, { role: 'assistant', content: [], model: 'm', 'x-more': 1 });
    reply(client, roots, { roots: [] });
    expect(port.ofMethod('tools/call')).toHaveLength(1);
    reply(client, form, ACCEPTED);
    const [first, again] = port.ofMethod('tools/call').map(({ message }) => message);
    expect(again?.id).not.toEqual(first?.id);
    expect(again?.params).toEqual({
      ...first?.params,
      inputResponses: { 'a key': ACCEPTED, b: { role: 'assistant', content: [], model: 'm', 'x-more': 1 }, c: { roots: [] } },
      requestState: 'state\u0000é',
    });
    port.last('tools/call').answer({ content: [] });
    expect([heard.answer, heard.isEnded]).toEqual([{ jsonrpc: '2.0', id: 'call', result: { content: [] } }, true]);
  });

  test('may follow another: state and answers are those of the latest, ids never come twice', async () => {
    const { port, mine: client, heard } = await withCall();
    const ids = new Set<unknown>();
    for (let round = 0; round < 3; round++) {
      ask(port, { [`k${round}`]: FORM }, round === 1 ? undefined : `s${round}`);
      const question = heard.questions.at(-1);
      ids.add(question?.id);
      reply(client, question, { action: 'accept', content: { round } });
      const { params } = port.last('tools/call').message;
      expect([params?.['inputResponses'], params?.['requestState']]).toEqual([
        { [`k${round}`]: { action: 'accept', content: { round } } },
        round === 1 ? undefined : `s${round}`,
      ]);
    }
    expect(ids.size).toBe(3);
    expect(new Set(port.ofMethod('tools/call').map(({ message }) => message.id)).size).toBe(4);
  });

  test('of one call never takes the answer to another’s question, nor an answer twice, nor of another session', async () => {
    const { port, mine: client, heard, opened } = await withCall();
    const other = client.send({ ...TOOL, id: 'other' });
    for (const call of port.ofMethod('tools/call'))
      call.document({ id: call.message.id, result: asking({ k: SAMPLE }, `for ${String(call.message.id)}`) });
    const stranger = await opened();
    reply(stranger, heard.questions[0], { not: 'theirs' });
    reply(client, other.questions[0], { of: 'other' });
    reply(client, other.questions[0], { of: 'nobody' });
    expect(port.ofMethod('tools/call')).toHaveLength(3);
    expect(port.last('tools/call').message.params).toMatchObject({ inputResponses: { k: { of: 'other' } }, requestState: 'for other' });
    reply(client, heard.questions[0], { of: 'call' });
    expect(port.last('tools/call').message.params).toMatchObject({ inputResponses: { k: { of: 'call' } }, requestState: 'for call' });
  });

  test('takes an answer whose client has made a string of the number', async () => {
    const { port, mine: client, heard } = await withCall();
    ask(port, { k: FORM });
    client.send({ id: String(heard.questions[0]?.id), result: ACCEPTED });
    expect(port.last('tools/call').message.params?.['inputResponses']).toEqual({ k: ACCEPTED });
  });

  test('by URL names an elicitation, as sessions do', async () => {
    const { port, heard } = await withCall();
    const params = { mode: 'url', message: 'go', url: 'https://example.com' };
    ask(port, { a: { method: 'elicitation/create', params }, b: { method: 'elicitation/create', params } });
    const [a, b] = heard.questions.map((question) => question.params);
    expect([a, b]).toMatchObject([params, params]);
    expect(a?.['elicitationId']).toEqual(expect.any(String));
    expect(a?.['elicitationId']).not.toBe(b?.['elicitationId']);
  });

  test('comes over a stream as well as in a document', async () => {
    const { port, mine: client, heard } = await withCall();
    const call = port.last('tools/call');
    call.say({ method: 'notifications/message', params: { level: 'info', data: 'x' } });
    call.say({ id: 'call', result: asking({ k: FORM }) });
    call.end();
    reply(client, heard.questions[0], ACCEPTED);
    port.last('tools/call').say({ id: port.last('tools/call').message.id, result: { resultType: 'complete', content: [] } });
    expect(heard.messages.map(({ method, id }) => method ?? id)).toEqual(['notifications/message', 'elicitation/create', 'call']);
  });

  test('keeps progress increasing', async () => {
    const { port, mine: client, heard } = await withCall(undefined, undefined, { ...TOOL, params: { name: 't', _meta: { progressToken: 'p' } } });
    const progress = (value: number): void =>
      void port.last('tools/call').say({ method: 'notifications/progress', params: { progressToken: 'p', progress: value } });
    progress(1);
    progress(5);
    port.last('tools/call').say({ id: 'call', result: asking({ k: FORM }) });
    reply(client, heard.questions[0], ACCEPTED);
    for (const value of [1, 5, 6]) progress(value);
    expect(heard.messages.flatMap(({ params }) => params?.['progress'] ?? [])).toEqual([1, 5, 6]);
  });
});

describe('what cannot be answered', () => {
  test('is refused at once for a client that did not declare it', async () => {
    for (const [capabilities, request, missing] of [
      [{}, FORM, { elicitation: { form: {} } }],
      [{ elicitation: { url: {} } }, FORM, { elicitation: { form: {} } }],
      [{ elicitation: {} }, { method: 'elicitation/create', params: { mode: 'url' } }, { elicitation: { url: {} } }],
      [{ sampling: {} }, { method: 'sampling/createMessage', params: { tools: [] } }, { sampling: { tools: {} } }],
      [{ sampling: {} }, ROOTS, { roots: {} }],
    ] as const) {
      const { port, heard } = await withCall(capabilities);
      ask(port, { k: request });
      expect([heard.status, heard.questions, heard.answer?.error]).toMatchObject([
        200,
        [],
        { code: -32021, data: { requiredCapabilities: missing } },
      ]);
    }
    const { port, heard } = await withCall({ elicitation: {} });
    ask(port, { k: FORM });
    expect(heard.questions).toHaveLength(1);
  });

  test('an elicitation that the client refuses is one that was cancelled', async () => {
    const { port, mine: client, heard } = await withCall();
    ask(port, { k: FORM });
    client.send({ id: heard.questions[0]?.id, error: { code: -1, message: 'no' } });
    expect(port.last('tools/call').message.params?.['inputResponses']).toEqual({ k: { action: 'cancel' } });
  });

  test('sampling or roots that the client refuses end the call: a tool in words, anything else with an error; other questions are taken back', async () => {
    const { port, mine: client, heard } = await withCall();
    ask(port, { k: SAMPLE, l: FORM });
    const [sample, form] = heard.questions;
    client.send({ id: sample?.id, error: { code: -1, message: 'User rejected it' } });
    expect(heard.messages.at(-2)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: form?.id } });
    expect(heard.answer).toMatchObject({
      id: 'call',
      result: { isError: true, content: [{ text: expect.stringContaining('User rejected it') as string }] },
    });
    reply(client, form, ACCEPTED);
    expect(port.ofMethod('tools/call')).toHaveLength(1);
    const prompt = client.send({ id: 'p', method: 'prompts/get', params: { name: 'n' } });
    ask(port, { k: ROOTS }, undefined, 'prompts/get');
    client.send({ id: prompt.questions[0]?.id, error: { code: -1, message: 'none' } });
    expect(prompt.answer?.error).toMatchObject({ code: -32603, message: expect.stringContaining('none') as string });
  });

  test('is given up when the client takes too long, and the client told', async () => {
    const { port, mine: client, heard } = await withCall();
    vi.useFakeTimers();
    ask(port, { k: FORM, l: FORM });
    reply(client, heard.questions[0], ACCEPTED);
    vi.advanceTimersByTime(60_000);
    expect(heard.messages.at(-1)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: heard.questions[1]?.id } });
    expect(port.last('tools/call').message.params?.['inputResponses']).toEqual({ k: ACCEPTED, l: { action: 'cancel' } });
    ask(port, { k: SAMPLE });
    vi.advanceTimersByTime(60_000);
    expect(heard.answer).toMatchObject({ result: { isError: true } });
  });

  test('is not asked any more when the client has taken the call back', async () => {
    const { port, mine: client, heard } = await withCall();
    ask(port, { k: FORM });
    client.send({ method: 'notifications/cancelled', params: { requestId: 'call' } });
    expect(heard.messages.at(-1)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: heard.questions[0]?.id } });
    expect([heard.isEnded, heard.answer]).toEqual([true, undefined]);
    reply(client, heard.questions[0], ACCEPTED);
    expect(port.ofMethod('tools/call')).toHaveLength(1);
  });

  test('and what no client knows, or is no round at all, is the upstream’s mistake', async () => {
    for (const result of [
      asking({ k: { method: 'tools/call', params: {} } }),
      asking({}),
      { resultType: 'input_required', requestState: 5 },
      { resultType: 'input_required', inputRequests: [] },
      { resultType: 'task', taskId: 't' },
    ]) {
      const { port, heard } = await withCall();
      port.last('tools/call').document({ id: 'call', result });
      expect([heard.status, heard.answer?.error?.code]).toEqual([200, -31502]);
    }
  });
});

describe('an upstream that', () => {
  test('asks without end is stopped after ten rounds', async () => {
    const { port, mine: client, heard } = await withCall();
    for (let round = 0; round < 10; round++) {
      ask(port, { k: FORM });
      reply(client, heard.questions.at(-1), ACCEPTED);
    }
    ask(port, { k: FORM });
    expect([heard.questions.length, heard.answer?.error?.code]).toEqual([10, -31502]);
  });

  test('only wants to be called again is called again with its state, later and later, and not for ever', async () => {
    const { port, heard } = await withCall();
    vi.useFakeTimers();
    port.last('tools/call').document({ id: 'call', result: asking({}, 's1') });
    expect(port.ofMethod('tools/call')).toHaveLength(1);
    vi.advanceTimersByTime(200);
    const { params } = port.last('tools/call').message;
    expect([port.ofMethod('tools/call').length, params?.['requestState'], params?.['inputResponses']]).toEqual([2, 's1', undefined]);
    for (let i = 0; heard.answer === undefined && i < 100; i++) {
      port.last('tools/call').document({ id: 'call', result: asking({}, 's2') });
      vi.advanceTimersByTime(5000);
    }
    expect([heard.answer?.error?.code, port.ofMethod('tools/call').length]).toEqual([-31502, 21]);
  });

  test('asks with a request of its own is not heard: its era has none', async () => {
    const { port, heard } = await withCall();
    port.last('tools/call').say({ id: 1, method: 'sampling/createMessage', params: {} });
    port.last('tools/call').say({ method: 'notifications/cancelled', params: { requestId: 1 } });
    expect(heard.messages).toEqual([]);
  });
});

describe('a call that waits', () => {
  const OFF = { id: 'call', error: { data: { code: 'server.disabled' } } };

  /** Of an upstream that can be changed. */
  async function withUpstream() {
    let snapshot = snapshotOf([upstreamRow('u')], []);
    const rig = legacyRig({}, [], { snapshot: () => snapshot });
    const mine = await rig.opened();
    const change = (more: Partial<UpstreamRow>): void => {
      snapshot = snapshotOf([{ ...rig.row, ...more }], []);
      rig.clients.keepOnly(snapshot.upstreams);
    };
    return { ...rig, mine, heard: mine.send(TOOL), change };
  }

  test('for its client is over when its upstream is switched off: the question is taken back, and no answer goes there', async () => {
    const { port, mine, heard, change } = await withUpstream();
    ask(port, { a: FORM });
    change({ enabled: false });
    expect(heard.messages.slice(1)).toMatchObject([{ method: 'notifications/cancelled', params: { requestId: heard.questions[0]?.id } }, OFF]);
    reply(mine, heard.questions[0], ACCEPTED);
    expect(port.ofMethod('tools/call')).toHaveLength(1);
  });

  test('to be made again is not made at an upstream that is switched off, and is made where that is now', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const off = await withUpstream();
    ask(off.port, {}, 'later');
    off.change({ enabled: false });
    vi.advanceTimersByTime(60_000);
    expect([off.heard.failure?.code, off.port.ofMethod('tools/call').length]).toEqual(['server.disabled', 1]);
    const moved = await withUpstream();
    ask(moved.port, { a: FORM });
    moved.change({ url: 'http://127.0.0.1/else' });
    reply(moved.mine, moved.heard.questions[0], ACCEPTED);
    expect(moved.port.last('tools/call').request.upstream.url).toBe('http://127.0.0.1/else');
  });
});
