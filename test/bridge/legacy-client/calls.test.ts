import { describe, expect, test } from 'vitest';
import { AppError } from '../../../src/base/kernel/index.ts';
import { itemRow } from '../../combined/combined-rig.ts';
import { settled } from '../bridge-rig.ts';
import { DISCOVERED, initializing, legacyRig } from './legacy-rig.ts';

const META = 'io.modelcontextprotocol/';

describe('a handshake', () => {
  test('is answered with what the upstream says of itself, without what only its era knows', async () => {
    const { port, client } = legacyRig();
    const opening = client();
    const heard = opening.send(initializing({ sampling: {} }, '2025-06-18'));
    const discover = port.last('server/discover');
    expect([discover.header('mcp-method'), discover.header('mcp-protocol-version'), discover.header('accept')]).toEqual([
      'server/discover',
      '2026-07-28',
      'application/json, text/event-stream',
    ]);
    expect(discover.message.params?._meta?.[`${META}clientCapabilities`]).toEqual({ sampling: {} });
    const extensions = { [`${META}tasks`]: {}, [`${META}ui`]: { a: 1 } };
    discover.answer({ ...DISCOVERED, capabilities: { ...DISCOVERED.capabilities, extensions }, 'x-more': 1.5 });
    await settled();
    expect(heard.heads[0]).toMatchObject({ status: 200, kind: 'json', namesSession: true });
    expect(heard.answer).toEqual({
      jsonrpc: '2.0',
      id: 0,
      result: {
        protocolVersion: '2025-06-18',
        capabilities: { ...DISCOVERED.capabilities, extensions: { [`${META}ui`]: { a: 1 } } },
        serverInfo: { name: 'played', version: '7' },
        instructions: 'be kind',
        'x-more': 1.5,
      },
    });
    expect(opening.session).toBeDefined();
  });

  test('with an upstream that is down, or does not introduce itself, opens no session', async () => {
    const { port, client } = legacyRig();
    const first = client();
    const heard = first.send(initializing({}, '2025-11-25'));
    port.last('server/discover').breakDown(new AppError('upstream.down', 'down'));
    const second = client();
    const refused = second.send(initializing({}, '2025-11-25'));
    port.last('server/discover').refuse(-32601, 'what?', 404);
    await settled();
    expect([heard.failure?.code, refused.failure?.code]).toEqual(['upstream.down', 'upstream.bad_answer']);
    expect([first.session, second.session]).toEqual([undefined, undefined]);
  });

  test('that the client has left opens no session', async () => {
    const { port, client } = legacyRig();
    const opening = client();
    opening.send(initializing({}, '2025-11-25')).call?.cancel();
    port.last('server/discover').answer(DISCOVERED);
    await settled();
    expect(opening.session).toBeUndefined();
  });
});

describe('a call', () => {
  test('describes itself: envelope and headers say the same, and the client’s own words stay', async () => {
    const { port, opened } = legacyRig();
    const client = await opened();
    client.headers = ['authorization', 'Bearer theirs', 'mcp-protocol-version', '2025-11-25', 'mcp-name', 'lie', 'content-type', 'text/odd'];
    client.send({ id: 'a', method: 'prompts/get', params: { name: 'grüß', _meta: { progressToken: 7, 'x/y': 1 }, more: [1] } });
    const { message, request } = port.last('prompts/get');
    expect(message).toEqual({
      jsonrpc: '2.0',
      id: 'a',
      method: 'prompts/get',
      params: {
        name: 'grüß',
        _meta: {
          progressToken: 7,
          'x/y': 1,
          [`${META}protocolVersion`]: '2026-07-28',
          [`${META}clientCapabilities`]: { sampling: {}, elicitation: { form: {}, url: {} }, roots: {} },
          [`${META}clientInfo`]: { name: 'c', version: '1' },
        },
        more: [1],
      },
    });
    expect(Object.fromEntries(request.headers.flatMap((name, at) => (at % 2 === 0 ? [[name, request.headers[at + 1]]] : [])))).toEqual({
      authorization: 'Bearer theirs',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'prompts/get',
      'mcp-name': `=?base64?${Buffer.from('grüß').toString('base64')}?=`,
    });
    expect([request.session, request.message?.name]).toEqual([undefined, 'grüß']);
  });

  test('is told to have only the questions that its client’s revision has', async () => {
    const { port, opened } = legacyRig();
    const declared = async (capabilities: object, version: string): Promise<unknown> => {
      (await opened(capabilities, version)).send({ id: 1, method: 'tools/list' });
      return port.last('tools/list').message.params?._meta?.[`${META}clientCapabilities`];
    };
    const all = { elicitation: { form: {}, url: {} }, sampling: { tools: {}, x: 1 }, tasks: {}, extensions: { [`${META}tasks`]: {}, other: {} } };
    expect(await declared(all, '2025-11-25')).toEqual({
      elicitation: { form: {}, url: {} },
      sampling: { tools: {}, x: 1 },
      extensions: { other: {} },
    });
    expect(await declared(all, '2025-06-18')).toEqual({ elicitation: { form: {} }, sampling: { x: 1 }, extensions: { other: {} } });
    // A capability without a mode would mean forms.
    expect(await declared({ elicitation: { url: {} } }, '2025-06-18')).toEqual({});
  });

  test('passes its result on, number by number, without what only the newer era knows', async () => {
    const { port, opened } = legacyRig();
    const heard = (await opened()).send({ id: 1, method: 'resources/read', params: { uri: 'x:y' } });
    port.last('resources/read').answer({ contents: [], ttlMs: 5, cacheScope: 'public', _meta: { [`${META}serverInfo`]: { name: 'p' }, keep: 1 } });
    expect(heard.answer).toEqual({ jsonrpc: '2.0', id: 1, result: { contents: [], _meta: { keep: 1 } } });
    const empty = (await opened()).send({ id: 1, method: 'x/y' });
    port.last('x/y').answer({ _meta: { [`${META}serverInfo`]: { name: 'p' } } });
    expect(empty.answer?.result).toEqual({});
  });

  test('of a tool that returns no object shows it with one around, as its schema was shown', async () => {
    const { port, opened } = legacyRig();
    const client = await opened();
    const listing = client.send({ id: 1, method: 'tools/list' });
    port.last('tools/list').answer({ tools: [{ name: 't', inputSchema: { type: 'object' }, outputSchema: { type: 'array' } }] });
    expect(listing.answer?.result?.['tools']).toMatchObject([{ outputSchema: { type: 'object', properties: { result: { type: 'array' } } } }]);
    const call = client.send({ id: 2, method: 'tools/call', params: { name: 't' } });
    port.last('tools/call').answer({ content: [], structuredContent: [1] });
    expect(call.answer?.result?.['structuredContent']).toEqual({ result: [1] });
  });

  test('shows the upstream’s errors in the band, also those which are a status in its era', async () => {
    const { port, opened } = legacyRig();
    const client = await opened();
    const unknown = client.send({ id: 1, method: 'x/y' });
    port.last('x/y').refuse(-32601, 'what?', 404);
    const missing = client.send({ id: 2, method: 'tools/call', params: { name: 't' } });
    port.last('tools/call').refuse(-32021, 'ask', 400, { requiredCapabilities: { sampling: {} } });
    expect([unknown.status, unknown.answer]).toEqual([200, { jsonrpc: '2.0', id: 1, error: { code: -32601, message: 'what?' } }]);
    expect([missing.status, missing.answer?.error]).toEqual([
      200,
      { code: -32021, message: 'ask', data: { requiredCapabilities: { sampling: {} } } },
    ]);
  });

  test('that the upstream finds ill described is described anew, once', async () => {
    const tool = { name: 't', inputSchema: { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'A' } } } };
    const { port, opened, changed } = legacyRig({}, [
      itemRow('tool', 'u', 't', { json: JSON.stringify({ name: 't', inputSchema: { type: 'object' } }) }),
    ]);
    const client = await opened();
    const heard = client.send({ id: 1, method: 'tools/call', params: { name: 't', arguments: { a: 'v' } } });
    expect(port.last('tools/call').header('mcp-param-a')).toBeUndefined();
    port.last('tools/call').refuse(-32020, 'header', 400);
    port.last('tools/list').answer({ tools: [{ name: 'other' }], nextCursor: 'c' });
    await settled();
    expect(port.last('tools/list').message.params?.['cursor']).toBe('c');
    port.last('tools/list').answer({ tools: [tool] });
    await settled();
    expect(port.last('tools/call').header('mcp-param-a')).toBe('v');
    expect([heard.answer, changed]).toEqual([undefined, ['u']]);
    port.last('tools/call').refuse(-32020, 'still', 400);
    expect(heard.answer?.error).toMatchObject({ code: -31502, message: expect.stringContaining('still') as string });
  });

  test('carries the headers of arguments that the gateway knows of', async () => {
    const tool = { name: 't', inputSchema: { type: 'object', properties: { a: { type: 'integer', 'x-mcp-header': 'A' } } } };
    const { port, opened } = legacyRig({}, [itemRow('tool', 'u', 't', { json: JSON.stringify(tool) })]);
    (await opened()).send({ id: 1, method: 'tools/call', params: { name: 't', arguments: { a: 5 } } });
    expect(port.last('tools/call').header('mcp-param-a')).toBe('5');
    expect(port.last('tools/call').request.params).toHaveLength(1);
  });

  test('to an upstream that does not speak the revision any more fails in words of the client’s era', async () => {
    const { port, opened, changed } = legacyRig();
    const heard = (await opened()).send({ id: 1, method: 'tools/list' });
    port.last('tools/list').refuse(-32022, 'no', 400, { supported: ['2031-01-01'], requested: '2026-07-28' });
    expect(heard.answer?.error?.code).toBe(-31502);
    expect(changed).toEqual(['u']);
  });

  test('whose stream breaks before the answer ends in an error on the client’s stream', async () => {
    const { port, opened } = legacyRig();
    const client = await opened();
    const heard = client.send({ id: 1, method: 'tools/call', params: { name: 't', _meta: { progressToken: 1 } } });
    port.last('tools/call').say({ method: 'notifications/progress', params: { progressToken: 1, progress: 1 } });
    port.last('tools/call').end();
    expect(heard.messages.map(({ method, error }) => method ?? error?.code)).toEqual(['notifications/progress', -31502]);
    expect(heard.isEnded).toBe(true);
    const silent = client.send({ id: 2, method: 'tools/list' });
    port.last('tools/list').breakDown();
    expect(silent.failure?.code).toBe('upstream.connection_lost');
  });

  test('stops the upstream while its client is full', async () => {
    const { port, opened } = legacyRig();
    const heard = (await opened()).send({ id: 1, method: 'tools/call', params: { name: 't' } });
    heard.call?.pause();
    expect(port.last('tools/call').isPaused).toBe(true);
    heard.call?.resume();
    expect(port.last('tools/call').isPaused).toBe(false);
  });

  test('that nobody waits for any more is cancelled upstream, and says nothing more', async () => {
    const { port, opened } = legacyRig();
    const client = await opened();
    const gone = client.send({ id: 1, method: 'tools/call', params: { name: 't' } });
    gone.call?.cancel();
    const taken = client.send({ id: '1', method: 'tools/call', params: { name: 't' } });
    const other = client.send({ id: 2, method: 'tools/call', params: { name: 't' } });
    client.send({ method: 'notifications/cancelled', params: { requestId: '1' } });
    expect(port.ofMethod('tools/call').map(({ isCancelled }) => isCancelled)).toEqual([true, true, false]);
    for (const call of port.ofMethod('tools/call')) call.answer({ content: [] });
    expect([gone, taken, other].map(({ answer }) => answer !== undefined)).toEqual([false, false, true]);
  });

  test('ends with its session, and with its upstream', async () => {
    const { port, opened, clients, row } = legacyRig();
    const [first, second] = [await opened(), await opened()];
    const calls = [first, second].map((client) => client.send({ id: 1, method: 'tools/call', params: { name: 't' } }));
    expect(first.end().status).toBe(200);
    expect([calls[0]?.failure?.code, port.ofMethod('tools/call')[0]?.isCancelled]).toEqual(['upstream.connection_lost', true]);
    expect(first.send({ id: 2, method: 'ping' }).status).toBe(404);
    clients.keepOnly(new Map([[row.id, { id: row.id, row: { ...row, modern: false, legacy: true } } as never]]));
    expect([calls[1]?.failure?.code, second.send({ id: 2, method: 'ping' }).status]).toEqual(['upstream.connection_lost', 404]);
  });
});

describe('without a session', () => {
  test('requests are carried with nothing declared, and what needs a session says so', async () => {
    const { port, client } = legacyRig();
    const plain = client();
    const heard = plain.send({ id: 5, method: 'tools/call', params: { name: 't' } });
    expect(port.last('tools/call').message.params?._meta?.[`${META}clientCapabilities`]).toEqual({});
    port.last('tools/call').answer({ content: [] });
    expect(heard.answer).toEqual({ jsonrpc: '2.0', id: 5, result: { content: [] } });
    expect(plain.send({ id: 1, method: 'ping' }).answer?.result).toEqual({});
    expect(plain.send({ id: 1, method: 'resources/subscribe', params: { uri: 'x:y' } }).status).toBe(400);
    expect([plain.send({ method: 'notifications/initialized' }).status, plain.listen().status, plain.end().status]).toEqual([202, 405, 405]);
  });
});
