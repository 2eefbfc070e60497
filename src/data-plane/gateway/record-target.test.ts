import { describe, expect, it } from 'vitest';
import { plainTarget, targetOf } from './record-target.ts';

const NOTHING = { name: undefined, uri: undefined, taskId: undefined };

describe('what a record says a message is about', () => {
  it.each([
    ['file:///home/a/report.pdf', 'file:///home/a/report.pdf'],
    ['https://user:pass@host.test/a?key=k#f', 'https://host.test/a?…'],
    ['https://token@host.test', 'https://host.test'],
    ['https://host.test/a@b', 'https://host.test/a@b'],
    ['db://host/table#secret', 'db://host/table#…'],
    ['?api_key=1', '?…'],
    ['mailto:a@example.com', 'mailto:a@example.com'],
  ])('has no key that a URI carries: %s', (uri, shown) => expect(plainTarget(uri)).toBe(shown));

  it('names a tool whole, and a task so that nobody can fetch it', () => {
    expect(targetOf({ ...NOTHING, name: 'what?now' })).toBe('what?now');
    expect(targetOf({ ...NOTHING, uri: 'x://y?z' })).toBe('x://y?…');
    expect(targetOf({ ...NOTHING, taskId: '0123456789abcdef' })).toBe('01234567…');
    expect(targetOf(NOTHING)).toBe('');
  });
});
