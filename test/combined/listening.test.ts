// Listeners of combined servers that name resources: which upstreams are listened to for them, and what of it reaches the client.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SnapshotInput } from '../../src/data-plane/gateway/index.ts';
import type { PlayedCall, PlayedClient } from '../data-plane/data-plane-rig.ts';
import { itemRow, upstreamRow } from './combined-rig.ts';
import { MODERN_META, PlayedCombined, sentJson } from './played-combined.ts';

const TAG = 'io.modelcontextprotocol/subscriptionId';
const LISTEN = 'subscriptions/listen';
const ACK_WITHIN_MS = 5000;

interface Said {
  readonly method: string;
  readonly params: { readonly uri?: string; readonly notifications?: unknown; readonly _meta: Record<string, unknown> };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());
const pass = async (ms = 0): Promise<void> => {
  await vi.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

const ITEMS = [
  itemRow('resource', 'a', 'x://one'),
  itemRow('resource', 'a', 'x://both'),
  itemRow('resource', 'b', 'x://both'),
  itemRow('resource', 'b', 'x://two'),
  itemRow('template', 'b', 'y://{id}'),
  itemRow('resource', 'a', 'x://theirs', { visibility: 'private', ownerEmail: 'bob@example.com' }),
];

function rigOf(input: Partial<SnapshotInput> = {}): PlayedCombined {
  return new PlayedCombined({ upstreams: [upstreamRow('a'), upstreamRow('b')], items: ITEMS, ...input });
}
function listen(rig: PlayedCombined, uris: readonly unknown[], more: object = {}, id: unknown = 'l'): PlayedClient {
  return rig.post({ id, method: LISTEN, params: { notifications: { resourceSubscriptions: uris, ...more }, _meta: MODERN_META } });
}
function acknowledge(call: PlayedCall | undefined, uris: readonly string[] = wanted(call)): void {
  call?.opensStream().says(
    JSON.stringify({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { resourceSubscriptions: uris }, _meta: { [TAG]: 'l' } },
    }),
  );
}
function wanted(call: PlayedCall | undefined): string[] {
  const notifications = call === undefined ? undefined : sentJson(call).params?.['notifications'];
  return (notifications as { resourceSubscriptions: string[] } | undefined)?.resourceSubscriptions ?? [];
}
const update = (call: PlayedCall | undefined, uri: string): void =>
  void call?.says(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri, n: 1, _meta: { [TAG]: 'l' } } }));
const said = (client: PlayedClient): Said[] => client.data.map((data) => JSON.parse(data ?? '') as Said);
const updates = (client: PlayedClient): (string | undefined)[] =>
  said(client).flatMap(({ method, params }) => (method.endsWith('/updated') ? [params.uri] : []));

describe('a listener that names resources', () => {
  it('is acknowledged with the names it gave, of what each upstream honours; upstreams hear their own names', async () => {
    const rig = rigOf();
    const client = listen(rig, ['x://one', 'a+x://both', 'b+x://both', 'x://two', 'y://7', 'x://both', 'x://theirs', 'z://none', 5], {
      toolsListChanged: true,
    });
    const [a, b] = [rig.sent('a', LISTEN)[0], rig.sent('b', LISTEN)[0]];
    expect([wanted(a), wanted(b)]).toEqual([
      ['x://one', 'x://both'],
      ['x://both', 'x://two', 'y://7'],
    ]);
    expect(sentJson(a as PlayedCall).params?.['_meta']).toEqual(MODERN_META);
    expect(client.events).toEqual([]);
    acknowledge(b, ['x://both', 'y://7']);
    acknowledge(a);
    await pass();
    expect(said(client)).toEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/subscriptions/acknowledged',
        params: {
          notifications: { toolsListChanged: true, resourceSubscriptions: ['x://one', 'a+x://both', 'b+x://both', 'y://7'] },
          _meta: { [TAG]: 'l' },
        },
      },
    ]);
  });

  it('hears of them under these names, with its own id, and of nothing else', async () => {
    const rig = rigOf();
    const client = listen(rig, ['b+x://both', 'y://7', 'x://one'], {}, 4);
    const [a, b] = [rig.sent('a', LISTEN)[0], rig.sent('b', LISTEN)[0]];
    for (const call of [a, b]) acknowledge(call);
    await pass();
    for (const uri of ['x://both', 'y://7', 'x://two', 'x://both/part']) update(b, uri);
    for (const uri of ['x://one', 'x://theirs', 'x://both']) update(a, uri);
    a?.says('{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}}');
    a?.says('{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}');
    expect(updates(client)).toEqual(['b+x://both', 'y://7', 'x://both/part', 'x://one']);
    expect(said(client).map(({ params }) => params._meta[TAG])).toEqual([4, 4, 4, 4, 4]);
  });

  it('does not wait for an upstream that says nothing, and is not told of it later', async () => {
    const rig = rigOf();
    const client = listen(rig, ['x://one', 'x://two']);
    acknowledge(rig.sent('a', LISTEN)[0]);
    await pass(ACK_WITHIN_MS - 1);
    expect(client.events).toEqual([]);
    await pass(1);
    expect(said(client)[0]?.params.notifications).toEqual({ resourceSubscriptions: ['x://one'] });
    expect(rig.sent('b', LISTEN)[0]?.isCancelled).toBe(true);
    await pass(120_000);
    expect(rig.sent('b', LISTEN)).toHaveLength(1);
  });

  it('is acknowledged at once when it names none that it may see', () => {
    const rig = rigOf();
    const client = listen(rig, ['x://theirs', 'z://none']);
    expect(said(client)[0]?.params.notifications).toEqual({});
    expect(rig.sent('a', LISTEN)).toEqual([]);
  });

  it('hears nothing of what was hidden from it since, and again what was shown again', async () => {
    const rig = rigOf();
    const client = listen(rig, ['x://one']);
    const a = rig.sent('a', LISTEN)[0];
    acknowledge(a);
    await pass();
    rig.change({ items: [itemRow('resource', 'a', 'x://one', { visibility: 'private', ownerEmail: 'bob@example.com' })] });
    update(a, 'x://one');
    expect(updates(client)).toEqual([]);
    rig.change({ items: ITEMS });
    update(a, 'x://one');
    expect(updates(client)).toEqual(['x://one']);
  });

  it('is told once of each when an upstream is heard again', async () => {
    const rig = rigOf();
    const client = listen(rig, ['x://one', 'a+x://both', 'x://two']);
    for (const call of [rig.sent('a', LISTEN)[0], rig.sent('b', LISTEN)[0]]) acknowledge(call);
    await pass();
    rig.sent('a', LISTEN)[0]?.sink.end();
    await pass(500);
    const again = rig.sent('a', LISTEN)[1];
    expect(wanted(again)).toEqual(['x://one', 'x://both']);
    acknowledge(again);
    await pass();
    expect(updates(client)).toEqual(['x://one', 'a+x://both']);
    update(again, 'x://one');
    expect(updates(client)).toHaveLength(3);
  });

  it('follows its upstream when that is switched off and on, and is reached another way', async () => {
    const rig = rigOf();
    const client = listen(rig, ['x://one']);
    acknowledge(rig.sent('a', LISTEN)[0]);
    await pass();
    rig.change({ upstreams: [upstreamRow('a', { enabled: false }), upstreamRow('b')] });
    expect(rig.sent('a', LISTEN)[0]?.isCancelled).toBe(true);
    await pass(60_000);
    expect(rig.sent('a', LISTEN)).toHaveLength(1);
    rig.change({ upstreams: [upstreamRow('a', { url: 'http://127.0.0.1/else' }), upstreamRow('b')] });
    await pass(500);
    acknowledge(rig.sent('a', LISTEN)[1]);
    await pass();
    expect([rig.sent('a', LISTEN)[1]?.request.upstream.url, updates(client)]).toEqual(['http://127.0.0.1/else', ['x://one']]);
  });

  it('takes its streams to upstreams along when it leaves, acknowledged or not', async () => {
    const rig = rigOf();
    const client = listen(rig, ['x://one']);
    acknowledge(rig.sent('a', LISTEN)[0]);
    await pass();
    client.leave();
    expect(rig.sent('a', LISTEN)[0]?.isCancelled).toBe(true);
    const unheard = listen(rig, ['x://one']);
    unheard.leave();
    await pass(120_000);
    expect(rig.sent('a', LISTEN).map(({ isCancelled }) => isCancelled)).toEqual([true, true]);
  });

  it('is refused when its request names nothing', () => {
    const client = rigOf().post({ id: 1, method: LISTEN, params: { _meta: MODERN_META } });
    expect([client.status, client.error?.code]).toEqual([400, 'request.bad_params']);
  });
});

describe('listeners', () => {
  it('are told in turns, between which other work is done', async () => {
    vi.useRealTimers();
    const rig = rigOf();
    const listening = { notifications: { toolsListChanged: true }, _meta: MODERN_META };
    const clients = Array.from({ length: 20 }, (_, at) => rig.post({ id: at, method: LISTEN, params: listening }, { token: `caller ${at}` }));
    const told = (): number => clients.filter(({ data }) => data[1]?.includes('notifications/tools/list_changed') === true).length;
    let nowMs = 0;
    // Every listener takes longer than a turn.
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += 20));
    rig.change({ items: [...ITEMS, itemRow('tool', 'a', 'new')] });
    expect(told()).toBe(1);
    for (let turn = 0; told() < clients.length && turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve));
    clock.mockRestore();
    expect(told()).toBe(clients.length);
  });
});
