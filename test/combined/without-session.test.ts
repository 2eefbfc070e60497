// Calls of clients that hold no session – of the modern era, or plain – to upstreams that have sessions.
import { describe, expect, it, vi } from 'vitest';
import { itemRow, upstreamRow } from './combined-rig.ts';
import { answers, answersWith, MODERN_META, PlayedCombined, sentHeader, sentJson, settled } from './played-combined.ts';

const modernCall = (id: number, more: object = {}): object => ({
  id,
  method: 'tools/call',
  params: { name: 'a-x', arguments: {}, _meta: { ...MODERN_META, ...more } },
});

interface Progressing {
  readonly params: { readonly _meta: { readonly progressToken: unknown } };
}

describe('calls outside any session', () => {
  it('keep their answers and progress apart, whatever ids and tokens their clients chose', async () => {
    const rig = new PlayedCombined();
    const clients = [rig.post(modernCall(1, { progressToken: 'p' })), rig.post(modernCall(1, { progressToken: 'p' }))];
    const calls = [await rig.until('a', 'tools/call'), await rig.until('a', 'tools/call', 2)];
    const ids = calls.map((call) => sentJson(call).id);
    const tokens = calls.map((call) => (sentJson(call) as Progressing).params._meta.progressToken);
    expect(new Set(ids).size).toBe(2);
    expect(new Set(tokens).size).toBe(2);
    calls[1]
      ?.opensStream()
      .says(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: tokens[1], progress: 1 } }));
    calls[1]?.says(JSON.stringify({ jsonrpc: '2.0', id: ids[1], result: { of: 'second' } }));
    answersWith(calls[0] as never, JSON.stringify({ jsonrpc: '2.0', id: ids[0], result: { of: 'first' } }));
    expect(JSON.parse(clients[0]?.body ?? '')).toMatchObject({ id: 1, result: { of: 'first', resultType: 'complete' } });
    expect(clients[1]?.data.map((data) => JSON.parse(data ?? '') as unknown)).toMatchObject([
      { params: { progressToken: 'p', progress: 1 } },
      { id: 1, result: { of: 'second' } },
    ]);
  });

  it('of one caller share a session with the upstream, however they are traced; each has its own trace', async () => {
    const rig = new PlayedCombined();
    rig.post(modernCall(1), { headers: { traceparent: '00-11111111111111111111111111111111-1111111111111111-01' } });
    rig.post(modernCall(2), { headers: { traceparent: '00-22222222222222222222222222222222-2222222222222222-01' } });
    const second = await rig.until('a', 'tools/call', 2);
    expect(rig.sent('a', 'initialize')).toHaveLength(1);
    expect(sentHeader(second, 'traceparent')).toEqual(['00-22222222222222222222222222222222-2222222222222222-01']);
  });

  it('are never of another caller’s session', async () => {
    const rig = new PlayedCombined();
    rig.post(modernCall(1), { token: 'ann' });
    rig.post(modernCall(1), { token: 'bob' });
    await rig.until('a', 'tools/call', 2);
    expect(rig.sent('a', 'initialize')).toHaveLength(2);
  });

  it('are cancelled at the upstream when their client closes the stream', async () => {
    const rig = new PlayedCombined();
    const client = rig.post(modernCall(5));
    const call = await rig.until('a', 'tools/call');
    client.leave();
    const cancelled = await rig.until('a', 'notifications/cancelled');
    expect(sentJson(cancelled).params).toMatchObject({ requestId: sentJson(call).id });
  });

  it('are not sent when their client has gone before the upstream’s session stood', async () => {
    const rig = new PlayedCombined();
    rig.isSlow = true;
    const client = rig.post(modernCall(5));
    const hello = await rig.until('a', 'initialize');
    client.leave();
    rig.agree(hello);
    await settled();
    expect(rig.sent('a', 'tools/call')).toEqual([]);
  });

  it('keep what is not of the envelope in _meta', async () => {
    const rig = new PlayedCombined();
    rig.post(modernCall(1, { 'example.com/mine': 1 }));
    expect(sentJson(await rig.until('a', 'tools/call')).params?.['_meta']).toEqual({ 'example.com/mine': 1 });
  });

  it('hear no log lines they have not asked for, and nothing of lists', async () => {
    const rig = new PlayedCombined();
    const client = rig.post(modernCall(1));
    const call = (await rig.until('a', 'tools/call')).opensStream();
    call.says('{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}');
    call.says('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}');
    expect(client.data).toEqual([]);
    expect(rig.changedUpstreams).toEqual(['a']);
  });

  it('hear what nobody here knows of, and nothing of what belongs to sessions', async () => {
    const rig = new PlayedCombined();
    const client = rig.post(modernCall(1));
    const call = (await rig.until('a', 'tools/call')).opensStream();
    call.says('{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x://a"}}');
    call.says('{"jsonrpc":"2.0","method":"vendor/unknown","params":{"n":1.0}}');
    expect(client.data).toEqual(['{"jsonrpc":"2.0","method":"vendor/unknown","params":{"n":1.0}}']);
  });

  it('that ask for what needs the client’s answer are refused at once, with the upstream’s own id whatever its spelling', async () => {
    const rig = new PlayedCombined();
    rig.post(modernCall(1));
    (await rig.until('a', 'tools/call'))
      .opensStream()
      .says(Buffer.from('{"jsonrpc":"2.0","id":"é","method":"elicitation/create","params":{}}').toString('latin1'));
    await settled();
    const [refusal] = rig.sent('a').filter(({ request }) => request.message?.kind === 'response');
    expect(refusal === undefined ? undefined : sentJson(refusal)).toMatchObject({ id: 'é', error: { code: -32601 } });
  });

  it('use a session that is opened anew after the upstream was switched off while it was opened', async () => {
    const rig = new PlayedCombined();
    rig.isSlow = true;
    rig.post(modernCall(1));
    const slow = await rig.until('a', 'initialize');
    const off = upstreamRow('a', { modern: false, enabled: false });
    rig.change({ upstreams: [off] });
    rig.change({ upstreams: [{ ...off, enabled: true }] });
    rig.isSlow = false;
    rig.post(modernCall(2));
    await rig.until('a', 'tools/call');
    rig.agree(slow);
    await settled();
    rig.post(modernCall(3));
    await rig.until('a', 'tools/call', 2);
    expect(rig.sent('a', 'initialize')).toHaveLength(2);
  });

  it('that name no reference to complete are refused', () => {
    const rig = new PlayedCombined();
    for (const ref of [null, 'x', 7, {}, []]) {
      const client = rig.post({ id: 1, method: 'completion/complete', params: { ref, argument: {}, _meta: MODERN_META } });
      expect(client.error).toMatchObject({ code: 'request.bad_params' });
    }
  });
});

describe('tasks of clients without a session', () => {
  it('are asked after at the upstream that made them, by whoever they were made for', async () => {
    const rig = new PlayedCombined({ upstreams: [upstreamRow('a'), upstreamRow('b')] });
    const meta = { ...MODERN_META, 'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } } };
    rig.post({ id: 1, method: 'tools/call', params: { name: 'b-y', _meta: meta } });
    answers(await rig.until('b', 'tools/call'), { resultType: 'task', taskId: 't', status: 'working' });
    const ask = (token: string) =>
      rig.post({ id: 2, method: 'tasks/get', params: { taskId: 't', _meta: meta } }, { token, headers: { 'mcp-name': 't' } });
    expect(ask('bob').error).toMatchObject({ code: 'request.bad_params' });
    ask('ann');
    expect(sentHeader(await rig.until('b', 'tasks/get'), 'mcp-name')).toEqual(['t']);
  });
});

describe('a tool that asks its caller', () => {
  it('is shown to whoever declares to answer, and asks in the client’s own era', async () => {
    const rig = new PlayedCombined({
      upstreams: [upstreamRow('a', { modern: false }), upstreamRow('b', { legacy: false })],
      items: [itemRow('tool', 'a', 'x', { needs: ['sampling'] }), itemRow('tool', 'b', 'y', { needs: ['sampling'] })],
    });
    const names = (body: string) => (JSON.parse(body) as { result: { tools: { name: string }[] } }).result.tools.map(({ name }) => name);
    const declares = { ...MODERN_META, 'io.modelcontextprotocol/clientCapabilities': { sampling: {} } };
    expect(names(rig.post({ id: 1, method: 'tools/list', params: { _meta: declares } }).body)).toEqual(['a-x', 'b-y']);
    expect(names(rig.post({ id: 1, method: 'tools/list', params: { _meta: MODERN_META } }).body)).toEqual([]);
    const modern = rig.post({ id: 2, method: 'tools/call', params: { name: 'a-x', _meta: declares } });
    const question = { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } };
    const asking = await rig.until('a', 'tools/call');
    asking.sink.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined });
    const asked = JSON.stringify({ jsonrpc: '2.0', id: 'q', ...question });
    asking.sink.event({ id: undefined, event: 'message', retry: undefined, data: asked, comment: undefined });
    await vi.waitFor(() => expect(modern.isEnded).toBe(true));
    expect(JSON.parse(modern.body)).toMatchObject({
      id: 2,
      result: { resultType: 'input_required', inputRequests: { 'ask-1': question }, requestState: expect.any(String) },
    });
    const session = rig.openSession({}, { sampling: {} });
    const legacy = rig.callTool('b-y', 3, { session });
    answers(await rig.until('b', 'tools/call'), { resultType: 'input_required', inputRequests: { q: question } });
    expect(legacy.data.flatMap((data = '') => (data === '' ? [] : [JSON.parse(data) as object]))).toMatchObject([question]);
  });
});

describe('a listening client', () => {
  it('is told that its stream is over when its server is deleted', () => {
    const server = {
      id: 's',
      name: 's',
      enabled: true,
      visibility: 'public',
      ownerEmail: null,
      teamId: null,
      limits: { callsPerMinute: null, concurrent: null },
      mirrorGatewayId: null,
      itemIds: ['tool a x'],
    } as const;
    const rig = new PlayedCombined({ servers: [server] });
    const params = { notifications: { toolsListChanged: true }, _meta: MODERN_META };
    const client = rig.post({ id: 4, method: 'subscriptions/listen', params }, { server: 's' });
    rig.change({ servers: [] });
    expect(client.isEnded).toBe(true);
  });

  it('is told of its own view only, and of nothing once its token is revoked', () => {
    const mine = itemRow('tool', 'a', 'x');
    const rig = new PlayedCombined({ items: [mine] });
    const params = { notifications: { toolsListChanged: true }, _meta: MODERN_META };
    const client = rig.post({ id: 4, method: 'subscriptions/listen', params });
    rig.change({ items: [mine, itemRow('tool', 'a', 'theirs', { visibility: 'private', ownerEmail: 'bob@example.com' })] });
    expect(client.events).toHaveLength(1);
    rig.change({ items: [] });
    expect(client.data[1]).toContain('notifications/tools/list_changed');
    rig.revoked.add('ann');
    rig.change({ items: [mine] });
    expect(client.events).toHaveLength(2);
    expect(client.isEnded).toBe(true);
  });
});

describe('a legacy client and a modern upstream', () => {
  it('gets strictly empty results, and an error for whatever is not complete', async () => {
    const rig = new PlayedCombined({ upstreams: [upstreamRow('a', { legacy: false })] });
    const session = rig.openSession();
    const client = rig.callTool('a-x', 1, { session });
    answers(await rig.until('a', 'tools/call'), { resultType: 'complete', _meta: { 'io.modelcontextprotocol/serverInfo': {} } });
    expect(client.body).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
    const other = rig.callTool('a-x', 2, { session });
    answers(await rig.until('a', 'tools/call', 2), { resultType: 'task', taskId: 't' });
    expect(JSON.parse(other.body)).toMatchObject({ id: 2, error: { data: { code: 'upstream.bad_answer' } } });
  });
});
