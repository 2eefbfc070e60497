// A legacy client subscribes to resources of a combined server, whichever era their upstreams speak.
import { expect, it } from 'vitest';
import type { PlayedCall } from '../data-plane/data-plane-rig.ts';
import { itemRow, upstreamRow } from './combined-rig.ts';
import { answers, PlayedCombined, sentJson, settled } from './played-combined.ts';

const LISTEN = 'subscriptions/listen';
const UPDATED = 'notifications/resources/updated';

/** Honours whatever is wanted. */
function honour(call: PlayedCall): void {
  const { id, params } = sentJson(call);
  const meta = { 'io.modelcontextprotocol/subscriptionId': id };
  const ack = { method: 'notifications/subscriptions/acknowledged', params: { notifications: params?.['notifications'], _meta: meta } };
  call.opensStream().says(JSON.stringify({ jsonrpc: '2.0', ...ack }));
}

const update = (call: PlayedCall | undefined, uri: string): void =>
  void call?.says(JSON.stringify({ jsonrpc: '2.0', method: UPDATED, params: { uri, _meta: { 'io.modelcontextprotocol/subscriptionId': 'x' } } }));

it('is answered strictly, and hears of each under the name it knows until it unsubscribes', async () => {
  const rig = new PlayedCombined({
    upstreams: [upstreamRow('a', { modern: false }), upstreamRow('b', { legacy: false })],
    items: [itemRow('resource', 'a', 'x://both'), itemRow('resource', 'b', 'x://both'), itemRow('resource', 'b', 'x://other')],
  });
  const session = rig.openSession();
  const ear = rig.verb('GET', { session });
  const older = rig.post({ id: 1, method: 'resources/subscribe', params: { uri: 'a+x://both' } }, { session });
  answers(await rig.until('a', 'resources/subscribe'), {});
  const newer = rig.post({ id: 2, method: 'resources/subscribe', params: { uri: 'b+x://both' } }, { session });
  honour(await rig.until('b', LISTEN));
  const subscribed = await rig.until('b', LISTEN, 2);
  expect(sentJson(subscribed).params?.['notifications']).toMatchObject({ resourceSubscriptions: ['x://both'] });
  honour(subscribed);
  await settled();
  expect([older.body, newer.body].map((body) => JSON.parse(body) as unknown)).toEqual([
    { jsonrpc: '2.0', id: 1, result: {} },
    { jsonrpc: '2.0', id: 2, result: {} },
  ]);
  (await rig.until('a', 'GET')).opensStream();
  update(rig.sent('a', 'GET')[0], 'x://both');
  update(subscribed, 'x://both');
  await settled();
  const heard = (): unknown[] =>
    ear.data.flatMap((data) => (data?.includes(UPDATED) === true ? [(JSON.parse(data) as { params: unknown }).params] : []));
  expect(heard()).toEqual([expect.objectContaining({ uri: 'a+x://both' }), { uri: 'b+x://both' }]);
  const left = rig.post({ id: 3, method: 'resources/unsubscribe', params: { uri: 'b+x://both' } }, { session });
  const narrowed = await rig.until('b', LISTEN, 3);
  expect(sentJson(narrowed).params?.['notifications']).not.toHaveProperty('resourceSubscriptions');
  honour(narrowed);
  await settled();
  expect([JSON.parse(left.body), subscribed.isCancelled]).toEqual([{ jsonrpc: '2.0', id: 3, result: {} }, true]);
  rig.verb('DELETE', { session });
  await settled();
  expect(narrowed.isCancelled).toBe(true);
});
