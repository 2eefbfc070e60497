// Checklist points 36, 37 and 39: batches, statuses and tasks of the session form. What servers in the wild do is what the fixture does
// directly; the mirror must not be told from it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { as, BOTH, getStream, mirrorOf, notification, openSession, post, request, textOf, toolCall, type Door } from './doors.ts';
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

function end(session: Door): Promise<OpenAnswer> {
  return open(session.url, { method: 'DELETE', headers: session.headers });
}

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
