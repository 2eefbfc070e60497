// Checklist points 21, 22 and 42 against those who mean no good: a `requestState` that is forged, altered, borrowed or used again gets the
// documented error and nothing else – not the answer, not the question, not the name of anything that is another caller's – and does not
// harm the call it was made for. States that are an upstream's own pass as they are.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { combinedOf } from './combined-doors.ts';
import { as, BOTH, mirrorOf, modern, modernBody, modernHeaders, request, textOf, type Door } from './doors.ts';
import { event, json, startScriptedUpstream, stream } from './scripted-upstream.ts';
import { eventually } from './wire.ts';

// eslint-disable-next-line -- answers of many shapes are looked into
type Json = Record<string, any>;

const ABLE = { sampling: {}, elicitation: {}, roots: {} };
/** Stands in the arguments, the question and the answer of the call that is attacked, and nowhere else. */
const SECRET = 'the-secret-of-ann';
/** Speaks one era only, as does every upstream whose calls have to be parked. */
let legacy: Fixture;
let other: Fixture;
let gateway: StartedGateway;
let strangerToken: string;

beforeAll(async () => {
  legacy = await startFixture({ eras: 'legacy' });
  other = await startFixture({ eras: 'legacy' });
  gateway = await startGateway();
  strangerToken = await gateway.tokenFor({ sub: 'stranger@example.com', is_admin: true, teams: null });
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([legacy?.close(), other?.close()]);
});

/** A call that waits, with all that has to be said again to go on with it. */
interface Waiting {
  readonly door: Door;
  readonly tool: string;
  readonly args: Json;
  readonly state: string;
  readonly responses: Json;
}

const answer = (content: Json = { username: SECRET }): Json => ({ action: 'accept', content });

async function startCall(door: Door, tool: string, args: Json = { message: `${SECRET}?` }): Promise<Waiting> {
  const { result } = (await (
    await modern(door, 'tools/call', { name: tool, arguments: args }, { id: 'first', capabilities: ABLE })
  ).answer()) as Json;
  expect(result).toMatchObject({ resultType: 'input_required', requestState: expect.any(String) });
  const keys = Object.keys(result.inputRequests as Json);
  return { door, tool, args, state: result.requestState, responses: Object.fromEntries(keys.map((key) => [key, answer()])) };
}

/** A retry of it, with something changed. */
async function retry(waiting: Waiting, changed: Partial<Waiting> = {}, id: unknown = 'retry'): Promise<{ status: number; body: Json; text: string }> {
  const { door, tool, args, state, responses } = { ...waiting, ...changed };
  const params = { name: tool, arguments: args, inputResponses: responses, requestState: state };
  const sent = await modern(door, 'tools/call', params, { id, capabilities: ABLE });
  const text = await sent.answerText();
  return { status: sent.status, body: JSON.parse(text) as Json, text };
}

function expectUnknown({ status, body, text }: { status: number; body: Json; text: string }, what: string): void {
  expect([status, body['error']?.code, body['error']?.data?.code, body['id']], what).toEqual([400, -32602, 'bridge.state_unknown', 'retry']);
  expect(text, what).not.toContain(SECRET);
}

/** Goes on with the call as it should be: whatever was tried before has not harmed it. */
async function expectGoesOn(waiting: Waiting): Promise<void> {
  const { body } = await retry(waiting);
  expect(textOf(body)).toContain(SECRET);
}

const FRONTS = ['a mirror', 'a combined server'] as const;

describe.each(FRONTS)('a call that waits at %s', (front) => {
  let door: Door;
  let prefix = '';
  /** The same tools of another upstream. */
  let elsewhere: Door;
  const tool = (name: string): string => (prefix === '' ? name : `${prefix}-${name.replaceAll('_', '-')}`);
  const begin = (): Promise<Waiting> => startCall(door, tool('test_elicitation'));

  beforeAll(async () => {
    if (front === 'a mirror') {
      door = await mirrorOf(gateway, legacy.url);
      elsewhere = await mirrorOf(gateway, other.url);
    } else {
      prefix = 'asking';
      door = await combinedOf(gateway, [{ name: prefix, url: `${legacy.url}?combined` }]);
      elsewhere = await combinedOf(gateway, [{ name: 'other', url: `${other.url}?combined` }]);
    }
  });

  test('point 21: goes on with no state but its own, wherever a bit of it is changed, and however it is cut or stretched', async () => {
    const waiting = await begin();
    const { state } = waiting;
    const changes: [string, string][] = [];
    for (let at = 0; at < state.length; at += at < 24 || at > state.length - 24 ? 1 : 7) {
      const code = state.charCodeAt(at);
      // The lowest bit changes a Base64 character to its neighbour in value, or to none at all.
      changes.push([`bit 0 of character ${at}`, `${state.slice(0, at)}${String.fromCharCode(code ^ 1)}${state.slice(at + 1)}`]);
      changes.push([`case of character ${at}`, `${state.slice(0, at)}${String.fromCharCode(code ^ 0x20)}${state.slice(at + 1)}`]);
    }
    for (const length of [0, 1, 6, 7, 15, 16, 20, state.length - 30, state.length - 2, state.length - 1])
      changes.push([`cut to ${length}`, state.slice(0, length)]);
    for (const more of ['A', '=', '==', '.', '\n', ' ', '\u0000', state, 'A'.repeat(100_000)])
      changes.push([`with ${more.length} more`, state + more]);
    changes.push(['space before', ` ${state}`], ['other alphabet', state.replaceAll('-', '+').replaceAll('_', '/')]);
    const [scheme, instance, sealed = ''] = state.split('.');
    const bytes = Buffer.from(sealed, 'base64url');
    changes.push(['no instance', `${scheme}..${sealed}`], ['another', `${scheme}.AAAAAAAA.${sealed}`], ['scheme alone', `${scheme}.${instance}.`]);
    changes.push(['bytes turned round', `${scheme}.${instance}.${Buffer.from(bytes.toReversed()).toString('base64url')}`]);
    changes.push(['all zero', `${scheme}.${instance}.${Buffer.alloc(bytes.length).toString('base64url')}`]);
    for (const [what, changed] of changes.filter(([, text]) => text !== state)) expectUnknown(await retry(waiting, { state: changed }), what);
    for (const none of [null, 7, true, {}, [], [state], { state }])
      expectUnknown(await retry(waiting, { state: none as unknown as string }), JSON.stringify(none));
    await expectGoesOn(waiting);
  });

  test('point 21: is no use to another principal, not even to one who may do everything', async () => {
    const waiting = await begin();
    expectUnknown(await retry(waiting, { door: as(waiting.door, strangerToken) }), 'another administrator');
    expectUnknown(await retry(waiting, { door: as(waiting.door, await gateway.tokenFor({ sub: 'someone@example.com', teams: [] })) }), 'somebody');
    await expectGoesOn(waiting);
  });

  test('point 21: belongs to its principal, not to the token it was made with', async () => {
    const waiting = await begin();
    const renewed = await gateway.tokenFor({ sub: 'admin@example.com', is_admin: true, teams: null });
    await expectGoesOn({ ...waiting, door: as(waiting.door, renewed) });
  });

  test('point 21: is no use for another tool, other arguments, another method or another upstream', async () => {
    const waiting = await begin();
    expectUnknown(await retry(waiting, { tool: tool('test_sampling') }), 'another tool');
    expectUnknown(await retry(waiting, { args: { message: 'mine?' } }), 'other arguments');
    expectUnknown(await retry(waiting, { args: { ...waiting.args, more: 1 } }), 'more arguments');
    expectUnknown(await retry(waiting, { args: {} }), 'no arguments');
    const there = front === 'a mirror' ? waiting.tool : 'other-test-elicitation';
    expectUnknown(await retry(waiting, { door: elsewhere, tool: there }), 'another upstream');
    const params = { name: tool('test_simple_prompt'), arguments: waiting.args, requestState: waiting.state, inputResponses: waiting.responses };
    const prompt = await modern(door, 'prompts/get', params, { id: 'retry', capabilities: ABLE });
    const text = await prompt.answerText();
    expectUnknown({ status: prompt.status, text, body: JSON.parse(text) as Json }, 'another method');
    await expectGoesOn(waiting);
  });

  test('point 22: goes on once, also when its retry comes ten times at the same moment', async () => {
    const waiting = await begin();
    const all = await Promise.all(Array.from({ length: 10 }, () => retry(waiting)));
    const answered = all.filter(({ body }) => body['result'] !== undefined);
    expect(answered.map(({ body }) => textOf(body))).toEqual([expect.stringContaining(SECRET)]);
    for (const refused of all.filter((each) => !answered.includes(each))) expectUnknown(refused, 'a second time at once');
    expectUnknown(await retry(waiting), 'a second time later');
  });

  test('point 22: goes on with its latest round only', async () => {
    const first = await startCall(door, tool('test_question_chain'), { depth: 3 });
    const sampled = { role: 'assistant', model: 'm', content: { type: 'text', text: SECRET } };
    const responses = Object.fromEntries(Object.keys(first.responses).map((key) => [key, sampled]));
    const second = (await retry(first, { responses })).body['result'] as Json;
    expect(second).toMatchObject({ resultType: 'input_required' });
    expect(second['requestState']).not.toBe(first.state);
    expectUnknown(await retry(first, { responses }), 'the state of the round before');
    const keys = Object.keys(second['inputRequests'] as Json);
    expect(keys).not.toEqual(Object.keys(first.responses));
    const third = await retry(first, { state: second['requestState'] as string, responses: Object.fromEntries(keys.map((key) => [key, sampled])) });
    expect(third.body['result']).toMatchObject({ resultType: 'input_required' });
  });

  test('point 22: asks again for what is missing or no answer, and takes no answer to what it has not asked', async () => {
    const waiting = await begin();
    let state = waiting.state;
    for (const responses of [
      undefined,
      {},
      [],
      'text',
      null,
      { unknown: answer({ username: 'nobody' }) },
      { [Object.keys(waiting.responses)[0] ?? '']: 7 },
    ]) {
      const { body } = await retry(waiting, { state, responses: responses as unknown as Json });
      expect(body['result'], JSON.stringify(responses)).toMatchObject({ resultType: 'input_required' });
      expect(Object.keys(body['result'].inputRequests as Json)).toEqual(Object.keys(waiting.responses));
      state = body['result'].requestState as string;
    }
    await expectGoesOn({ ...waiting, state });
  });
});

test('point 21: a call that waited in a gateway which was restarted is gone, and said to be', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcpgateway-states-'));
  let running = await startGateway({ folder });
  try {
    const door = await mirrorOf(running, `${legacy.url}?restarted`);
    const waiting = await startCall(door, 'test_elicitation');
    await running.stop('SIGKILL');
    running = await startGateway({ folder });
    const now = { url: door.url.replace(/:\d+/, `:${running.port}`), headers: door.headers };
    expectUnknown(await retry(waiting, { door: now }), 'after a restart');
    // Two processes on one database: a call waits in one of them.
    const second = await startGateway({ folder });
    try {
      const again = await startCall(now, 'test_elicitation');
      expectUnknown(await retry(again, { door: { ...now, url: door.url.replace(/:\d+/, `:${second.port}`) } }), 'at another process');
      await expectGoesOn(again);
    } finally {
      await second.stop();
    }
  } finally {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('point 21: a call whose upstream was removed or whose server is hidden from its caller is not gone on with', async () => {
  const own = await mirrorOf(gateway, `${legacy.url}?removed`);
  const waiting = await startCall(own, 'test_elicitation');
  const cancelled = legacy.stats().cancelled;
  await gateway.api('DELETE', `/servers/${own.serverId}`);
  expect((await retry(waiting)).status).toBe(404);
  await gateway.api('DELETE', `/gateways/${own.gatewayId}`);
  await eventually(() => legacy.stats().cancelled > cancelled);
  expect((await retry(waiting)).text).not.toContain(SECRET);
});

test('point 21: a tool that was switched off while its call waited is not gone on with', async () => {
  const own = await mirrorOf(gateway, `${legacy.url}?switched`);
  const waiting = await startCall(own, 'test_elicitation');
  const rows = (await gateway.api('GET', `/tools?gateway_id=${own.gatewayId}&limit=0`)).body as { id: string; originalName: string }[];
  const row = rows.find(({ originalName }) => originalName === 'test_elicitation');
  await gateway.api('POST', `/tools/${row?.id}/state?activate=false`);
  const { body, text } = await retry(waiting);
  expect(body['error']).toMatchObject({ code: -32602 });
  expect(text).not.toContain(SECRET);
});

test('point 42: a client that goes away after its retry takes its call with it, and its state is worth nothing then', async () => {
  const upstream = await startScriptedUpstream({ eras: 'legacy' });
  try {
    const door = await mirrorOf(gateway, upstream.url);
    upstream.play(({ message, res }) => {
      if (message.method !== 'tools/call') return false;
      // It asks, and never comes to an end.
      stream(res);
      res.write(event(request('asks', 'elicitation/create', { message: 'Who?', requestedSchema: { type: 'object', properties: {} } })));
      return true;
    });
    const waiting = await startCall(door, 'one');
    const params = { name: 'one', arguments: waiting.args, inputResponses: waiting.responses, requestState: waiting.state };
    const leaving = new AbortController();
    const left = fetch(door.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: BOTH, ...door.headers, ...modernHeaders('tools/call', 'one') },
      body: modernBody('tools/call', params, { id: 'leaves', capabilities: ABLE }),
      signal: leaving.signal,
    }).catch(() => undefined);
    await eventually(() => upstream.seen.some(({ message }) => message.id === 'asks' && message.method === undefined));
    leaving.abort();
    await left;
    await eventually(() => upstream.seen.some(({ message }) => message.method === 'notifications/cancelled'));
    expectUnknown(await retry(waiting), 'after its client has left');
  } finally {
    await upstream.close();
  }
});

test('point 21: a state that is the upstream’s own passes byte for byte, whatever is in it, also through a combined server', async () => {
  const upstream = await startScriptedUpstream();
  try {
    const doors: [Door, string][] = [
      [await mirrorOf(gateway, upstream.url), 'one'],
      [await combinedOf(gateway, [{ name: 'own states', url: `${upstream.url}?combined` }]), 'own-states-one'],
    ];
    // One that looks like the gateway's among them.
    const states = ['', 'a', 'mcpgw1.AAAAAAAA.AAAA', 'é\u0000 "\\/\u2028 🌍', 'x'.repeat(100_000)];
    for (const [door, name] of doors) {
      for (const state of states) {
        upstream.play(({ message, res }) => {
          if (message.method !== 'tools/call') return false;
          const said = message.params?.['requestState'];
          const result = said === undefined ? { resultType: 'input_required', requestState: state } : { resultType: 'complete', content: [], said };
          json(res, JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
          return true;
        });
        const first = (await (await modern(door, 'tools/call', { name, arguments: {} })).answer()) as Json;
        expect(first['result'].requestState).toBe(state);
        const second = (await (await modern(door, 'tools/call', { name, arguments: {}, requestState: state }, { id: 2 })).answer()) as Json;
        expect(second).toMatchObject({ id: 2, result: { resultType: 'complete', said: state } });
      }
    }
  } finally {
    await upstream.close();
  }
});
