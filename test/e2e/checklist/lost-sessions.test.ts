// Checklist point 40: an upstream that has forgotten its session – restarted, expired, dropped – is met with a new one, or the loss is
// reported; nothing hangs.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture } from '../../fixture/server.ts';
import { getStream, mirrorOf, modern, notification, openSession, post, request, textOf, toolCall } from './doors.ts';
import { event, json, startScriptedUpstream, stream } from './scripted-upstream.ts';
import { eventually } from './wire.ts';

let gateway: StartedGateway;
beforeAll(async () => {
  gateway = await startGateway({ env: { TOOL_TIMEOUT: '20' } });
});
afterAll(() => gateway?.stop());

describe('point 40', () => {
  test('point 40: a session the upstream has dropped is opened again with what the client had told it', async () => {
    const fixture = await startFixture();
    try {
      const session = await openSession(await mirrorOf(gateway, fixture.url), '2025-06-18', { roots: {}, 'x-client': { n: 1 } });
      await post(session, request(1, 'logging/setLevel', { level: 'error' }));
      for (const uri of ['test://static-text', 'test://watched-resource'])
        await (await post(session, request(2, 'resources/subscribe', { uri }))).bytes();
      await (await post(session, request(3, 'resources/unsubscribe', { uri: 'test://static-text' }))).bytes();
      expect(fixture.hub.dropSessions()).toBeGreaterThan(0);
      const answer = await post(session, toolCall(4, 'echo_arguments', { after: 'the loss' }));
      expect(answer.status).toBe(200);
      expect(textOf(await answer.answer())).toBe('{"after":"the loss"}');
      const [reopened, ...others] = [...fixture.hub.sessions.values()];
      expect(others).toEqual([]);
      expect([reopened?.version, reopened?.level, [...(reopened?.subscriptions ?? [])]]).toEqual([
        '2025-06-18',
        'error',
        ['test://watched-resource'],
      ]);
      expect(reopened?.capabilities).toEqual({ roots: {}, 'x-client': { n: 1 } });
      expect((await post(session, notification('notifications/roots/list_changed'))).status).toBe(202);
    } finally {
      await fixture.close();
    }
  });

  test('point 40: many calls that find the session lost share one new one', async () => {
    const fixture = await startFixture();
    try {
      const session = await openSession(await mirrorOf(gateway, fixture.url));
      fixture.hub.dropSessions();
      const answers = await Promise.all(
        Array.from({ length: 30 }, async (_, i) => textOf(await (await post(session, toolCall(i, 'echo_arguments', { i }))).answer())),
      );
      expect(answers).toEqual(answers.map((_, i) => `{"i":${i}}`));
      expect(fixture.hub.sessions.size).toBe(1);
    } finally {
      await fixture.close();
    }
  });

  test('point 40: an upstream that was restarted on its port is found again', async () => {
    const before = await startFixture();
    const session = await openSession(await mirrorOf(gateway, before.url));
    expect((await post(session, toolCall(1, 'test_simple_text'))).status).toBe(200);
    await before.close();
    const while_ = await post(session, toolCall(2, 'test_simple_text'));
    expect([while_.status, await while_.answer()]).toMatchObject([502, { id: 2, error: { data: { code: expect.stringMatching(/^upstream\./) } } }]);
    const after = await startFixture({ port: before.port });
    try {
      const answer = await eventually(async () => {
        const again = await post(session, toolCall(3, 'echo_arguments', { n: 3 }));
        return again.status === 200 && again.answer();
      });
      expect(textOf(answer)).toBe('{"n":3}');
    } finally {
      await after.close();
    }
  });

  for (const [what, status, refusal] of [
    ['404 with an error', 404, '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}'],
    ['400 "no valid session" without an id', 400, '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}'],
    ['404 with a page', 404, '<html>'],
  ] as const) {
    test(`point 40: ${what} is read as a lost session, and the call is repeated once`, async () => {
      const upstream = await startScriptedUpstream();
      try {
        const session = await openSession(await mirrorOf(gateway, upstream.url));
        upstream.play(({ res, headers, message }) => {
          if (message.method !== 'tools/call') return false;
          if (headers['mcp-session-id'] === 'upstream-session-2')
            return json(res, refusal, status, refusal.startsWith('<') ? { 'content-type': 'text/html' } : {});
          json(res, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { session: headers['mcp-session-id'] } }));
        });
        const answer = await post(session, toolCall(1, 'one'));
        expect([answer.status, await answer.answer()]).toEqual([200, { jsonrpc: '2.0', id: 1, result: { session: 'upstream-session-3' } }]);
        expect(upstream.seen.map(({ message }) => message.method)).toEqual(['tools/call', 'initialize', 'notifications/initialized', 'tools/call']);
        const [first, , , last] = upstream.seen;
        expect(last?.text).toBe(first?.text);
      } finally {
        await upstream.close();
      }
    });
  }

  test('point 40: an upstream that opens no new session, or forgets that one too, is reported and not asked for ever', async () => {
    const upstream = await startScriptedUpstream();
    try {
      const session = await openSession(await mirrorOf(gateway, upstream.url));
      upstream.play(({ res }) => json(res, '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}', 404));
      const refused = await post(session, toolCall(1, 'one'));
      expect([refused.status, await refused.answer()]).toMatchObject([502, { id: 1, error: { data: { code: 'upstream.session_lost' } } }]);
      upstream.play(({ res, message }) => {
        if (message.method !== 'tools/call') return false;
        json(res, '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}', 404);
        return true;
      });
      const again = await post(session, toolCall(2, 'one'));
      expect(again.status).toBeGreaterThanOrEqual(400);
      expect(upstream.seen.filter(({ message }) => message.method === 'tools/call')).toHaveLength(2);
    } finally {
      await upstream.close();
    }
  });

  test('point 40: a refusal of the method alone does not cost the session', async () => {
    const upstream = await startScriptedUpstream();
    try {
      const session = await openSession(await mirrorOf(gateway, upstream.url));
      const body = '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}';
      upstream.play(({ res }) => json(res, body, 404));
      const refused = await post(session, request(1, 'vendor/unknown'));
      expect([refused.status, await refused.answerText()]).toEqual([404, body]);
      expect(upstream.seen).toHaveLength(1);
    } finally {
      await upstream.close();
    }
  });

  test('point 40: an answer cut off in the middle ends in an error with the request’s id', async () => {
    const upstream = await startScriptedUpstream();
    try {
      const mirror = await mirrorOf(gateway, upstream.url);
      const session = await openSession(mirror);
      upstream.play(({ res }) => {
        stream(res);
        res.write(event('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}'), () => res.destroy());
      });
      for (const call of [await post(session, toolCall('cut', 'one')), await modern(mirror, 'tools/call', { name: 'one' }, { id: 'cut' })]) {
        expect(await call.message()).toContain('progress');
        expect(await call.answer()).toMatchObject({ id: 'cut', error: { data: { code: 'upstream.connection_lost' } } });
      }
      upstream.play(({ res }) => void res.destroy());
      for (const call of [await post(session, toolCall('cut', 'one')), await modern(mirror, 'tools/call', { name: 'one' }, { id: 'cut' })]) {
        expect([call.status, await call.answer()]).toMatchObject([502, { id: 'cut', error: { data: { code: 'upstream.connection_lost' } } }]);
      }
      // What may have been carried out is not sent again.
      expect(upstream.seen).toHaveLength(2);
    } finally {
      await upstream.close();
    }
  });

  test('point 40: a resumable stream whose upstream is gone for good ends in an error for whoever resumes it', async () => {
    const fixture = await startFixture();
    const session = await openSession(await mirrorOf(gateway, fixture.url));
    const call = await post(session, toolCall('cut', 'wait_for_release', { key: 'cut' }, { _meta: { progressToken: 1 } }));
    await call.block();
    const progress = await call.block();
    expect(progress?.data).toContain('progress');
    fixture.hub.canned = { status: 404, headers: {}, body: '', times: Infinity };
    for (const each of fixture.hub.sessions.values()) each.cutStreams();
    expect(await call.blocks()).toEqual([]);
    try {
      const resumed = await getStream(session, { 'last-event-id': progress?.id ?? '' });
      expect(JSON.parse((await resumed.message()) ?? '{}')).toMatchObject({
        id: 'cut',
        error: { data: { code: expect.stringMatching(/^upstream\./) } },
      });
    } finally {
      await fixture.close();
    }
  });
});
