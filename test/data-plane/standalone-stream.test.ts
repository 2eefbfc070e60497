// The GET stream of a session, at the moments in which something else happens to it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { news, SERVER, startRig, type DataPlaneRig } from './data-plane-rig.ts';

let rig: DataPlaneRig;
let session: string;

beforeEach(() => {
  vi.useFakeTimers();
  rig = startRig();
  session = rig.openSession();
});
afterEach(() => vi.useRealTimers());

test('an upstream that still thinks its stream taken is asked once more, and the client gets that answer alone', () => {
  const client = rig.get({ session });
  rig.last().refuses(409);
  expect([client.status, client.body, client.isEnded]).toEqual([0, '', false]);
  const before = rig.calls.length;
  vi.advanceTimersByTime(1000);
  expect(rig.calls).toHaveLength(before + 1);
  rig.last().opensStream().says(news(1));
  expect([client.status, client.kind, client.data]).toEqual([200, 'stream', [news(1)]]);
});

test('a second 409 is the client’s answer', () => {
  const client = rig.get({ session });
  rig.last().refuses(409);
  vi.advanceTimersByTime(1000);
  rig.last().refuses(409);
  expect([client.status, client.isEnded]).toEqual([409, true]);
  expect(rig.get({ session }).status).toBe(0);
});

test('nobody is asked once more for a client that has gone meanwhile, or a session that has ended', () => {
  const client = rig.get({ session });
  rig.last().refuses(409);
  client.leave();
  const other = rig.openSession();
  const waiting = rig.get({ session: other });
  rig.last().refuses(409);
  rig.remove({ session: other });
  rig.last().refuses(200, '{}');
  const before = rig.calls.length;
  vi.advanceTimersByTime(10_000);
  expect(rig.calls).toHaveLength(before);
  expect(waiting.isEnded).toBe(true);
});

test('a stream the upstream has not answered for yet ends with its session, in an error', () => {
  const client = rig.get({ session });
  const asked = rig.last();
  rig.remove({ session });
  rig.last().refuses(200, '{}');
  expect([client.isEnded, client.error?.code, asked.isCancelled]).toEqual([true, 'session.not_found', true]);
});

test('a client that comes back with a new token is served when the old one is no longer good', () => {
  const client = rig.get({ session, token: 'ann/1' });
  rig.last().opensStream().says(news(1), 'a');
  client.leave();
  rig.revoked.add('ann/1');
  rig.last().says(news(2), 'b');
  const back = rig.get({ session, token: 'ann/2', headers: { 'last-event-id': client.lastEventId } });
  rig.last().says(news(3), 'c');
  expect(back.data).toEqual([news(2), news(3)]);
  rig.revoked.add('ann/2');
  rig.last().says(news(4), 'd');
  expect([back.data.length, back.isEnded]).toEqual([2, true]);
  const last = rig.get({ session, token: 'ann/3', headers: { 'last-event-id': back.lastEventId } });
  expect(last.data).toEqual([news(4)]);
});

test('a reader who was too slow and comes back does not leave the upstream stopped', () => {
  const slow = rig.get({ session });
  const asked = rig.last().opensStream();
  slow.isFull = true;
  asked.says(news(1), 'a');
  expect(asked.isPaused).toBe(true);
  const back = rig.get({ session, headers: { 'last-event-id': slow.lastEventId } });
  expect([asked.isPaused, slow.isEnded]).toEqual([false, true]);
  asked.says(news(2), 'b');
  expect(back.data).toEqual([news(2)]);
});

test('a JSON answer to a GET stops the upstream while the client is full', () => {
  const client = rig.get({ session });
  const asked = rig.last();
  asked.sink.head({ status: 200, kind: 'json', headers: [], contentLength: undefined });
  client.isFull = true;
  asked.sink.chunk(Buffer.from('{'));
  expect(asked.isPaused).toBe(true);
  client.listener?.clientHasRoom();
  expect(asked.isPaused).toBe(false);
});

test('where the upstream can no longer resume its stream, the next GET begins a new one', () => {
  const client = rig.get({ session });
  rig.last().opensStream().says(news(1), 'a').sink.end();
  expect(client.isEnded).toBe(true);
  const again = { session, headers: { 'last-event-id': client.lastEventId } };
  rig.get(again);
  expect(rig.last().request.lastEventId).toBe('a');
  rig.last().refuses(400);
  const third = rig.get(again);
  expect(rig.last().request.lastEventId).toBeUndefined();
  rig.last().opensStream().says(news(2), 'b');
  expect(third.data).toEqual([news(2)]);
});

test('a session whose client has left its stream for good expires, and so does the upstream’s side', () => {
  const client = rig.get({ session });
  const asked = rig.last().opensStream().says(news(1), 'a');
  vi.advanceTimersByTime(2 * 3_600_000);
  expect(asked.isCancelled).toBe(false);
  client.leave();
  vi.advanceTimersByTime(60_000);
  const back = rig.get({ session, headers: { 'last-event-id': client.lastEventId } });
  expect(back.status).toBe(200);
  back.leave();
  vi.advanceTimersByTime(2 * 3_600_000);
  expect(asked.isCancelled).toBe(true);
  expect(rig.last().request.method).toBe('DELETE');
  expect(rig.get({ session }).status).toBe(404);
});

test('what the upstream says reaches nobody who may no longer use the server', () => {
  const client = rig.get({ session });
  const asked = rig.last().opensStream().says(news(1), 'a');
  rig.change({ servers: [{ ...SERVER, enabled: false }] });
  asked.says(news(2), 'b');
  expect([client.data, client.isEnded, asked.isCancelled]).toEqual([[news(1)], true, true]);
});

test('outside a session, a stream ends upstream when its client goes', () => {
  const client = rig.get();
  const asked = rig.last().opensStream().says(news(1));
  expect(client.data).toEqual([news(1)]);
  client.leave();
  expect(asked.isCancelled).toBe(true);
});

test('opening and ending streams is not a call: limits neither count nor refuse it', () => {
  rig.change({ servers: [{ ...SERVER, limits: { callsPerMinute: 1, concurrent: 1 } }] });
  rig.post({ id: 1, method: 'tools/call', params: { name: 'x' } }, { session });
  const client = rig.get({ session });
  expect([client.error, rig.last().request.method]).toEqual([undefined, 'GET']);
  expect(rig.remove({ session }).error).toBeUndefined();
});
