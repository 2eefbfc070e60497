import { expect, test } from 'vitest';
import type { Held } from './soak.ts';
import { verdictOn } from './verdict.ts';

const MEGABYTE = 1024 * 1024;
const HELD: Held = {
  heapBytes: 40 * MEGABYTE,
  descriptors: 41,
  children: 0,
  handles: 7,
  timers: 16,
  upstreamSessions: 0,
  waiting: 0,
  expired: 0,
};
const after = (change: Partial<Held>) => verdictOn([HELD, { ...HELD, heapBytes: 39 * MEGABYTE }, { ...HELD, ...change }], 1000);

test('what is back at its start, within noise, is said to be', () => {
  expect(after({}).isBack).toBe(true);
  expect(after({ heapBytes: 40.5 * MEGABYTE, timers: 20, descriptors: 45 })).toMatchObject({
    isBack: true,
    text: expect.stringContaining('262 bytes each'),
  });
  expect(after({ heapBytes: 30 * MEGABYTE }).isBack).toBe(true);
});

test.each<Partial<Held>>([
  { heapBytes: 42 * MEGABYTE },
  { upstreamSessions: 2000 },
  { timers: 2000 },
  { descriptors: 100 },
  { handles: 50 },
  { children: 9 },
  { waiting: 1 },
])('what has grown is not: %j', (change) => {
  expect(after(change)).toMatchObject({ isBack: false, text: expect.stringContaining('NOT back') });
});

test('one look alone is no comparison', () => {
  expect(() => verdictOn([HELD], 1)).toThrow('less than one round');
});
