// Checklist points 33 and 35: what a client says in its session reaches the one upstream session, and the one call, it is meant for.
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { getStream, mirrorOf, notification, openSession, post, request, textOf, toolCall, type Door } from './doors.ts';
import { event, startScriptedUpstream, stream } from './scripted-upstream.ts';
import { eventually, open } from './wire.ts';

let gateway: StartedGateway;
let fixture: Fixture;
let door: Door;

beforeAll(async () => {
  gateway = await startGateway();
  fixture = await startFixture();
  door = await mirrorOf(gateway, fixture.url);
});
afterAll(async () => {
  await gateway?.stop();
  await fixture?.close();
});
beforeEach(() => {
  fixture.hub.seen.length = 0;
});

const newestUpstreamSession = () => [...fixture.hub.sessions.values()].at(-1);

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

  test('point 33: a late answer of a cancelled call passes, and a stream that its upstream never ends ends with the session', async () => {
    const upstream = await startScriptedUpstream();
    try {
      const session = await openSession(await mirrorOf(gateway, upstream.url));
      const held = new Map<unknown, ServerResponse>();
      upstream.play(({ res, message }) => {
        if (message.method !== 'tools/call') return false;
        held.set(message.id, res);
        stream(res);
        return true;
      });
      const [never, late] = [await post(session, toolCall('never', 'one')), await post(session, toolCall('late', 'one'))];
      await eventually(() => held.size === 2);
      for (const requestId of ['never', 'late'])
        expect((await post(session, notification('notifications/cancelled', { requestId }))).status).toBe(202);
      held.get('late')?.end(event('{"jsonrpc":"2.0","id":"late","result":{}}'));
      expect(await late.messages()).toEqual([{ jsonrpc: '2.0', id: 'late', result: {} }]);
      expect((await open(session.url, { method: 'DELETE', headers: session.headers })).status).toBe(200);
      expect(await never.messages()).toEqual([]);
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
