// Checklist points 30 to 32 whatever the upstream speaks: the stream that belongs to no request, what a client that lost a stream is
// given when it comes back, and who is sent a priming event. On a line to a process or over HTTP+SSE the upstream has none of these.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { NODE_FIRST } from '../../sessions/gateway-cell.ts';
import { mirrorOfCopy, startCopy, type Copy } from './copies.ts';
import { getStream, openSession, post, request, toolCall, type ClientSession, type Door } from './doors.ts';
import { event, startScriptedUpstream, stream } from './scripted-upstream.ts';
import { SseClient } from './sse-client.ts';
import { eventually, type Block, type OpenAnswer } from './wire.ts';

/** Declared, so that the session has a process of its own. */
const ASKABLE = { roots: {}, sampling: {}, elicitation: {} };

let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGateway({ env: { PATH: NODE_FIRST } });
});
afterAll(async () => {
  await gateway?.stop();
});

/** Blocks with an id or data, as they come; comments are keep-alives. */
async function nextBlock(answer: OpenAnswer): Promise<Block | undefined> {
  for (let block = await answer.block(); block !== undefined; block = await answer.block()) if (block.comment === undefined) return block;
  return undefined;
}

async function blockWith(answer: OpenAnswer, text: string): Promise<Block> {
  for (let block = await nextBlock(answer); block !== undefined; block = await nextBlock(answer))
    if (block.data?.includes(text) === true) return block;
  throw new Error(`The stream ended without ${text}`);
}

async function dataOf(answer: OpenAnswer): Promise<string[]> {
  return (await answer.blocks()).flatMap(({ data }) => (data === undefined || data === '' ? [] : [data]));
}

const progressCall = (id: string): string => toolCall(id, 'test_tool_with_progress', {}, { _meta: { progressToken: `of ${id}` } });

describe.each(['streamable HTTP', 'SSE', 'stdio'] as const)('with an upstream over %s', (kind) => {
  let copy: Copy;
  let door: Door;

  beforeEach(async () => {
    copy = await startCopy(kind);
    door = await mirrorOfCopy(gateway, copy);
    return () => copy.close();
  });

  const open = (version = '2025-11-25'): Promise<ClientSession> => openSession(door, version, ASKABLE);

  test('point 30: the GET stream carries list_changed, updated and server requests, each on exactly one stream', async () => {
    const session = await open();
    const standalone = await getStream(session);
    expect([standalone.status, standalone.isStream]).toEqual([200, true]);
    const call = await post(session, toolCall('c', 'wait_for_release', { key: 'point 30' }, { _meta: { progressToken: 'p' } }));
    expect(await call.message()).toContain('notifications/progress');
    await (await post(session, request('s', 'resources/subscribe', { uri: 'test://watched-resource' }))).bytes();
    await copy.pull('list-changed', { kind: 'tools' });
    await copy.pull('resource-updated', { uri: 'test://watched-resource' });
    await copy.pull('list-changed', { kind: 'prompts' });
    const asked = copy.pull('server-request', { method: 'roots/list', params: {} });
    const expected = ['notifications/tools/list_changed', 'notifications/resources/updated', 'notifications/prompts/list_changed', 'roots/list'];
    let question: Record<string, unknown> = {};
    for (const method of expected) {
      question = JSON.parse((await standalone.message()) ?? '{}') as Record<string, unknown>;
      expect(question['method']).toBe(method);
    }
    const answered = await post(session, JSON.stringify({ jsonrpc: '2.0', id: question['id'], result: { roots: [{ uri: 'file:///a' }] } }));
    expect(answered.status).toBe(202);
    expect(await asked).toEqual({ result: { roots: [{ uri: 'file:///a' }] } });
    await copy.pull('release', { key: 'point 30' });
    expect((await call.messages()).map(({ id, method }) => [id, method])).toEqual([['c', undefined]]);
    await copy.pull('list-changed', { kind: 'resources' });
    // Nothing came in between that was on the other stream already.
    expect(await standalone.message()).toContain('resources/list_changed');
    standalone.close();
  });

  test('point 30: a second GET is 409, and there can be one again when the first has gone', async () => {
    const session = await open('2025-06-18');
    const first = await getStream(session);
    expect(first.status).toBe(200);
    const second = await getStream(session);
    expect([second.status, (await second.answer())['error']]).toMatchObject([409, { code: -32000 }]);
    // Where the upstream has streams of its own, what it says before this one stands is kept for it.
    await copy.pull('list-changed', { kind: 'tools' });
    expect(await first.message()).toContain('tools/list_changed');
    first.close();
    const third = await eventually(async () => {
      const stream = await getStream(session);
      return stream.status === 200 && stream;
    });
    await copy.pull('list-changed', { kind: 'prompts' });
    expect(await third.message()).toContain('prompts/list_changed');
    third.close();
  });

  test('point 31: whoever lost a call’s stream is given exactly what it missed', async () => {
    const session = await open();
    const whole = await (await post(session, progressCall('whole'))).blocks();
    const messages = whole.flatMap(({ data }) => (data === undefined || data === '' ? [] : [data.replaceAll('whole', 'x')]));
    expect(messages).toHaveLength(4);
    for (const seen of [0, 1, 2, 3]) {
      const id = `after ${seen}`;
      const broken = await post(session, progressCall(id));
      let last = await nextBlock(broken);
      for (let i = 0; i < seen; i++) last = await nextBlock(broken);
      broken.close();
      const resumed = await getStream(session, { 'last-event-id': last?.id ?? '' });
      expect(resumed.status).toBe(200);
      expect((await dataOf(resumed)).map((data) => data.replaceAll(id, 'x'))).toEqual(messages.slice(seen));
    }
  });

  test('point 31: whoever lost the GET stream is given exactly what it missed of that one', async () => {
    const session = await open();
    const first = await getStream(session);
    await copy.pull('list-changed', { kind: 'tools' });
    const { id = '' } = await blockWith(first, 'tools/list_changed');
    first.close();
    // Another stream's messages are no part of it.
    await (await post(session, progressCall('between'))).bytes();
    await copy.pull('list-changed', { kind: 'prompts' });
    await copy.pull('list-changed', { kind: 'resources' });
    const second = await eventually(async () => {
      const stream = await getStream(session, { 'last-event-id': id });
      return stream.status === 200 && stream;
    });
    expect(await second.message()).toContain('prompts/list_changed');
    expect(await second.message()).toContain('resources/list_changed');
    await copy.pull('list-changed', { kind: 'tools' });
    expect(await second.message()).toContain('tools/list_changed');
    second.close();
  });

  test('point 31: no event id is used twice in a session', async () => {
    const session = await open();
    const standalone = await getStream(session);
    const calls = await Promise.all(['a', 'b', 'c'].map((id) => post(session, progressCall(id))));
    const ids = (await Promise.all(calls.map((call) => call.blocks()))).flat().map(({ id }) => id);
    for (const list of ['tools', 'prompts']) {
      await copy.pull('list-changed', { kind: list });
      ids.push((await blockWith(standalone, `${list}/list_changed`)).id);
    }
    expect(ids.every((id) => id !== undefined && id !== '')).toBe(true);
    expect(ids.length).toBeGreaterThanOrEqual(14);
    expect(new Set(ids).size).toBe(ids.length);
    standalone.close();
  });

  test('point 32: streams to clients of 2025-11-25 begin with a priming event, to older ones never', async () => {
    for (const version of ['2025-11-25', '2025-06-18', '2025-03-26']) {
      const session = await open(version);
      const call = await post(session, progressCall(version));
      const blocks = (await call.blocks()).filter(({ comment }) => comment === undefined);
      const isPrimed = version === '2025-11-25';
      expect([version, blocks[0]?.data === '' && blocks[0].id !== undefined]).toEqual([version, isPrimed]);
      expect(blocks.filter(({ data }) => data === undefined || data === '')).toHaveLength(isPrimed ? 1 : 0);
      const standalone = await getStream(session);
      await copy.pull('list-changed', { kind: 'tools' });
      const first = await nextBlock(standalone);
      if (first?.data === '') expect(isPrimed).toBe(true);
      else expect(first?.data).toContain('tools/list_changed');
      standalone.close();
    }
  });
});

test('point 31: the upstream’s retry reaches the client, and the upstream is asked for its own event again', async () => {
  const copy = await startCopy('streamable HTTP');
  try {
    const session = await openSession(await mirrorOfCopy(gateway, copy));
    // The fixture ends this call's stream before the answer; its priming event has told when to come back.
    const dropped = await post(session, toolCall('r', 'test_reconnection'));
    const [priming, ...others] = (await dropped.blocks()).filter(({ comment }) => comment === undefined);
    expect([priming?.data, priming?.retry, others]).toEqual(['', '100', []]);
    const resumed = await getStream(session, { 'last-event-id': priming?.id ?? '' });
    const [answer] = await dataOf(resumed);
    expect(JSON.parse(answer ?? '{}')).toMatchObject({ id: 'r', result: { content: [{ text: 'Reconnection test completed successfully' }] } });
    const seen = JSON.parse(await (await fetch(`${copy.control}/seen`)).text()) as { method: string; headers: Record<string, string> }[];
    const asked = seen.filter(({ method, headers }) => method === 'GET' && headers['last-event-id'] !== undefined);
    expect(asked.map(({ headers }) => headers['last-event-id'])).toEqual([expect.stringMatching(/^s\d+\.0$/)]);
    expect(asked[0]?.headers['last-event-id']).not.toBe(priming?.id);
  } finally {
    await copy.close();
  }
});

test('point 31: for a client on a line the gateway itself comes back, not before the upstream’s retry, for what is missing', async () => {
  const retryMs = 400;
  const upstream = await startScriptedUpstream({ eras: 'legacy' });
  try {
    const { serverId } = await gateway.registerMirror(upstream.url);
    const headers = { authorization: `Bearer ${gateway.token}` };
    let leftAtMs = 0;
    const returns: { afterMs: number; cursor: unknown }[] = [];
    upstream.play(({ verb, headers: sent, message, res }) => {
      const cursor = sent['last-event-id'];
      if (verb === 'GET' && cursor !== undefined) {
        returns.push({ afterMs: performance.now() - leftAtMs, cursor });
        stream(res);
        res.end(event('{"jsonrpc":"2.0","id":"r","result":{"content":[]}}', 'e-3'));
      } else if (message.method === 'tools/call') {
        stream(res);
        res.write(`id: e-1\nretry: ${retryMs}\ndata: \n\n`);
        leftAtMs = performance.now();
        res.end(event('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}}', 'e-2'));
      } else return false;
    });
    const client = await SseClient.open(`${gateway.url}/servers/${serverId}/sse`, headers);
    await client.initialize('comes back');
    await client.send(toolCall('r', 'one', {}, { _meta: { progressToken: 'p' } }));
    expect(await client.next()).toMatchObject({ method: 'notifications/progress', params: { progress: 1 } });
    expect(await client.next()).toEqual({ jsonrpc: '2.0', id: 'r', result: { content: [] } });
    expect(returns.map(({ cursor }) => cursor)).toEqual(['e-2']);
    // A timer may fire a little early by another clock; coming back at once would be a few milliseconds.
    expect(returns[0]?.afterMs).toBeGreaterThan(retryMs * 0.9);
    client.stream.close();
  } finally {
    await upstream.close();
  }
});
