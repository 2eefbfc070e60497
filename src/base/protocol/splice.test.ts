import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { appendElement, jsonText, mapElements, mapMembers, parsedJson, removeMember, replaceAt, setMember, valueAt } from './splice.ts';

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

const isObject = (value: Json | undefined): value is { [name: string]: Json } => typeof value === 'object' && value !== null && !Array.isArray(value);

// No backslash: having read a key that is one, JSON.parse of V8 14.6 takes a key that is a quote for the same.
const keys = fc
  .oneof(fc.constantFrom('params', '_meta', 'id', 'a', 'ä', '"', '', '__proto__'), fc.string({ unit: 'binary', maxLength: 3 }))
  .filter((key) => !key.includes('\\'));
const { value: anyJson } = fc.letrec<{ value: Json; object: { [name: string]: Json } }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json>(null, true, false, 0, 1.5, 'x', 'ü\n"'),
    tie('object'),
    tie('object'),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
  object: fc.array(fc.tuple(keys, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
}));
const gap = fc.constantFrom('', ' ', '\n\t');

/** JSON as a foreign writer may put it: white space anywhere, escapes for what needs none. */
const written = fc.tuple(anyJson, gap, fc.boolean()).map(([value, space, isEscaped]) => ({ value, text: write(value, space, isEscaped) }));

function write(value: Json, space: string, isEscaped: boolean): string {
  const name = (key: string): string => (isEscaped ? jsonText(key).replaceAll('a', '\\u0061') : jsonText(key));
  const put = (each: Json): string => {
    if (Array.isArray(each)) return `[${space}${each.map(put).join(`${space},${space}`)}${space}]`;
    if (!isObject(each)) return jsonText(each);
    return `{${space}${Object.entries(each)
      .map(([key, member]) => `${name(key)}${space}:${space}${put(member)}`)
      .join(`${space},${space}`)}${space}}`;
  };
  return `${space}${put(value)}${space}`;
}

/** A path that leads somewhere more often than not. */
const withPath = fc.tuple(written, fc.array(fc.nat(), { maxLength: 4 }), fc.array(keys, { maxLength: 2 })).map(([{ value, text }, turns, rest]) => {
  const path: string[] = [];
  let at: Json | undefined = value;
  for (const turn of turns) {
    if (!isObject(at) || Object.keys(at).length === 0) break;
    const names: string[] = Object.keys(at);
    const name = names[turn % names.length] as string;
    path.push(name);
    at = at[name];
  }
  return { value, text, path: turns.length % 2 === 0 ? path : [...path, ...rest] };
});

function at(value: Json | undefined, path: readonly string[]): Json | undefined {
  let here = value;
  for (const name of path) here = isObject(here) && Object.hasOwn(here, name) ? here[name] : undefined;
  return here;
}

/** The value with another in place of the one at this path; made where the way leads through objects. */
function edited(value: Json | undefined, path: readonly string[], put: Json | undefined): Json | undefined {
  const [name, ...rest] = path;
  if (name === undefined) return put;
  if (value !== undefined && !isObject(value)) return value;
  const members = Object.entries(value ?? {});
  const index = members.findIndex(([key]) => key === name);
  const inner = edited(index === -1 ? undefined : (members[index] as [string, Json])[1], rest, put);
  if (inner !== undefined) members.splice(index === -1 ? members.length : index, 1, [name, inner]);
  else if (index !== -1) members.splice(index, 1);
  return Object.fromEntries(members);
}

test('valueAt gives the text of what JSON.parse would give', () => {
  fc.assert(
    fc.property(withPath, ({ value, text, path }) => {
      const found = valueAt(text, path);
      const expected = at(value, path);
      expect(found === undefined ? undefined : parsedJson(found)).toEqual(expected);
      if (found !== undefined) expect(text).toContain(found);
    }),
  );
});

test('replaceAt changes one value; all before and behind it is the very same text', () => {
  fc.assert(
    fc.property(withPath, anyJson, ({ value, text, path }, put) => {
      const before = valueAt(text, path);
      const changed = replaceAt(text, path, jsonText(put));
      if (before === undefined) {
        expect(changed).toBe(text);
        return;
      }
      expect(parsedJson(changed)).toEqual(edited(value, path, put));
      expect(replaceAt(changed, path, before)).toBe(text);
    }),
  );
});

test('setMember adds what is missing on the way, at the end, and leaves the rest as it is', () => {
  fc.assert(
    fc.property(withPath, anyJson, ({ value, text, path }, put) => {
      const changed = setMember(text, path, jsonText(put));
      expect(parsedJson(changed)).toEqual(edited(value, path, put));
      // Order and spelling of what was there: without the addition the text is the old one.
      const missing = path.findIndex((_, index) => at(value, path.slice(0, index + 1)) === undefined);
      if (missing !== -1 && changed !== text) expect(removeMember(changed, path.slice(0, missing + 1))).toBe(text);
    }),
  );
});

test('removeMember takes one member out, and nothing else', () => {
  fc.assert(
    fc.property(withPath, ({ value, text, path }) => {
      const changed = removeMember(text, path);
      const parent = at(value, path.slice(0, -1));
      const isThere = path.length > 0 && isObject(parent) && Object.hasOwn(parent, path.at(-1) as string);
      if (!isThere) {
        expect(changed).toBe(text);
        return;
      }
      const parsed = parsedJson(changed) as Json;
      const left = at(parsed, path.slice(0, -1));
      expect(JSON.stringify(left)).toBe(JSON.stringify(Object.fromEntries(Object.entries(parent).filter(([key]) => key !== path.at(-1)))));
      // Their texts too: numbers and escapes are as they were written.
      for (const key of Object.keys(left as object)) {
        const other = [...path.slice(0, -1), key];
        expect(valueAt(changed, other)).toBe(valueAt(text, other));
      }
    }),
  );
});

test('mapElements changes the elements it is told to, others and the space between them stay', () => {
  fc.assert(
    fc.property(fc.array(anyJson, { maxLength: 5 }), fc.func(fc.boolean()), gap, (elements, isChanged, space) => {
      const texts = elements.map((each) => write(each, space, false).trim());
      const frame = (parts: string[]): string => `{"n":1.0,"list":[${space}${parts.join(`${space},${space}`)}${space}],"list2":[1]}`;
      const changed = mapElements(frame(texts), ['list'], (element) => (isChanged(element) ? `"${element.length}"` : undefined));
      expect(changed).toBe(frame(texts.map((element) => (isChanged(element) ? `"${element.length}"` : element))));
    }),
  );
});

test('mapMembers changes the values it is told to, names, order and the others stay', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(keys, anyJson), { maxLength: 5, selector: ([key]) => key }),
      fc.func(fc.boolean()),
      gap,
      (members, isChanged, space) => {
        const parts = members.map(([key, value]) => [jsonText(key), write(value, space, false).trim()] as const);
        const frame = (all: (readonly [string, string])[]): string =>
          `[{"o":{${all.map(([key, value]) => `${space}${key}:${space}${value}`).join(',')}},"n":1.0}]`;
        const text = frame(parts).slice(1, -1);
        const changed = mapMembers(text, ['o'], (name, value) => (isChanged(name) ? `[${value}]` : undefined));
        expect(`[${changed}]`).toBe(frame(parts.map(([key, value], index) => [key, isChanged(members[index]?.[0]) ? `[${value}]` : value])));
      },
    ),
  );
});

test('elements may be changed with these very functions', () => {
  const text = '{"a":[{"b":1.0},{"c":2},3]}';
  expect(mapElements(text, ['a'], (element) => setMember(element, ['b'], '[]'))).toBe('{"a":[{"b":[]},{"c":2,"b":[]},3]}');
});

test('appendElement puts an element behind the last one', () => {
  expect(appendElement('{"a":[1.0 ]}', ['a'], '2')).toBe('{"a":[1.0,2 ]}');
  expect(appendElement('{"a":[ ]}', ['a'], '2')).toBe('{"a":[2 ]}');
  expect(appendElement('{"a":{}}', ['a'], '2')).toBe('{"a":{}}');
  expect(appendElement('{}', ['a'], '2')).toBe('{}');
});

test('of a name that is there twice the last one counts, as for JSON.parse', () => {
  expect(valueAt('{"id":1,"id":2}', ['id'])).toBe('2');
  expect(replaceAt('{"id":1,"id":2}', ['id'], '3')).toBe('{"id":1,"id":3}');
  expect(removeMember('{"id":1,"x":0,"id":2}', ['id'])).toBe('{"x":0}');
});

test('a path through what is no object leads nowhere', () => {
  expect(setMember('{"params":[1]}', ['params', '_meta', 'x'], '1')).toBe('{"params":[1]}');
  expect(setMember('{"jsonrpc":"2.0"}', ['params', '_meta', 'x'], '1')).toBe('{"jsonrpc":"2.0","params":{"_meta":{"x":1}}}');
  expect(setMember(' {} ', ['a'], '1')).toBe(' {"a":1} ');
});

test.each(['{', '{"a":1,}', '{"a" 1}', '{"b":01,"a":1}', '{a:1}'])('what is not JSON is refused: %s', (text) => {
  const malformed = expect.objectContaining({ code: 'request.malformed_json' });
  expect(() => setMember(text, ['a'], '1')).toThrow(malformed);
  expect(() => removeMember(text, ['a'])).toThrow(malformed);
});
