import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { filterListResult, listItems } from './list-filter.ts';

const asBytes = (text: string): string => Buffer.from(text).toString('latin1');

const name = fc.oneof(fc.constantFrom('shown', 'hidden', 'h\u00efdden', 'a"b', '\\', ''), fc.string({ unit: 'binary', maxLength: 5 }));
const space = fc.string({ unit: fc.constantFrom(' ', '\n'), maxLength: 2 });
/** One item as an upstream may write it: its name anywhere, escapes, odd numbers, unknown fields. */
const item = fc.tuple(name, fc.json(), fc.boolean(), space).map(([text, extra, isLast, gap]) => ({
  name: text,
  text: isLast
    ? `{"x":${extra},"n":1.0,"name":${gap}${JSON.stringify(text)}}`
    : `{"name":${JSON.stringify(text)}${gap},"inputSchema":{"name":"shown"},"x":${extra},"n":1E+2}`,
}));
const envelope = fc.tuple(fc.json(), space).map(([extra, gap]) => ({
  before: `{"jsonrpc":"2.0",${gap}"id":1,"x":${extra},"result":{"_meta":${extra},"tools":${gap}`,
  after: `${gap},"nextCursor":"c","prompts":[{"name":"hidden"}]},"y":${extra}}`,
}));

test('hidden items go, and every other byte stays as the upstream sent it', () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 6 }), envelope, fc.func(fc.boolean()), (items, { before, after }, isHidden) => {
      const text = asBytes(`${before}[${items.map((each) => each.text).join(',')}]${after}`);
      const kept = items.filter((each) => !isHidden(each.name));
      expect(filterListResult(text, 'tools', isHidden)).toBe(asBytes(`${before}[${kept.map((each) => each.text).join(',')}]${after}`));
    }),
  );
});

test('nothing hidden: the very same text, white space and all', () => {
  const text = '{ "result" : { "tools" : [ {"name":"a"} , {"name":"b"} ] } }';
  expect(filterListResult(text, 'tools', () => false)).toBe(text);
  expect(filterListResult(text, 'tools', (found) => found === 'b')).toBe('{ "result" : { "tools" : [{"name":"a"}] } }');
});

test.each([
  '{"jsonrpc":"2.0","id":1,"error":{"tools":[{"name":"hidden"}]}}',
  '{"result":[]}',
  '{"result":{"tools":{}}}',
  '{"result":{"tools":[]}}',
  '{"result":{}}',
  '{}',
  '[]',
  '{"result":{"tools":[1,null,"hidden",{"name":7},{},[]]}}',
])('a message without such a list passes unchanged: %s', (text) => {
  expect(filterListResult(text, 'tools', () => true)).toBe(text);
});

test('a name is hidden however it is escaped', () => {
  const text = '{"result":{"tools":[{"name":"\\u0068idden"},{"name":"shown"}]}}';
  expect(filterListResult(text, 'tools', (found) => found === 'hidden')).toBe('{"result":{"tools":[{"name":"shown"}]}}');
});

test('the items of a list are their original texts, and an empty cursor is a cursor', () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 5 }), envelope, (items, { before, after }) => {
      const text = asBytes(`${before}[${items.map((each) => each.text).join(' , ')}]${after}`);
      expect(listItems(text, 'tools')).toEqual({ items: items.map((each) => asBytes(each.text)), nextCursor: 'c' });
    }),
  );
  expect(listItems('{"result":{"tools":[],"nextCursor":""}}', 'tools').nextCursor).toBe('');
  expect(listItems('{"result":{"tools":[],"nextCursor":null}}', 'tools').nextCursor).toBeUndefined();
});
