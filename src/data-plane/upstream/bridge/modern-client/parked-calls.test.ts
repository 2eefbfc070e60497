import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ParkedCalls, type Parked } from './parked-calls.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function call(upstreamId = 'u'): Parked & { readonly given: boolean[] } {
  const given: boolean[] = [];
  return { upstreamId, given, giveUp: (isExpired) => void given.push(isExpired), resume: () => ({ cancel() {}, pause() {}, resume() {} }) };
}

describe('calls that wait', () => {
  it('are taken up once, by the round and the binding they wait for', () => {
    const parked = new ParkedCalls(1000, 10);
    const waiting = call();
    const { callId, round } = parked.park(waiting, 'ann', 'b');
    expect(parked.take(callId, 'other', 'b')).toBeUndefined();
    expect(parked.take(callId, round, 'other')).toBeUndefined();
    expect(parked.take(callId, round, 'b')).toBe(waiting);
    expect(parked.take(callId, round, 'b')).toBeUndefined();
    vi.advanceTimersByTime(5000);
    expect(waiting.given).toEqual([]);
    expect(parked.counts).toEqual({ waiting: 0, parked: 1, resumed: 1, expired: 0 });
  });

  it('are given up when their time is over, and when their upstream is no more', () => {
    const parked = new ParkedCalls(1000, 10);
    const [late, gone] = [call('a'), call('b')];
    parked.park(late, 'ann', 'x');
    parked.park(gone, 'ann', 'y');
    parked.keepOnly((id) => id === 'a');
    expect([late.given, gone.given]).toEqual([[], [false]]);
    vi.advanceTimersByTime(1000);
    expect(late.given).toEqual([true]);
    expect(parked.counts).toEqual({ waiting: 0, parked: 2, resumed: 0, expired: 1 });
  });

  it('leave places for other callers, and a place that is left is free', () => {
    const parked = new ParkedCalls(1000, 8);
    const places = Array.from({ length: 6 }, () => parked.park(call(), 'ann', 'x'));
    expect([parked.hasRoom('ann'), parked.hasRoom('bob')]).toEqual([false, true]);
    for (const { callId, round } of places.slice(0, 1)) parked.take(callId, round, 'x');
    expect(parked.hasRoom('ann')).toBe(true);
    for (let more = 0; more < 3; more++) parked.park(call(), 'bob', 'y');
    expect([parked.hasRoom('ann'), parked.hasRoom('bob'), parked.hasRoom('eve')]).toEqual([false, false, false]);
    vi.advanceTimersByTime(1000);
    expect([parked.hasRoom('ann'), parked.counts.waiting]).toEqual([true, 0]);
  });
});
