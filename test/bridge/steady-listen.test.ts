// Listen streams at upstreams of the client's own era: everything passes as it came, and a broken way there is not the client's to mend.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../src/base/kernel/index.ts';
import type { UpstreamRow } from '../../src/data-plane/gateway/index.ts';
import { createBridge, type Bridge } from '../../src/data-plane/upstream/bridge/bridge.ts';
import { snapshotOf, upstreamRow } from '../combined/combined-rig.ts';
import { bridgeRig, PlayedClient, type BridgeRig, type Heard, type Message, type PlayedCall } from './bridge-rig.ts';

const META = 'io.modelcontextprotocol/';
const TAG = `${META}subscriptionId`;
const ACK: Message = {
  method: 'notifications/subscriptions/acknowledged',
  params: { notifications: { toolsListChanged: true, resourceSubscriptions: ['x://a'], 'vendor/x': 1 }, _meta: { [TAG]: 7 } },
};
const LISTEN: Message = {
  id: 7,
  method: 'subscriptions/listen',
  params: {
    notifications: { toolsListChanged: true, resourceSubscriptions: ['x://a', 'x://b'] },
    _meta: { [`${META}protocolVersion`]: '2026-07-28', [`${META}clientCapabilities`]: {} },
  },
};
const RESULT: Message = { id: 7, result: { resultType: 'complete', _meta: { [TAG]: 7 } } };
const FIRST_PAUSE_MS = 500;

let rig: BridgeRig;
let bridge: Bridge;
let rows: UpstreamRow[];
beforeEach(() => {
  vi.useFakeTimers();
  let snapshot = snapshotOf([upstreamRow('u', { modern: true })], []);
  rig = bridgeRig({ modern: true, legacy: true }, [], { snapshot: () => snapshot });
  rows = [rig.row];
  bridge = createBridge(rig.parts);
  hold = (...now) => {
    rows = now;
    snapshot = snapshotOf(rows, []);
    bridge.keepOnly(snapshot.upstreams);
  };
});
afterEach(async () => {
  await bridge.close();
  vi.useRealTimers();
});
let hold: (...rows: UpstreamRow[]) => void;

const pass = async (ms: number): Promise<void> => void (await vi.advanceTimersByTimeAsync(ms));
const streams = (): PlayedCall[] => rig.port.ofMethod('subscriptions/listen');

function listen(): Heard {
  const client = new PlayedClient(bridge, rig.row);
  client.headers = ['mcp-protocol-version', '2026-07-28', 'mcp-method', 'subscriptions/listen'];
  return client.send(LISTEN);
}

function acknowledged(): Heard {
  const heard = listen();
  rig.port.last('subscriptions/listen').say(ACK);
  return heard;
}

describe('a listen stream', () => {
  it('passes as it is said, acknowledgement and result too', () => {
    const heard = acknowledged();
    rig.port.last('subscriptions/listen').say({ method: 'notifications/vendor', params: { _meta: { [TAG]: 7 } } });
    rig.port.last('subscriptions/listen').say(RESULT);
    expect(heard.messages).toEqual([
      { jsonrpc: '2.0', ...ACK },
      { jsonrpc: '2.0', method: 'notifications/vendor', params: { _meta: { [TAG]: 7 } } },
      { jsonrpc: '2.0', ...RESULT },
    ]);
    expect(heard.isEnded).toBe(true);
  });

  it('is refused as the upstream refuses it', () => {
    const heard = listen();
    rig.port.last('subscriptions/listen').refuse(-32601, 'no', 404);
    expect([heard.status, heard.answer?.error?.code, heard.isEnded]).toEqual([404, -32601, true]);
    const other = listen();
    rig.port.last('subscriptions/listen').breakDown(new AppError('upstream.down', 'down'));
    expect(other.failure?.code).toBe('upstream.down');
  });

  it('that breaks is opened again; the client hears once what may have changed, and goes on listening', async () => {
    const heard = acknowledged();
    streams()[0]?.breakDown();
    await pass(FIRST_PAUSE_MS - 1);
    expect(streams()).toHaveLength(1);
    await pass(1);
    expect(streams()[1]?.message).toEqual(streams()[0]?.message);
    streams()[1]?.say({ method: 'notifications/tools/list_changed', params: { _meta: { [TAG]: 7 } } });
    expect(heard.messages).toHaveLength(1);
    streams()[1]?.say(ACK);
    expect(heard.messages.slice(1)).toEqual([
      { jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: { _meta: { [TAG]: 7 } } },
      { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'x://a', _meta: { [TAG]: 7 } } },
    ]);
    streams()[1]?.say({ method: 'notifications/x', params: {} });
    expect(heard.messages.at(-1)?.method).toBe('notifications/x');
    expect([heard.failure, heard.isEnded, heard.heads.length]).toEqual([undefined, false, 1]);
  });

  it('is tried again while the upstream is not there, ever more seldom, and given up when it refuses', async () => {
    const heard = acknowledged();
    streams()[0]?.end();
    for (const pauseMs of [500, 1000, 2000, 4000]) {
      await pass(pauseMs);
      streams().at(-1)?.breakDown(new AppError('upstream.unreachable', 'gone'));
    }
    expect(streams()).toHaveLength(5);
    await pass(8000);
    streams()
      .at(-1)
      ?.document({ id: 7, error: { code: -32603, message: 'not now' } }, 502);
    await pass(16_000);
    expect(heard.failure).toBeUndefined();
    streams().at(-1)?.refuse(-32601, 'no more', 404);
    expect(heard.failure?.code).toBe('upstream.connection_lost');
    await pass(60_000);
    expect(streams()).toHaveLength(7);
  });

  it('ends with its result when the gateway is switched off, and is opened again where the upstream is now', async () => {
    const moved = acknowledged();
    hold(upstreamRow('u', { url: 'http://127.0.0.1/else' }));
    expect(streams()[0]?.isCancelled).toBe(true);
    await pass(FIRST_PAUSE_MS);
    expect(streams()[1]?.request.upstream.url).toBe('http://127.0.0.1/else');
    streams()[1]?.say(ACK);
    hold(upstreamRow('u', { url: 'http://127.0.0.1/else', enabled: false }));
    expect(moved.messages.at(-1)).toEqual({ jsonrpc: '2.0', ...RESULT });
    expect([moved.isEnded, streams()[1]?.isCancelled]).toEqual([true, true]);
  });

  it('that its client leaves is left upstream too, whether or not it is open at the moment', async () => {
    const heard = acknowledged();
    heard.call?.cancel();
    expect(streams()[0]?.isCancelled).toBe(true);
    const other = acknowledged();
    streams()[1]?.breakDown();
    other.call?.cancel();
    await pass(60_000);
    expect(streams()).toHaveLength(2);
  });

  it('stands still while its client is full, and is told then what was missed', async () => {
    const heard = acknowledged();
    heard.call?.pause();
    expect(streams()[0]?.isPaused).toBe(true);
    streams()[0]?.breakDown();
    await pass(FIRST_PAUSE_MS);
    expect(streams()[1]?.isPaused).toBe(true);
    streams()[1]?.say(ACK);
    expect(heard.messages).toHaveLength(1);
    heard.call?.resume();
    expect(streams()[1]?.isPaused).toBe(false);
    expect(heard.messages).toHaveLength(3);
  });

  it('that is opened again is opened once more when its upstream does not say what it tells', async () => {
    const heard = acknowledged();
    streams()[0]?.breakDown();
    await pass(FIRST_PAUSE_MS);
    await pass(rig.parts.handshakeTimeoutMs);
    expect(streams()[1]?.isCancelled).toBe(true);
    await pass(2 * FIRST_PAUSE_MS);
    streams()[2]?.say(ACK);
    await pass(2 * rig.parts.handshakeTimeoutMs);
    expect([streams().length, streams()[2]?.isCancelled, heard.messages.length]).toEqual([3, false, 3]);
  });

  it('is tried again where the way to the upstream cannot even be entered', async () => {
    acknowledged();
    streams()[0]?.breakDown();
    const entering = vi.spyOn(rig.port, 'open').mockImplementationOnce(() => {
      throw new Error('a defect');
    });
    await pass(FIRST_PAUSE_MS);
    expect(entering).toHaveBeenCalledTimes(1);
    await pass(2 * FIRST_PAUSE_MS);
    expect(streams()).toHaveLength(2);
  });
});
