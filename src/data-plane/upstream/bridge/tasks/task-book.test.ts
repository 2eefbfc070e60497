import { expect, test } from 'vitest';
import type { UpstreamEntry } from '#data-plane/gateway';
import { TaskBook, type KeptTask } from './task-book.ts';

class Kept implements KeptTask {
  releases = 0;
  readonly owner: string;
  readonly upstreamId: string;
  readonly taskId: string;
  readonly expiresAtMs: number;
  readonly sizeBytes: number;
  readonly isFinished: boolean;
  constructor(owner: string, taskId: string, { upstreamId = 'u', expiresAtMs = Number.POSITIVE_INFINITY, sizeBytes = 1, isFinished = false } = {}) {
    this.owner = owner;
    this.taskId = taskId;
    this.upstreamId = upstreamId;
    this.expiresAtMs = expiresAtMs;
    this.sizeBytes = sizeBytes;
    this.isFinished = isFinished;
  }
  release(): void {
    this.releases++;
  }
}

const bookOf = (...tasks: Kept[]): TaskBook<Kept> => {
  const book = new TaskBook<Kept>({ max: 3, maxPerOwner: 2, keptBytes: 100 });
  for (const task of tasks) book.add(task);
  return book;
};

test('a task is found by whoever made it, at the upstream that runs it, and by nobody else', () => {
  const task = new Kept('ann', 't');
  const book = bookOf(task);
  expect(book.find('ann', 'u', 't')).toBe(task);
  for (const [owner, upstream, id] of [
    ['bob', 'u', 't'],
    ['ann', 'v', 't'],
    ['ann', 'u', 'other'],
  ] as const)
    expect(book.find(owner, upstream, id)).toBeUndefined();
  book.close();
  expect([task.releases, book.size]).toEqual([1, 0]);
});

test('one caller has so many tasks at once, and all together so many', () => {
  const first = new Kept('ann', '1');
  const book = bookOf(first, new Kept('ann', '2'));
  expect([book.hasRoom('ann'), book.hasRoom('bob')]).toEqual([false, true]);
  book.add(new Kept('bob', '1'));
  expect(book.hasRoom('carl')).toBe(false);
  book.remove(first);
  book.remove(first);
  expect([book.hasRoom('ann'), book.hasRoom('carl'), first.releases]).toEqual([true, true, 1]);
  book.close();
});

test('a task whose time is over is gone at once for whoever asks, and let go soon for who does not', () => {
  const asked = new Kept('ann', '1', { expiresAtMs: 10 });
  const forgotten = new Kept('ann', '2', { expiresAtMs: 20 });
  const book = bookOf(asked, forgotten);
  expect(book.find('ann', 'u', '1', 9)).toBe(asked);
  expect(book.find('ann', 'u', '1', 10)).toBeUndefined();
  book.sweep(20);
  expect([asked.releases, forgotten.releases, book.size]).toEqual([1, 1, 0]);
});

test('tasks of an upstream that is gone or switched off are let go', () => {
  const [here, off, gone] = [new Kept('ann', '1'), new Kept('ann', '2', { upstreamId: 'off' }), new Kept('bob', '3', { upstreamId: 'gone' })];
  const book = bookOf(here, off, gone);
  book.keepOnly(
    new Map([
      ['u', { enabled: true } as UpstreamEntry],
      ['off', { enabled: false } as UpstreamEntry],
    ]),
  );
  expect([here.releases, off.releases, gone.releases]).toEqual([0, 1, 1]);
  book.close();
});

test('outcomes that nobody fetches are bounded: the oldest finished task goes first, running ones stay', () => {
  const running = new Kept('ann', 'r', { sizeBytes: 60 });
  const old = new Kept('ann', 'o', { sizeBytes: 60, isFinished: true });
  const young = new Kept('bob', 'y', { sizeBytes: 30, isFinished: true });
  const book = bookOf(running, old, young);
  book.trim();
  expect([running.releases, old.releases, young.releases]).toEqual([0, 1, 0]);
  book.close();
});
