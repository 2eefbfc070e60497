// Checklist points 28 to 30: how a session begins, whose it is, and the stream that belongs to no request.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { as, getStream, mirrorOf, notification, openSession, post, request, toolCall, type Door } from './doors.ts';
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
    const upstreams = await (await post(direct, body)).answerText();
    // The upstream does not know the oldest; the gateway offers it nevertheless, and nothing else is different.
    const isOfferedByUs = version === '2024-10-07';
    expect(upstreams.includes(`"protocolVersion":"${version}"`), version).toBe(!isOfferedByUs && version.startsWith('202') && version < '2026');
    expect(text, version).toBe(isOfferedByUs ? upstreams.replace('"protocolVersion":"2025-11-25"', `"protocolVersion":"${version}"`) : upstreams);
    if (isOfferedByUs) expect(text).toContain(version);
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
