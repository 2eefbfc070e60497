// Checklist points 43 to 46 for clients with sessions in front of a server that knows only requests which describe themselves: its
// questions reach the client as real requests, and everything that belongs to a session is the gateway's to keep (protocol.md 2.3).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { mirrorOfCopy, startCopy, type Copy } from './copies.ts';
import { getStream, notification, openSession, post, request, textOf, toolCall, type ClientSession, type Door } from './doors.ts';
import { eventually, open as wireOpen, type OpenAnswer } from './wire.ts';

const CAPABILITIES = { roots: { listChanged: true }, sampling: { tools: {} }, elicitation: { form: {}, url: {} } };
const KINDS = ['streamable HTTP', 'stdio'] as const;

let gateway: StartedGateway;
const copies = new Map<string, { copy: Copy; door: Door }>();

beforeAll(async () => {
  gateway = await startGateway();
  for (const kind of KINDS) {
    const copy = await startCopy(kind, 'modern');
    copies.set(kind, { copy, door: await mirrorOfCopy(gateway, copy) });
  }
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([...copies.values()].map(({ copy }) => copy.close()));
});

interface Question {
  readonly id: unknown;
  readonly method: string;
  readonly params?: Record<string, unknown>;
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

type Json = Record<string, unknown>;

/** What comes on the GET stream. */
async function told(stream: OpenAnswer): Promise<Json> {
  const text = await stream.message();
  if (text === undefined) throw new Error('the stream has ended');
  return JSON.parse(text) as Json;
}

describe.each(KINDS)('point 43: over %s', (kind) => {
  const copy = (): Copy => (copies.get(kind) as { copy: Copy }).copy;
  const door = (): Door => (copies.get(kind) as { door: Door }).door;
  const open = (version = '2025-11-25', capabilities: object = CAPABILITIES): Promise<ClientSession> => openSession(door(), version, capabilities);
  const answerTo = async (session: Door, method: string, params: object = {}): Promise<Json> =>
    (await post(session, request('r', method, params))).answer();

  test('point 43: initialize is answered with what the server says of itself, and nothing of the newer era', async () => {
    const { initialized, id } = await open();
    const { result } = JSON.parse(initialized) as { result: Json };
    expect(id).not.toBe('');
    expect(Object.keys(result).toSorted()).toEqual(['capabilities', 'instructions', 'protocolVersion', 'serverInfo']);
    expect(result).toMatchObject({
      protocolVersion: '2025-11-25',
      serverInfo: { name: expect.any(String) as string },
      capabilities: { resources: { subscribe: true }, logging: {}, extensions: { 'example.com/vendor': { depth: 3 } } },
    });
    expect(JSON.parse((await open('2025-03-26')).initialized)).toMatchObject({ result: { protocolVersion: '2025-03-26' } });
    expect(JSON.parse((await open('2031-01-01')).initialized)).toMatchObject({ result: { protocolVersion: '2025-11-25' } });
  });

  test('point 43: results have nothing of the newer era, and empty results are strictly empty', async () => {
    const session = await open();
    for (const [method, params] of [
      ['ping', {}],
      ['logging/setLevel', { level: 'info' }],
      ['resources/subscribe', { uri: 'test://watched-resource' }],
      ['resources/unsubscribe', { uri: 'test://watched-resource' }],
    ] as const)
      expect(await answerTo(session, method, params)).toEqual({ jsonrpc: '2.0', id: 'r', result: {} });
    for (const [method, params] of [
      ['tools/list', {}],
      ['resources/list', {}],
      ['resources/templates/list', {}],
      ['prompts/list', {}],
      ['tools/call', { name: 'test_simple_text', arguments: {} }],
      ['resources/read', { uri: 'test://static-text' }],
      ['prompts/get', { name: 'test_prompt_with_arguments', arguments: { arg1: 'Zürich', arg2: '' } }],
      ['completion/complete', { ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1', value: 'pa' } }],
    ] as const) {
      const answer = await answerTo(session, method, params);
      expect(Object.keys(answer['result'] as object).filter((name) => ['resultType', 'ttlMs', 'cacheScope', '_meta'].includes(name))).toEqual([]);
    }
    expect(await answerTo(session, 'tools/call', { name: 'rpc_error', arguments: { code: 7, message: 'own', data: 'text' } })).toEqual({
      jsonrpc: '2.0',
      id: 'r',
      error: { code: 7, message: 'own', data: 'text' },
    });
    const unknown = await post(session, request(0, 'example.com/unknown'));
    expect([unknown.status, await unknown.answer()]).toMatchObject([200, { id: 0, error: { code: -32601 } }]);
  });

  test('point 43: what the server is told of the client is what the client declared', async () => {
    const declared = { roots: { listChanged: true }, elicitation: { form: {}, url: {} }, experimental: { x: {} }, tasks: {} };
    const echoed = async (version: string): Promise<Json> => {
      const session = await open(version, declared);
      await answerTo(session, 'logging/setLevel', { level: 'notice' });
      return JSON.parse(textOf(await answerTo(session, 'tools/call', { name: 'echo_params', arguments: {} }))) as Json;
    };
    const { tasks: _own, ...rest } = declared;
    expect((await echoed('2025-11-25'))['_meta']).toEqual({
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': rest,
      'io.modelcontextprotocol/clientInfo': { name: 'wire', version: '1' },
      'io.modelcontextprotocol/logLevel': 'notice',
    });
    // This revision has no elicitation by URL.
    expect((await echoed('2025-06-18'))['_meta']).toMatchObject({
      'io.modelcontextprotocol/clientCapabilities': { ...rest, elicitation: { form: {} } },
    });
  });

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
    [
      'test_elicitation',
      { message: 'who?' },
      'elicitation/create',
      { error: { code: -1, message: 'no window' } },
      'User response: action=cancel, content={}',
    ],
    ['test_elicitation_url', {}, 'elicitation/create', { result: { action: 'accept' } }, 'Consent: accept'],
    ['test_url_elicitation_required', {}, 'elicitation/create', { result: { action: 'accept' } }, 'Welcome'],
    ['test_list_roots', {}, 'roots/list', { result: { roots: [{ uri: 'file:///r' }] } }, '[{"uri":"file:///r"}]'],
    ['test_input_required_result_request_state', {}, 'elicitation/create', { result: { action: 'accept', content: { ok: true } } }, 'state-ok'],
  ];
  test.each(cases)('point 43: %s with %j asks %s, and %j returns to it', async (tool, args, method, answer, expected) => {
    const session = await open();
    const call = await post(session, toolCall('call', tool, args));
    const asked = await question(call);
    expect(asked.method).toBe(method);
    if (asked.params?.['mode'] === 'url') expect(asked.params['elicitationId']).toEqual(expect.any(String));
    await reply(session, asked.id, answer);
    const last = await call.answer();
    expect([last['id'], textOf(last)]).toEqual(['call', expected]);
  });

  test('point 43: a tool whose question the client cannot answer fails in words its model can read, another call with an error', async () => {
    const session = await open();
    const call = await post(session, toolCall('call', 'test_sampling', { prompt: 'p' }));
    await reply(session, (await question(call)).id, { error: { code: -1, message: 'User rejected it' } });
    const last = await call.answer();
    expect(last).toMatchObject({ id: 'call', result: { isError: true } });
    expect(textOf(last)).toContain('User rejected it');
    const inTwo = await post(session, toolCall('two', 'test_input_required_result_multiple_inputs'));
    const asked = [await question(inTwo), await question(inTwo), await question(inTwo)];
    const roots = asked.find(({ method }) => method === 'roots/list');
    await reply(session, roots?.id, { error: { code: -32603, message: 'no roots today' } });
    const rest = await inTwo.messages();
    // What is not answered yet need not be.
    const left = asked.filter((each) => each !== roots).map(({ id }) => id);
    expect(rest.slice(0, -1)).toMatchObject(left.map((requestId) => ({ method: 'notifications/cancelled', params: { requestId } })));
    expect(rest.at(-1)).toMatchObject({ id: 'two', result: { isError: true } });
  });

  test('point 43: prompts and resources that ask are answered too', async () => {
    const session = await open();
    for (const [method, params, content] of [
      ['prompts/get', { name: 'test_input_required_result_prompt' }, { context: 'from the user' }],
      ['resources/read', { uri: 'test://asking-resource' }, { name: 'from the user' }],
    ] as const) {
      const call = await post(session, request(method, method, params));
      await reply(session, (await question(call)).id, { result: { action: 'accept', content } });
      const answer = await call.answer();
      expect(answer).toMatchObject({ id: method, result: {} });
      expect(JSON.stringify(answer['result'])).toContain('from the user');
    }
  });

  test('point 43: rounds follow each other, with all kinds of questions', async () => {
    const session = await open();
    const call = await post(session, toolCall('chain', 'test_question_chain', { depth: 6 }));
    for (let i = 0; i < 6; i++) {
      const asked = await question(call);
      if (asked.method === 'sampling/createMessage') await reply(session, asked.id, sampled(`a${i}`));
      else await reply(session, asked.id, { result: { action: 'accept', content: { name: `a${i}` } } });
    }
    expect(textOf(await call.answer())).toBe('a5');
  });

  test('point 43: more than one question in a round may be answered in any order', async () => {
    const session = await open();
    const call = await post(session, toolCall('many', 'test_questions_at_once', { count: 20 }));
    const asked: Question[] = [];
    while (asked.length < 20) asked.push(await question(call));
    const wordsOf = ({ params }: Question): string => (params?.['messages'] as { content: { text: string } }[] | undefined)?.[0]?.content.text ?? '';
    for (const each of asked.toReversed()) await reply(session, each.id, sampled(`answer to ${wordsOf(each)}`));
    expect(JSON.parse(textOf(await call.answer()))).toEqual(Array.from({ length: 20 }, (_, i) => `answer to q${i}`));
  });

  test('point 43: calls within a question, and sessions at the same time, get their own answers', async () => {
    const sessions = await Promise.all(Array.from({ length: 6 }, () => open()));
    const outer = await Promise.all(sessions.map((session, i) => post(session, toolCall('same', 'test_sampling', { prompt: `outer ${i}` }))));
    const outerAsked = await Promise.all(outer.map(question));
    const inner = await Promise.all(sessions.map((session, i) => post(session, toolCall('inner', 'test_sampling', { prompt: `inner ${i}` }))));
    const innerAsked = await Promise.all(inner.map(question));
    for (const i of [...sessions.keys()].toReversed()) await reply(sessions[i] as Door, innerAsked[i]?.id, sampled(`inner answer ${i}`));
    for (const [i, session] of sessions.entries()) await reply(session, outerAsked[i]?.id, sampled(`outer answer ${i}`));
    expect(await Promise.all(inner.map(async (call) => textOf(await call.answer())))).toEqual(
      sessions.map((_, i) => `LLM response: inner answer ${i}`),
    );
    expect(await Promise.all(outer.map(async (call) => textOf(await call.answer())))).toEqual(
      sessions.map((_, i) => `LLM response: outer answer ${i}`),
    );
  });

  test('point 45: a question that the client’s revision has no words for is answered in its place', async () => {
    const session = await open('2025-06-18', { elicitation: {} });
    const call = await post(session, toolCall('old', 'test_elicitation_sep1330_enums'));
    // It has choices of several.
    expect(await call.messages()).toMatchObject([
      { id: 'old', result: { content: [{ text: 'Elicitation completed: action=decline, content={}' }] } },
    ]);
  });

  test('point 46: a client that cannot be asked hears at once what is missing', async () => {
    const session = await open('2025-11-25', {});
    const call = await post(session, toolCall('no', 'test_sampling', { prompt: 'p' }));
    expect([call.status, await call.answer()]).toMatchObject([
      200,
      { id: 'no', error: { code: -32021, data: { requiredCapabilities: { sampling: {} } } } },
    ]);
    const withoutSession = await post(door(), toolCall('no', 'test_elicitation', { message: 'm' }));
    expect(await withoutSession.answer()).toMatchObject({ id: 'no', error: { code: -32021 } });
  });

  test('point 43: plain requests without a session are answered', async () => {
    const [ping, call] = await Promise.all([post(door(), request(1, 'ping')), post(door(), toolCall('x', 'test_simple_text'))]);
    expect(await ping.answer()).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
    expect(call.headers['mcp-session-id']).toBeUndefined();
    expect(await call.answer()).toMatchObject({ id: 'x', result: { content: [{ type: 'text' }] } });
    expect((await post(door(), request(1, 'resources/subscribe', { uri: 'test://watched-resource' }))).status).toBe(400);
  });

  test('point 43: arguments that stand in headers are put there', async () => {
    const args = { region: 'Zürich', count: 3, dryRun: true, nested: { tenant: 'a b' }, note: 'n' };
    expect(JSON.parse(textOf(await answerTo(await open(), 'tools/call', { name: 'test_header_parameters', arguments: args })))).toEqual(args);
  });

  test('point 43: progress and log lines come on the stream of their call, and progress never goes back', async () => {
    const session = await open();
    const call = async (name: string): Promise<OpenAnswer> => post(session, toolCall('c', name, {}, { _meta: { progressToken: 'p' } }));
    const before = await (await call('test_logging_tool')).messages();
    expect(before.filter(({ method }) => method === 'notifications/message')).toEqual([]);
    await answerTo(session, 'logging/setLevel', { level: 'warning' });
    const lines = await (await call('test_logging_tool')).messages();
    expect(lines.map(({ params }) => (params as Json | undefined)?.['level'])).toEqual(['warning', 'error', undefined]);
    const progress = await (await call('test_tool_with_progress')).messages();
    expect(progress.map(({ params }) => (params as Json | undefined)?.['progress'])).toEqual([0, 50, 100, undefined]);
    const asking = await call('test_streaming_elicitation');
    expect(await told(asking)).toMatchObject({ method: 'notifications/progress', params: { progressToken: 'p', progress: 1 } });
    await reply(session, (await question(asking)).id, { result: { action: 'accept', content: { name: 'ada' } } });
    // The tool begins to count anew when it is called again.
    expect(await asking.messages()).toMatchObject([{ id: 'c', result: {} }]);
  });

  test('point 43: what was subscribed to is told of on the GET stream, and nothing else', async () => {
    const session = await open();
    const other = await open();
    const [mine, others] = [await getStream(session), await getStream(other)];
    expect(await answerTo(session, 'resources/subscribe', { uri: 'test://watched-resource' })).toMatchObject({ result: {} });
    expect(await answerTo(session, 'resources/subscribe', { uri: 'test://no-such-resource' })).toMatchObject({ error: { code: -32602 } });
    // What it answers says that the other one's stream stands too.
    expect(await answerTo(other, 'resources/subscribe', { uri: 'test://static-text' })).toMatchObject({ result: {} });
    await copy().pull('resource-updated');
    expect(await told(mine)).toEqual({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'test://watched-resource' } });
    expect(await answerTo(session, 'resources/unsubscribe', { uri: 'test://watched-resource' })).toMatchObject({ result: {} });
    await copy().pull('resource-updated');
    await copy().pull('list-changed', { kind: 'prompts' });
    expect(await told(mine)).toMatchObject({ method: 'notifications/prompts/list_changed' });
    // It had not subscribed.
    expect(await told(others)).toMatchObject({ method: 'notifications/prompts/list_changed' });
    mine.close();
    others.close();
  });

  test('point 43: who listens is told of changes, also after the stream to the server broke', async () => {
    const session = await open();
    const stream = await getStream(session);
    // It is listened to when this is answered.
    expect(await answerTo(session, 'resources/subscribe', { uri: 'test://static-text' })).toMatchObject({ result: {} });
    await copy().pull('list-changed', { kind: 'tools' });
    expect(await told(stream)).toEqual({ jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: {} });
    await copy().pull(kind === 'stdio' ? 'end-listens' : 'drop-streams');
    // Something may have been missed.
    const methods = [await told(stream), await told(stream), await told(stream)].map(({ method }) => method);
    expect(methods.toSorted()).toEqual(['prompts', 'resources', 'tools'].map((list) => `notifications/${list}/list_changed`));
    expect(await told(stream)).toMatchObject({ method: 'notifications/resources/updated', params: { uri: 'test://static-text' } });
    await copy().pull('list-changed', { kind: 'resources' });
    expect(await told(stream)).toMatchObject({ method: 'notifications/resources/list_changed' });
    stream.close();
  });

  test('point 43: a cancel reaches the server as its era has it, and takes back what was asked', async () => {
    const session = await open();
    const running = await post(session, toolCall('run', 'wait_for_release', { key: `${kind} cancelled` }, { _meta: { progressToken: 1 } }));
    expect(await told(running)).toMatchObject({ method: 'notifications/progress' });
    expect((await copy().state())['waiting']).toContain(`${kind} cancelled`);
    expect((await post(session, notification('notifications/cancelled', { requestId: 'run', reason: 'enough' }))).status).toBe(202);
    expect(await running.messages()).toEqual([]);
    await eventually(async () => !((await copy().state())['waiting'] as string[]).includes(`${kind} cancelled`));
    const asking = await post(session, toolCall('ask', 'test_elicitation', { message: 'm' }));
    const { id } = await question(asking);
    await post(session, notification('notifications/cancelled', { requestId: 'ask' }));
    expect(await asking.messages()).toMatchObject([{ method: 'notifications/cancelled', params: { requestId: id } }]);
    // Too late, and for nobody.
    await reply(session, id, { result: { action: 'accept', content: {} } });
    expect(await answerTo(session, 'ping')).toMatchObject({ result: {} });
  });

  test('point 43: a client that lost its connection comes back for the questions and the answer', async () => {
    const session = await open();
    const call = await post(session, toolCall('back', 'test_elicitation', { message: 'm' }));
    const primed = await call.block();
    const { id } = await question(call);
    call.close();
    const resumed = await getStream(session, { 'last-event-id': primed?.id ?? '' });
    expect((await question(resumed)).id).toBe(id);
    await reply(session, id, { result: { action: 'accept', content: { username: 'back' } } });
    expect(textOf(await told(resumed))).toContain('"username":"back"');
  });

  test('point 43: a session that was ended is none, and listens no more', async () => {
    const own = await startCopy(kind, 'modern');
    try {
      const session = await openSession(await mirrorOfCopy(gateway, own), '2025-11-25', CAPABILITIES);
      const listeners = async (): Promise<unknown> => (await own.state())['listeners'];
      // The gateway itself listens too.
      const ofGateway = 1;
      await eventually(async () => (await listeners()) === ofGateway);
      expect(await answerTo(session, 'resources/subscribe', { uri: 'test://watched-resource' })).toMatchObject({ result: {} });
      expect(await listeners()).toBe(ofGateway + 1);
      expect((await wireOpen(session.url, { method: 'DELETE', headers: session.headers })).status).toBe(200);
      expect((await post(session, request(1, 'ping'))).status).toBe(404);
      await eventually(async () => (await listeners()) === ofGateway);
    } finally {
      await own.close();
    }
  });
});

test('point 43: without its server there is no session', async () => {
  const copy = await startCopy('streamable HTTP', 'modern');
  const door = await mirrorOfCopy(gateway, copy);
  await copy.close();
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'wire', version: '1' } };
  const answer = await post(door, request(0, 'initialize', params));
  expect([answer.status >= 502, answer.headers['mcp-session-id'], await answer.answer()]).toMatchObject([true, undefined, { id: 0, error: {} }]);
});
