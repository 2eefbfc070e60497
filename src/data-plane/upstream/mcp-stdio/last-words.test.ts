import { describe, expect, it } from 'vitest';
import { LAST_WORDS_MAX, LastWords } from './last-words.ts';
import { SecretMask } from './secret-mask.ts';

function wordsOf(chunks: readonly (string | Buffer)[], secrets: readonly string[] = []): string {
  const words = new LastWords(new SecretMask(secrets), () => {});
  for (const chunk of chunks) words.push(Buffer.from(chunk as string));
  return words.text;
}

describe('last words', () => {
  it('are the last lines, also one without an end', () => {
    expect(wordsOf(['first\r\n', '\n', 'sec', 'ond\nthi', 'rd'])).toBe('first\nsecond\nthird');
  });

  it('stay small, however much is said and however long a line is', () => {
    const lines = Array.from({ length: 10_000 }, (_, i) => `line ${i}\n`);
    expect(wordsOf(lines).length).toBeLessThanOrEqual(LAST_WORDS_MAX);
    expect(wordsOf(lines).endsWith('\nline 9999')).toBe(true);
    expect(wordsOf(Array.from({ length: 1000 }, () => 'x'.repeat(10_000)))).toHaveLength(2048);
  });

  it('show nothing that changes how the rest looks', () => {
    expect(wordsOf(['\u001b[31mred\u001b[0m\u001b]0;title\u0007 \u202eback\u0000 tab\there'])).toBe('red \ufffdback\ufffd tab here');
  });

  it('keep characters that arrive in two pieces', () => {
    const bytes = Buffer.from('grün');
    expect(wordsOf([bytes.subarray(0, 3), bytes.subarray(3)])).toBe('grün');
  });

  it('hide a secret wherever it stands, also across the place where a line is cut', () => {
    const secret = 'p4ssw0rd.*';
    for (let before = 2048 - 12; before <= 2048 + 1; before++) {
      const text = wordsOf([`${'-'.repeat(before)}${secret}${'-'.repeat(600)}`], [secret]);
      expect(text.replace(/-|\*{3}/g, '')).toBe('');
    }
    expect(wordsOf([`a ${secret} b ${JSON.stringify('tw"o-words')}`], [secret, 'tw"o-words', 'true'])).toBe('a *** b "***"');
    expect(wordsOf(['debug: true'], ['true'])).toBe('debug: true');
  });

  it('hide secrets of any length and the lines of one with several', () => {
    const long = 'k'.repeat(1300);
    expect(wordsOf([`key ${long} end`], [long])).toBe('key ********* end');
    expect(wordsOf(['at line-two!'], ['line-one\nline-two'])).toBe('at ***!');
  });
});
