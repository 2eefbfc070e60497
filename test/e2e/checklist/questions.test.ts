// Checklist point 34: what a server asks of its client – sampling, elicitation, roots, ping – nested, at once and over several
// sessions; every answer and every error returns to the request it belongs to.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { getStream, mirrorOf, openSession, post, request, textOf, toolCall, type ClientSession, type Door } from './doors.ts';
import { event, json, startScriptedUpstream, stream, type ScriptedUpstream } from './scripted-upstream.ts';
import { eventually, type OpenAnswer } from './wire.ts';

const CAPABILITIES = { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } };

let gateway: StartedGateway;
let fixture: Fixture;
let door: Door;
let upstream: ScriptedUpstream;
let scripted: Door;

beforeAll(async () => {
  gateway = await startGateway();
  fixture = await startFixture();
  upstream = await startScriptedUpstream();
  door = await mirrorOf(gateway, fixture.url);
  scripted = await mirrorOf(gateway, upstream.url);
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([fixture?.close(), upstream?.close()]);
});

interface Question {
  readonly id: unknown;
  readonly method: string;
  readonly params: Record<string, unknown>;
}

async function question(stream: OpenAnswer): Promise<Question> {
  for (;;) {
    const text = await stream.message();
    if (text === undefined) throw new Error('the stream has ended without a question');
    const message = JSON.parse(text) as Question;
    if (message.id !== undefined && message.method !== undefined) return message;
  }
}

async function reply(session: Door, id: unknown, answer: object): Promise<void> {
  const accepted = await post(session, JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
  expect([accepted.status, (await accepted.bytes()).length]).toEqual([202, 0]);
}

const sampled = (text: string) => ({ result: { role: 'assistant', content: { type: 'text', text }, model: 'm' } });

describe('point 34', () => {
  const cases: readonly (readonly [string, object, string, object, string])[] = [
    ['test_sampling', { prompt: 'capital?' }, 'sampling/createMessage', sampled('Paris'), 'LLM response: Paris'],
    [
      'test_elicitation',
      { message: 'who?' },
      'elicitation/create',
      { result: { action: 'accept', content: { username: 'ada' } } },
      'User response: action=accept, content={"username":"ada"}',
    ],
    ['test_elicitation', { message: 'who?' }, 'elicitation/create', { result: { action: 'decline' } }, 'User response: action=decline, content={}'],
    ['test_elicitation_url', {}, 'elicitation/create', { result: { action: 'accept' } }, 'Consent: accept'],
    ['test_list_roots', {}, 'roots/list', { result: { roots: [{ uri: 'file:///r' }] } }, '[{"uri":"file:///r"}]'],
    [
      'test_sampling',
      { prompt: 'no' },
      'sampling/createMessage',
      { error: { code: -1, message: 'User rejected it', data: { n: 1 } } },
      'User rejected it',
    ],
  ];
  test.each(cases)('point 34: %s with %j asks %s, and %j returns to it', async (tool, args, method, answer, expected) => {
    const session = await openSession(door, '2025-11-25', CAPABILITIES);
    const call = await post(session, toolCall('call', tool, args));
    const asked = await question(call);
    expect(asked.method).toBe(method);
    await reply(session, asked.id, answer);
    const messages = await call.messages();
    const last = messages.at(-1) ?? {};
    expect(last['id']).toBe('call');
    expect(JSON.stringify(last['error'] ?? textOf(last))).toContain(JSON.stringify(expected).slice(1, -1));
    if (tool === 'test_elicitation_url') {
      expect(asked.params).toMatchObject({ mode: 'url' });
      expect(messages[0]).toMatchObject({ method: 'notifications/elicitation/complete', params: { elicitationId: asked.params['elicitationId'] } });
    }
  });

  test('point 34: questions asked at once are answered in another order and do not cross', async () => {
    const session = await openSession(door, '2025-11-25', CAPABILITIES);
    const count = 20;
    const call = await post(session, toolCall(1, 'test_questions_at_once', { count }));
    const asked: Question[] = [];
    while (asked.length < count) asked.push(await question(call));
    const textOfQuestion = ({ params }: Question) => (params['messages'] as { content: { text: string } }[])[0]?.content.text ?? '';
    for (const each of asked.toReversed()) await reply(session, each.id, sampled(`answer to ${textOfQuestion(each)}`));
    const expected = Array.from({ length: count }, (_, i) => `answer to q${i}`);
    expect(JSON.parse(textOf(await call.answer()))).toEqual(expected);
  });

  test('point 34: sessions that ask at the same time with the same ids are answered each by its own client', async () => {
    const sessions = await Promise.all(Array.from({ length: 12 }, () => openSession(door, '2025-06-18', CAPABILITIES)));
    const calls = await Promise.all(sessions.map((session, i) => post(session, toolCall('same', 'test_sampling', { prompt: `p${i}` }))));
    const asked = await Promise.all(calls.map(question));
    // The server numbers its questions per session, so all have the same id.
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    for (const i of [...asked.keys()].toReversed()) await reply(sessions[i] as ClientSession, asked[i]?.id, sampled(`a${i}`));
    const answers = await Promise.all(calls.map(async (call) => textOf(await call.answer())));
    expect(answers).toEqual(sessions.map((_, i) => `LLM response: a${i}`));
  });

  test('point 34: a call made while another waits for the user, and a question within it, are served', async () => {
    const session = await openSession(door, '2025-11-25', CAPABILITIES);
    const outer = await post(session, toolCall('outer', 'test_elicitation', { message: 'outer' }));
    const outerQuestion = await question(outer);
    const inner = await post(session, toolCall('inner', 'test_sampling', { prompt: 'inner' }));
    const innerQuestion = await question(inner);
    expect((await post(session, request('ping', 'ping'))).status).toBe(200);
    await reply(session, innerQuestion.id, sampled('within'));
    expect(await inner.answer()).toMatchObject({ id: 'inner', result: { content: [{ text: 'LLM response: within' }] } });
    await reply(session, outerQuestion.id, { result: { action: 'accept', content: {} } });
    expect(await outer.answer()).toMatchObject({ id: 'outer' });
  });

  test('point 34: a hundred calls that all wait for their client leave room for the answers', async () => {
    const session = await openSession(door, '2025-11-25', CAPABILITIES);
    const calls = await Promise.all(Array.from({ length: 100 }, (_, i) => post(session, toolCall(i, 'test_sampling', { prompt: `p${i}` }))));
    const asked = await Promise.all(calls.map(question));
    await Promise.all(asked.map((each, i) => reply(session, each.id, sampled(`a${i}`))));
    expect(await Promise.all(calls.map(async (call) => textOf(await call.answer())))).toEqual(calls.map((_, i) => `LLM response: a${i}`));
  });

  test('point 34: ping and any other request on the GET stream are answered, errors too', async () => {
    const session = await openSession(door, '2025-11-25', CAPABILITIES);
    const own = [...fixture.hub.sessions.values()].at(-1);
    const standalone = await getStream(session);
    await eventually(() => own?.standalone.isAttached);
    const send = (text: string) => own?.standalone.send(text);
    const pinged = own?.ask(send, 'ping', {});
    const ping = await question(standalone);
    expect(ping.method).toBe('ping');
    await reply(session, ping.id, { result: {} });
    expect(await pinged).toEqual({});
    const refused = own?.ask(send, 'vendor/ask', { deep: { n: 1 } }).catch((error: unknown) => error);
    const vendor = await question(standalone);
    expect(vendor).toMatchObject({ method: 'vendor/ask', params: { deep: { n: 1 } } });
    await reply(session, vendor.id, { error: { code: -32601, message: 'not here' } });
    expect(await refused).toMatchObject({ code: -32601, message: 'The client refused: not here' });
    standalone.close();
  });

  test('point 34: a question and its answer are the same bytes on both sides, progress both ways between them', async () => {
    const session = await openSession(scripted, '2025-11-25', CAPABILITIES);
    const asked =
      '{"jsonrpc":"2.0","id":"q\\u00e9 9007199254740993","method":"sampling/createMessage","params":{"messages":[],"maxTokens":1.0,"x":null,"_meta":{"progressToken":0}}}';
    const answered =
      '{ "jsonrpc":"2.0","id":"q\\u00e9 9007199254740993","result":{"role":"assistant","content":{"type":"text","text":"é"},"x":[1.0,9007199254740993]} }';
    const ours = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":0,"progress":0.50,"x":1}}';
    let finish = (): void => undefined;
    upstream.play(({ res, message }) => {
      if (message.method !== 'tools/call') return false;
      stream(res);
      res.write(event(asked));
      finish = () => void res.end(event(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: {} })));
      return true;
    });
    const call = await post(session, toolCall(1, 'one'));
    expect(await call.message()).toBe(asked);
    for (const text of [ours, answered]) {
      const accepted = await post(session, text);
      expect(accepted.status).toBe(202);
      expect(upstream.seen.at(-1)?.text).toBe(text);
    }
    finish();
    expect(await call.answer()).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
  });

  test('point 34: an upstream’s refusal of an answer is the client’s to see', async () => {
    const session = await openSession(scripted, '2025-11-25', CAPABILITIES);
    const body = '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"nobody asked"}}';
    upstream.play(({ res }) => json(res, body, 400));
    const refused = await post(session, '{"jsonrpc":"2.0","id":77,"result":{}}');
    expect([refused.status, await refused.answerText()]).toEqual([400, body]);
  });
});
