// Checklist point 38: clients of 2024-11-05 are served over HTTP+SSE, whatever the upstream speaks.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { NODE_FIRST } from '../../sessions/gateway-cell.ts';
import { mirrorOfCopy, startCopy, type Copy } from './copies.ts';
import { request, toolCall } from './doors.ts';
import { SseClient } from './sse-client.ts';

let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGateway({ env: { PATH: NODE_FIRST } });
});
afterAll(async () => {
  await gateway?.stop();
});

describe.each(['streamable HTTP', 'SSE', 'stdio'] as const)('with an upstream over %s', (kind) => {
  let copy: Copy;
  let connect: () => Promise<SseClient>;

  beforeEach(async () => {
    copy = await startCopy(kind);
    const { serverId, headers } = await mirrorOfCopy(gateway, copy);
    connect = () => SseClient.open(`${gateway.url}/servers/${serverId}/sse`, headers);
    return () => copy.close();
  });

  test('point 38: after the endpoint event every message comes on the stream, and every POST is answered with 202', async () => {
    const client = await connect();
    expect(await client.initialize('one')).toMatchObject({ id: 'one opens', result: { protocolVersion: '2024-11-05' } });
    await client.send(toolCall(7, 'test_tool_with_progress', {}, { _meta: { progressToken: 'p' } }));
    for (const progress of [0, 50, 100]) {
      expect(await client.next()).toMatchObject({ method: 'notifications/progress', params: { progressToken: 'p', progress } });
    }
    expect(await client.next()).toMatchObject({ id: 7, result: { content: [{ type: 'text' }] } });

    await client.send(toolCall('asks', 'test_sampling', { prompt: 'Say hello' }));
    const question = await client.next();
    expect(question).toMatchObject({ method: 'sampling/createMessage' });
    const result = { role: 'assistant', content: { type: 'text', text: 'hello from the client' }, model: 'none' };
    await client.send(JSON.stringify({ jsonrpc: '2.0', id: question['id'], result }));
    const answer = await client.next();
    expect(answer['id']).toBe('asks');
    expect(JSON.stringify(answer)).toContain('hello from the client');

    await client.send(request('wrong', 'no/such-method'));
    expect(await client.next()).toMatchObject({ id: 'wrong', error: { code: -32601 } });
    client.stream.close();
  });

  test('point 38: what no call caused comes on the stream too', async () => {
    const client = await connect();
    await client.initialize('listener');
    await client.send(request('s', 'resources/subscribe', { uri: 'test://watched-resource' }));
    expect(await client.next()).toMatchObject({ id: 's', result: {} });
    await copy.pull('resource-updated', { uri: 'test://watched-resource' });
    expect(await client.next()).toMatchObject({ method: 'notifications/resources/updated' });
    await copy.pull('list-changed', { kind: 'tools' });
    expect(await client.next()).toMatchObject({ method: 'notifications/tools/list_changed' });
    client.stream.close();
  });

  test('point 38: two clients with the same ids hear each its own and nothing of the other', async () => {
    const clients = await Promise.all([connect(), connect()]);
    const names = ['left', 'right'] as const;
    await Promise.all(clients.map((client, i) => client.initialize(names[i] ?? '')));
    // Both calls run at the same time under the same id and token, and end in the other order.
    for (const [i, client] of clients.entries()) {
      await client.send(toolCall(1, 'wait_for_release', { key: `for ${names[i]}` }, { _meta: { progressToken: 1 } }));
      expect(await client.next()).toMatchObject({ method: 'notifications/progress', params: { progressToken: 1 } });
    }
    for (const i of [1, 0]) {
      await copy.pull('release', { key: `for ${names[i]}` });
      expect(await clients[i]?.next()).toMatchObject({ id: 1, result: { content: [{ text: `released for ${names[i]}` }] } });
    }
    // Had anything of the other come, it would come before this.
    for (const [i, client] of clients.entries()) {
      await client.send(toolCall(`last of ${names[i]}`, 'echo_arguments', { who: names[i] }));
      expect(await client.next()).toMatchObject({ id: `last of ${names[i]}`, result: { content: [{ text: JSON.stringify({ who: names[i] }) }] } });
    }
    clients[0]?.stream.close();
    await clients[1]?.send(request('alone', 'ping'));
    expect(await clients[1]?.next()).toEqual({ jsonrpc: '2.0', id: 'alone', result: {} });
    clients[1]?.stream.close();
  });

  test('point 38: a client cannot post into the session of another principal', async () => {
    const client = await connect();
    await client.initialize('owner');
    const stranger = await gateway.tokenFor({ sub: 'stranger@example.com', is_admin: true, teams: null });
    expect(await client.postAs(stranger, toolCall(1, 'test_simple_text'))).toBe(404);
    await client.send(request('mine', 'ping'));
    expect(await client.next()).toMatchObject({ id: 'mine' });
    client.stream.close();
  });
});
