// Checklist point 60, its second half: a debug mode, per server, in which every message both ways has to fit the schema of its
// revision; servers without it pass the same messages as they are.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFixture } from '../../fixture/server.ts';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { recorded } from './audit.ts';
import { combinedOf } from './combined-doors.ts';
import { getStream, mirrorOf, modern, notification, openSession, post, request, textOf, toolCall, type ClientSession, type Door } from './doors.ts';
import { event, json, startScriptedUpstream, stream, type Script, type ScriptedUpstream } from './scripted-upstream.ts';
import { eventually } from './wire.ts';

interface Fault {
  readonly path: string;
  readonly problem: string;
}
interface Refusal {
  readonly id: unknown;
  readonly error: {
    readonly code: number;
    readonly message: string;
    readonly data: { readonly code: string; readonly revision: string; readonly faults: Fault[] };
  };
}

let gateway: StartedGateway;
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  gateway = await startGateway();
  closing.push(() => gateway.stop());
});
afterAll(async () => {
  for (const close of closing.toReversed()) await close();
});
async function scripted(script: Script, options?: Parameters<typeof startScriptedUpstream>[0]): Promise<ScriptedUpstream> {
  const upstream = await startScriptedUpstream(options);
  closing.push(() => upstream.close());
  upstream.play(script);
  return upstream;
}
const strictMirror = (url: string) => mirrorOf(gateway, url, { server: { strictSchema: true } });
const pathsOf = (refusal: Refusal): string[] => refusal.error.data.faults.map(({ path }) => path);
const refusalOf = async (answering: Promise<{ answer(): Promise<unknown> }>): Promise<Refusal> => (await (await answering).answer()) as Refusal;

describe('point 60: a good client and a good server', () => {
  test.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])('point 60: of %s pass a strict server as they pass any', async (revision) => {
    const fixture = await startFixture({ revision });
    closing.push(() => fixture.close());
    const door = await strictMirror(fixture.url);
    const session = await openSession(door, revision, { sampling: {}, roots: {} });
    for (const method of ['ping', 'tools/list', 'resources/list', 'resources/templates/list', 'prompts/list'])
      expect(await (await post(session, request(method, method))).answer()).toHaveProperty('result');
    for (const name of ['test_simple_text', 'test_image_content', 'test_embedded_resource', 'test_multiple_content_types', 'test_error_handling'])
      expect(await (await post(session, toolCall(name, name))).answer()).toHaveProperty('result.content');
    expect(await (await post(session, toolCall('p', 'test_tool_with_progress', {}, { _meta: { progressToken: 1 } }))).messages()).toHaveLength(4);
    const call = await post(session, toolCall('c', 'test_sampling', { prompt: 'p' }));
    const asked = JSON.parse((await call.message()) ?? '{}') as { id: unknown };
    const result = { role: 'assistant', content: { type: 'text', text: 'sampled' }, model: 'm' };
    expect((await post(session, JSON.stringify({ jsonrpc: '2.0', id: asked.id, result }))).status).toBe(202);
    expect(textOf(await call.answer())).toContain('sampled');
    expect(gateway.output()).not.toContain('breaks the schema');
  });

  test('point 60: of 2026-07-28 pass a strict server as they pass any', async () => {
    const fixture = await startFixture({ revision: '2026-07-28' });
    closing.push(() => fixture.close());
    const door = await strictMirror(fixture.url);
    for (const method of ['server/discover', 'tools/list', 'resources/list', 'resources/templates/list', 'prompts/list'])
      expect(await (await modern(door, method)).answer()).toHaveProperty('result');
    for (const name of ['test_simple_text', 'test_image_content', 'test_multiple_content_types'])
      expect(await (await modern(door, 'tools/call', { name, arguments: {} })).answer()).toHaveProperty('result.content');
    expect(gateway.output()).not.toContain('breaks the schema');
  });
});

describe('point 60: a client’s message that breaks the schema', () => {
  let upstream: ScriptedUpstream;
  let door: Door & { serverId: string };
  let session: ClientSession;
  const reached = (): number => upstream.seen.length;

  beforeAll(async () => {
    upstream = await scripted(({ message, res }) => {
      if (message.method !== 'tools/call') return false;
      json(res, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', content: [] } }));
      return true;
    });
    door = await strictMirror(upstream.url);
    session = await openSession(door, '2025-06-18');
  });

  test('point 60: is refused with where and why, before it reaches the upstream, and recorded', async () => {
    const before = reached();
    const answer = await post(session, toolCall('bad', 'one', ['a list'] as never));
    const refusal = (await answer.answer()) as unknown as Refusal;
    expect([answer.status, refusal.error.code, refusal.id]).toEqual([400, -32602, 'bad']);
    expect(refusal.error.message).toContain('MCP 2025-06-18: params.arguments');
    expect(refusal.error.data).toMatchObject({ code: 'schema.params', revision: '2025-06-18' });
    expect(pathsOf(refusal)).toEqual(['params.arguments']);
    expect(JSON.stringify(refusal)).not.toContain('a list');
    expect(reached()).toBe(before);
    const row = await recorded(gateway, (one) => one.error_code === 'schema.params' && one.server_id === door.serverId);
    expect(row).toMatchObject({ method: 'tools/call', outcome: 'refused' });
  });

  test('point 60: is judged by the revision the client has agreed upon', async () => {
    const levelled = request('l', 'logging/setLevel', { level: 'loud' });
    for (const version of ['2024-11-05', '2025-11-25']) {
      const refusal = await refusalOf(post(await openSession(door, version), levelled));
      expect([refusal.error.data.revision, pathsOf(refusal)]).toEqual([version, ['params.level']]);
    }
    const refusal = await refusalOf(modern(door, 'tools/call', { name: 'one', arguments: {}, inputResponses: [] }));
    expect([refusal.error.data.revision, pathsOf(refusal)]).toEqual(['2026-07-28', ['params.inputResponses']]);
  });

  test('point 60: is refused when it is a notification or no request of MCP at all', async () => {
    const before = reached();
    const noted = await post(session, notification('notifications/progress', { progressToken: 1, progress: 'half' }));
    expect([noted.status, ((await noted.answer()) as unknown as Refusal).error.data.code]).toEqual([400, 'schema.params']);
    const odd = await post(session, '{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}');
    expect([odd.status, ((await odd.answer()) as unknown as Refusal).error]).toMatchObject([400, { code: -32600, data: { code: 'schema.message' } }]);
    expect(reached()).toBe(before);
  });

  test('point 60: passes with all its unknown fields when they are all it has', async () => {
    const answer = await (await post(session, toolCall('u', 'one', {}, { unknown: [1], _meta: { own: {} } }))).answer();
    expect(answer).toHaveProperty('result');
    expect(upstream.seen.at(-1)?.text).toContain('"unknown":[1]');
  });
});

describe('point 60: an upstream’s message that breaks the schema', () => {
  const BAD = { content: [{ type: 'text' }] };
  /** The answer to `json` and `stream` is bad; `tells` says something bad before a good one. */
  const misbehaving: Script = ({ message, res }) => {
    if (message.method !== 'tools/call') return false;
    const answer = (result: object): string => JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', ...result } });
    const name = String(message.params?.['name']);
    if (name === 'json') json(res, answer(BAD));
    else {
      stream(res);
      if (name === 'tells') res.write(event('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":"half"}}'));
      res.end(event(answer(name === 'stream' ? BAD : { content: [] })));
    }
    return true;
  };
  const misbehavingUrl = async (): Promise<string> => (await scripted(misbehaving, { tools: ['json', 'stream', 'tells'] })).url;

  test.each([
    ['json', 'result.content.0.text'],
    ['stream', 'result.content.0.text'],
    ['tells', 'params.progressToken'],
  ])('point 60: fails the call %s with where and why, and is logged and recorded', async (name, path) => {
    const door = await strictMirror(await misbehavingUrl());
    for (const era of ['modern', 'legacy'] as const) {
      const call = era === 'modern' ? modern(door, 'tools/call', { name, arguments: {} }) : post(await openSession(door), toolCall(7, name));
      const refusal = await refusalOf(call);
      expect(refusal.error).toMatchObject({
        code: -31502,
        data: { code: 'schema.upstream', revision: era === 'modern' ? '2026-07-28' : '2025-11-25' },
      });
      expect(pathsOf(refusal)[0]).toBe(path);
    }
    const row = await recorded(gateway, (one) => one.error_code === 'schema.upstream' && one.server_id === door.serverId);
    expect(row).toMatchObject({ method: 'tools/call', resource_name: name, outcome: 'failed' });
    const line = await eventually(() =>
      gateway
        .output()
        .split('\n')
        .find((text) => text.includes('breaks the schema') && text.includes(door.serverId)),
    );
    expect(JSON.parse(line)).toMatchObject({
      level: 'WARNING',
      side: 'upstream',
      faults: expect.arrayContaining([expect.objectContaining({ path })]),
    });
  });

  test('point 60: passes a server that is not strict, and one that is strict no more, as it is', async () => {
    const plain = await mirrorOf(gateway, await misbehavingUrl());
    for (const name of ['json', 'stream'])
      expect(await (await modern(plain, 'tools/call', { name, arguments: {} })).answer()).toHaveProperty('result.content.0.type');
    const strict = await strictMirror(await misbehavingUrl());
    const call = async (): Promise<unknown> => await (await modern(strict, 'tools/call', { name: 'json', arguments: {} })).answer();
    expect(await call()).toHaveProperty('error');
    expect((await gateway.api('PUT', `/servers/${strict.serverId}`, { strict_schema: false })).status).toBe(200);
    expect(await call()).toHaveProperty('result.content.0.type');
  });

  test('point 60: fails a call of a strict combined server too', async () => {
    const door = await combinedOf(gateway, [{ name: 'Odd', url: await misbehavingUrl() }], { strictSchema: true });
    const refusal = await refusalOf(modern(door, 'tools/call', { name: 'odd-json', arguments: {} }));
    expect([refusal.error.data.code, pathsOf(refusal)]).toEqual(['schema.upstream', ['result.content.0.text']]);
    expect(await (await modern(door, 'tools/list')).answer()).toHaveProperty('result.tools');
  });

  test('point 60: is left out of the stream that belongs to no call; who asks there is told why', async () => {
    const replies: string[] = [];
    const upstream = await scripted(({ verb, res, text }) => {
      if (verb === 'GET') {
        stream(res);
        res.write(event('{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{}}'));
        res.write(event('{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{"messages":[]}}'));
        res.write(event('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'));
        return true;
      }
      if (text.includes('"q"')) replies.push(text);
      return false;
    });
    const door = await strictMirror(upstream.url);
    const listening = await getStream(await openSession(door, '2025-11-25', { sampling: {} }));
    expect(JSON.parse((await listening.message()) ?? '{}')).toMatchObject({ method: 'notifications/tools/list_changed' });
    expect(JSON.parse(await eventually(() => replies[0]))).toMatchObject({ id: 'q', error: { code: -32602 } });
    const row = await recorded(gateway, (one) => one.method === 'notifications/resources/updated' && one.server_id === door.serverId);
    expect(row).toMatchObject({ direction: 'tell', outcome: 'failed', error_code: 'schema.upstream' });
    listening.response.destroy();
  });
});
