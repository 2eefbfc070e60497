import { describe, expect, it } from 'vitest';
import type { ReadItem } from '#base/protocol';
import { cleanText, screenItems } from './item-screening.ts';

const tool = (name: string, json = '{}'): ReadItem => ({ kind: 'tool', key: name, name, title: undefined, description: undefined, json, needs: [] });

describe('what other people’s servers call their tools', () => {
  it.each([
    ['empty', ''],
    ['blank', ' \t'],
    ['longer than 128 characters', 'x'.repeat(129)],
    ['turned around', 'safe\u202eelif_eteled'],
    ['with a zero-width space', 'get\u200btime'],
    ['with a line break', 'a\nb'],
    ['with an escape', '\u001b[31mred'],
    ['with half a character', 'a\ud800'],
    ['with a soft hyphen', 'a\u00adb'],
  ])('is left out when it is %s, with a reason', (_, name) => {
    const { items, skipped } = screenItems({ items: [tool(name), tool('good')], skipped: [] });
    expect(items.map((kept) => kept.name)).toEqual(['good']);
    expect(skipped).toEqual([{ kind: 'tool', name: expect.not.stringMatching(/[\p{Cc}\u00ad\u200b\u202e]/u), reason: expect.stringMatching(/\w/) }]);
  });

  it.each(['get_time', 'a/b.c-d', 'Größe', '天気', 'has blank', 'x'.repeat(128)])('is kept when it is "%s"', (name) => {
    expect(screenItems({ items: [tool(name)], skipped: [] }).items).toHaveLength(1);
  });

  it('is kept once when it comes twice', () => {
    const { items, skipped } = screenItems({
      items: [tool('a', '{"first":1}'), tool('a')],
      skipped: [{ kind: 'tool', name: 'b', reason: 'earlier' }],
    });
    expect(items.map((kept) => kept.json)).toEqual(['{"first":1}']);
    expect(skipped.map(({ name }) => name)).toEqual(['b', 'a']);
  });

  it('cannot fill the database: the number of tools, their size and the list of reasons are bounded', () => {
    const flood = screenItems({ items: Array.from({ length: 10_500 }, (_, at) => tool(`t${at}`)), skipped: [] });
    expect([flood.items.length, flood.skipped.length]).toEqual([10_000, 100]);
    expect(screenItems({ items: [tool('big', 'x'.repeat(2 ** 20 + 1))], skipped: [] }).items).toEqual([]);
    expect(cleanText('x'.repeat(100_000))).toHaveLength(8192);
  });

  it('is shown with invisible characters made visible, ordinary text as it is', () => {
    expect(cleanText('a\u202eb\u0007c')).toBe('a\ufffdb\ufffdc');
    expect(cleanText('line\n\ttab – naïve 👩‍🚀'.replace('\u200d', ''))).toBe('line\n\ttab – naïve 👩🚀');
  });
});
