// What an upstream asks and tells in the course of a call: for how long it counts, and who still hears it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { answerTo, news, SERVER, startRig, UPSTREAM, type DataPlaneRig } from './data-plane-rig.ts';

let rig: DataPlaneRig;
let session: string;

beforeEach(() => {
  vi.useFakeTimers();
  rig = startRig();
  session = rig.openSession();
});
afterEach(() => vi.useRealTimers());

function question(id: number | string): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method: 'elicitation/create', params: {} });
}

test('a question holds the time of its own call, and only until that call is over', () => {
  const asking = rig.call(session, 1);
  const other = rig.call(session, 2);
  asking.asked.opensStream().says(question(1));
  vi.advanceTimersByTime(61_000);
  expect(other.client.error?.code).toBe('upstream.timeout');
  expect(asking.client.isEnded).toBe(false);
  asking.asked.says(answerTo(1)).sink.end();
  expect(rig.recorded('ask')).toEqual([['elicitation/create', 'cancelled']]);
  const later = rig.call(session, 3);
  vi.advanceTimersByTime(61_000);
  expect(later.client.error?.code).toBe('upstream.timeout');
});

test('unanswered questions do not add up over calls, and one that is taken back is over', () => {
  for (let id = 1; id <= 1200; id++) {
    const { client, asked } = rig.call(session, id);
    asked.opensStream().says(question(id)).says(answerTo(id)).sink.end();
    expect(client.data).toHaveLength(2);
  }
  const { client, asked } = rig.call(session, 1);
  asked.opensStream();
  for (let id = 1; id <= 1200; id++) {
    asked.says(question(`q${id}`)).says(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: `q${id}` } }));
  }
  expect([client.data.length, asked.isCancelled]).toEqual([2400, false]);
});

test('an upstream that asks without end, or with ids without end, is stopped', () => {
  const flood = rig.call(session, 1);
  flood.asked.opensStream();
  for (let id = 1; id <= 1100 && !flood.asked.isCancelled; id++) flood.asked.says(question(id));
  expect([flood.client.data.length < 1100, flood.asked.isCancelled]).toEqual([true, true]);
  const huge = rig.call(session, 2);
  huge.asked.opensStream().says(question('x'.repeat(100_000)));
  expect([huge.client.data.length, huge.asked.isCancelled]).toEqual([1, true]);
});

test('what was switched off under a running call asks and tells nothing more, but may still answer', () => {
  const telling = rig.call(session, 1);
  const answering = rig.call(session, 2);
  for (const { asked } of [telling, answering]) asked.opensStream();
  rig.change({ upstreams: [{ ...UPSTREAM, enabled: false }] });
  telling.asked.says(question(1));
  answering.asked.says(answerTo(2));
  expect([telling.client.data.includes(question(1)), telling.asked.isCancelled]).toEqual([false, true]);
  expect(answering.client.data).toEqual([answerTo(2)]);
});

test('a change that leaves the server usable disturbs nothing', () => {
  const { client, asked } = rig.call(session, 1);
  asked.opensStream();
  rig.change({ servers: [{ ...SERVER, name: 'renamed' }] });
  asked.says(news(1)).says(answerTo(1));
  expect(client.data).toEqual([news(1), answerTo(1)]);
});
