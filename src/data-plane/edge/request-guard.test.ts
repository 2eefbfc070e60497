import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { AppError } from '#base/kernel';
import { createRequestGuard, type RequestGuardSettings } from './request-guard.ts';

function refusalOf(settings: Partial<RequestGuardSettings>, headers: { host?: string; origin?: string }): string | undefined {
  const guard = createRequestGuard({ isLoopback: true, allowedHosts: [], allowedOrigins: [], ...settings });
  const request = { headers, rawHeaders: Object.entries(headers).flat() } as unknown as IncomingMessage;
  try {
    guard(request);
    // What is remembered as good must not be refused, nor the other way round.
    guard(request);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

test.each(['localhost', 'localhost:4444', 'LOCALHOST:4444', '127.0.0.1', '127.0.0.1:80', '[::1]', '[::1]:4444'])(
  'on loopback the Host %s names this machine',
  (host) => {
    expect(refusalOf({}, { host })).toBeUndefined();
  },
);

test.each([
  'evil.example',
  'localhost.evil.example',
  'evil.example:4444',
  '127.0.0.1.evil.example',
  'localhost@evil.example',
  'localhost:evil',
  'localhost:123456',
  ' localhost',
  'localhost\t',
  '[::2]',
  '::2',
  '0.0.0.0',
  '127.0.0.2',
  '',
  'localhost,evil.example',
  'localhost/x',
])('on loopback the Host %j is refused: a page may have rebound its own name', (host) => {
  expect(refusalOf({}, { host })).toBe('host.refused');
});

test('a request without a Host is refused on loopback', () => {
  expect(refusalOf({}, {})).toBe('host.refused');
});

test('further names are answered for when the owner lists them, and beyond loopback any name until one is listed', () => {
  expect(refusalOf({ allowedHosts: ['gw.example'] }, { host: 'GW.example:8080' })).toBeUndefined();
  expect(refusalOf({ allowedHosts: ['*'] }, { host: 'evil.example' })).toBeUndefined();
  expect(refusalOf({ isLoopback: false }, { host: 'anything.example' })).toBeUndefined();
  expect(refusalOf({ isLoopback: false, allowedHosts: ['gw.example'] }, { host: 'anything.example' })).toBe('host.refused');
});

test.each(['http://evil.example', 'null', 'http://localhost:3000.evil.example', 'https://app.example.evil', 'http://app.example', ''])(
  'a page of %j may not call',
  (origin) => {
    expect(refusalOf({ allowedOrigins: ['https://app.example'] }, { host: 'localhost:4444', origin })).toBe('origin.refused');
  },
);

test.each([
  ['https://app.example', ['https://app.example']],
  ['https://APP.example', ['https://app.example/']],
  ['http://localhost:4444', []],
  ['https://anything.example', ['*']],
])('a page of %s may call when %j are allowed', (origin, allowedOrigins) => {
  expect(refusalOf({ allowedOrigins }, { host: 'localhost:4444', origin })).toBeUndefined();
});

test.each([
  ['Host', 'localhost'],
  ['hOST', 'evil.example'],
  ['Authorization', 'Bearer a'],
])('a second %s is refused, whichever of the two would be taken', (name, value) => {
  const guard = createRequestGuard({ isLoopback: true, allowedHosts: [], allowedOrigins: [] });
  const sent = (...rawHeaders: string[]) => ({ headers: { host: 'localhost' }, rawHeaders }) as unknown as IncomingMessage;
  const once = ['host', 'localhost', 'authorization', 'Bearer b', 'accept', 'a', 'accept', 'b'];
  expect(() => guard(sent(...once))).not.toThrow();
  expect(() => guard(sent(...once, name, value))).toThrow(expect.objectContaining({ code: 'request.bad_input' }));
});
