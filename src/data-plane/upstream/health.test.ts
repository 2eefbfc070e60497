import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AppError, silentLogger } from '#base/kernel';
import type { UpstreamRow } from '#data-plane/gateway';
import { startHealthProbe } from './health-probe.ts';
import { HealthBook } from './health.ts';

const unreachable = new AppError('upstream.unreachable', 'connection refused');
const bookOf = (threshold: number): HealthBook => new HealthBook({ threshold, probeIntervalMs: 60_000 });

function fail(book: HealthBook, times: number): void {
  for (let i = 0; i < times; i++) book.failed('u', unreachable);
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

test('an upstream is down after so many failures in a row, and degraded before', () => {
  const book = bookOf(3);
  expect(book.healthOf('u').state).toBe('connecting');
  fail(book, 2);
  expect(book.healthOf('u').state).toBe('degraded');
  expect(book.admit('u')).toBeUndefined();
  book.succeeded('u');
  expect(book.healthOf('u')).toMatchObject({ state: 'ready', lastError: undefined });
  fail(book, 3);
  expect(book.healthOf('u').state).toBe('down');
  expect(bookOf(-1).healthOf('u').state).toBe('connecting');
  const never = bookOf(-1);
  fail(never, 50);
  expect(never.healthOf('u').state).toBe('degraded');
});

test('of one that is down, one caller at a time finds out whether it is back; the others hear the last error at once', () => {
  const book = bookOf(1);
  fail(book, 1);
  expect(book.admit('u')).toBeUndefined();
  expect(book.admit('u')).toContain('connection refused');
  book.failed('u', unreachable);
  expect(book.admit('u')).toBeUndefined();
  book.released('u');
  expect(book.admit('u')).toBeUndefined();
  book.succeeded('u');
  expect([book.admit('u'), book.admit('u')]).toEqual([undefined, undefined]);
});

test('a trial that never reports back does not keep everybody out', () => {
  const book = bookOf(1);
  fail(book, 1);
  expect(book.admit('u')).toBeUndefined();
  expect(book.admit('u')).toBeTypeOf('string');
  vi.advanceTimersByTime(10_001);
  expect(book.admit('u')).toBeUndefined();
});

test('one upstream’s trouble is nobody else’s', () => {
  const book = bookOf(1);
  fail(book, 5);
  expect(book.healthOf('other').state).toBe('connecting');
  expect(book.admit('other')).toBeUndefined();
});

test('an error comes with what to do about it, and refused credentials are a state of their own', () => {
  const book = bookOf(3);
  book.failed('u', new AppError('upstream.needs_auth', 'HTTP 401'));
  expect(book.healthOf('u')).toMatchObject({ state: 'needs_auth', lastError: { code: 'upstream.needs_auth', message: 'HTTP 401' } });
  expect(book.healthOf('u').lastError?.remedy).toMatch(/auth_type/);
  expect(book.admit('u')).toBeUndefined();
  book.noteRead('u', 'ready');
  expect(book.healthOf('u').state).toBe('ready');
  book.noteRead('u', unreachable);
  expect(book.healthOf('u').state).toBe('down');
});

test('lists that are of no use are told until they are read well, and keep nobody away from an upstream that answers', () => {
  const book = bookOf(1);
  book.noteRead('u', 'ready');
  book.noteRead('u', new AppError('upstream.bad_answer', 'pages without end'));
  book.succeeded('u');
  expect(book.healthOf('u')).toMatchObject({ state: 'ready', lastError: { code: 'upstream.bad_answer', message: 'pages without end' } });
  expect([book.admit('u'), book.admit('u')]).toEqual([undefined, undefined]);
  book.noteRead('u', unreachable);
  expect(book.healthOf('u').state).toBe('down');
  book.noteRead('u', 'ready');
  expect(book.healthOf('u')).toMatchObject({ state: 'ready', lastError: undefined });
});

test('a troubled upstream is probed after a back-off that grows to about a minute, a quiet one now and then, an untried one at once', () => {
  const book = bookOf(1);
  // After a restart nobody has tried it yet; its state must be known before somebody needs it.
  expect(book.due(['u'], Date.now())).toEqual(['u']);
  const pausesMs: number[] = [];
  for (let failures = 0; failures < 12; failures++) {
    fail(book, 1);
    const failedAtMs = Date.now();
    while (book.due(['u'], Date.now()).length === 0) vi.advanceTimersByTime(100);
    pausesMs.push(Date.now() - failedAtMs);
  }
  expect(pausesMs[0]).toBeLessThanOrEqual(800);
  expect(pausesMs.at(-1)).toBeGreaterThan(40_000);
  expect(Math.max(...pausesMs)).toBeLessThanOrEqual(76_000);
  book.succeeded('u');
  expect(book.due(['u'], Date.now())).toEqual([]);
  expect(book.due(['u'], Date.now() + 60_000)).toEqual(['u']);
});

test('a line that breaks after it stood is worth knowing, and keeps nobody out however many break', () => {
  const book = bookOf(3);
  book.succeeded('u');
  for (let i = 0; i < 10; i++) book.broke('u', unreachable);
  expect(book.healthOf('u')).toMatchObject({ state: 'degraded', lastError: { message: 'connection refused' } });
  expect([book.admit('u'), book.admit('u')]).toEqual([undefined, undefined]);
  fail(book, 3);
  book.broke('u', unreachable);
  expect(book.healthOf('u').state).toBe('down');
});

test('a probe for which the gateway has no room is no failure of the upstream', async () => {
  const book = bookOf(1);
  const tries: AppError[] = [new AppError('limit.processes', 'Full.'), unreachable];
  const row = { id: 'u', name: 'u', enabled: true, transport: 'STDIO' } as UpstreamRow;
  const reader = { read: () => Promise.reject(tries.shift() ?? unreachable) };
  const probe = startHealthProbe(book, reader, () => [row], { timeoutMs: 1000, onReady: () => {} }, silentLogger);
  await vi.advanceTimersByTimeAsync(1100);
  expect([tries.length, book.healthOf('u').state]).toEqual([1, 'connecting']);
  await vi.advanceTimersByTimeAsync(1000);
  expect(book.healthOf('u').state).toBe('down');
  probe.close();
});
