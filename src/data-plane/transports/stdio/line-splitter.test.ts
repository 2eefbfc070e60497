import { expect, test } from 'vitest';
import { LineSplitter } from './line-splitter.ts';

function split(chunks: (string | Buffer)[], maxBytes = 100): string[] {
  const seen: string[] = [];
  const splitter = new LineSplitter(maxBytes, { line: (bytes) => seen.push(bytes.toString()), tooLong: () => seen.push('TOO LONG') });
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  splitter.end();
  return seen;
}

test.each<[string, string[], string[]]>([
  ['several in one chunk', ['a\nb\nc\n'], ['a', 'b', 'c']],
  ['one in many chunks', ['a', 'b', 'c\nd'], ['abc', 'd']],
  ['ends of Windows, blank lines and a byte order mark', ['\uFEFFa\r\n\r\n  \nb\r\n'], ['a', 'b']],
  ['nothing', [], []],
])('%s', (_, chunks, lines) => {
  expect(split(chunks)).toEqual(lines);
});

test('a letter cut in two by a chunk is whole again', () => {
  const bytes = Buffer.from('ä\n');
  expect(split([bytes.subarray(0, 1), bytes.subarray(1)])).toEqual(['ä']);
});

test('a line that is too long is told once, and the next is read', () => {
  expect(split(['x'.repeat(60), 'x'.repeat(60), 'x'.repeat(60), '\nb\n', `${'y'.repeat(101)}\n`, 'c'])).toEqual(['TOO LONG', 'b', 'TOO LONG', 'c']);
  expect(split([`${'x'.repeat(100)}\n`])).toEqual(['x'.repeat(100)]);
});
