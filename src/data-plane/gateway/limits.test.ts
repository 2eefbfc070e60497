import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppError } from '#base/kernel';
import { LimitBook, LimitGate } from './limits.ts';

function refusalOf(enter: () => void): AppError | undefined {
  try {
    enter();
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

function gateOf(callsPerMinute: number | null, concurrent: number | null, nowMs = 0): LimitGate {
  const gate = new LimitGate('server "s"');
  gate.configure({ callsPerMinute, concurrent }, nowMs);
  return gate;
}

test('never more calls at once than configured, and each that leaves makes room for one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5 }), fc.array(fc.boolean(), { maxLength: 50 }), (concurrent, steps) => {
      const gate = gateOf(null, concurrent);
      let running = 0;
      for (const isArrival of steps) {
        if (isArrival) {
          const refusal = refusalOf(() => gate.enter(0));
          expect(refusal?.code).toBe(running < concurrent ? undefined : 'limit.concurrency');
          if (refusal === undefined) running++;
        } else if (running > 0) {
          gate.leave();
          running--;
        }
      }
    }),
  );
});

test('in any span of time at most the stock and what has grown since get in', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 600 }), fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 200 }), (perMinute, pausesMs) => {
      const gate = gateOf(perMinute, null);
      let nowMs = 0;
      let admitted = 0;
      for (const pauseMs of pausesMs) {
        nowMs += pauseMs;
        if (refusalOf(() => gate.enter(nowMs)) === undefined) admitted++;
      }
      expect(admitted).toBeLessThanOrEqual(perMinute + (nowMs * perMinute) / 60_000 + 1e-6);
    }),
  );
});

test('a refused caller who waits as long as it was told gets in', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 0, max: 10_000 }), (perMinute, atMs) => {
      const gate = gateOf(perMinute, null);
      for (let call = 0; call < perMinute; call++) gate.enter(0);
      const refusal = refusalOf(() => gate.enter(atMs));
      if (refusal === undefined) return;
      expect(refusal).toMatchObject({ code: 'limit.rate', status: 429 });
      const waitMs = refusal.data?.['retryAfterMs'] as number;
      expect(waitMs).toBeGreaterThan(0);
      expect(refusalOf(() => gate.enter(atMs + waitMs))).toBeUndefined();
    }),
  );
});

test('a change elsewhere does not refill a limit, a change of the limit itself takes effect at once', () => {
  const book = new LimitBook();
  const find = (callsPerMinute: number | null): LimitGate | undefined => book.gate('server:1', 'server "s"', { callsPerMinute, concurrent: null }, 0);
  const gate = find(1);
  gate?.enter(0);
  expect(find(1)).toBe(gate);
  expect(refusalOf(() => find(1)?.enter(0))?.code).toBe('limit.rate');
  expect(refusalOf(() => find(2)?.enter(0))).toBeUndefined();
  expect(find(null)).toBeUndefined();
});

test('a call that was under way when its limit was taken away leaves nothing behind', () => {
  const book = new LimitBook();
  const limits = { callsPerMinute: null, concurrent: 1 };
  const before = book.gate('server:1', 'server "s"', limits, 0);
  before?.enter(0);
  expect(book.gate('server:1', 'server "s"', { callsPerMinute: null, concurrent: null }, 0)).toBeUndefined();
  before?.leave();
  const after = book.gate('server:1', 'server "s"', limits, 0);
  after?.enter(0);
  expect(refusalOf(() => after?.enter(0))?.code).toBe('limit.concurrency');
});

test('what is gone leaves no gate behind, and nobody else’s limit is refilled by that', () => {
  const book = new LimitBook();
  const find = (key: string): LimitGate | undefined => book.gate(key, key, { callsPerMinute: 1, concurrent: null }, 0);
  const [kept, gone] = [find('server:1'), find('server:2')];
  book.keepOnly(new Set(['server:1']));
  expect(find('server:1')).toBe(kept);
  expect(find('server:2')).not.toBe(gone);
});
