import { describe, expect, it } from 'vitest';
import { description, entityName, headerValue, httpUrl, limitsFrom } from './field-rules.ts';
import { tagsField } from './tag.ts';

describe('fields of all nouns', () => {
  it.each(['weather', 'My Server 2.0', 'a_b-c', 'x'.repeat(255)])('take the name "%s"', (name) => {
    expect(entityName.safeParse(name).success).toBe(true);
  });

  it.each(['', 'a<b', 'a"b', "a'b", 'a/b', 'a\nb', 'a\u202eb', 'ä', 'x'.repeat(256)])('refuse the name %j', (name) => {
    expect(entityName.safeParse(name).success).toBe(false);
  });

  it('cut a long description instead of refusing it, and keep ordinary text as typed', () => {
    expect(description.parse('x'.repeat(9000))).toHaveLength(8192);
    expect(description.parse('1 < 2 & "quoted"\nnext: a=b, on = time')).toBe('1 < 2 & "quoted"\nnext: a=b, on = time');
  });

  it.each(['<script>', '< IMG src=x>', '</form', 'onclick=x', 'javascript:x', 'a\u0000b', 'a\u202eb', 'a\u200bb'])(
    'refuse the description %j',
    (text) => {
      expect(description.safeParse(text).success).toBe(false);
    },
  );

  it.each(['http://h/mcp', 'https://h.example:8443/mcp?x=1', 'http://[::1]:9/mcp'])('take the URL %s', (url) => {
    expect(httpUrl.parse(url)).toBe(url);
  });

  it.each([
    '',
    'h/mcp',
    '/mcp',
    'ftp://h',
    'ws://h',
    'http://',
    'http://u:p@h/',
    'http://u@h/',
    'http://h/a b',
    'http://h/\u0007',
    'http://h\\@evil/',
    'javascript:x',
    `http://h/${'x'.repeat(2048)}`,
  ])('refuse the URL %j', (url) => {
    expect(httpUrl.safeParse(url).success).toBe(false);
  });

  it.each(['a\r\nb', 'a\nb', 'a\u0000', '€'])('refuse the header value %j', (value) => {
    expect(headerValue.safeParse(value).success).toBe(false);
  });

  it('tell a limit that is taken away from one that is not mentioned', () => {
    expect(limitsFrom({})).toEqual({ callsPerMinute: undefined, concurrent: undefined });
    expect(limitsFrom({ limits: null })).toEqual({ callsPerMinute: null, concurrent: null });
    expect(limitsFrom({ limits: { calls_per_minute: null, concurrent: 2 } })).toEqual({ callsPerMinute: null, concurrent: 2 });
    expect(limitsFrom({ callsPerMinute: 5 })).toEqual({ callsPerMinute: 5, concurrent: undefined });
    expect(limitsFrom({ callsPerMinute: 5, concurrent: 3 })).toEqual({ callsPerMinute: 5, concurrent: 3 });
    expect(limitsFrom({ limits: { concurrent: null }, concurrent: 3 }).concurrent).toBeNull();
  });
});

describe('tags', () => {
  it('are normalised to find by and kept as typed to show, in order and once each', () => {
    expect(tagsField.parse([' Big Data ', 'big_data', { id: 'x1', label: 'X1' }, { id: 'only-id' }, 'big  data'])).toEqual([
      { id: 'big-data', label: 'Big Data' },
      { id: 'x1', label: 'X1' },
      { id: 'only-id', label: 'only-id' },
    ]);
  });

  it('that break the rules are dropped without an error', () => {
    expect(tagsField.parse('a, ok, -bad-, <b>, ' + 'x'.repeat(51))).toEqual([{ id: 'ok', label: 'ok' }]);
  });
});
