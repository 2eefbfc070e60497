import { describe, expect, it } from 'vitest';
import { LineReader } from './line-reader.ts';

function read(chunks: readonly (string | Buffer)[], sizeMax?: number): { messages: string[]; noise: string[] } {
  const messages: string[] = [];
  const noise: string[] = [];
  const reader = new LineReader(
    (text) => messages.push(text),
    (line) => noise.push(line.toString('latin1')),
    sizeMax,
  );
  for (const chunk of chunks) reader.push(Buffer.from(chunk as string));
  return { messages, noise };
}

describe('lines of a process', () => {
  it('are the same however the bytes are cut', () => {
    const bytes = Buffer.from('{"a":"ü"}\r\n\n[{"b":1}]\nhello\n{"c":2}\n');
    const whole = read([bytes]);
    expect(whole).toEqual({ messages: ['{"a":"\u00c3\u00bc"}', '[{"b":1}]', '{"c":2}'], noise: ['hello'] });
    expect(read([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
    for (let at = 1; at < bytes.length; at++) expect(read([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
  });

  it.each(['[INFO] ready', '{ready}', '{', '}', '{"a":1', '"text"', '12', '[1,2]', 'null', '{"a":1} done'])('%s is no message', (text) => {
    expect(read([`${text}\n`])).toEqual({ messages: [], noise: [text] });
  });

  it.each(['{}', ' {"a":1}\t', '{ "a" : 1 }', '[ { } ]'])('%j may be one', (text) => {
    expect(read([`${text}\n`])).toEqual({ messages: [text], noise: [] });
  });

  it('that are no UTF-8 are no messages', () => {
    expect(read([Buffer.from([0x7b, 0x22, 0xc3, 0x22, 0x3a, 0x31, 0x7d, 0x0a])]).messages).toEqual([]);
  });

  it('have a largest size, counted anew for each', () => {
    expect(read(['{"a":1}\n', '{"a":1}\n'], 8).messages).toHaveLength(2);
    expect(() => read(['{"a":', '1234}'], 8)).toThrow(expect.objectContaining({ code: 'upstream.too_large' }));
    expect(() => read(['{"a":1234}\n'], 8)).toThrow('larger than 8 bytes');
  });

  it('of sixteen megabytes in small pieces cost no more than their bytes', () => {
    const piece = Buffer.alloc(4096, 0x61);
    const chunks = [Buffer.from('{"'), ...Array.from({ length: 4096 }, () => piece), Buffer.from('":1}\n')];
    expect(read(chunks).messages[0]).toHaveLength(4096 * 4096 + 6);
  });
});
