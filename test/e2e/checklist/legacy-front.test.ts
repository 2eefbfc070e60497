// Checklist points 28 to 30, 33 and 35 to 37, 39: the session form of the protocol through a mirror. What servers in the wild do is
// what the fixture does directly; the mirror must not be told from it.
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { as, BOTH, getStream, mirrorOf, notification, openSession, post, request, textOf, toolCall, type Door } from './doors.ts';
import { event, startScriptedUpstream, stream } from './scripted-upstream.ts';
import { eventually, open, type OpenAnswer } from './wire.ts';

let gateway: StartedGateway;
let fixture: Fixture;
let door: Door;
let direct: Door;

beforeAll(async () => {
  gateway = await startGateway();
  fixture = await startFixture();
  door = await mirrorOf(gateway, fixture.url);
  direct = { url: fixture.url, headers: {} };
});
afterAll(async () => {
  await gateway?.stop();
  await fixture?.close();
});
beforeEach(() => {
  fixture.hub.seen.length = 0;
});

const newestUpstreamSession = () => [...fixture.hub.sessions.values()].at(-1);

function end(session: Door): Promise<OpenAnswer> {
  return open(session.url, { method: 'DELETE', headers: session.headers });
}

test('point 28: initialize is answered with the upstream’s own words, supported versions echoed and unknown ones countered', async () => {
  for (const version of ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05', '2024-10-07', '2026-07-28', '1999-01-01', '']) {
    const body = request('i', 'initialize', { protocolVersion: version, capabilities: { roots: {} }, clientInfo: { name: 'c', version: '1' } });
    const mirrored = await post(door, body);
    const text = await mirrored.answerText();
    expect(text, version).toBe(await (await post(direct, body)).answerText());
    expect(text).toContain('"instructions":"');
    expect(text).toContain('"x-vendor":{"build":7}');
    expect(text).toContain('"example.com/feature":{"depth":3}');
    expect(mirrored.headers['mcp-session-id']).toBeDefined();
  }
  expect(fixture.hub.seen.filter(({ body }) => body.includes('"clientInfo":{"name":"c","version":"1"}'))).toHaveLength(16);
});

describe('point 29', () => {
  test('point 29: a session’s id is random, visible ASCII and the gateway’s own', async () => {
    const sessions = await Promise.all(Array.from({ length: 20 }, () => openSession(door)));
    const ids = sessions.map(({ id }) => id);
    expect(new Set(ids).size).toBe(20);
    // What is the same in all of them is the instance's tag; the rest has at least 128 bits.
    for (const id of ids) expect(id).toMatch(/^[\x21-\x7e]{28,}$/);
    const upstreamIds = [...fixture.hub.sessions.keys()];
    for (const { id, initialized } of sessions) {
      expect(upstreamIds).not.toContain(id);
      for (const upstreamId of upstreamIds) expect(initialized).not.toContain(upstreamId);
    }
    const answer = await post(sessions[0] ?? door, toolCall(1, 'test_simple_text'));
    const raw = JSON.stringify(answer.response.rawHeaders) + JSON.stringify(await answer.blocks());
    for (const upstreamId of upstreamIds) expect(raw).not.toContain(upstreamId);
  });

  test('point 29: to another principal, unknown or ended, a session is 404; its own principal keeps it with a new token', async () => {
    const session = await openSession(door);
    const stranger = await gateway.tokenFor({ sub: 'stranger@example.com', is_admin: true, teams: null });
    const renewed = await gateway.tokenFor({ sub: 'admin@example.com', is_admin: true, teams: null });
    const otherMirror = await mirrorOf(gateway, `${fixture.url}?other`);
    const strangers: Door[] = [
      as(session, stranger),
      { ...session, headers: { ...session.headers, 'mcp-session-id': 'unknown' } },
      { ...session, headers: { ...session.headers, 'mcp-session-id': `${session.id.slice(0, -1)}${session.id.endsWith('A') ? 'B' : 'A'}` } },
      { ...session, headers: { ...session.headers, 'mcp-session-id': newestUpstreamSession()?.id ?? '' } },
      { url: otherMirror.url, headers: session.headers },
    ];
    fixture.hub.seen.length = 0;
    for (const other of strangers) {
      const called = await post(other, toolCall(1, 'test_simple_text'));
      expect([called.status, await called.answer()]).toMatchObject([404, { id: 1, error: { code: -32001 } }]);
      expect((await post(other, notification('notifications/cancelled', { requestId: 1 }))).status).toBe(404);
      const listening = await getStream(other);
      expect(listening.status).toBe(404);
      expect((await end(other)).status).toBe(404);
    }
    expect(fixture.hub.seen).toEqual([]);
    expect((await post(as(session, renewed), request(2, 'ping'))).status).toBe(200);
    expect((await end(session)).status).toBe(200);
    expect((await post(session, request(3, 'ping'))).status).toBe(404);
    expect((await getStream(session)).status).toBe(404);
    expect((await end(session)).status).toBe(404);
  });

  test('point 29: without a session it is as the upstream has it', async () => {
    const bare: Door = { url: door.url, headers: { ...door.headers, 'mcp-protocol-version': '2025-11-25' } };
    const bareDirect: Door = { url: direct.url, headers: { 'mcp-protocol-version': '2025-11-25' } };
    for (const ask of [
      (at: Door) => post(at, toolCall(1, 'test_simple_text')),
      (at: Door) => post(at, notification('notifications/initialized')),
      getStream,
      end,
    ]) {
      const [mirrored, own] = [await ask(bare), await ask(bareDirect)];
      expect([mirrored.status, await mirrored.answerText()]).toEqual([own.status, await own.answerText()]);
      expect(mirrored.status).toBe(400);
    }
  });

  test('point 29: an expired session is 404', async () => {
    const forgetful = await startGateway({ env: { SESSION_TTL: '1' } });
    try {
      const session = await openSession(await mirrorOf(forgetful, fixture.url));
      expect((await post(session, request(1, 'ping'))).status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 1300));
      const own = newestUpstreamSession();
      expect((await post(session, request(2, 'ping'))).status).toBe(404);
      // The upstream need not keep it any longer.
      await eventually(() => own !== undefined && !fixture.hub.sessions.has(own.id));
    } finally {
      await forgetful.stop();
    }
  });
});

describe('point 30', () => {
  test('point 30: the GET stream carries list_changed, updated and server requests, each on exactly one stream', async () => {
    const session = await openSession(door, '2025-11-25', { roots: {} });
    const upstreamSession = newestUpstreamSession();
    const standalone = await getStream(session);
    expect([standalone.status, standalone.isStream, standalone.headers['x-accel-buffering']]).toEqual([200, true, 'no']);
    const call = await post(session, toolCall('c', 'wait_for_release', { key: 'point 30' }, { _meta: { progressToken: 'p' } }));
    expect(await call.message()).toContain('notifications/progress');
    await (await post(session, request('s', 'resources/subscribe', { uri: 'test://watched-resource' }))).bytes();
    fixture.hub.changeList('tools');
    fixture.hub.updateResource('test://watched-resource');
    fixture.hub.changeList('prompts');
    const asked = upstreamSession?.ask((text) => upstreamSession.standalone.send(text), 'roots/list', {});
    const expected = ['notifications/tools/list_changed', 'notifications/resources/updated', 'notifications/prompts/list_changed', 'roots/list'];
    const heard: Record<string, unknown>[] = [];
    for (const method of expected) {
      const message = JSON.parse((await standalone.message()) ?? '{}') as Record<string, unknown>;
      expect(message['method']).toBe(method);
      heard.push(message);
    }
    await post(session, JSON.stringify({ jsonrpc: '2.0', id: heard.at(-1)?.['id'], result: { roots: [{ uri: 'file:///a' }] } }));
    expect(await asked).toEqual({ roots: [{ uri: 'file:///a' }] });
    fixture.hub.release('point 30');
    expect((await call.messages()).map(({ id, method }) => [id, method])).toEqual([['c', undefined]]);
    standalone.close();
  });

  test('point 30: a second GET is 409, and there can be one again when the first has gone', async () => {
    const session = await openSession(door, '2025-06-18');
    const first = await getStream(session);
    expect(first.status).toBe(200);
    const second = await getStream(session);
    expect([second.status, (await second.answer())['error']]).toMatchObject([409, { code: -32000 }]);
    fixture.hub.changeList('tools');
    expect(await first.message()).toContain('tools/list_changed');
    first.close();
    const third = await eventually(async () => {
      const stream = await getStream(session);
      return stream.status === 200 && stream;
    });
    await eventually(() => newestUpstreamSession()?.standalone.isAttached);
    fixture.hub.changeList('prompts');
    expect(await third.message()).toContain('prompts/list_changed');
    third.close();
  });
});

describe('point 33', () => {
  test('point 33: a disconnect does not cancel', async () => {
    const session = await openSession(door);
    const call = await post(session, toolCall('gone', 'wait_for_release', { key: 'gone' }, { _meta: { progressToken: 1 } }));
    const primed = await call.block();
    expect(await call.message()).toContain('notifications/progress');
    const cancelsBefore = fixture.hub.cancelled.length;
    const inFlight = newestUpstreamSession()?.inFlight;
    call.close();
    // The gateway has noticed when the stream can be taken up; the call is still running then.
    const resumed = await getStream(session, { 'last-event-id': primed?.id ?? '' });
    expect(await resumed.message()).toContain('notifications/progress');
    expect([fixture.hub.cancelled.length, inFlight?.has('"gone"')]).toEqual([cancelsBefore, true]);
    fixture.hub.release('gone');
    expect(JSON.parse((await resumed.message()) ?? '{}')).toMatchObject({ id: 'gone', result: { content: [{ text: 'released gone' }] } });
  });

  test('point 33: notifications/cancelled reaches the right call, whatever the type of its id', async () => {
    const [one, two] = [await openSession(door), await openSession(door)];
    for (const [id, text] of [
      ['x', '"x"'],
      [0, '0'],
      ['0', '"0"'],
      ['', '""'],
    ] as const) {
      const [mine, other] = await Promise.all(
        [one, two].map((at, index) => post(at, toolCall(id, 'wait_for_release', { key: `${index} ${text}` }, { _meta: { progressToken: 1 } }))),
      );
      expect([await mine?.message(), await other?.message()]).toMatchObject([
        expect.stringContaining('progress'),
        expect.stringContaining('progress'),
      ]);
      const cancelled = await post(one, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${text},"reason":"enough"}}`);
      expect(cancelled.status).toBe(202);
      expect(fixture.hub.cancelled.at(-1)).toEqual({ by: 'notification', requestId: text, reason: 'enough', hit: true });
      expect(await mine?.messages()).toEqual([]);
      fixture.hub.release(`1 ${text}`);
      expect((await other?.messages())?.map((message) => textOf(message))).toEqual([`released 1 ${text}`]);
    }
  });

  test('point 33: a cancelled call is over for its client even when the upstream never ends it, and a late answer passes', async () => {
    const upstream = await startScriptedUpstream();
    try {
      const session = await openSession(await mirrorOf(gateway, upstream.url));
      const held = new Map<unknown, ServerResponse>();
      upstream.play(({ res, message }) => {
        if (message.method !== 'tools/call') return false;
        held.set(message.id, res);
        if (message.id !== 'silent') stream(res);
        return true;
      });
      const [never, late] = [await post(session, toolCall('never', 'one')), await post(session, toolCall('late', 'one'))];
      const silent = post(session, toolCall('silent', 'one'));
      await eventually(() => held.size === 3);
      for (const requestId of ['never', 'late', 'silent'])
        expect((await post(session, notification('notifications/cancelled', { requestId }))).status).toBe(202);
      held.get('late')?.end(event('{"jsonrpc":"2.0","id":"late","result":{}}'));
      expect(await late.messages()).toEqual([{ jsonrpc: '2.0', id: 'late', result: {} }]);
      expect(await never.messages()).toEqual([]);
      expect([(await silent).status, (await (await silent).bytes()).length]).toEqual([202, 0]);
    } finally {
      await upstream.close();
    }
  });

  test('point 33: a server’s cancel of its own question reaches the client with the question’s id', async () => {
    const session = await openSession(door, '2025-11-25', { sampling: {} });
    const call = await post(session, toolCall('ask', 'test_sampling', { prompt: 'never answered' }));
    const question = JSON.parse((await call.message()) ?? '{}') as { id: unknown; method: string };
    expect(question.method).toBe('sampling/createMessage');
    await post(session, notification('notifications/cancelled', { requestId: 'ask' }));
    const [cancel] = await call.messages();
    expect(cancel).toMatchObject({ method: 'notifications/cancelled', params: { requestId: question.id } });
  });
});

test('point 35: log level, subscriptions and changed roots reach the one upstream session they are meant for', async () => {
  const one = await openSession(door, '2025-11-25', { roots: { listChanged: true } });
  const first = newestUpstreamSession();
  const two = await openSession(door, '2025-11-25', { roots: { listChanged: true } });
  const second = newestUpstreamSession();
  expect(first?.id).not.toBe(second?.id);
  const [firstStream, secondStream] = [await getStream(one), await getStream(two)];
  await post(one, request(1, 'logging/setLevel', { level: 'error' }));
  await post(two, request(1, 'logging/setLevel', { level: 'debug' }));
  await (await post(one, request(2, 'resources/subscribe', { uri: 'test://watched-resource' }))).bytes();
  await (await post(two, request(2, 'resources/subscribe', { uri: 'test://static-text' }))).bytes();
  expect([first?.level, second?.level]).toEqual(['error', 'debug']);
  expect([[...(first?.subscriptions ?? [])], [...(second?.subscriptions ?? [])]]).toEqual([['test://watched-resource'], ['test://static-text']]);
  fixture.hub.updateResource('test://watched-resource');
  fixture.hub.updateResource('test://static-text');
  expect(JSON.parse((await firstStream.message()) ?? '{}')).toMatchObject({ params: { uri: 'test://watched-resource' } });
  expect(JSON.parse((await secondStream.message()) ?? '{}')).toMatchObject({ params: { uri: 'test://static-text' } });
  await (await post(one, request(3, 'resources/unsubscribe', { uri: 'test://watched-resource' }))).bytes();
  expect([first?.subscriptions.size, second?.subscriptions.size]).toEqual([0, 1]);
  fixture.hub.seen.length = 0;
  await post(two, notification('notifications/roots/list_changed'));
  expect(fixture.hub.seen.map(({ headers, body }) => [headers['mcp-session-id'], body])).toEqual([
    [second?.id, notification('notifications/roots/list_changed')],
  ]);
  const levels = async (session: Door) =>
    (await (await post(session, toolCall(4, 'test_logging_tool'))).messages()).flatMap(({ params }) =>
      params === undefined ? [] : [(params as { level: string }).level],
    );
  expect([await levels(one), await levels(two)]).toEqual([['error'], ['debug', 'info', 'warning', 'error']]);
  for (const stream of [firstStream, secondStream]) stream.close();
});

describe('point 36', () => {
  test('point 36: a batch is answered completely, each request once', async () => {
    const session = await openSession(door, '2025-03-26');
    const batch = `[${[
      request('ping', 'ping'),
      notification('notifications/vendor', { a: 1 }),
      toolCall(2, 'sleep', { durationMs: 20 }),
      toolCall('2', 'test_tool_with_progress', {}, { _meta: { progressToken: 'p' } }),
      request(3, 'vendor/unknown'),
      request(4, 'vendor/echo', { n: 0 }),
    ].join(' ,\n')}]`;
    const answer = await post(session, batch);
    expect(answer.status).toBe(200);
    const messages = answer.isStream ? await answer.messages() : ((await answer.answer()) as unknown as Record<string, unknown>[]);
    const answers = new Map(messages.filter(({ id }) => id !== undefined).map((message) => [message['id'], message]));
    expect(new Set(answers.keys())).toEqual(new Set([2, '2', 3, 4, 'ping']));
    expect(messages.filter(({ id }) => id !== undefined)).toHaveLength(5);
    expect(messages.filter(({ method }) => method === 'notifications/progress')).toHaveLength(3);
    expect(answers.get(3)).toMatchObject({ error: { code: -32601 } });
    expect(answers.get(4)).toMatchObject({ result: { echo: { n: 0 } } });
    expect(fixture.hub.seen.filter(({ body }) => body.includes('notifications/vendor'))).toHaveLength(1);
  });

  test('point 36: a batch of large answers arrives whole', async () => {
    const session = await openSession(door, '2025-03-26');
    const bytes = 2 * 1024 * 1024;
    const answer = await post(session, `[${[1, 2, 3, 4, 5, 6].map((id) => toolCall(id, 'big_result', { bytes })).join(',')}]`);
    const messages = await answer.messages();
    expect(messages).toHaveLength(6);
    expect(new Set(messages.map(({ id }) => id))).toEqual(new Set([1, 2, 3, 4, 5, 6]));
    for (const message of messages) expect(textOf(message).length).toBe(bytes);
  });

  test('point 36: a batch of notifications and answers is accepted with 202; an empty one and one with initialize are refused', async () => {
    const session = await openSession(door, '2025-03-26');
    const accepted = await post(session, `[${notification('notifications/vendor')},{"jsonrpc":"2.0","id":99,"result":{}}]`);
    expect([accepted.status, (await accepted.bytes()).length]).toEqual([202, 0]);
    for (const body of ['[]', `[${request(1, 'initialize', {})}]`]) {
      const refused = await post(session, body);
      expect([refused.status, await refused.answer()]).toMatchObject([400, { error: { code: -32600 } }]);
    }
  });

  test('point 36: a batch for which there is no session, or no right, says so with its status', async () => {
    const session = await openSession(door, '2025-03-26');
    const batch = `[${request(1, 'ping')},${request('two', 'tools/list')}]`;
    const lost = await post({ ...session, headers: { ...session.headers, 'mcp-session-id': 'unknown' } }, batch);
    expect([lost.status, await lost.answer()]).toMatchObject([
      404,
      [
        { id: 1, error: { code: -32001 } },
        { id: 'two', error: { code: -32001 } },
      ],
    ]);
    const nobody = await post(as(session, 'nonsense'), batch);
    expect([nobody.status, nobody.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect((await post({ url: door.url, headers: { ...door.headers, 'mcp-protocol-version': '2025-03-26' } }, batch)).status).toBe(400);
  });
});

describe('point 37', () => {
  const jsonType = { 'content-type': 'application/json' };
  const rows: readonly (readonly [number, string, (session: Door) => Promise<OpenAnswer>])[] = [
    [
      406,
      'a POST that accepts JSON only',
      (at) => open(at.url, { headers: { ...at.headers, ...jsonType, accept: 'application/json' }, body: request(1, 'ping') }),
    ],
    [
      406,
      'a POST that accepts streams only',
      (at) => open(at.url, { headers: { ...at.headers, ...jsonType, accept: 'text/event-stream' }, body: request(1, 'ping') }),
    ],
    [406, 'a POST without Accept', (at) => open(at.url, { headers: { ...at.headers, ...jsonType }, body: request(1, 'ping') })],
    [406, 'a GET that accepts JSON only', (at) => getStream(at, { accept: 'application/json' })],
    [415, 'a POST of another type', (at) => post(at, request(1, 'ping'), { 'content-type': 'text/plain' })],
    [415, 'a POST without a type', (at) => open(at.url, { headers: { ...at.headers, accept: BOTH }, body: request(1, 'ping') })],
    [400, 'a body that is no JSON', (at) => post(at, '{"jsonrpc":')],
    [400, 'an empty body', (at) => post(at, '')],
    [400, 'a body that is no JSON-RPC', (at) => post(at, '{"hello":1}')],
    [
      400,
      'an unsupported version header',
      (at) => post({ url: at.url, headers: { ...at.headers, 'mcp-protocol-version': '1999-01-01' } }, request(1, 'ping')),
    ],
    [404, 'an unknown session', (at) => post({ url: at.url, headers: { ...at.headers, 'mcp-session-id': 'unknown' } }, request(1, 'ping'))],
    [400, 'an unknown event id', (at) => getStream(at, { 'last-event-id': 'unknown' })],
    [405, 'another method', (at) => open(at.url, { method: 'PUT', headers: { ...at.headers, ...jsonType, accept: BOTH }, body: request(1, 'ping') })],
    [200, 'an unknown method of the protocol', (at) => post(at, request(1, 'vendor/unknown'))],
    [202, 'a notification', (at) => post(at, notification('notifications/vendor'))],
    [409, 'a second GET stream', async (at) => ((await getStream(at)).status === 200 ? getStream(at) : Promise.reject(new Error('no first one')))],
    [200, 'the end of the session', end],
  ];
  test.each(rows)('point 37: %i for %s, as directly', async (status, _what, ask) => {
    const mirrored = await ask(await openSession(door));
    expect(mirrored.status).toBe(status);
    const own = await ask(await openSession(direct));
    expect(own.status).toBe(status);
    const code = (text: string) => (text === '' ? undefined : (JSON.parse(text) as { error?: { code: number } }).error?.code);
    if (status >= 400 && status !== 405 && status !== 406 && status !== 415)
      expect(code(await mirrored.answerText())).toBe(code(await own.answerText()));
  });
});

test('point 39: experimental tasks pass through: create, get, list, result with its question, status and cancel', async () => {
  const session = await openSession(door, '2025-11-25', { elicitation: {} });
  expect(session.initialized).toContain('"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}');
  const standalone = await getStream(session);
  const ask = async (id: unknown, method: string, params: object) => (await post(session, request(id, method, params))).answer();
  const created = await (await post(session, toolCall('create', 'confirm_delete', { filename: 'f' }, { task: { ttl: 5000 } }))).answer();
  const { task } = created['result'] as { task: { taskId: string; ttl: number } };
  expect(task.ttl).toBe(5000);
  expect(await ask(1, 'tasks/get', { taskId: task.taskId })).toMatchObject({ id: 1, result: { taskId: task.taskId } });
  expect(await ask(2, 'tasks/list', {})).toMatchObject({ result: { tasks: [{ taskId: task.taskId }] } });
  const stream = await post(session, request('r', 'tasks/result', { taskId: task.taskId }));
  const question = JSON.parse((await stream.message()) ?? '{}') as { id: unknown; method: string; params: object };
  const related = { _meta: { 'io.modelcontextprotocol/related-task': { taskId: task.taskId } } };
  expect(question).toMatchObject({ method: 'elicitation/create', params: related });
  await post(session, JSON.stringify({ jsonrpc: '2.0', id: question.id, result: { action: 'accept', content: { confirm: true } } }));
  expect(JSON.parse((await stream.message()) ?? '{}')).toMatchObject({ id: 'r', result: { content: [{ text: 'Deleted' }], ...related } });
  const status = await eventually(async () => {
    const message = JSON.parse((await standalone.message()) ?? '{}') as { method: string; params: { taskId: string; status: string } };
    return message.params.status === 'completed' && message;
  });
  expect(status).toMatchObject({ method: 'notifications/tasks/status', params: { taskId: task.taskId } });
  const second = (await (await post(session, toolCall('again', 'confirm_delete', { filename: 'g' }, { task: {} }))).answer())[
    'result'
  ] as typeof created & { task: { taskId: string } };
  expect(await ask(3, 'tasks/cancel', { taskId: second.task.taskId })).toMatchObject({ result: { status: 'cancelled' } });
  expect(await ask(4, 'tasks/cancel', { taskId: second.task.taskId })).toMatchObject({ error: { code: -32602 } });
  const stranger = await openSession(door, '2025-11-25', { elicitation: {} });
  expect(await (await post(stranger, request(5, 'tasks/get', { taskId: task.taskId }))).answer()).toMatchObject({ error: { code: -32602 } });
  standalone.close();
});
