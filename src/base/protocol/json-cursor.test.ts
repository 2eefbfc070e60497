import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppError } from '#base/kernel';
import { JsonCursor } from './json-cursor.ts';

const DEPTH_MAX = 512;

/** One character a byte, as all messages travel. */
const asBytes = (text: string): string => Buffer.from(text).toString('latin1');

function accepts(text: string): boolean {
  const cursor = new JsonCursor();
  cursor.reset(asBytes(text));
  try {
    cursor.skipValue();
    cursor.expectEnd();
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'request.malformed_json') return false;
    throw error;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const jsonish = fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0019aeE+-. \t\n\r/bnrtflsz\u0000\u0001\u007fé€'.split(''), '😀'), maxLength: 14 });
const documents = fc.json({ maxDepth: 4, stringUnit: 'binary' });
/** A document with one place changed: what is nearly JSON is where parsers differ. */
const damaged = fc
  .tuple(
    documents,
    fc.nat(),
    fc.nat(3),
    fc.constantFrom(
      '',
      ...'{}[]",:\\ux0-+.eE1 \n\t\u0000\u000b\u00a0\ufeff\'/'.split(''),
      '\\u',
      '\\ud800',
      '//',
      'NaN',
      'Infinity',
      'true',
      'null',
      '01',
      '1.',
      '.5',
    ),
  )
  .map(([text, at, removed, inserted]) => {
    const from = at % (text.length + 1);
    return text.slice(0, from) + inserted + text.slice(from + removed);
  });

test('what JSON.parse accepts is accepted, and nothing else', () => {
  for (const texts of [documents, damaged, jsonish]) {
    fc.assert(
      fc.property(texts, (text) => {
        expect(accepts(text)).toBe(isJson(text));
      }),
      { numRuns: 2000 },
    );
  }
});

test.each([
  '',
  ' ',
  '01',
  '-',
  '-01',
  '1.',
  '.1',
  '1e',
  '1e+',
  '+1',
  '0x1',
  'NaN',
  'Infinity',
  "'a'",
  '"\t"',
  '"\\x41"',
  '"\\u12"',
  '[1,]',
  '[,1]',
  '{"a":1,}',
  '{a:1}',
  '{"a"}',
  '{"a":}',
  '{"a" 1}',
  '[1 2]',
  'truex',
  'nul',
  '1 1',
  '{} {}',
  '[',
  '{',
  '"',
  '/**/1',
  '\ufeff1',
])('no leniency: %j is refused', (text) => {
  expect(accepts(text)).toBe(false);
});

test('nesting is bounded, so that no document can exhaust the stack, and up to the bound nothing is refused', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const nested = (levels: number): string => open.repeat(levels) + '1' + close.repeat(levels);
    expect(accepts(nested(DEPTH_MAX))).toBe(true);
    expect(accepts(nested(DEPTH_MAX + 1))).toBe(false);
    expect(accepts(nested(2_000_000))).toBe(false);
  }
});

test('a string is decoded as JSON.parse decodes it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (value, isEscaped) => {
      const written = isEscaped
        ? `"${[...Array(value.length).keys()].map((i) => `\\u${value.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
        : JSON.stringify(value);
      const cursor = new JsonCursor();
      cursor.reset(asBytes(` ${written} `));
      cursor.peek();
      cursor.skipString();
      expect(cursor.stringValue()).toBe(JSON.parse(written));
    }),
  );
});
