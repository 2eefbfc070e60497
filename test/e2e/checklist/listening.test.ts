// Checklist point 24: `subscriptions/listen` is the same whatever the upstream speaks and whatever carries it, through a mirror and through
// a combined server.
import '../../kit/event-source-build.ts';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture } from '../../fixture/server.ts';
import type { Eras } from '../../fixture/line-server.ts';
import { NODE_FIRST } from '../../sessions/gateway-cell.ts';
import { combinedOf, everythingAt, items } from './combined-doors.ts';
import { mirrorOfCopy, startCopy, type Copy, type CopyKind } from './copies.ts';
import { META, mirrorOf, modern, type Door } from './doors.ts';
import { eventually, type OpenAnswer } from './wire.ts';

interface Said {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { readonly notifications?: unknown; readonly uri?: string; readonly _meta: Record<string, unknown> };
  readonly result?: { readonly resultType: string; readonly _meta: Record<string, unknown> };
}

const TAG = `${META}subscriptionId`;
const WATCHED = 'test://watched-resource';
const UPSTREAMS: readonly { readonly name: string; readonly kind: CopyKind; readonly eras: Eras }[] = [
  { name: 'a legacy upstream over streamable HTTP', kind: 'streamable HTTP', eras: 'legacy' },
  { name: 'a legacy upstream over stdio', kind: 'stdio', eras: 'legacy' },
  { name: 'a legacy upstream over HTTP+SSE', kind: 'SSE', eras: 'legacy' },
  { name: 'a modern upstream over streamable HTTP', kind: 'streamable HTTP', eras: 'modern' },
  { name: 'a modern upstream over stdio', kind: 'stdio', eras: 'modern' },
];

let gateway: StartedGateway;
const copies: Copy[] = [];
const open: OpenAnswer[] = [];

beforeAll(async () => {
  gateway = await startGateway({ env: { PATH: NODE_FIRST } });
});
afterAll(async () => {
  for (const one of open) one.close();
  await gateway.stop();
  for (const copy of copies) await copy.close();
});

async function listen(door: Door, notifications: object, id: unknown = 'l'): Promise<OpenAnswer> {
  const listening = await modern(door, 'subscriptions/listen', { notifications }, { id });
  open.push(listening);
  return listening;
}

async function next(listening: OpenAnswer): Promise<Said> {
  const text = await listening.message();
  if (text === undefined) throw new Error('the stream ended');
  return JSON.parse(text) as Said;
}

/** The next message of this method; others may come before it. */
async function untilSaid(listening: OpenAnswer, method: string): Promise<Said> {
  for (;;) {
    const said = await next(listening);
    if (said.method === method) return said;
  }
}

async function combinedWith(gatewayId: string): Promise<Door> {
  const ids = async (noun: 'tools' | 'resources' | 'prompts'): Promise<string[]> => (await items(gateway, noun, gatewayId)).map(({ id }) => id);
  const server = {
    name: `all of ${gatewayId}`,
    associated_tools: await ids('tools'),
    associated_resources: await ids('resources'),
    associated_prompts: await ids('prompts'),
  };
  const { status, body } = await gateway.api('POST', '/servers', { server });
  expect([status, body]).toMatchObject([201, {}]);
  return everythingAt(gateway, `/servers/${body.id}/mcp`);
}

describe.each(UPSTREAMS)('point 24: $name', ({ kind, eras }) => {
  let copy: Copy;
  let gatewayId: string;
  const doors: Record<string, Door> = {};

  beforeAll(async () => {
    copy = await startCopy(kind, eras);
    copies.push(copy);
    const mirror = await mirrorOfCopy(gateway, copy);
    gatewayId = mirror.gatewayId;
    doors['mirror'] = mirror;
    doors['combined server'] = await combinedWith(gatewayId);
  });

  test.each(['mirror', 'combined server'])(
    'through a %s: what is honoured is said first, then only that is told, and all of it tagged',
    async (through) => {
      const door = doors[through] as Door;
      const wanted = { toolsListChanged: true, resourceSubscriptions: [WATCHED, 'test://nowhere'] };
      const listening = await listen(door, wanted);
      const ack = await next(listening);
      expect(ack).toMatchObject({ method: 'notifications/subscriptions/acknowledged', params: { _meta: { [TAG]: 'l' } } });
      expect(ack.params?.notifications).toEqual({ toolsListChanged: true, resourceSubscriptions: [WATCHED] });
      // Not asked for.
      await copy.pull('list-changed', { kind: 'prompts' });
      await copy.pull('resource-updated');
      const updated = await next(listening);
      expect(updated).toMatchObject({ method: 'notifications/resources/updated', params: { uri: WATCHED, _meta: { [TAG]: 'l' } } });
      // A combined server tells of what the gateway reads, and reads a program by starting another, which knows nothing of this one's changes.
      if (through === 'mirror' || kind !== 'stdio') {
        await copy.pull('list-changed', { kind: 'tools' });
        expect(await next(listening)).toMatchObject({ method: 'notifications/tools/list_changed', params: { _meta: { [TAG]: 'l' } } });
      }
      listening.close();
    },
  );

  test.each(['mirror', 'combined server'])('through a %s: streams are told apart by the id of each, whose type is kept', async (through) => {
    const streams = await Promise.all([7, '7', 0, ''].map((id) => listen(doors[through] as Door, { resourceSubscriptions: [WATCHED] }, id)));
    for (const stream of streams) await next(stream);
    await copy.pull('resource-updated');
    const tags = await Promise.all(streams.map(async (stream) => (await next(stream)).params?._meta[TAG]));
    expect(tags).toEqual([7, '7', 0, '']);
    for (const stream of streams) stream.close();
  });

  test('a stream that is lost upstream is taken up again, and the client told that it may have missed something', async () => {
    const streams = await Promise.all(
      ['mirror', 'combined server'].map((through) => listen(doors[through] as Door, { resourceSubscriptions: [WATCHED] })),
    );
    for (const stream of streams) await next(stream);
    await copy.pull(eras === 'legacy' && kind === 'streamable HTTP' ? 'drop-sessions' : 'drop-streams');
    for (const stream of streams) expect(await next(stream)).toMatchObject({ method: 'notifications/resources/updated', params: { uri: WATCHED } });
    const answered = streams.map((stream) => untilSaid(stream, 'notifications/resources/updated'));
    await eventually(async () => {
      await copy.pull('resource-updated');
      return Promise.race([Promise.all(answered), new Promise((resolve) => setTimeout(resolve, 50, undefined))]);
    });
    for (const stream of streams) stream.close();
  });

  test('a gateway that is switched off ends the streams with a result', async () => {
    const listening = await listen(doors['mirror'] as Door, { toolsListChanged: true }, 5);
    await next(listening);
    await gateway.api('POST', `/gateways/${gatewayId}/state?activate=false`);
    expect(await next(listening)).toEqual({ jsonrpc: '2.0', id: 5, result: { resultType: 'complete', _meta: { [TAG]: 5 } } });
    await gateway.api('POST', `/gateways/${gatewayId}/state?activate=true`);
    listening.close();
  });
});

describe('point 24: sessions with legacy upstreams', () => {
  test('are shared by the streams of a caller, subscribed once, unsubscribed with the last, and ended a moment after', async () => {
    const fixture = await startFixture({ eras: 'legacy' });
    const door = await mirrorOf(gateway, fixture.url);
    const before = fixture.hub.sessions.size;
    const streams = await Promise.all([1, 2, 3].map((id) => listen(door, { resourceSubscriptions: [WATCHED] }, id)));
    for (const stream of streams) await next(stream);
    const following = (): number => [...fixture.hub.sessions.values()].filter(({ subscriptions }) => subscriptions.has(WATCHED)).length;
    expect(following()).toBe(1);
    const subscribed = (): number => fixture.hub.seen.filter(({ body }) => body.includes('"resources/subscribe"')).length;
    expect(subscribed()).toBe(1);
    streams[0]?.close();
    streams[1]?.close();
    fixture.hub.updateResource(WATCHED);
    expect(await next(streams[2] as OpenAnswer)).toMatchObject({ params: { uri: WATCHED } });
    streams[2]?.close();
    await eventually(() => following() === 0);
    await eventually(() => fixture.hub.sessions.size === before);
    await fixture.close();
  });

  test('ask nobody: what an upstream asks there is refused at once', async () => {
    const fixture = await startFixture({ eras: 'legacy' });
    const door = await mirrorOf(gateway, fixture.url);
    const listening = await modern(
      door,
      'subscriptions/listen',
      { notifications: { toolsListChanged: true } },
      { id: 1, capabilities: { sampling: {}, roots: {} } },
    );
    open.push(listening);
    await next(listening);
    const [session] = [...fixture.hub.sessions.values()].filter(({ capabilities }) => Object.hasOwn(capabilities, 'sampling'));
    const asked = await fetch(`${fixture.origin}/control/server-request`, {
      method: 'POST',
      body: JSON.stringify({ session: session?.id, method: 'roots/list' }),
    });
    expect(await asked.json()).toMatchObject({ error: { code: -32601 } });
    listening.close();
    await fixture.close();
  });

  test('do not promise news that cannot come: an upstream without a listening stream', async () => {
    const { startScriptedUpstream, json } = await import('./scripted-upstream.ts');
    const upstream = await startScriptedUpstream();
    upstream.play(({ message, res }) => {
      const id = JSON.stringify(message.id);
      if (message.method === 'server/discover') res.writeHead(400).end();
      else if (message.method === 'initialize') {
        res.setHeader('mcp-session-id', 's');
        const result = {
          protocolVersion: '2025-11-25',
          capabilities: { tools: { listChanged: true }, resources: { subscribe: true } },
          serverInfo: { name: 's', version: '1' },
        };
        json(res, `{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(result)}}`);
      } else if (message.id === undefined) res.writeHead(message.method === undefined ? 405 : 202).end();
      else json(res, `{"jsonrpc":"2.0","id":${id},"result":{"tools":[],"resources":[],"resourceTemplates":[]}}`);
      return true;
    });
    const listening = await listen(await mirrorOf(gateway, upstream.url), { toolsListChanged: true, resourceSubscriptions: ['x://y'] });
    expect((await next(listening)).params?.notifications).toEqual({});
    listening.close();
    await upstream.close();
  });
});

describe('point 24: a combined server', () => {
  test('says what it honours although one of its upstreams hangs, and leaves that one out', async () => {
    const [fine, dead] = await Promise.all([startFixture({ eras: 'legacy' }), startFixture({ eras: 'legacy' })]);
    const door = await combinedOf(gateway, [
      { name: 'fine one', url: fine.url },
      { name: 'dead one', url: dead.url },
    ]);
    await dead.close();
    const uris = [`fine-one+${WATCHED}`, `dead-one+${WATCHED}`, WATCHED];
    const listening = await listen(door, { resourceSubscriptions: uris });
    expect((await next(listening)).params?.notifications).toEqual({ resourceSubscriptions: [uris[0]] });
    fine.hub.updateResource(WATCHED);
    expect((await next(listening)).params?.uri).toBe(uris[0]);
    listening.close();
    await fine.close();
  });

  test('tells nothing more of a resource that was hidden from the caller', async () => {
    const fixture = await startFixture({ eras: 'legacy' });
    const door = await combinedOf(gateway, [{ name: 'hiding one', url: fixture.url }]);
    const listening = await listen(door, { resourcesListChanged: true, resourceSubscriptions: [WATCHED, 'test://static-text'] });
    await next(listening);
    const rows = await items(gateway, 'resources', door.gatewayIds['hiding one'] ?? '');
    const row = rows.find(({ uri }) => uri === WATCHED);
    await gateway.api('POST', `/resources/${row?.id}/state?activate=false`);
    expect((await next(listening)).method).toBe('notifications/resources/list_changed');
    fixture.hub.updateResource(WATCHED);
    fixture.hub.updateResource('test://static-text');
    expect(await next(listening)).toMatchObject({ method: 'notifications/resources/updated', params: { uri: 'test://static-text' } });
    listening.close();
    await fixture.close();
  });
});

describe('point 24: the SDK v2 client', () => {
  test.each(['legacy', 'modern'] as const)('listens to a %s upstream through a mirror and through a combined server', async (eras) => {
    const fixture = await startFixture({ eras });
    const mirror = await mirrorOf(gateway, fixture.url);
    for (const door of [mirror, await combinedWith(mirror.gatewayId)]) {
      const client = new Client({ name: 'listener', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
      await client.connect(new StreamableHTTPClientTransport(new URL(door.url), { requestInit: { headers: { ...door.headers } } }));
      const heard: string[] = [];
      for (const method of ['notifications/tools/list_changed', 'notifications/resources/updated'] as const)
        client.setNotificationHandler(method, () => void heard.push(method));
      const subscription = await client.listen({ toolsListChanged: true, resourceSubscriptions: [WATCHED, 'test://nowhere'] });
      expect(subscription.honoredFilter).toEqual({ toolsListChanged: true, resourceSubscriptions: [WATCHED] });
      fixture.hub.updateResource(WATCHED);
      fixture.hub.changeList('tools');
      await eventually(() => heard.includes('notifications/resources/updated') && heard.includes('notifications/tools/list_changed'));
      await subscription.close();
      await client.close();
    }
    await fixture.close();
  });
});
