import { afterEach, describe, expect, test, vi } from 'vitest';
import { settled, type Heard, type PlayedCall, type PlayedClient } from '../bridge-rig.ts';
import { legacyRig, type LegacyRig } from './legacy-rig.ts';

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';
const LISTS = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };

afterEach(() => {
  vi.useRealTimers();
});

async function acknowledge(listen: PlayedCall, notifications: object): Promise<void> {
  const _meta = { [SUBSCRIPTION_ID]: listen.message.id };
  listen.say({ method: 'notifications/subscriptions/acknowledged', params: { _meta, notifications } });
  await settled();
}

function tell(listen: PlayedCall, method: string, params: object = {}): void {
  listen.say({ method, params: { _meta: { [SUBSCRIPTION_ID]: listen.message.id }, ...params } });
}

function subscribe(client: PlayedClient, uri: string, method = 'resources/subscribe'): Heard {
  return client.send({ id: uri, method, params: { uri } });
}

/** A client that has subscribed to these. */
async function subscribed(...uris: string[]): Promise<LegacyRig & { mine: PlayedClient; told: Heard }> {
  const rig = legacyRig();
  const mine = await rig.opened();
  const told = mine.listen();
  await settled();
  await acknowledge(rig.port.last('subscriptions/listen'), LISTS);
  for (const [at] of uris.entries()) {
    subscribe(mine, uris[at] as string);
    await settled();
    await acknowledge(rig.port.last('subscriptions/listen'), { ...LISTS, resourceSubscriptions: uris.slice(0, at + 1) });
  }
  return { ...rig, mine, told };
}

describe('a session', () => {
  test('listens when its client does, and not before', async () => {
    const { port, opened } = legacyRig();
    const client = await opened();
    client.send({ id: 1, method: 'tools/list' });
    expect(port.ofMethod('subscriptions/listen')).toEqual([]);
    const told = client.listen();
    await settled();
    const listen = port.last('subscriptions/listen');
    expect([listen.request.lane, listen.message.params?.['notifications']]).toEqual(['stream', LISTS]);
    await acknowledge(listen, LISTS);
    tell(listen, 'notifications/tools/list_changed');
    tell(listen, 'notifications/x', { a: 1 });
    // Of no question of this client's.
    tell(listen, 'notifications/cancelled', { requestId: 1 });
    expect(told.messages).toEqual([
      { jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: {} },
      { jsonrpc: '2.0', method: 'notifications/x', params: { a: 1 } },
    ]);
  });

  test('changes what it listens to with another stream, and ends the former when the new one stands', async () => {
    const { port, mine, told } = await subscribed('a:1');
    const former = port.last('subscriptions/listen');
    const heard = subscribe(mine, 'a:2');
    await settled();
    const next = port.last('subscriptions/listen');
    expect(next.message.params?.['notifications']).toEqual({ ...LISTS, resourceSubscriptions: ['a:1', 'a:2'] });
    expect(next.message.id).not.toBe(former.message.id);
    tell(former, 'notifications/resources/updated', { uri: 'a:1' });
    expect([former.isCancelled, heard.answer]).toEqual([false, undefined]);
    await acknowledge(next, { resourceSubscriptions: ['a:1', 'a:2'] });
    expect([former.isCancelled, heard.answer]).toEqual([true, { jsonrpc: '2.0', id: 'a:2', result: {} }]);
    tell(next, 'notifications/resources/updated', { uri: 'a:2' });
    expect(told.messages.map(({ params }) => params)).toEqual([{ uri: 'a:1' }, { uri: 'a:2' }]);
  });

  test('is refused a subscription that the upstream leaves out, and keeps what it has', async () => {
    const { port, mine } = await subscribed('a:1');
    const former = port.last('subscriptions/listen');
    const left = subscribe(mine, 'a:2');
    await settled();
    await acknowledge(port.last('subscriptions/listen'), { resourceSubscriptions: ['a:1'] });
    expect(left.answer?.error?.code).toBe(-32602);
    expect([former.isCancelled, port.last('subscriptions/listen').isCancelled]).toEqual([false, true]);
    const refused = subscribe(mine, 'a:3');
    await settled();
    port.last('subscriptions/listen').refuse(-32601, 'what?', 404);
    await settled();
    expect(refused.answer?.error).toEqual({ code: -32601, message: 'what?' });
  });

  test('narrows what it listens to, and forgets what it never had', async () => {
    const { port, mine } = await subscribed('a:1', 'a:2');
    const count = port.ofMethod('subscriptions/listen').length;
    expect(subscribe(mine, 'a:9', 'resources/unsubscribe').answer).toBeUndefined();
    await settled();
    expect(port.ofMethod('subscriptions/listen')).toHaveLength(count);
    const heard = subscribe(mine, 'a:1', 'resources/unsubscribe');
    await settled();
    await acknowledge(port.last('subscriptions/listen'), { resourceSubscriptions: ['a:2'] });
    expect(port.last('subscriptions/listen').message.params?.['notifications']).toEqual({ ...LISTS, resourceSubscriptions: ['a:2'] });
    expect(heard.answer?.result).toEqual({});
  });

  test('takes one change at a time, whatever is asked at once', async () => {
    const { port, mine } = await subscribed();
    const answers = ['a:1', 'a:2'].map((uri) => subscribe(mine, uri));
    await settled();
    await acknowledge(port.last('subscriptions/listen'), { resourceSubscriptions: ['a:1'] });
    await acknowledge(port.last('subscriptions/listen'), { resourceSubscriptions: ['a:1', 'a:2'] });
    expect(port.last('subscriptions/listen').message.params?.['notifications']).toMatchObject({ resourceSubscriptions: ['a:1', 'a:2'] });
    expect(answers.map(({ answer }) => answer?.result)).toEqual([{}, {}]);
    expect(port.ofMethod('subscriptions/listen').filter(({ isCancelled }) => !isCancelled)).toHaveLength(1);
  });

  test('opens a stream that broke again with all it had, and tells that something may have been missed', async () => {
    const { port, told } = await subscribed('a:1');
    const count = port.ofMethod('subscriptions/listen').length;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    port.last('subscriptions/listen').end();
    expect(port.ofMethod('subscriptions/listen')).toHaveLength(count);
    vi.advanceTimersByTime(60_000);
    await settled();
    port.last('subscriptions/listen').breakDown();
    await settled();
    vi.advanceTimersByTime(60_000);
    await settled();
    const again = port.last('subscriptions/listen');
    expect([port.ofMethod('subscriptions/listen').length, again.message.params?.['notifications']]).toEqual([
      count + 2,
      { ...LISTS, resourceSubscriptions: ['a:1'] },
    ]);
    await acknowledge(again, { toolsListChanged: true, resourceSubscriptions: ['a:1'] });
    expect(told.messages).toEqual([
      { jsonrpc: '2.0', method: 'notifications/tools/list_changed' },
      { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'a:1' } },
    ]);
  });

  test('tells what may have been missed too when a subscription mends what broke', async () => {
    const { port, mine, told } = await subscribed('a:1');
    port.last('subscriptions/listen').end();
    subscribe(mine, 'a:2');
    await settled();
    await acknowledge(port.last('subscriptions/listen'), { toolsListChanged: true, resourceSubscriptions: ['a:1', 'a:2'] });
    expect(told.messages.map(({ method, params }) => [method, params?.['uri']])).toEqual([
      ['notifications/tools/list_changed', undefined],
      ['notifications/resources/updated', 'a:1'],
    ]);
  });

  test('opens another stream where one was ended as soon as it was acknowledged', async () => {
    const { port, mine } = await subscribed('a:1');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    subscribe(mine, 'a:2');
    await settled();
    const brief = port.last('subscriptions/listen');
    brief.say({ method: 'notifications/subscriptions/acknowledged', params: { notifications: { resourceSubscriptions: ['a:1', 'a:2'] } } });
    brief.end();
    await settled();
    vi.advanceTimersByTime(60_000);
    await settled();
    expect(port.last('subscriptions/listen')).not.toBe(brief);
    expect(port.last('subscriptions/listen').message.params?.['notifications']).toMatchObject({ resourceSubscriptions: ['a:1', 'a:2'] });
  });

  test.each(['switched off', 'reached another way', 'not this client’s any more'])(
    'takes up no stream that was being opened when its upstream was %s',
    async (what) => {
      const { port, mine, clients, row } = await subscribed('a:1');
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const heard = subscribe(mine, 'a:2');
      await settled();
      const pending = port.last('subscriptions/listen');
      const change = { 'switched off': { enabled: false }, 'reached another way': { url: 'http://127.0.0.1/else' } }[what];
      if (change === undefined) mine.end();
      else clients.keepOnly(new Map([[row.id, { id: row.id, row: { ...row, ...change } } as never]]));
      await settled();
      expect([pending.isCancelled, heard.failure?.code]).toEqual([true, 'upstream.connection_lost']);
      vi.advanceTimersByTime(60_000);
      await settled();
      const last = port.last('subscriptions/listen');
      expect(last === pending ? undefined : last.request.upstream.url).toBe(what === 'reached another way' ? 'http://127.0.0.1/else' : undefined);
    },
  );

  test('has so many subscriptions and no more, however many it asks for at once', async () => {
    const { port, mine } = await subscribed();
    const uris = Array.from({ length: 1001 }, (_, at) => `a:${at}`);
    const answers = uris.map((uri) => subscribe(mine, uri));
    await settled();
    for (let turn = 0; turn < 1000; turn++) await acknowledge(port.last('subscriptions/listen'), { resourceSubscriptions: uris });
    await settled();
    expect(answers.filter(({ answer }) => answer?.result !== undefined)).toHaveLength(1000);
    expect(answers[1000]?.answer?.error?.code).toBe(-32602);
  });

  test('does not knock for ever at an upstream that knows no such streams', async () => {
    const { port, opened } = legacyRig();
    (await opened()).listen();
    await settled();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    port.last('subscriptions/listen').refuse(-32601, 'what?', 404);
    await settled();
    vi.advanceTimersByTime(120_000);
    await settled();
    expect(port.ofMethod('subscriptions/listen')).toHaveLength(1);
  });

  test('gives up an upstream that does not say in time what it will tell', async () => {
    const { port, opened } = legacyRig();
    const client = await opened();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const heard = subscribe(client, 'a:1');
    await settled();
    vi.advanceTimersByTime(60_000);
    await settled();
    expect([heard.failure?.code, port.last('subscriptions/listen').isCancelled]).toEqual(['upstream.timeout', true]);
  });

  test('listens no more when it is over, and pauses while its upstream is switched off', async () => {
    const { port, mine, clients, row } = await subscribed('a:1');
    const entry = (enabled: boolean) => new Map([[row.id, { id: row.id, row: { ...row, enabled } } as never]]);
    clients.keepOnly(entry(false));
    expect(port.last('subscriptions/listen').isCancelled).toBe(true);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    clients.keepOnly(entry(true));
    vi.advanceTimersByTime(60_000);
    await settled();
    await acknowledge(port.last('subscriptions/listen'), { resourceSubscriptions: ['a:1'] });
    expect(port.last('subscriptions/listen').isCancelled).toBe(false);
    mine.end();
    expect(port.last('subscriptions/listen').isCancelled).toBe(true);
  });
});
