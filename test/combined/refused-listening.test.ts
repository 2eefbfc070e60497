// Listeners of combined servers whose upstreams cannot even be asked: that is those resources' loss, and nobody else's.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AppError } from '../../src/base/kernel/index.ts';
import type { PlayedClient } from '../data-plane/data-plane-rig.ts';
import { itemRow, upstreamRow } from './combined-rig.ts';
import { MODERN_META, PlayedCombined } from './played-combined.ts';

const LISTEN = 'subscriptions/listen';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});
const pass = async (ms = 0): Promise<void> => {
  await vi.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

function rigOf(): PlayedCombined {
  return new PlayedCombined({ upstreams: [upstreamRow('a')], items: [itemRow('resource', 'a', 'x://one')] });
}
function listen(rig: PlayedCombined): PlayedClient {
  return rig.post({ id: 1, method: LISTEN, params: { notifications: { resourceSubscriptions: ['x://one'] }, _meta: MODERN_META } });
}
const honoured = (client: PlayedClient): unknown => JSON.parse(client.data[0] ?? '{}').params?.notifications;
const acknowledge = (rig: PlayedCombined): void =>
  void rig
    .sent('a', LISTEN)
    .at(-1)
    ?.opensStream()
    .says(
      '{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"resourceSubscriptions":["x://one"]},"_meta":{}}}',
    );
const refuseAll = (rig: PlayedCombined) =>
  vi.spyOn(rig.bridge, 'open').mockImplementation(() => {
    throw new AppError('limit.sessions', 'full');
  });

it('leaves out what cannot be asked for, and tells the rest', async () => {
  const rig = rigOf();
  refuseAll(rig);
  const client = listen(rig);
  await pass();
  expect(honoured(client)).toEqual({});
  await pass(120_000);
  expect(client.isEnded).toBe(false);
});

it('goes on trying where another stream cannot be asked for yet', async () => {
  const rig = rigOf();
  const client = listen(rig);
  acknowledge(rig);
  await pass();
  const refusing = refuseAll(rig);
  rig.change({ upstreams: [upstreamRow('a', { url: 'http://127.0.0.1/else' })] });
  await pass(10_000);
  expect(refusing.mock.calls.length).toBeGreaterThan(1);
  refusing.mockRestore();
  await pass(30_000);
  acknowledge(rig);
  await pass();
  expect(client.data.at(-1)).toContain('notifications/resources/updated');
});
