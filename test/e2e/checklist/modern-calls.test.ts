// Checklist points 20, 22 and 23: calls of 2026-07-28 through any process, in several rounds, and taken back.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { combinedOf } from './combined-doors.ts';
import { as, envelope, mirrorOf, modern, modernBody, modernHeaders, post, textOf, toolRow, type Door } from './doors.ts';
import { json, startScriptedUpstream } from './scripted-upstream.ts';
import { eventually } from './wire.ts';

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

describe('point 20: two processes on one database', () => {
  let folder: string;
  let second: StartedGateway;
  let first: StartedGateway;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mcpgateway-two-'));
    first = await startGateway({ folder });
    second = await startGateway({ folder });
  });
  afterAll(async () => {
    await Promise.all([first?.stop(), second?.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  test('point 20: serve any modern request without affinity, also the rounds of one call', async () => {
    const one = await mirrorOf(first, fixture.url);
    const other: Door = { url: one.url.replace(first.url, second.url), headers: one.headers };
    await eventually(async () => (await post(other, modernBody('tools/list', {}), modernHeaders('tools/list'))).status === 200, 3000);
    const doors = [one, other];
    for (let i = 0; i < 30; i++) {
      const at = doors[i % 2] ?? one;
      expect(textOf(await (await modern(at, 'tools/call', { name: 'echo_arguments', arguments: { i } })).answer())).toBe(`{"i":${i}}`);
    }
    const name = 'test_input_required_result_multi_round';
    const capabilities = { elicitation: {} };
    let more: object = {};
    for (const [round, content] of [{}, { name: 'Ada' }, { color: 'blue' }].entries()) {
      const inputResponses = { [`step${round}`]: { action: 'accept', content } };
      const params = { name, arguments: {}, ...more, ...(round === 0 ? {} : { inputResponses }) };
      const answer = await (await modern(doors[round % 2] ?? one, 'tools/call', params, { id: `round ${round}`, capabilities })).answer();
      expect(answer['id']).toBe(`round ${round}`);
      const { requestState, resultType } = answer['result'] as { requestState?: string; resultType: string };
      expect(resultType).toBe(round < 2 ? 'input_required' : 'complete');
      more = { requestState };
      if (round === 2) expect(textOf(answer)).toBe('Ada likes blue');
    }
  });

  test('point 20: serve requests across the eras and pages of combined lists as well; a call that waits is gone on with where it waits', async () => {
    const legacy = await startFixture({ eras: 'legacy' });
    try {
      const mirror = await mirrorOf(first, legacy.url);
      const combined = await combinedOf(first, [{ name: 'older', url: `${legacy.url}?combined` }]);
      const at = (door: Door, process: StartedGateway): Door => ({ ...door, url: door.url.replace(first.url, process.url) });
      for (const door of [mirror, combined]) await eventually(async () => (await modern(at(door, second), 'tools/list')).status === 200, 3000);
      for (let i = 0; i < 20; i++) {
        const process = i % 2 === 0 ? first : second;
        const call = async (door: Door, name: string): Promise<string> =>
          textOf(await (await modern(at(door, process), 'tools/call', { name, arguments: { i } })).answer());
        expect(await call(mirror, 'echo_arguments')).toBe(`{"i":${i}}`);
        expect(await call(combined, 'older-echo-arguments')).toBe(`{"i":${i}}`);
        for (const door of [mirror, combined]) expect((await modern(at(door, process), 'server/discover')).status).toBe(200);
      }
      const listed = await Promise.all([first, second].map(async (process) => (await modern(at(combined, process), 'tools/list')).answer()));
      const named = (answer: Record<string, unknown> = {}) => (answer['result'] as { tools: { name: string }[] }).tools.map(({ name }) => name);
      expect(named(listed[0])).toEqual(named(listed[1]));
      expect(named(listed[0]).length).toBeGreaterThan(20);

      const params = { name: 'test_elicitation', arguments: { message: 'who?' } };
      const capabilities = { elicitation: {} };
      const asked = await (await modern(mirror, 'tools/call', params, { capabilities })).answer();
      const { inputRequests, requestState } = asked['result'] as { inputRequests: Record<string, unknown>; requestState: string };
      const inputResponses = Object.fromEntries(Object.keys(inputRequests).map((key) => [key, { action: 'decline' }]));
      const retry = async (process: StartedGateway) =>
        (await modern(at(mirror, process), 'tools/call', { ...params, inputResponses, requestState }, { capabilities })).answer();
      expect(await retry(second)).toMatchObject({ error: { code: -32602, data: { code: 'bridge.state_unknown' } } });
      expect(textOf(await retry(first))).toContain('action=decline');
    } finally {
      await legacy.close();
    }
  });

  test('point 20: a change made through one is soon seen through the other, in both directions', async () => {
    const one = await mirrorOf(first, fixture.url, { gateway: { url: `${fixture.url}?second-registration` } });
    const other = { ...one, url: one.url.replace(first.url, second.url) };
    const row = await toolRow(first, one.gatewayId, 'greet');
    const call = async (at: Door) =>
      (await (await modern(at, 'tools/call', { name: 'greet', arguments: { name: 'x' } })).answer())['error'] === undefined;
    await eventually(() => call(other), 3000);
    await second.api('POST', `/tools/${row}/state?activate=false`);
    expect(await call(other)).toBe(false);
    await eventually(async () => !(await call(one)), 3000);
    await first.api('POST', `/tools/${row}/state?activate=true`);
    expect(await call(one)).toBe(true);
    await eventually(() => call(other), 3000);
    await second.api('DELETE', `/servers/${one.serverId}`);
    await eventually(async () => (await modern(one, 'tools/list')).status === 404, 3000);
  });
});

describe('point 22', () => {
  test('point 22: inputRequests, requestState and inputResponses pass unchanged, byte for byte', async () => {
    const upstream = await startScriptedUpstream();
    try {
      const mirror = await mirrorOf(gateway, upstream.url);
      const state = '"é\\u00e9 {\\"n\\":9007199254740993} ==\\/"';
      const first = `{"jsonrpc":"2.0","id":"r1","result":{"resultType":"input_required","inputRequests":{"":{"method":"roots/list","params":{}},"käy 1":{"method":"elicitation/create","params":{"n":1.0}},"x":{"method":"vendor/ask"}},"requestState":${state}}}`;
      upstream.play(({ res }) => json(res, first));
      const ask = modernBody('tools/call', { name: 'one', arguments: {} }, { id: 'r1', capabilities: { elicitation: {}, roots: {} } });
      expect(await (await post(mirror, ask, modernHeaders('tools/call', 'one'))).answerText()).toBe(first);
      const answered = `{"jsonrpc":"2.0","id":"r2","method":"tools/call","params":{"name":"one","arguments":{},"inputResponses":{"käy 1":{"action":"accept","content":{"n":1.0,"big":9007199254740993}},"":{"roots":[]}},"requestState":${state},"_meta":${JSON.stringify(envelope())}}}`;
      const done = '{"jsonrpc":"2.0","id":"r2","result":{"resultType":"complete","content":[]}}';
      upstream.play(({ res }) => json(res, done));
      expect(await (await post(mirror, answered, modernHeaders('tools/call', 'one'))).answerText()).toBe(done);
      expect(upstream.seen.map(({ text }) => text)).toEqual([answered]);
    } finally {
      await upstream.close();
    }
  });

  test('point 22: several rounds work, each with an id of its own, for tools and for prompts', async () => {
    const capabilities = { elicitation: {}, sampling: {}, roots: {} };
    const rounds = async (at: Door, method: string, name: string): Promise<unknown[]> => {
      const results: unknown[] = [];
      let more: object = {};
      for (let round = 1; round < 6; round++) {
        const answer = await (await modern(at, method, { name, arguments: {}, ...more }, { id: `${name} ${round}`, capabilities })).answer();
        expect(answer['id']).toBe(`${name} ${round}`);
        const result = answer['result'] as { resultType: string; inputRequests?: Record<string, { method: string }>; requestState?: string };
        const { requestState, ...shown } = result;
        results.push(shown);
        if (result.resultType !== 'input_required') break;
        const inputResponses = Object.fromEntries(
          Object.entries(result.inputRequests ?? {}).map(([key, { method: asked }]) => [key, replyTo(asked)]),
        );
        more = { inputResponses, ...(requestState === undefined ? {} : { requestState }) };
      }
      return results;
    };
    for (const name of ['elicitation', 'sampling', 'list_roots', 'request_state', 'multiple_inputs', 'multi_round'].map(
      (end) => `test_input_required_result_${end}`,
    )) {
      const mirrored = await rounds(door, 'tools/call', name);
      expect(mirrored.length, name).toBeGreaterThan(1);
      expect(mirrored).toEqual(await rounds(direct, 'tools/call', name));
    }
    const prompt = await rounds(door, 'prompts/get', 'test_input_required_result_prompt');
    expect(prompt).toHaveLength(2);
    expect(prompt).toEqual(await rounds(direct, 'prompts/get', 'test_input_required_result_prompt'));
  });
});

function replyTo(method: string): object {
  if (method === 'elicitation/create') return { action: 'accept', content: { name: 'Ada', color: 'blue', ok: true, context: 'c' } };
  if (method === 'roots/list') return { roots: [{ uri: 'file:///r' }] };
  return { role: 'assistant', content: { type: 'text', text: 'Paris' }, model: 'm' };
}

describe('point 23', () => {
  for (const [name, what] of [
    ['wait_for_release', 'a stream that has begun'],
    ['wait_silently', 'an answer that has not'],
  ] as const) {
    test(`point 23: closing ${what} reaches the upstream as cancel`, async () => {
      const id = `cancel ${name}`;
      const body = modernBody('tools/call', { name, arguments: { key: id } }, { id, meta: { progressToken: 1 } });
      const abort = new AbortController();
      const sent = fetch(door.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...door.headers,
          ...modernHeaders('tools/call', name),
        },
        body,
        signal: abort.signal,
      });
      sent.catch(() => undefined);
      await eventually(() => fixture.hub.waiting.has(id));
      abort.abort();
      const cancel = await eventually(() => fixture.hub.cancelled.find(({ requestId }) => requestId === JSON.stringify(id)), 3000);
      expect(cancel).toMatchObject({ by: 'disconnect', hit: true });
      await eventually(() => !fixture.hub.waiting.has(id));
      const row = await eventually(async () => {
        const { body: rows } = await gateway.api('GET', '/audit-trails?limit=1000');
        return (rows as { method: string; resource_name: string; outcome: string }[]).find(
          ({ resource_name, outcome }) => resource_name === name && outcome === 'cancelled',
        );
      });
      expect(row.method).toBe('tools/call');
    });
  }

  test('point 23: closing a listen stream reaches the upstream', async () => {
    const before = fixture.hub.listeners.size;
    const listening = await modern(door, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 'listen' });
    expect(await listening.message()).toContain('notifications/subscriptions/acknowledged');
    expect(fixture.hub.listeners.size).toBe(before + 1);
    listening.close();
    await eventually(() => fixture.hub.listeners.size === before, 3000);
  });
});

test('modern requests need a token as well, and a foreign one sees no private mirror', async () => {
  const own = await mirrorOf(gateway, `${fixture.url}?private`, { server: { visibility: 'private' } });
  const stranger = await gateway.tokenFor({ sub: 'stranger@example.com', teams: [] });
  fixture.hub.seen.length = 0;
  expect((await modern(as(own, stranger), 'tools/list')).status).toBe(404);
  expect((await modern(as(own, 'nonsense'), 'tools/list')).status).toBe(401);
  expect((await modern({ url: own.url, headers: {} }, 'tools/list')).status).toBe(401);
  expect(fixture.hub.seen).toEqual([]);
  expect((await modern(own, 'tools/list')).status).toBe(200);
});
