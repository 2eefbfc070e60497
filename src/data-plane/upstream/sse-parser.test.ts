import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppError } from '#base/kernel';
import type { StreamEvent } from '#data-plane/gateway';
import { SseParser } from './sse-parser.ts';

function parse(chunks: readonly Buffer[]): StreamEvent[] {
  const events: StreamEvent[] = [];
  const parser = new SseParser((event) => events.push(event));
  for (const chunk of chunks) parser.push(chunk);
  return events;
}

const whole = (text: string): StreamEvent[] => parse([Buffer.from(text)]);

/** Cuts at the given places, in any order and repeated: an empty chunk is a chunk too. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

const NOTHING: StreamEvent = { id: undefined, event: undefined, retry: undefined, data: undefined, comment: undefined };

test.each<[string, string, Partial<StreamEvent>[]]>([
  ['one event', 'event: message\nid: 7\ndata: {"a":1}\n\n', [{ event: 'message', id: '7', data: '{"a":1}' }]],
  ['data of several lines', 'data: a\ndata:\ndata:  b\n\n', [{ data: 'a\n\n b' }]],
  ['no space behind the colon', 'data:x\nid:\n\n', [{ data: 'x', id: '' }]],
  ['a field without a colon', 'data\n\n', [{ data: '' }]],
  ['a priming event: an id and empty data', 'id: 1\nretry: 500\ndata: \n\n', [{ id: '1', retry: '500', data: '' }]],
  ['a retry that is no number', 'retry: soon\ndata: x\n\n', [{ data: 'x' }]],
  ['a comment', ': keep-alive\n\n', [{ comment: ' keep-alive' }]],
  ['a comment beside data', ': note\ndata: x\n\n', [{ data: 'x' }]],
  ['fields nobody knows', 'colour: red\ndata: x\n\n', [{ data: 'x' }]],
  ['empty lines only', '\n\n\n', []],
  ['an event whose end has not come', 'data: x\n', []],
  ['CRLF', 'data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n', [{ data: 'a\nb' }, { data: 'c' }]],
  ['CR', 'data: a\rdata: b\r\rdata: c\r\r', [{ data: 'a\nb' }, { data: 'c' }]],
  ['a byte order mark', '\ufeffdata: x\n\n', [{ data: 'x' }]],
  ['a byte order mark only at the start', 'data: a\n\n\ufeffdata: x\n\n', [{ data: 'a' }, {}]],
  [
    'fields do not leak into the next event',
    'id: 1\nevent: e\nretry: 1\ndata: a\n\ndata: b\n\n',
    [{ id: '1', event: 'e', retry: '1', data: 'a' }, { data: 'b' }],
  ],
])('%s', (_what, text, expected) => {
  expect(whole(text)).toEqual(expected.map((fields) => ({ ...NOTHING, ...fields })));
});

test('however the bytes are cut, the events are the same', () => {
  const line = fc.oneof(
    fc.constantFrom('', 'data', 'data: ', 'data: {"a":"b"}', 'id: 1', 'event: message', 'retry: 10', ': ping', 'nonsense', 'data:é€😀'),
    fc.string({ unit: 'binary', maxLength: 8 }).map((text) => `data: ${text}`),
  );
  const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
  const stream = fc
    .tuple(fc.constantFrom('', '\ufeff'), fc.array(fc.tuple(line, lineEnd), { maxLength: 20 }))
    .map(([mark, lines]) => Buffer.from(mark + lines.flat().join('')));
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (bytes, places) => {
      expect(parse(cut(bytes, places))).toEqual(parse([bytes]));
    }),
    { numRuns: 2000 },
  );
  const all = Buffer.from('\ufeffid: 1\r\ndata: a\r\n\r\n: c\r\rdata: b\n\n');
  expect(parse([...all].map((byte) => Buffer.from([byte])))).toEqual(parse([all]));
});

test('line ends do not matter', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('', 'data: a', 'data: b', 'id: 1', ': c'), { maxLength: 12 }), (lines) => {
      const [lf, crlf, cr] = ['\n', '\r\n', '\r'].map((end) => whole(lines.map((text) => text + end).join('')));
      expect(crlf).toEqual(lf);
      expect(cr).toEqual(lf);
    }),
  );
});

test('one event may be large, but an endless one is refused', () => {
  const megabyte = Buffer.alloc(1024 * 1024, 'x');
  const events: StreamEvent[] = [];
  const parser = new SseParser((event) => events.push(event));
  for (let round = 0; round < 3; round++) {
    parser.push(Buffer.from('data: '));
    for (let i = 0; i < 30; i++) parser.push(megabyte);
    parser.push(Buffer.from('\n\n'));
  }
  expect(events.map((event) => event.data?.length)).toEqual([30, 30, 30].map((count) => count * megabyte.length));
  expect(() => {
    for (let i = 0; i < 65; i++) parser.push(megabyte);
  }).toThrow(AppError);
});
