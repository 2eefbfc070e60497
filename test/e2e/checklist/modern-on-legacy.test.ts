// Checklist points 42, 44, 46 and 48: a client of 2026-07-28 at servers that know sessions only, on every transport: what they ask in the
// middle of a call becomes `input_required`, and the call goes on when the client comes back with answers.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NODE_FIRST } from '../../sessions/gateway-cell.ts';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { mirrorOfCopy, startCopy, type Copy, type CopyKind } from './copies.ts';
import { META, modern, textOf, type Door, type ModernRequest } from './doors.ts';
import { eventually } from './wire.ts';

// eslint-disable-next-line -- tests look into messages of many shapes
type Json = Record<string, any>;

const ABLE = { sampling: {}, elicitation: { form: {}, url: {} }, roots: {} };
const ROOTS = { roots: [{ uri: 'file:///home/ann', name: 'home' }] };

/** What a client would say to each question. */
function answerTo({ method, params }: { method: string; params: Json }): Json {
  if (method === 'roots/list') return ROOTS;
  if (method === 'sampling/createMessage')
    return { role: 'assistant', content: { type: 'text', text: `sampled ${params['messages'][0].content.text}` }, model: 'm' };
  return params['mode'] === 'url' ? { action: 'accept' } : { action: 'accept', content: { username: 'ann', name: 'ann', email: 'a@b.c' } };
}

interface Played {
  readonly answer: Json;
  /** The questions of each round. */
  readonly rounds: Json[];
  readonly messages: Json[];
}

/** Makes a call and goes on until it has an answer. */
async function play(door: Door, method: string, params: Json, options: ModernRequest = {}): Promise<Played> {
  const rounds: Json[] = [];
  const all: Json[] = [];
  let more: Json = {};
  for (let id = 1; id < 20; id++) {
    const reply = await modern(door, method, { ...params, ...more }, { capabilities: ABLE, ...options, id });
    const messages = reply.isStream ? ((await reply.messages()) as Json[]) : [(await reply.answer()) as Json];
    all.push(...messages);
    const answer = messages.at(-1) as Json;
    expect(answer['id']).toBe(id);
    if (answer['result']?.resultType !== 'input_required') return { answer, rounds, messages: all };
    const asked = answer['result'].inputRequests as Record<string, { method: string; params: Json }>;
    rounds.push(asked);
    const inputResponses = Object.fromEntries(Object.entries(asked).map(([key, question]) => [key, answerTo(question)]));
    more = { inputResponses, requestState: answer['result'].requestState };
  }
  throw new Error('too many rounds');
}

let gateway: StartedGateway;
beforeAll(async () => {
  gateway = await startGateway({ env: { PATH: NODE_FIRST } });
});
afterAll(async () => {
  await gateway?.stop();
});

describe.each<CopyKind>(['streamable HTTP', 'SSE', 'stdio'])('a client of 2026-07-28 at a server with sessions over %s', (kind) => {
  let copy: Copy;
  let door: Door;

  const tool = (name: string, args: Json = {}, options: ModernRequest = {}): Promise<Played> =>
    play(door, 'tools/call', { name, arguments: args }, options);

  beforeAll(async () => {
    copy = await startCopy(kind, 'legacy');
    door = await mirrorOfCopy(gateway, copy);
  });
  afterAll(async () => {
    await copy?.close();
  });

  test('point 42: learns who it is by server/discover', async () => {
    const { result } = (await (await modern(door, 'server/discover')).answer()) as Json;
    expect(result).toMatchObject({ resultType: 'complete', supportedVersions: expect.arrayContaining(['2026-07-28', '2025-11-25']) });
    expect(result.capabilities.tools).toBeDefined();
    expect(result._meta[`${META}serverInfo`].name).toEqual(expect.any(String));
    expect(JSON.stringify(result)).not.toContain('protocolVersion');
  });

  test.each([
    ['test_sampling', { prompt: 'hello' }, 'sampling/createMessage', 'LLM response: sampled hello'],
    [
      'test_elicitation',
      { message: 'who?' },
      'elicitation/create',
      'User response: action=accept, content={"username":"ann","name":"ann","email":"a@b.c"}',
    ],
    ['test_elicitation_url', {}, 'elicitation/create', 'Consent: accept'],
    ['test_list_roots', {}, 'roots/list', JSON.stringify(ROOTS.roots)],
  ])('point 42: what %s asks appears as input_required, and its answer gets there', async (name, args, method, text) => {
    const { answer, rounds } = await tool(name, args);
    expect(textOf(answer)).toBe(text);
    const asked = Object.values(rounds.at(-1) as Record<string, Json>);
    expect(asked).toMatchObject([{ method }]);
    expect(JSON.stringify(rounds)).not.toContain('elicitationId');
    expect(answer['result'].resultType).toBe('complete');
  });

  test('point 42: questions asked at once share a round, and one after another have one each', async () => {
    const atOnce = await tool('test_questions_at_once', { count: 4 });
    expect(JSON.parse(textOf(atOnce.answer))).toEqual([0, 1, 2, 3].map((at) => `sampled q${at}`));
    expect(atOnce.rounds.map((asked) => Object.keys(asked).length)).toEqual([4]);
    const chain = await tool('test_question_chain', { depth: 3 });
    expect(chain.rounds).toHaveLength(3);
    expect(new Set(chain.rounds.flatMap((asked) => Object.keys(asked))).size).toBe(3);
    expect(textOf(chain.answer)).toContain('sampled');
  });

  test('point 42: a question apart from any stream is asked in the only call there is', async () => {
    expect(textOf((await tool('test_sampling_apart', { prompt: 'far' })).answer)).toBe('Sampled apart: sampled far');
    expect(textOf((await tool('test_elicitation_apart')).answer)).toContain('"action":"accept"');
  });

  test('point 42: prompts and resources may ask too', async () => {
    const prompt = await play(door, 'prompts/get', { name: 'test_input_required_result_prompt' });
    expect(prompt.rounds).toHaveLength(1);
    expect(prompt.answer['result'].messages).toBeDefined();
  });

  test('point 42: an error that sends the user to a page is a question here, and the retry makes the call anew', async () => {
    const params = { name: 'test_url_elicitation_required', arguments: {} };
    const call = async (id: number, more: Json = {}): Promise<Json> =>
      (await modern(door, 'tools/call', { ...params, ...more }, { id, capabilities: ABLE })).answer();
    const first = await call(1);
    expect(first['result']).toMatchObject({
      resultType: 'input_required',
      inputRequests: { 'visit-1': { method: 'elicitation/create', params: { mode: 'url', url: expect.any(String) } } },
    });
    const accepted = { inputResponses: { 'visit-1': { action: 'accept' } }, requestState: first['result'].requestState };
    const second = await call(2, accepted);
    // The fixture asks anew each time: another page shows that the call was made again.
    expect(second['result'].inputRequests['visit-1'].params.url).not.toBe(first['result'].inputRequests['visit-1'].params.url);
    const declined = { inputResponses: { 'visit-1': { action: 'decline' } }, requestState: second['result'].requestState };
    expect(await call(3, declined)).toMatchObject({ id: 3, result: { isError: true, resultType: 'complete' } });
    expect(JSON.stringify([first, second])).not.toMatch(/elicitationId|-32042/);
  });

  test('point 42: progress and log lines before and after a question are the call’s, and progress only grows', async () => {
    const { messages } = await tool('test_question_between', {}, { meta: { progressToken: 'p', [`${META}logLevel`]: 'warning' } });
    const progress = messages.flatMap((message) => (message['method'] === 'notifications/progress' ? [message['params'].progress] : []));
    expect(progress).toEqual([...progress].toSorted((a, b) => a - b));
    expect(progress.length).toBeGreaterThan(0);
    expect(messages.filter(({ method }) => method === 'notifications/message').length).toBeGreaterThan(0);
    for (const { params } of messages.filter(({ method }) => method === 'notifications/progress')) expect(params.progressToken).toBe('p');
  });

  test('point 44: the server is told what this client declares, request by request', async () => {
    for (const capabilities of [{}, { sampling: {} }, { elicitation: { form: {} }, roots: {} }]) {
      await (await modern(door, 'tools/list', {}, { capabilities })).answer();
      const { sessions } = (await copy.state()) as { sessions: Json[] };
      if (kind !== 'stdio') expect(sessions.map((session) => session['capabilities'])).toContainEqual(capabilities);
    }
    const refused = await (await modern(door, 'tools/call', { name: 'test_sampling', arguments: { prompt: 'x' } }, { capabilities: {} })).answer();
    expect(textOf(refused)).toContain('does not support');
  });

  test('point 42: the client goes away in the middle of a call, and the server is told to stop', async () => {
    const cancels = async (): Promise<number> => (((await copy.state()) as Json)['cancelled'] as unknown[]).length;
    const before = await cancels();
    const reply = await modern(
      door,
      'tools/call',
      { name: 'wait_for_release', arguments: { key: `never ${kind}` } },
      { meta: { progressToken: 1 }, capabilities: ABLE },
    );
    expect(await reply.message()).toContain('notifications/progress');
    reply.close();
    await eventually(async () => (await cancels()) > before);
  });

  test('point 46: roots asked for apart from the running call are asked in it when it does not come to its end', async () => {
    const { answer, rounds } = await tool('test_list_roots_apart', {}, { capabilities: { roots: {} } });
    expect(textOf(answer)).toBe(`Roots apart: ${JSON.stringify(ROOTS.roots)}`);
    expect(rounds).toHaveLength(1);
  });
});
