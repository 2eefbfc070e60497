import { expect, test } from 'vitest';
import { isObjectSchema, wrapSchema, wrapValue } from './output-schema.ts';

const inside = (schema: string): string => `{"type":"object","properties":{"result":${schema}},"required":["result"]}`;

test('a schema of another type gets an object around it, and stays as it was written', () => {
  expect(wrapSchema('{ "type":"array", "items":{"type":"number","x":1.0} }')).toBe(inside('{ "type":"array", "items":{"type":"number","x":1.0} }'));
  expect(wrapSchema('true')).toBe(inside('true'));
  expect(wrapValue('[1.0]')).toBe('{"result":[1.0]}');
});

test.each([
  ['{"type":"object"}', true],
  ['{"type":"array"}', false],
  ['{"type":["object","null"]}', false],
  ['{"anyOf":[{"type":"object"}]}', false],
  ['true', false],
])('%s is an object’s schema: %s', (schema, is) => {
  expect(isObjectSchema(schema)).toBe(is);
});

test('references within the document lead where they led', () => {
  expect(wrapSchema('{"items":{"$ref":"#/$defs/a"},"$defs":{"a":{"anyOf":[{"$ref":"#"},{"$ref":"#/$defs/a"}]}}}')).toBe(
    inside(
      '{"items":{"$ref":"#/properties/result/$defs/a"},"$defs":{"a":{"anyOf":[{"$ref":"#/properties/result"},{"$ref":"#/properties/result/$defs/a"}]}}}',
    ),
  );
});

test.each([
  ['an anchor', '{"$ref":"#name"}'],
  ['another document', '{"$ref":"https://example.com/x#/a"}'],
  ['data', '{"const":{"$ref":"#/a"},"enum":[{"$ref":"#/a"}],"default":{"$ref":"#/a"},"examples":[{"$ref":"#/a"}]}'],
  ['a property that is called $ref', '{"items":{"properties":{"$ref":{"type":"string"}}}}'],
  ['a document of its own', '{"$ref":"#/$defs/a","$id":"https://example.com/own","$defs":{"a":{"$ref":"#"}}}'],
  ['a document of its own inside', '{"items":{"$defs":{"a":{"$ref":"#/$defs/a"}},"$id":"own"}}'],
])('what is no reference into this document stays: %s', (_, schema) => {
  expect(wrapSchema(schema)).toBe(inside(schema));
});

test('properties named like keywords hold schemas nevertheless', () => {
  expect(wrapSchema('{"items":{"properties":{"const":{"$ref":"#/a"},"$id":{"$ref":"#/a"}}}}')).toBe(
    inside('{"items":{"properties":{"const":{"$ref":"#/properties/result/a"},"$id":{"$ref":"#/properties/result/a"}}}}'),
  );
});

test('the dialect is said at the root', () => {
  expect(wrapSchema('{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"array"}')).toBe(
    '{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"result":{"type":"array"}},"required":["result"]}',
  );
});
