import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJsonc } from './jsonc.ts';

describe('JSON with comments', () => {
  it('takes comments, trailing commas and a byte order mark, and leaves texts alone', () => {
    const text = '\ufeff// first\n{ "a": [1, 2, /* two */ ], "b": "// no comment, ] }", "c": "\\"/*", }\n';
    expect(parseJsonc(text).value).toEqual({ a: [1, 2], b: '// no comment, ] }', c: '"/*' });
  });

  it('what JSON.parse takes means the same', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJsonc(text).value).toEqual(JSON.parse(text));
      }),
    );
  });

  it('says in which line it is wrong, comments or not', () => {
    const slip = (text: string): string => {
      try {
        parseJsonc(text);
        return 'none';
      } catch (error) {
        return (error as SyntaxError).message;
      }
    };
    expect(slip('/* one\n two */ {\n "a": ,\n}')).toBe('line 3, column 7: , is there instead of a value');
    expect(slip('{\n  "a": 1\n  "b": 2\n}')).toBe('line 3, column 3: "b" is there instead of a comma or }');
    expect(slip('[1,,]')).toBe('line 1, column 4: , is there instead of a value');
    expect(slip("{'a': 1}")).toBe("line 1, column 2: 'a' is there instead of a key or }");
    expect(slip('{"a":1 x,}')).toBe('line 1, column 8: x is there instead of a comma or }');
    expect(slip('{"a": tru}')).toBe('line 1, column 7: tru is there instead of a value');
    expect(slip('{"a": "b')).toBe('line 1, column 7: "b is there instead of a value');
    expect(slip('[1, 2')).toBe('it ends where a comma or ] is missing');
    expect(slip('')).toBe('it is empty');
    expect(slip('{} {}')).toBe('line 1, column 4: { is there instead of the end');
  });

  it('finds the place of any slip', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '1', ' ', '\n', 'x') }), (text) => {
        try {
          parseJsonc(text);
        } catch (error) {
          expect((error as SyntaxError).message).toMatch(/^line \d+, column \d+: |^it (ends|is empty)/);
        }
      }),
    );
  });

  it('names keys that stand twice in one object, with their line, and no others', () => {
    expect(parseJsonc('{\n"a": {"b": "c", "c": "b"},\n"b": [{"a": 1}, {"a": 1}],\n"a": 2}').repeated).toEqual([{ key: '"a"', line: 4 }]);
  });
});
