// Checklist points 41 to 46 for plain calls: a client of 2026-07-28 in front of a server with sessions, and the other way round, get what
// they would get from a server of their own era; what only the other era knows never reaches them; what a client does not declare it can
// be asked is refused at once. What it can be asked is in modern-on-legacy.test.ts and legacy-on-modern.test.ts.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { combinedOf } from './combined-doors.ts';
import { META, modern, openSession, post, request, textOf, type ClientSession, type Door } from './doors.ts';
import { event, startScriptedUpstream, stream } from './scripted-upstream.ts';
import { eventually } from './wire.ts';

let gateway: StartedGateway;
/** Speaks one era only; so does everybody who is asked directly. */
let legacy: Fixture;
let modernOnly: Fixture;
/** A combined server of the one upstream. */
let toLegacy: Door;
let toModern: Door;

beforeAll(async () => {
  gateway = await startGateway();
  legacy = await startFixture({ eras: 'legacy' });
  modernOnly = await startFixture({ eras: 'modern' });
  toLegacy = await combinedOf(gateway, [{ name: 'old', url: legacy.url }]);
  toModern = await combinedOf(gateway, [{ name: 'new', url: modernOnly.url }]);
});
afterAll(async () => {
  await gateway?.stop();
  await legacy?.close();
  await modernOnly?.close();
});

type Json = Record<string, unknown>;

/** Plain requests of every kind, with what fails among them. Lists come later, since names differ. */
const PLAIN: readonly (readonly [method: string, params: Json])[] = [
  ['tools/call', { name: 'test_simple_text', arguments: {} }],
  ['tools/call', { name: 'test_image_content', arguments: {} }],
  ['tools/call', { name: 'test_audio_content', arguments: {} }],
  ['tools/call', { name: 'test_embedded_resource', arguments: {} }],
  ['tools/call', { name: 'test_multiple_content_types', arguments: {} }],
  ['tools/call', { name: 'test_resource_link', arguments: {} }],
  ['tools/call', { name: 'test_error_handling', arguments: {} }],
  ['tools/call', { name: 'test_structured_content', arguments: { a: 1.5, b: 2 } }],
  ['tools/call', { name: 'exact_values', arguments: {} }],
  ['tools/call', { name: 'unknown_content', arguments: {} }],
  ['tools/call', { name: 'echo_arguments', arguments: { text: 'grüß 🌍 \u0000', number: 1.5, list: [null, true, {}], '': '' } }],
  ['tools/call', { name: 'big_result', arguments: { bytes: 300_000 } }],
  ['tools/call', { name: 'rpc_error', arguments: { code: 7, message: 'own', data: 'text' } }],
  ['resources/read', { uri: 'test://static-text' }],
  ['resources/read', { uri: 'test://static-binary' }],
  ['resources/read', { uri: 'test://template/a%2Fb/data' }],
  ['prompts/get', { name: 'test_simple_prompt' }],
  ['prompts/get', { name: 'test_prompt_with_arguments', arguments: { arg1: 'Zürich', arg2: '' } }],
  ['prompts/get', { name: 'test_prompt_with_image' }],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1', value: 'pa' } }],
  ['completion/complete', { ref: { type: 'ref/resource', uri: 'test://template/{id}/data' }, argument: { name: 'id', value: 'p' } }],
];
const LISTS = ['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list'];

async function legacyAnswer(session: ClientSession, method: string, params: Json = {}): Promise<Json> {
  return (await post(session, request(7, method, params))).answer();
}
async function modernAnswer(door: Door, method: string, params: Json = {}, capabilities: object = {}): Promise<Json> {
  return (await modern(door, method, params, { id: 7, capabilities })).answer();
}

/** What may differ from server to server: who answered, and for how long an answer is good. */
function shown(answer: Json): Json {
  const result = answer['result'] as Json | undefined;
  if (result === undefined) return answer;
  const { ttlMs: _ttl, cacheScope: _scope, _meta: meta, ...rest } = result;
  const { [`${META}serverInfo`]: _info, ...own } = (meta ?? {}) as Json;
  return { ...answer, result: { ...rest, ...(Object.keys(own).length > 0 ? { _meta: own } : {}) } };
}

describe('a client of 2026-07-28 in front of a server with sessions', () => {
  test.each(PLAIN)('point 42: gets from %s %j what a server of its own era answers', async (method, params) => {
    const direct = await modernAnswer({ url: modernOnly.url, headers: {} }, method, params);
    const seen = await modernAnswer(toLegacy, method, params);
    expect(shown(seen)).toEqual(shown(direct));
    if ('result' in direct) {
      expect(seen['result']).toMatchObject({ resultType: 'complete' });
      expect(Object.keys(seen['result'] as Json)).toEqual(expect.arrayContaining(method === 'resources/read' ? ['ttlMs', 'cacheScope'] : []));
    }
  });

  test('point 42: gets lists with everything that its era has in them, and discovers what is really there', async () => {
    for (const method of LISTS) {
      const { result } = (await modernAnswer(toLegacy, method)) as { result: Json };
      expect(result, method).toMatchObject({
        resultType: 'complete',
        ttlMs: expect.any(Number),
        cacheScope: expect.stringMatching(/^(public|private)$/),
      });
    }
    const { result } = (await modernAnswer(toLegacy, 'server/discover')) as { result: Json };
    expect(result).toMatchObject({ resultType: 'complete', supportedVersions: expect.arrayContaining(['2026-07-28']), _meta: expect.anything() });
    expect(Object.keys(result['capabilities'] as Json).toSorted()).toEqual(['completions', 'extensions', 'logging', 'prompts', 'resources', 'tools']);
  });

  test('point 42: never hears of sessions, nor of codes that its era has not', async () => {
    const answer = await modern(toLegacy, 'resources/read', { uri: 'test://nowhere' });
    const direct = await modern({ url: modernOnly.url, headers: {} }, 'resources/read', { uri: 'test://nowhere' });
    expect([answer.status, answer.headers['mcp-session-id']]).toEqual([direct.status, undefined]);
    expect(await answer.answer()).toMatchObject({ error: { code: -32602, data: { uri: 'test://nowhere' } } });
    const fine = await modern(toLegacy, 'tools/call', { name: 'test_simple_text', arguments: {} });
    expect([fine.status, fine.headers['mcp-session-id']]).toEqual([200, undefined]);
    for (const method of ['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']) {
      const removed = await modern(toLegacy, method, { uri: 'test://static-text', level: 'info' });
      expect([removed.status, await removed.answer()], method).toMatchObject([404, { error: { code: -32601 } }]);
    }
  });

  test('point 42: hears log lines only when it asks for them, and its own progress', async () => {
    const call = async (meta: object): Promise<unknown[]> =>
      (await modern(toLegacy, 'tools/call', { name: 'test_tool_with_progress', arguments: {} }, { meta })).messages();
    const progress = (await call({ progressToken: 'mine' })) as Json[];
    expect(progress.filter(({ method }) => method === 'notifications/progress').length).toBeGreaterThan(1);
    for (const { params } of progress.filter(({ method }) => method !== undefined)) expect(params).toMatchObject({ progressToken: 'mine' });
    const logged = async (level?: string): Promise<unknown[]> => {
      const meta = level === undefined ? {} : { [`${META}logLevel`]: level };
      const answer = await modern(toLegacy, 'tools/call', { name: 'test_tool_with_logging', arguments: {} }, { meta });
      return (await answer.messages()).flatMap(({ method, params }) => (method === 'notifications/message' ? [params] : []));
    };
    expect(await logged()).toEqual([]);
    expect(await logged('error')).toEqual([]);
    expect(await logged('info')).toMatchObject([{ level: 'info', logger: expect.stringMatching(/^old/) }, {}, {}]);
  });

  test('point 42: closes its stream, which cancels the call at the server', async () => {
    const before = legacy.stats().cancelled;
    const answer = await modern(toLegacy, 'tools/call', { name: 'wait_for_release', arguments: { key: 'never' } }, { meta: { progressToken: 1 } });
    expect(await answer.message()).toContain('notifications/progress');
    answer.close();
    await eventually(() => legacy.stats().cancelled > before);
  });

  test('point 42: shares a session with others, and gets its own answers whatever ids they all use', async () => {
    const keys = ['a', 'b', 'c'];
    const calls = keys.map((key) => modernAnswer(toLegacy, 'tools/call', { name: 'wait_silently', arguments: { key } }));
    await eventually(() => keys.every((key) => legacy.hub.waiting.has(key)));
    for (const key of keys.toReversed()) legacy.hub.release(key);
    expect((await Promise.all(calls)).map(textOf)).toEqual(keys.map((key) => `released ${key}`));
  });

  test('point 44: a server is told of no abilities that a client has not declared, so that tools which ask say at once that they cannot', async () => {
    for (const name of ['test_sampling', 'test_elicitation', 'test_list_roots', 'test_questions_at_once']) {
      const answer = await modernAnswer(toLegacy, 'tools/call', { name, arguments: { prompt: 'x', message: 'x' } });
      expect([answer['id'], textOf(answer)]).toEqual([7, expect.stringContaining('does not support')]);
    }
  });

  test('point 46: a page that has to be visited first needs a client that can be sent to one', async () => {
    const answer = await modernAnswer(toLegacy, 'tools/call', { name: 'test_url_elicitation_required', arguments: {} }, { elicitation: {} });
    const requiredCapabilities = { elicitation: { url: {} } };
    expect(answer).toMatchObject({ id: 7, error: { code: -32021, data: { code: 'bridge.capability_missing', requiredCapabilities } } });
  });

  test.each([
    ['sampling/createMessage', { sampling: {} }],
    ['elicitation/create', { elicitation: {} }],
    ['roots/list', { roots: {} }],
  ])(
    'point 46: %s in the middle of a call is refused where the client declared nothing, and says what it would take; a ping is answered',
    async (method, needed) => {
      const upstream = await startScriptedUpstream({ eras: 'legacy' });
      try {
        const door = await combinedOf(gateway, [{ name: `asks ${method.replace('/', ' ')}`, url: upstream.url }]);
        upstream.play(({ message, res }) => {
          if (message.method !== 'tools/call') return false;
          stream(res);
          res.write(event(request('ping-1', 'ping')));
          res.write(event(request('ask-1', method, {})));
          res.end(event(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { content: [], isError: true } })));
          return true;
        });
        const answer = await modernAnswer(door, 'tools/call', { name: 'one', arguments: {} });
        expect(answer).toMatchObject({ id: 7, error: { code: -32021, data: { code: 'bridge.capability_missing', requiredCapabilities: needed } } });
        const told = await eventually(() => {
          const messages = upstream.seen.map(({ message }) => message as Json).filter(({ method: name }) => name === undefined);
          return messages.length < 2 ? undefined : messages;
        });
        expect(told).toEqual(
          expect.arrayContaining([
            expect.objectContaining({ id: 'ping-1', result: {} }),
            expect.objectContaining({ id: 'ask-1', error: expect.objectContaining({ code: -32601 }) }),
          ]),
        );
      } finally {
        await upstream.close();
      }
    },
  );
});

describe('a client with a session in front of a server of 2026-07-28', () => {
  let session: ClientSession;
  let direct: ClientSession;

  beforeAll(async () => {
    session = await openSession(toModern);
    direct = await openSession({ url: legacy.url, headers: {} });
  });

  test.each(PLAIN)('point 43: gets from %s %j what a server of its own era answers', async (method, params) => {
    expect(await legacyAnswer(session, method, params)).toEqual(await legacyAnswer(direct, method, params));
  });

  test('point 43: nothing of the other era is in any answer, and empty results are empty', async () => {
    const texts = [session.initialized];
    for (const method of LISTS) texts.push(JSON.stringify(await legacyAnswer(session, method)));
    for (const [method, params] of PLAIN) texts.push(JSON.stringify(await legacyAnswer(session, method, params)));
    for (const text of texts) expect(text).not.toMatch(/"(resultType|ttlMs|cacheScope|supportedVersions)"|io\.modelcontextprotocol\/serverInfo/);
    expect(await legacyAnswer(session, 'ping')).toEqual({ jsonrpc: '2.0', id: 7, result: {} });
    expect(await legacyAnswer(session, 'logging/setLevel', { level: 'info' })).toEqual({ jsonrpc: '2.0', id: 7, result: {} });
  });

  test('point 44: an upstream sees no more than the client has declared', async () => {
    modernOnly.hub.seen.length = 0;
    await legacyAnswer(session, 'tools/call', { name: 'test_simple_text', arguments: {} });
    const [seen] = modernOnly.hub.seen.filter(({ method }) => method === 'POST');
    const { params } = JSON.parse(seen?.body ?? '{}') as { params: { _meta: Json } };
    expect(params._meta[`${META}clientCapabilities`]).toEqual({});
    expect(params._meta[`${META}clientInfo`]).toMatchObject({ name: 'wire' });
    expect(seen?.headers).toMatchObject({ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'test_simple_text' });
  });

  test('point 45: an older client gets newer content in its own words', async () => {
    const older = await openSession(toModern, '2024-11-05');
    for (const name of ['test_resource_link', 'test_audio_content']) {
      const { result } = await legacyAnswer(older, 'tools/call', { name, arguments: {} });
      expect(result, name).toMatchObject({ content: [{ type: expect.stringMatching(/^(text|resource)$/) }] });
    }
  });

  test.each(['test_sampling', 'test_elicitation', 'test_list_roots', 'test_input_required_result_elicitation'])(
    'point 46: what %s asks is refused at once where the client declared nothing, and says what it would take',
    async (name) => {
      const answer = await legacyAnswer(session, 'tools/call', { name, arguments: { prompt: 'x', message: 'x' } });
      expect(answer).toMatchObject({ id: 7, error: { code: -32021, data: { requiredCapabilities: expect.any(Object) } } });
    },
  );
});
