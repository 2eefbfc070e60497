// Checklist points 14, 19, 22, 29, 42 and 43 against clients that mix the eras up or lie about whose they are: fields and headers of the
// other era change nothing, headers that contradict the body are refused before anything is sent on, session ids and answers to questions
// are worth nothing outside the session they belong to.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { combinedOf } from './combined-doors.ts';
import {
  as,
  META,
  mirrorOf,
  modern,
  modernBody,
  modernHeaders,
  MODERN,
  getStream,
  openSession,
  post,
  request,
  textOf,
  toolCall,
  type ClientSession,
  type Door,
} from './doors.ts';
import { open, type OpenAnswer } from './wire.ts';

// eslint-disable-next-line -- answers of many shapes are looked into
type Json = Record<string, any>;

const ABLE = { sampling: {}, elicitation: {}, roots: {} };

interface Front {
  readonly door: Door;
  readonly tool: (name: string) => string;
}

let gateway: StartedGateway;
/** Each speaks one era only, so that the other's clients are carried across. */
let legacy: Fixture;
let newer: Fixture;
const fronts: Record<string, Front> = {};
let strangerToken: string;

beforeAll(async () => {
  legacy = await startFixture({ eras: 'legacy' });
  newer = await startFixture({ eras: 'modern' });
  gateway = await startGateway();
  strangerToken = await gateway.tokenFor({ sub: 'stranger@example.com', is_admin: true, teams: null });
  for (const [era, { url }] of [['legacy', legacy] as const, ['modern', newer] as const]) {
    fronts[`a mirror of a ${era} upstream`] = { door: await mirrorOf(gateway, url), tool: (name) => name };
    const door = await combinedOf(gateway, [{ name: era, url: `${url}?combined` }]);
    fronts[`a combined server of a ${era} upstream`] = { door, tool: (name) => `${era}-${name.replaceAll('_', '-')}` };
  }
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([legacy?.close(), newer?.close()]);
});

const at = (front: string): Front => fronts[front] ?? { door: { url: '', headers: {} }, tool: (name) => name };
const OF_LEGACY = ['a mirror of a legacy upstream', 'a combined server of a legacy upstream'];
const OF_MODERN = ['a mirror of a modern upstream', 'a combined server of a modern upstream'];

async function shown(sent: Promise<OpenAnswer>): Promise<{ status: number; body: Json }> {
  const answer = await sent;
  return { status: answer.status, body: await answer.answer() };
}

describe.each(OF_LEGACY)('a client of 2026-07-28 at %s', (front) => {
  const call = (name: string, args: object, headers: Record<string, string> = {}, more: object = {}): Promise<OpenAnswer> =>
    modern(at(front).door, 'tools/call', { name: at(front).tool(name), arguments: args, ...more }, { id: 'mine', headers, capabilities: ABLE });

  test('point 19: who names a session, its own or another’s, is answered outside it', async () => {
    const others = await openSession(as(at(front).door, strangerToken));
    const own = await openSession(at(front).door);
    for (const id of [others.id, own.id, 'forged', 'x'.repeat(5000)]) {
      const answer = await call('echo_arguments', { id: id.slice(0, 8) }, { 'mcp-session-id': id, 'last-event-id': '1' });
      expect([answer.status, answer.headers['mcp-session-id']]).toEqual([200, undefined]);
      expect(textOf(await answer.answer())).toContain(id.slice(0, 8));
    }
    // Both sessions are as they were.
    for (const session of [others, own]) expect((await shown(post(session, toolCall(1, at(front).tool('test_simple_text'))))).status).toBe(200);
  });

  test('point 42: fields of the other era change nothing, and go no further', async () => {
    const plain = await shown(call('test_simple_text', {}));
    legacy.hub.seen.length = 0;
    const more = { task: { ttl: 1000 }, inputResponses: { a: { action: 'accept' } }, resultType: 'complete' };
    expect(await shown(call('test_simple_text', {}, {}, more))).toEqual(plain);
    const sent = legacy.hub.seen.map(({ body }) => body).find((body) => body.includes('test_simple_text'));
    expect(sent).toBeDefined();
    expect(sent).not.toMatch(/"task"|inputResponses|io\.modelcontextprotocol/);
  });

  test('point 42: answers of the older era answer nothing: neither a call that waits nor a question in somebody’s session', async () => {
    const asking = await openSession(at(front).door, '2025-11-25', ABLE);
    const stream = await post(asking, toolCall(1, at(front).tool('test_elicitation'), { message: 'who?' }));
    const asked = JSON.parse((await stream.message()) ?? '{}') as Json;
    expect(asked['method']).toBe('elicitation/create');
    const forged = JSON.stringify({ jsonrpc: '2.0', id: asked['id'], result: { action: 'accept', content: { username: 'forged' } } });
    const tried = await post(at(front).door, forged, { 'mcp-protocol-version': MODERN, 'mcp-session-id': asking.id });
    expect([tried.status >= 200, tried.status < 500]).toEqual([true, true]);
    expect(await tried.answerText()).not.toContain('"result"');
    await post(asking, JSON.stringify({ jsonrpc: '2.0', id: asked['id'], result: { action: 'decline' } }));
    expect(textOf((await stream.messages()).at(-1) ?? {})).toContain('action=decline');
  });

  const name = (of: string): string => at(front).tool(of);
  const contradictions: readonly (readonly [what: string, headers: () => Record<string, string>])[] = [
    ['another method', () => ({ ...modernHeaders('tools/list', name('echo_arguments')) })],
    ['the method in other letters', () => ({ ...modernHeaders('Tools/Call', name('echo_arguments')) })],
    ['another tool', () => ({ ...modernHeaders('tools/call', name('test_simple_text')) })],
    ['a broken Base64 name', () => ({ ...modernHeaders('tools/call', '=?base64?!!!?=') })],
    ['an older revision', () => ({ ...modernHeaders('tools/call', name('echo_arguments')), 'mcp-protocol-version': '2025-11-25' })],
    ['no revision', () => ({ 'mcp-method': 'tools/call', 'mcp-name': name('echo_arguments') })],
    ['no method', () => ({ 'mcp-protocol-version': MODERN, 'mcp-name': name('echo_arguments') })],
    ['no name', () => ({ 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call' })],
  ];
  test.each(contradictions)('point 14: headers that say %s are 400 and -32020, and nothing is sent on', async (what, headers) => {
    legacy.hub.seen.length = 0;
    const body = modernBody('tools/call', { name: name('echo_arguments'), arguments: { what } }, { id: 'mine' });
    expect(await shown(post(at(front).door, body, headers()))).toMatchObject({ status: 400, body: { id: 'mine', error: { code: -32020 } } });
    expect(legacy.hub.seen.filter((seen) => seen.body.includes(what))).toEqual([]);
  });

  test('point 13: an envelope that is missing, or of the wrong form, is 400 and -32602; an unknown revision is -32022 with what there is', async () => {
    const params = { name: name('echo_arguments'), arguments: {} };
    const headers = modernHeaders('tools/call', params.name);
    const envelopes: Json[] = [
      {},
      { [`${META}protocolVersion`]: MODERN },
      { [`${META}protocolVersion`]: MODERN, [`${META}clientCapabilities`]: [] },
      { [`${META}protocolVersion`]: MODERN, [`${META}clientCapabilities`]: 'all' },
    ];
    for (const _meta of envelopes) {
      const refused = await shown(post(at(front).door, request('mine', 'tools/call', { ...params, _meta }), headers));
      expect(refused, JSON.stringify(_meta)).toMatchObject({ status: 400, body: { id: 'mine', error: { code: -32602 } } });
    }
    const future = { [`${META}protocolVersion`]: '2030-01-01', [`${META}clientCapabilities`]: {} };
    const refused = await shown(
      post(at(front).door, request('mine', 'tools/call', { ...params, _meta: future }), { ...headers, 'mcp-protocol-version': '2030-01-01' }),
    );
    expect(refused).toMatchObject({ status: 400, body: { id: 'mine', error: { code: -32022, data: { requested: '2030-01-01' } } } });
    expect(refused.body['error'].data.supported).toContain(MODERN);
  });
});

describe.each(OF_MODERN)('a client with a session at %s', (front) => {
  const session = (): Promise<ClientSession> => openSession(at(front).door, '2025-11-25', {});

  test('point 43: fields of the other era change nothing, and go no further', async () => {
    const own = await session();
    const plain = await shown(post(own, toolCall(1, at(front).tool('test_input_required_result_tampered_state'))));
    newer.hub.seen.length = 0;
    const more = {
      requestState: 'forged',
      inputResponses: { confirm: { action: 'accept', content: { ok: true } } },
      _meta: { [`${META}clientCapabilities`]: ABLE, [`${META}clientInfo`]: { name: 'forged', version: '1' }, [`${META}logLevel`]: 'debug' },
    };
    expect(await shown(post(own, toolCall(1, at(front).tool('test_input_required_result_tampered_state'), {}, more)))).toEqual(plain);
    const [sent] = newer.hub.seen.map(({ body }) => body).filter((body) => body.includes('"tools/call"'));
    expect(sent).not.toMatch(/forged|inputResponses|requestState|logLevel/);
    const { params } = JSON.parse(sent ?? '{}') as { params: { _meta: Json } };
    expect(params._meta).toMatchObject({ [`${META}clientCapabilities`]: {}, [`${META}clientInfo`]: { name: 'wire' } });
  });

  test('point 43: a request that says it is of the other era is not one of the session', async () => {
    const own = await session();
    const body = modernBody('tools/call', { name: at(front).tool('echo_arguments'), arguments: {} }, { id: 'mine' });
    expect(await shown(post(own, body))).toMatchObject({ status: 400, body: { id: 'mine', error: { code: -32020 } } });
    const bare = post(own, toolCall('mine', at(front).tool('echo_arguments')), modernHeaders('tools/call', at(front).tool('echo_arguments')));
    expect(await shown(bare)).toMatchObject({ status: 400, body: { id: 'mine', error: { code: -32602 } } });
    const unknown = post(own, toolCall('mine', at(front).tool('echo_arguments')), { 'mcp-protocol-version': '1999-01-01' });
    expect((await unknown).status).toBe(400);
    for (const method of ['server/discover', 'subscriptions/listen'])
      expect(await shown(post(own, request('mine', method, {}))), method).toMatchObject({ body: { id: 'mine', error: { code: -32601 } } });
    expect((await shown(post(own, toolCall(1, at(front).tool('test_simple_text'))))).status).toBe(200);
  });

  test('point 34: an answer from another session, or from nobody, answers no question', async () => {
    const asking = await openSession(at(front).door, '2025-11-25', ABLE);
    const other = await openSession(as(at(front).door, strangerToken), '2025-11-25', ABLE);
    const stream = await post(asking, toolCall(1, at(front).tool('test_elicitation'), { message: 'who?' }));
    const asked = JSON.parse((await stream.message()) ?? '{}') as Json;
    expect(asked['method']).toBe('elicitation/create');
    const forged = JSON.stringify({ jsonrpc: '2.0', id: asked['id'], result: { action: 'accept', content: { username: 'forged' } } });
    await post(other, forged);
    await post(await session(), forged);
    await post(at(front).door, forged);
    await post(as(asking, strangerToken), forged);
    // Nor does an id that only looks alike.
    for (const id of [`${String(asked['id'])} `, null, {}, 12345, 'unknown']) await post(asking, JSON.stringify({ jsonrpc: '2.0', id, result: {} }));
    await post(asking, JSON.stringify({ jsonrpc: '2.0', id: asked['id'], result: { action: 'accept', content: { username: 'ann' } } }));
    expect(textOf((await stream.messages()).at(-1) ?? {})).toContain('"username":"ann"');
  });
});

describe.each([...OF_LEGACY, ...OF_MODERN])('a session at %s', (front) => {
  test('point 29: is unknown under any id but its own, to anybody but its principal, and anywhere else', async () => {
    const { door, tool } = at(front);
    const own = await openSession(door, '2025-11-25', ABLE);
    const listening = await getStream(own);
    const elsewhere = Object.entries(fronts).filter(([name]) => name !== front);
    const using = (id: string, from: Door = door): Door => ({
      url: from.url,
      headers: { ...from.headers, 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' },
    });
    const { id } = own;
    const upstreamsOwn = [...legacy.hub.sessions.keys()][0] ?? 'none';
    const forged = [
      id.slice(0, -1),
      id.slice(1),
      id.slice(0, id.length / 2),
      `${id}A`,
      `${id},${id}`,
      `${id} x`,
      id.toLowerCase(),
      upstreamsOwn,
      '0',
      'é',
    ];
    const tried: [what: string, as: Door][] = forged.filter((each) => each !== id).map((each) => [each, using(each)]);
    tried.push(['another principal', as(using(id), strangerToken)]);
    for (const [name, there] of elsewhere) tried.push([name, using(id, there.door)]);
    for (const [what, door] of tried) {
      const asked = await shown(post(door, toolCall(1, tool('test_simple_text'))));
      expect([asked.status, asked.body['error']?.code], what).toEqual([404, -32001]);
      expect((await getStream(door)).status, what).toBe(404);
      expect((await open(door.url, { method: 'DELETE', headers: door.headers })).status, what).toBe(404);
      expect((await post(door, '{"jsonrpc":"2.0","id":1,"result":{}}')).status, what).toBe(404);
    }
    expect(textOf(await (await post(own, toolCall(1, tool('test_simple_text')))).answer())).not.toBe('');
    listening.close();
  });
});
