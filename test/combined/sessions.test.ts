// Sessions with combined servers: whose message goes where, and what is left when somebody goes.
import { describe, expect, it, vi } from 'vitest';
import { itemRow, upstreamRow } from './combined-rig.ts';
import { answers, answersWith, PlayedCombined, sentHeader, sentJson, settled } from './played-combined.ts';

const answerText = (id: number | string): string => JSON.stringify({ jsonrpc: '2.0', id, result: {} });

describe('the session with an upstream', () => {
  it('hears of no call before the upstream has taken `initialized`', async () => {
    const rig = new PlayedCombined();
    rig.isSlow = true;
    const session = rig.openSession();
    rig.callTool('a-x', 1, { session });
    const hello = await rig.until('a', 'initialize');
    rig.isDeaf = true;
    rig.agree(hello);
    const initialized = await rig.until('a', 'notifications/initialized');
    rig.callTool('a-x', 2, { session });
    await settled();
    expect(rig.sent('a', 'tools/call')).toEqual([]);
    initialized.refuses(202, '');
    await rig.until('a', 'tools/call', 2);
  });

  it('is opened once for two calls at the same time, and again after it could not be opened', async () => {
    const rig = new PlayedCombined();
    rig.isSlow = true;
    const session = rig.openSession();
    const first = [rig.callTool('a-x', 1, { session }), rig.callTool('a-x', 2, { session })];
    const hello = await rig.until('a', 'initialize');
    expect(rig.sent('a', 'initialize')).toHaveLength(1);
    answersWith(hello, '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"not today"}}');
    await settled();
    for (const client of first) expect(client.error).toMatchObject({ code: 'upstream.bad_answer', message: expect.stringContaining('not today') });
    rig.isSlow = false;
    rig.callTool('a-x', 3, { session });
    await rig.until('a', 'tools/call');
  });

  it('is ended when the client’s session has not been used for too long', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'Date'] });
    try {
      const rig = new PlayedCombined({}, { sessionIdleMs: 1000 });
      const session = rig.openSession();
      rig.callTool('a-x', 1, { session });
      answers(await rig.until('a', 'tools/call'), {});
      vi.advanceTimersByTime(60_000);
      await rig.until('a', 'DELETE');
    } finally {
      vi.useRealTimers();
    }
  });

  it('is ended when the server it belongs to is deleted, or becomes a mirror', async () => {
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
    for (const servers of [[], [{ ...server, mirrorGatewayId: 'a', itemIds: [] }]]) {
      const rig = new PlayedCombined({ servers: [server] });
      const session = rig.openSession({ server: 's' });
      rig.callTool('a-x', 1, { session, server: 's' });
      answers(await rig.until('a', 'tools/call'), {});
      rig.change({ servers });
      await rig.until('a', 'DELETE');
    }
  });

  it('that is opening when its upstream is switched off fails the call, not the client’s session', async () => {
    const rig = new PlayedCombined();
    rig.isSlow = true;
    const session = rig.openSession();
    const client = rig.callTool('a-x', 1, { session });
    const hello = await rig.until('a', 'initialize');
    rig.change({ upstreams: [upstreamRow('a', { modern: false, enabled: false }), upstreamRow('b', { modern: false })] });
    rig.agree(hello);
    await settled();
    expect(client.error?.code).not.toBe('session.not_found');
    expect(client.error?.kind.fault).toBe('upstream');
    expect(rig.sent('a', 'DELETE')).toHaveLength(1);
  });

  it('gets each of the client’s headers that it may have once, never what the gateway sets itself', async () => {
    const rig = new PlayedCombined({
      upstreams: [
        upstreamRow('a', { modern: false, passthroughHeaders: ['x-tenant', 'x-key', 'authorization'], headers: [['X-Key', 'ours']] }),
        upstreamRow('b', { modern: false }),
      ],
    });
    const headers = { 'x-tenant': 't', 'x-key': 'theirs', 'x-upstream-authorization': 'Bearer secret' };
    const session = rig.openSession({ headers });
    rig.callTool('a-x', 1, { session, headers });
    rig.callTool('b-y', 2, { session, headers });
    const call = await rig.until('a', 'tools/call');
    expect(sentHeader(call, 'x-tenant')).toEqual(['t']);
    expect(sentHeader(call, 'x-key')).toEqual([]);
    expect(sentHeader(call, 'authorization')).toEqual([]);
    const other = await rig.until('b', 'tools/call');
    expect(sentHeader(other, 'x-tenant')).toEqual([]);
  });

  it('is another one when the upstream is reached another way', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession();
    rig.callTool('a-x', 1, { session });
    answers(await rig.until('a', 'tools/call'), {});
    rig.change({ upstreams: [upstreamRow('a', { modern: false, transport: 'SSE' }), upstreamRow('b', { modern: false })] });
    rig.callTool('a-x', 2, { session });
    await rig.until('a', 'tools/call', 2);
    expect(rig.sent('a', 'initialize')).toHaveLength(2);
  });
});

describe('a cancelled call', () => {
  it('never reaches an upstream whose session is still being opened', async () => {
    const rig = new PlayedCombined();
    rig.isSlow = true;
    const session = rig.openSession();
    rig.callTool('a-x', 7, { session });
    const hello = await rig.until('a', 'initialize');
    rig.post({ method: 'notifications/cancelled', params: { requestId: 7 } }, { session });
    rig.agree(hello);
    await settled();
    expect(rig.sent('a', 'tools/call')).toEqual([]);
  });

  it('is told to its upstream alone', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession();
    rig.callTool('a-x', 7, { session });
    rig.callTool('b-y', 8, { session });
    await rig.until('a', 'tools/call');
    await rig.until('b', 'tools/call');
    rig.post({ method: 'notifications/cancelled', params: { requestId: 7 } }, { session });
    expect(sentJson(await rig.until('a', 'notifications/cancelled')).params).toMatchObject({ requestId: 7 });
    expect(rig.sent('b', 'notifications/cancelled')).toEqual([]);
  });

  it('is still told after its stream was taken up again', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession();
    rig.callTool('a-x', 7, { session });
    const call = (await rig.until('a', 'tools/call')).opensStream();
    call.sink.event({ id: 'e1', event: undefined, retry: '50', data: '', comment: undefined });
    call.sink.end();
    await vi.waitFor(() => expect(rig.sent('a', 'GET').some(({ request }) => request.lastEventId === 'e1')).toBe(true));
    rig.post({ method: 'notifications/cancelled', params: { requestId: 7 } }, { session });
    await rig.until('a', 'notifications/cancelled');
  });

  it('that ran into the time limit is told too', async () => {
    const rig = new PlayedCombined({}, { toolTimeoutMs: 1 });
    const session = rig.openSession();
    const client = rig.callTool('a-x', 7, { session });
    expect(sentJson(await rig.until('a', 'tools/call')).id).toBe(7);
    await vi.waitFor(() => expect(client.error?.code).toBe('upstream.timeout'));
    await rig.until('a', 'notifications/cancelled');
  });
});

describe('what upstreams ask', () => {
  const ask = (id: number | string, more = {}): string =>
    JSON.stringify({ jsonrpc: '2.0', id, method: 'elicitation/create', params: { message: 'm', ...more } });

  it('is answered to whoever asked, however alike their ids are', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession({}, { elicitation: {} });
    const clients = [rig.callTool('a-x', 1, { session }), rig.callTool('b-y', 2, { session })];
    (await rig.until('a', 'tools/call')).opensStream().says(ask(0));
    (await rig.until('b', 'tools/call')).opensStream().says(ask('0'));
    const ids = clients.map(({ events }) => (JSON.parse(events[0]?.data ?? '') as { id: number }).id);
    expect(new Set(ids).size).toBe(2);
    rig.post({ id: ids[1], result: { of: 'b' } }, { session });
    rig.post({ id: ids[0], result: { of: 'a' } }, { session });
    await settled();
    const repliesOf = (upstream: string) =>
      rig
        .sent(upstream)
        .filter(({ request }) => request.message?.kind === 'response')
        .map(sentJson);
    expect(repliesOf('a')).toMatchObject([{ id: 0, result: { of: 'a' } }]);
    expect(repliesOf('b')).toMatchObject([{ id: '0', result: { of: 'b' } }]);
  });

  it('under an id that is asked again is answered for the later question only', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession({}, { elicitation: {} });
    const client = rig.callTool('a-x', 1, { session });
    // An upstream that was restarted counts anew.
    (await rig.until('a', 'tools/call'))
      .opensStream()
      .says(ask(0))
      .says(ask(0, { message: 'other' }));
    const [first, second] = client.events.map(({ data }) => (JSON.parse(data ?? '') as { id: number }).id);
    rig.post({ id: first, result: { of: 'first' } }, { session });
    rig.post({ id: second, result: { of: 'second' } }, { session });
    await settled();
    expect(
      rig
        .sent('a')
        .filter(({ request }) => request.message?.kind === 'response')
        .map(sentJson),
    ).toMatchObject([{ id: 0, result: { of: 'second' } }]);
  });

  it('is told the client’s progress with its own token, and nobody else is', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession({}, { sampling: {} });
    const clients = [rig.callTool('a-x', 1, { session }), rig.callTool('b-y', 2, { session })];
    const sampling = '{"jsonrpc":"2.0","id":0,"method":"sampling/createMessage","params":{"_meta":{"progressToken":0}}}';
    (await rig.until('a', 'tools/call')).opensStream().says(sampling);
    (await rig.until('b', 'tools/call')).opensStream().says(sampling);
    const tokens = clients.map(
      ({ events }) => (JSON.parse(events[0]?.data ?? '') as { params: { _meta: { progressToken: number } } }).params._meta.progressToken,
    );
    expect(new Set(tokens).size).toBe(2);
    rig.post({ method: 'notifications/progress', params: { progressToken: tokens[1], progress: 1 } }, { session });
    expect(sentJson(await rig.until('b', 'notifications/progress')).params).toMatchObject({ progressToken: 0 });
    await settled();
    expect(rig.sent('a', 'notifications/progress')).toEqual([]);
  });
});

describe('what upstreams say on the stream of a call', () => {
  it('of their lists is for the gateway, and reaches the client when its own view has changed', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession();
    const client = rig.callTool('a-x', 1, { session });
    (await rig.until('a', 'tools/call')).opensStream().says('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}').says(answerText(1));
    expect(rig.changedUpstreams).toEqual(['a']);
    expect(client.data).toEqual([answerText(1)]);
  });

  it('of a resource bears the name under which the client knows it, and is kept from whoever may not see it', async () => {
    const shared = ['a', 'b'].map((id) => itemRow('resource', id, 'r://x'));
    const hidden = itemRow('resource', 'a', 'r://hidden', { enabled: false });
    const rig = new PlayedCombined({ items: [itemRow('tool', 'a', 'x'), ...shared, hidden] });
    const session = rig.openSession();
    const client = rig.callTool('a-x', 1, { session });
    const updated = (uri: string) => `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"${uri}"}}`;
    (await rig.until('a', 'tools/call')).opensStream().says(updated('r://hidden')).says(updated('r://x'));
    expect(client.data).toEqual([updated('a+r://x')]);
  });

  it('of a resource that is no part of the server reaches nobody; of a part of one that is, its clients', async () => {
    const server = {
      id: 's',
      name: 's',
      enabled: true,
      visibility: 'public',
      ownerEmail: null,
      teamId: null,
      limits: { callsPerMinute: null, concurrent: null },
      mirrorGatewayId: null,
      itemIds: ['tool a x', 'resource a r://dir'],
    } as const;
    const items = [itemRow('tool', 'a', 'x'), itemRow('resource', 'a', 'r://dir'), itemRow('resource', 'a', 'r://other')];
    const rig = new PlayedCombined({ items, servers: [server] });
    const session = rig.openSession({ server: 's' });
    const client = rig.callTool('a-x', 1, { session, server: 's' });
    const updated = (uri: string) => `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"${uri}"}}`;
    (await rig.until('a', 'tools/call')).opensStream().says(updated('r://other')).says(updated('r://dir/part'));
    expect(client.data).toEqual([updated('r://dir/part')]);
  });

  it('ends when the upstream is switched off', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession({}, { elicitation: {} });
    const client = rig.callTool('a-x', 1, { session });
    const call = (await rig.until('a', 'tools/call')).opensStream();
    rig.change({ upstreams: [upstreamRow('a', { modern: false, enabled: false }), upstreamRow('b', { modern: false })] });
    call
      .says('{"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{}}')
      .says('{"jsonrpc":"2.0","method":"notifications/message","params":{}}');
    expect(client.data).toEqual([]);
  });

  it('begins without empty data for clients of revisions that take it for a message', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession({}, {}, '2024-11-05');
    const client = rig.callTool('a-x', 1, { session });
    (await rig.until('a', 'tools/call')).opensStream().sink.event({ id: '1', event: undefined, retry: undefined, data: '', comment: undefined });
    expect(client.data).toEqual([undefined]);
  });
});

describe('a client of a revision that does not come back for its answer', () => {
  it('gets it on the stream it has, which the upstream had closed on purpose', async () => {
    const rig = new PlayedCombined();
    rig.isSlow = true;
    const session = rig.openSession({}, {}, '2024-11-05');
    const client = rig.callTool('a-x', 7, { session });
    // It speaks no older revision.
    rig.agree(await rig.until('a', 'initialize'));
    const call = (await rig.until('a', 'tools/call')).opensStream();
    call.sink.event({ id: 'e1', event: undefined, retry: '50', data: '', comment: undefined });
    call.sink.end();
    await vi.waitFor(() => expect(rig.sent('a', 'GET').some(({ request }) => request.lastEventId === 'e1')).toBe(true));
    rig.sent('a', 'GET').at(-1)?.opensStream().says(answerText(7), 'e2');
    expect(client.data.at(-1)).toBe(answerText(7));
  });
});

describe('an answer that is none', () => {
  it.each([
    [
      'a refusal of the gateway’s own credentials',
      'upstream.needs_auth',
      401,
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no key"}}',
    ],
    [
      'a session the upstream has lost',
      'upstream.bad_answer',
      404,
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}',
    ],
  ])('%s is an error of the upstream, not of the client’s session', async (_what, code, status, text) => {
    const rig = new PlayedCombined();
    const session = rig.openSession();
    const client = rig.callTool('a-x', 1, { session });
    answersWith(await rig.until('a', 'tools/call'), text, status);
    expect(client.error).toMatchObject({ code, message: expect.stringContaining('"a"') });
  });

  it('is an error of the upstream when it cannot be read', async () => {
    const items = ['a', 'b'].map((id) => itemRow('resource', id, 'r://x'));
    for (const text of ['{"jsonrpc":"2.0","id":1,"result":{"uri":"\\q"}}', '{"jsonrpc":', 'null']) {
      const rig = new PlayedCombined({ items: [...items, itemRow('tool', 'a', 'x')] });
      const session = rig.openSession();
      const client = rig.callTool('a-x', 1, { session });
      answersWith(await rig.until('a', 'tools/call'), text);
      expect(client.error).toMatchObject({ code: 'upstream.bad_answer' });
    }
  });

  it('a stream that cannot be taken up again ends the call, and listens to nothing else', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession();
    const client = rig.callTool('a-x', 7, { session });
    const call = (await rig.until('a', 'tools/call')).opensStream();
    call.sink.event({ id: 'e1', event: undefined, retry: '50', data: '', comment: undefined });
    call.sink.end();
    rig.change({ upstreams: [upstreamRow('a', { modern: false, enabled: false }), upstreamRow('b', { modern: false })] });
    // As long as the gateway tries, whoever comes back is sent away again.
    await vi.waitFor(
      () => {
        const back = rig.verb('GET', { session, headers: { 'last-event-id': client.lastEventId } });
        expect(back.data.join('')).toContain('upstream.connection_lost');
      },
      { timeout: 5000, interval: 50 },
    );
    expect(rig.sent('a', 'GET').filter(({ request }) => request.lastEventId !== undefined)).toEqual([]);
  });
});

describe('limits of an upstream', () => {
  it('count calls, not housekeeping, and are left however the call ends', async () => {
    const limits = { callsPerMinute: null, concurrent: 1 };
    const rig = new PlayedCombined({
      upstreams: [upstreamRow('a', { modern: false, limits })],
      items: [itemRow('tool', 'a', 'x'), itemRow('resource', 'a', 'r://x')],
    });
    const session = rig.openSession();
    rig.callTool('a-x', 1, { session });
    expect(rig.callTool('a-x', 2, { session }).error).toMatchObject({ code: 'limit.concurrency' });
    expect(rig.post({ id: 3, method: 'resources/subscribe', params: { uri: 'r://x' } }, { session }).error).toBeUndefined();
    answers(await rig.until('a', 'tools/call'), {});
    expect(rig.callTool('a-x', 4, { session }).error).toBeUndefined();
    // Answered, though its stream stays open.
    (await rig.until('a', 'tools/call', 2)).opensStream().says(answerText(4));
    expect(rig.callTool('a-x', 5, { session }).error).toBeUndefined();
    rig.post({ method: 'notifications/cancelled', params: { requestId: 5 } }, { session });
    expect(rig.callTool('a-x', 6, { session }).error).toBeUndefined();
  });
});

describe('a client that does not listen', () => {
  it('is told of changes once, when it comes', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession();
    for (const key of ['one', 'two', 'three']) {
      rig.change({ items: [itemRow('tool', 'a', key)] });
      await settled();
    }
    const listening = rig.verb('GET', { session });
    const notes = (): (string | undefined)[] => listening.data.filter((data) => data !== '');
    expect(notes()).toEqual(['{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}']);
    rig.change({ items: [] });
    await vi.waitFor(() => expect(notes()).toHaveLength(2));
  });
});

describe('records', () => {
  it('name the upstream a call went to, also when it was known at once to be down', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession();
    rig.callTool('a-x', 1, { session });
    answers(await rig.until('a', 'tools/call'), {});
    rig.isDown = true;
    expect(rig.callTool('a-x', 2, { session }).error).toBeUndefined();
    await settled();
    expect(rig.recorded('call').filter(({ method }) => method === 'tools/call')).toEqual([
      { method: 'tools/call', target: 'a-x', upstream: 'a' },
      { method: 'tools/call', target: 'a-x', upstream: 'a' },
    ]);
  });
});

describe('records of what upstreams ask and say', () => {
  it('name the upstream', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession({}, { elicitation: {} });
    const client = rig.callTool('a-x', 1, { session });
    const call = (await rig.until('a', 'tools/call')).opensStream();
    call.says('{"jsonrpc":"2.0","method":"notifications/message","params":{}}');
    call.says('{"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{}}').says('{"jsonrpc":"2.0","id":1,"method":"roots/list"}');
    const { id } = JSON.parse(client.events[1]?.data ?? '') as { id: number };
    rig.post({ id, result: {} }, { session });
    call.says(answerText(1));
    expect(rig.recorded('tell')).toEqual([{ method: 'notifications/message', target: '', upstream: 'a' }]);
    expect(rig.recorded('ask')).toEqual([
      { method: 'elicitation/create', target: '', upstream: 'a' },
      { method: 'roots/list', target: '', upstream: 'a' },
    ]);
  });
});

describe('tasks', () => {
  it('are asked after at the upstream that runs them, however many there were before', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession();
    for (let id = 1; id <= 1001; id++) {
      rig.callTool('a-x', id, { session }, { task: {} });
      answers(await rig.until('a', 'tools/call', id), { task: { taskId: `t${id}` } });
    }
    rig.post({ id: 2000, method: 'tasks/get', params: { taskId: 't1001' } }, { session });
    expect(sentJson(await rig.until('a', 'tasks/get')).params).toEqual({ taskId: 't1001' });
  });
});

describe('a resource under another URI than the upstream’s', () => {
  it('is subscribed to under the upstream’s own, in the message and in what is said of it', async () => {
    const rig = new PlayedCombined({ items: ['a', 'b'].map((id) => itemRow('resource', id, 'r://x')) });
    const session = rig.openSession();
    rig.post({ id: 1, method: 'resources/subscribe', params: { uri: 'a+r://x' } }, { session });
    const { request } = await rig.until('a', 'resources/subscribe');
    expect(request.message?.uri).toBe('r://x');
    expect(JSON.parse(request.body?.toString() ?? '')).toMatchObject({ params: { uri: 'r://x' } });
  });
});

describe('the log level', () => {
  it('must be one of MCP’s', () => {
    const rig = new PlayedCombined();
    const session = rig.openSession();
    expect(rig.post({ id: 1, method: 'logging/setLevel', params: { level: 'loud' } }, { session }).error).toMatchObject({
      code: 'request.bad_params',
    });
    expect(rig.post({ id: 2, method: 'logging/setLevel', params: { level: 'info' } }, { session }).body).toContain('"result":{}');
  });

  it('goes with each call to an upstream that knows no sessions', async () => {
    const rig = new PlayedCombined({ upstreams: [upstreamRow('a', { legacy: false })] });
    const session = rig.openSession();
    rig.post({ id: 1, method: 'logging/setLevel', params: { level: 'debug' } }, { session });
    rig.callTool('a-x', 2, { session });
    expect(sentJson(await rig.until('a', 'tools/call')).params).toMatchObject({ _meta: { 'io.modelcontextprotocol/logLevel': 'debug' } });
  });

  it('is known to an upstream before the first call', async () => {
    const rig = new PlayedCombined();
    const session = rig.openSession();
    rig.post({ id: 1, method: 'logging/setLevel', params: { level: 'debug' } }, { session });
    rig.callTool('a-x', 2, { session });
    answers(await rig.until('a', 'logging/setLevel'), {});
    await rig.until('a', 'tools/call');
  });
});
