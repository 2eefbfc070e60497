// A mirror relays bytes, and is no way round the gateway for all that: tokens, switches, limits and records act on every message.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, TEST_SECRET, type StartedGateway } from '../kit/gateway.ts';
import { as, getStream, mirrorOf, modern, openSession, post, request, textOf, toolCall, toolRow, type Door } from './checklist/doors.ts';
import { recorded } from './checklist/audit.ts';
import { eventually } from './checklist/wire.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

let gateway: StartedGateway;
let fixture: Fixture;
let door: Door & { gatewayId: string; serverId: string };

beforeAll(async () => {
  gateway = await startGateway();
  fixture = await startFixture();
  door = await mirrorOf(gateway, fixture.url);
});
afterAll(async () => {
  await gateway?.stop();
  await fixture?.close();
});

async function names(at: Door, session: boolean): Promise<string[]> {
  const answer = await (session ? post(at, request(1, 'tools/list')) : modern(at, 'tools/list'));
  return ((await answer.answer())['result'] as { tools: { name: string }[] }).tools.map(({ name }) => name);
}

/** Revokes as an operator does, in a process of its own on the same database. */
async function revoke(jti: string): Promise<void> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=source', MAIN, 'token', 'revoke', jti], {
    cwd: gateway.folder,
    env: {
      PATH: process.env['PATH'] ?? '',
      DATABASE_URL: `sqlite:///${join(gateway.folder, 'gateway.db')}`,
      JWT_SECRET_KEY: TEST_SECRET,
      AUTH_ENCRYPTION_SECRET: `${TEST_SECRET}-encryption`,
    },
  });
  expect(stdout).toContain(jti);
}

describe('a revoked token', () => {
  test('is refused on mirror calls of both eras, ends its open streams and is recorded', async () => {
    const jti = 'to-be-revoked';
    const mine = as(door, await gateway.tokenFor({ sub: 'admin@example.com', is_admin: true, teams: null, jti }));
    const session = await openSession(mine, '2025-11-25', { sampling: {} });
    expect((await modern(mine, 'tools/list')).status).toBe(200);
    const own = [...fixture.hub.sessions.values()].at(-1);
    const standalone = await getStream(session);
    await eventually(() => own?.standalone.isAttached);
    const running = await post(session, toolCall('running', 'wait_for_release', { key: 'revoked' }, { _meta: { progressToken: 1 } }));
    expect(await running.message()).toContain('progress');
    const seenBefore = fixture.hub.seen.length;
    await revoke(jti);
    await eventually(async () => (await post(session, request(2, 'ping'))).status === 401);
    const refused = await post(session, toolCall(3, 'echo_arguments', { secret: true }));
    expect([refused.status, refused.headers['www-authenticate'] !== undefined, await refused.answer()]).toMatchObject([
      401,
      true,
      { id: 3, error: { data: { code: 'auth.invalid' } } },
    ]);
    expect((await modern(mine, 'tools/call', { name: 'echo_arguments', arguments: {} })).status).toBe(401);
    expect((await getStream(session)).status).toBe(401);
    expect(fixture.hub.seen.slice(seenBefore).filter(({ body }) => body.includes('echo_arguments'))).toEqual([]);
    // What the upstream says from now on is not for this token either.
    fixture.hub.changeList('tools');
    expect(await standalone.messages()).toEqual([]);
    fixture.hub.release('revoked');
    const last = await running.messages();
    expect(JSON.stringify(last)).not.toContain('released');
    expect(await recorded(gateway, (row) => row.error_code === 'auth.invalid' && row.http_status === 401)).toMatchObject({ outcome: 'refused' });
    // The person is not locked out; the token is.
    expect((await post({ ...session, headers: { ...session.headers, ...door.headers } }, request(4, 'ping'))).status).toBe(200);
  });

  test('an expired, a foreign and a missing one are refused alike', async () => {
    const past = Math.floor(Date.now() / 1000) - 60;
    const bad = [
      await gateway.tokenFor({ sub: 'admin@example.com', is_admin: true, exp: past }),
      await gateway.tokenFor({ sub: 'admin@example.com', is_admin: true, aud: 'somebody-else' }),
      await gateway.tokenFor({ sub: 'admin@example.com', is_admin: true, iss: 'somebody-else' }),
      `${gateway.token.slice(0, -2)}xx`,
    ];
    const before = fixture.hub.seen.length;
    for (const token of bad) expect((await modern(as(door, token), 'tools/list')).status).toBe(401);
    expect((await modern({ url: door.url, headers: {} }, 'tools/list')).status).toBe(401);
    expect(fixture.hub.seen.length).toBe(before);
  });
});

describe('a disabled tool', () => {
  test('disappears from lists, is refused when called, and comes back, all without a new connection', async () => {
    const session = await openSession(door);
    const row = await toolRow(gateway, door.gatewayId, 'echo_arguments');
    for (const at of [session, door]) expect(await names(at, at === session)).toContain('echo_arguments');
    const changed = await gateway.api('POST', `/tools/${row}/state?activate=false`);
    expect(changed.status).toBe(200);
    const before = fixture.hub.seen.length;
    for (const at of [session, door]) {
      const list = await names(at, at === session);
      expect(list).not.toContain('echo_arguments');
      expect(list).toContain('echo_params');
      const call = await (at === session
        ? post(at, toolCall(2, 'echo_arguments'))
        : modern(at, 'tools/call', { name: 'echo_arguments', arguments: {} }, { id: 2 }));
      expect([call.status, await call.answer()]).toMatchObject([
        200,
        { id: 2, error: { code: -32602, message: expect.stringContaining('echo_arguments') } },
      ]);
    }
    const batch = await post(await openSession(door, '2025-03-26'), `[${toolCall('a', 'echo_arguments')},${toolCall('b', 'echo_params')}]`);
    const answers = new Map((await batch.messages()).map((message) => [message['id'], message]));
    expect(answers.get('a')).toMatchObject({ error: { code: -32602 } });
    expect(answers.get('b')).toHaveProperty('result');
    expect(fixture.hub.seen.slice(before).filter(({ body }) => body.includes('"echo_arguments"'))).toEqual([]);
    expect(await recorded(gateway, (found) => found.error_code === 'tool.not_found')).toMatchObject({
      method: 'tools/call',
      outcome: 'refused',
      resource_name: 'echo_arguments',
      user_email: 'admin@example.com',
    });
    await gateway.api('POST', `/tools/${row}/state?activate=true`);
    for (const at of [session, door]) expect(await names(at, at === session)).toContain('echo_arguments');
    expect(textOf(await (await post(session, toolCall(3, 'echo_arguments', { back: 1 }))).answer())).toBe('{"back":1}');
  });

  test('cannot be reached by spelling its name in another way or twice', async () => {
    const session = await openSession(door);
    const row = await toolRow(gateway, door.gatewayId, 'greet');
    await gateway.api('POST', `/tools/${row}/state?activate=false`);
    const before = fixture.hub.seen.length;
    for (const params of [
      '{"name":"echo_params","name":"greet"}',
      '{"name":"greet","name":"echo_params"}',
      '{"name":"echo_params","Name":"greet"}',
      '{"name":"echo_params","n\\u0061me":"greet"}',
      '{"name":"gr\\u0065et"}',
      '{"name":"echo_params","NAME":"greet"}',
    ]) {
      const answer = await post(session, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`);
      expect((await answer.answer())['error'], params).toBeDefined();
    }
    expect((await post(session, '{"jsonrpc":"2.0","id":1,"params":{"name":"greet"},"method":"ping","method":"tools/call"}')).status).toBe(400);
    expect(fixture.hub.seen.slice(before)).toEqual([]);
    await gateway.api('POST', `/tools/${row}/state?activate=true`);
  });

  test('a disabled server or gateway answers 404, and a private one exists for its owner alone', async () => {
    const own = await mirrorOf(gateway, `${fixture.url}?switched`);
    const session = await openSession(own);
    await gateway.api('POST', `/servers/${own.serverId}/state?activate=false`);
    expect([(await modern(own, 'tools/list')).status, (await post(session, request(1, 'ping'))).status]).toEqual([404, 404]);
    await gateway.api('POST', `/servers/${own.serverId}/state?activate=true`);
    expect([(await modern(own, 'tools/list')).status, (await post(session, request(1, 'ping'))).status]).toEqual([200, 200]);
    await gateway.api('POST', `/gateways/${own.gatewayId}/state?activate=false`);
    expect((await modern(own, 'tools/list')).status).toBe(404);
    await gateway.api('POST', `/gateways/${own.gatewayId}/state?activate=true`);
    expect((await modern(own, 'tools/list')).status).toBe(200);
    await gateway.api('DELETE', `/servers/${own.serverId}`);
    expect([(await modern(own, 'tools/list')).status, (await post(session, request(1, 'ping'))).status]).toEqual([404, 404]);
  });
});

describe('a limit', () => {
  test('on calls per minute says 429 with the time to come back, for both eras, and does not count lists', async () => {
    const limited = await mirrorOf(gateway, `${fixture.url}?rate`, { server: { limits: { callsPerMinute: 3 } } });
    const session = await openSession(limited);
    for (let i = 0; i < 5; i++) expect((await modern(limited, 'tools/list')).status).toBe(200);
    expect((await post(session, toolCall(1, 'test_simple_text'))).status).toBe(200);
    expect((await modern(limited, 'tools/call', { name: 'test_simple_text', arguments: {} })).status).toBe(200);
    expect((await post(session, request(2, 'resources/read', { uri: 'test://static-text' }))).status).toBe(200);
    const before = fixture.hub.seen.length;
    for (const refused of [
      await post(session, toolCall(3, 'test_simple_text')),
      await modern(limited, 'tools/call', { name: 'test_simple_text', arguments: {} }, { id: 3 }),
    ]) {
      expect(refused.status).toBe(429);
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      const { id, error } = (await refused.answer()) as { id: unknown; error: { data: { code: string; retryAfterMs: number } } };
      expect([id, error.data.code]).toEqual([3, 'limit.rate']);
      expect(error.data.retryAfterMs).toBeGreaterThan(0);
      expect(error.data.retryAfterMs).toBeLessThanOrEqual(20_000);
    }
    expect(fixture.hub.seen.length).toBe(before);
    expect((await post(session, request(4, 'ping'))).status).toBe(200);
    expect(await recorded(gateway, (row) => row.error_code === 'limit.rate')).toMatchObject({
      outcome: 'refused',
      http_status: 429,
      server_id: limited.serverId,
    });
  });

  test('on calls at once frees its place when a call ends, is cancelled or fails', async () => {
    const limited = await mirrorOf(gateway, `${fixture.url}?concurrent`, { gateway: { limits: { concurrent: 2 } } });
    const session = await openSession(limited);
    const start = (key: string) => post(session, toolCall(key, 'wait_for_release', { key }, { _meta: { progressToken: key } }));
    const [one, two] = [await start('limit 1'), await start('limit 2')];
    expect([await one.message(), await two.message()]).toMatchObject([expect.stringContaining('progress'), expect.stringContaining('progress')]);
    const refused = await modern(limited, 'tools/call', { name: 'test_simple_text', arguments: {} });
    expect([refused.status, await refused.answer()]).toMatchObject([
      429,
      { error: { data: { code: 'limit.concurrency', retryAfterMs: expect.any(Number) } } },
    ]);
    expect((await post(session, request(1, 'tools/list'))).status).toBe(200);
    fixture.hub.release('limit 1');
    await one.messages();
    const three = await start('limit 3');
    expect(three.status).toBe(200);
    await three.message();
    await post(session, JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'limit 3' } }));
    expect(await three.messages()).toEqual([]);
    expect(await recorded(gateway, (row) => row.gateway_id === limited.gatewayId && row.outcome === 'cancelled')).toMatchObject({
      method: 'tools/call',
      resource_name: 'wait_for_release',
      error_code: null,
    });
    const failed = await modern(limited, 'tools/call', { name: 'rpc_error', arguments: { code: 7, message: 'm' } });
    expect(await failed.answer()).toMatchObject({ error: { code: 7 } });
    expect((await modern(limited, 'tools/call', { name: 'test_simple_text', arguments: {} })).status).toBe(200);
    fixture.hub.release('limit 2');
    expect((await two.messages()).map((message) => textOf(message))).toEqual(['released limit 2']);
  });
});
