import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headerText, headerValue } from './header-value.ts';
import { checkParamHeaders, paramDeclarations, paramHeaders, toolParams } from './param-headers.ts';
import { jsonText } from './splice.ts';

const declared = (properties: object) => paramDeclarations({ type: 'object', properties });
const body = (args: unknown) => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":${jsonText(args as object)}}}`;
const TOOL = {
  region: { type: 'string', 'x-mcp-header': 'Region' },
  count: { type: 'integer', 'x-mcp-header': 'Count' },
  dry: { type: 'boolean', 'x-mcp-header': 'Dry-Run' },
  nested: { type: 'object', properties: { tenant: { type: 'string', 'x-mcp-header': 'Tenant' } } },
  note: { type: 'string' },
};

function refusal(headers: readonly string[], args: unknown): string | undefined {
  try {
    checkParamHeaders(declared(TOOL).params, headers, body(args));
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ code: 'header.mismatch', status: 400 });
    return (error as Error).message;
  }
}

describe('what a tool declares', () => {
  test('properties at any depth, by lower-case header names', () => {
    expect(declared(TOOL)).toEqual({
      params: [
        { header: 'mcp-param-region', path: ['region'] },
        { header: 'mcp-param-count', path: ['count'] },
        { header: 'mcp-param-dry-run', path: ['dry'] },
        { header: 'mcp-param-tenant', path: ['nested', 'tenant'] },
      ],
      fault: undefined,
    });
    for (const none of [undefined, null, 7, {}, { type: 'object' }, { properties: { note: { type: 'string' } } }])
      expect(paramDeclarations(none)).toEqual({ params: [], fault: undefined });
  });

  test.each<[string, object]>([
    ['a number', { a: { type: 'number', 'x-mcp-header': 'A' } }],
    ['an object', { a: { type: 'object', 'x-mcp-header': 'A' } }],
    ['no type', { a: { 'x-mcp-header': 'A' } }],
    ['several types', { a: { type: ['string', 'null'], 'x-mcp-header': 'A' } }],
    ['an empty name', { a: { type: 'string', 'x-mcp-header': '' } }],
    ['a name with a blank', { a: { type: 'string', 'x-mcp-header': 'a b' } }],
    ['a name that ends the header', { a: { type: 'string', 'x-mcp-header': 'a\r\nx: y' } }],
    ['a name that is no text', { a: { type: 'string', 'x-mcp-header': 7 } }],
    ['one name twice', { a: { type: 'string', 'x-mcp-header': 'A' }, b: { properties: { c: { type: 'string', 'x-mcp-header': 'a' } } } }],
    ['elements of a list', { a: { type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } } }],
    ['properties of elements', { a: { type: 'array', items: { properties: { b: { type: 'string', 'x-mcp-header': 'A' } } } } }],
    ['one of several', { a: { oneOf: [{ type: 'string', 'x-mcp-header': 'A' }] } }],
    ['a condition', { a: { if: { properties: { b: { type: 'string', 'x-mcp-header': 'A' } } } } }],
    ['a pattern', { a: { patternProperties: { '^x': { type: 'string', 'x-mcp-header': 'A' } } } }],
    ['a definition', { a: { $defs: { b: { type: 'string', 'x-mcp-header': 'A' } } } }],
  ])('nothing at all when one is at %s', (_, properties) => {
    const { params, fault } = declared({ good: { type: 'string', 'x-mcp-header': 'Good' }, ...properties });
    expect([params, typeof fault]).toEqual([[], 'string']);
  });

  test('the keyword at the root is wrong; as a property’s name or in data it is nothing', () => {
    expect(paramDeclarations({ type: 'string', 'x-mcp-header': 'A' }).fault).toBeDefined();
    const odd = { 'x-mcp-header': { type: 'string' }, b: { default: { 'x-mcp-header': 'A' }, enum: [{ 'x-mcp-header': 'A' }] } };
    expect(declared(odd)).toEqual({ params: [], fault: undefined });
  });
});

test('a tool’s own text is looked into only where it can declare something, however that is spelt', () => {
  const text = JSON.stringify({ name: 't', inputSchema: { properties: { a: { type: 'string', 'x-mcp-header': 'A' } } } });
  expect(toolParams(text).params).toHaveLength(1);
  expect(toolParams(text.replace('x-mcp', '\\u0078-\\u006dcp').replace('header', 'he\\u0061der')).params).toHaveLength(1);
  for (const none of ['{"name":"t"}', '{"inputSchema":"\\u0061"}', '"\\u0061"', `{"inputSchema":${'{"not":'.repeat(2000)}{}${'}'.repeat(2000)}}`])
    expect(toolParams(none)).toEqual({ params: [], fault: undefined });
});

test('headers say texts as they are, whole numbers in decimal and truth values; what is absent or null has none', () => {
  const { params } = declared(TOOL);
  expect(paramHeaders(params, body({ region: 'eu', count: -7, dry: false, nested: { tenant: 'ä b' }, note: 'n' }))).toEqual([
    'mcp-param-region',
    'eu',
    'mcp-param-count',
    '-7',
    'mcp-param-dry-run',
    'false',
    'mcp-param-tenant',
    `=?base64?${Buffer.from('ä b').toString('base64')}?=`,
  ]);
  expect(paramHeaders(params, body({ region: null, nested: {}, dry: [] }))).toEqual([]);
  expect(paramHeaders(params, body({ region: { a: 1 }, count: 2 ** 60, nested: 'x' }))).toEqual([]);
  expect(paramHeaders(params, '{"jsonrpc":"2.0","id":1,"method":"tools/call"}')).toEqual([]);
  expect(paramHeaders(params, body({ count: 1 }).replace(':1}', ':7.0e0}'))).toEqual(['mcp-param-count', '7']);
});

describe('a call’s headers', () => {
  test('may be written otherwise and say the same', () => {
    for (const region of ['eu', ' eu\t', '=?base64?ZXU=?=']) expect(refusal(['mcp-param-region', region], { region: 'eu' })).toBeUndefined();
    for (const count of ['42', '42.0', '042', '=?base64?NDI=?=']) expect(refusal(['mcp-param-count', count], { count: 42 })).toBeUndefined();
    expect(refusal(['mcp-param-region', ''], { region: '' })).toBeUndefined();
    expect(refusal(['mcp-param-region', '=?base64?ZXU='], { region: '=?base64?ZXU=' })).toBeUndefined();
    expect(refusal(['mcp-param-region', '=?BASE64?ZXU=?='], { region: '=?BASE64?ZXU=?=' })).toBeUndefined();
    expect(refusal(['mcp-param-other', 'x', 'x-y', 'z'], { note: 'n' })).toBeUndefined();
  });

  test.each<[string, string[], object]>([
    ['missing', [], { region: 'eu' }],
    ['another', ['mcp-param-region', 'us'], { region: 'eu' }],
    ['in another case', ['mcp-param-region', 'EU'], { region: 'eu' }],
    ['of nothing in the body', ['mcp-param-region', 'eu'], { note: 'n' }],
    ['of null', ['mcp-param-region', 'null'], { region: null }],
    ['empty', ['mcp-param-count', ''], { count: 0 }],
    ['not padded', ['mcp-param-region', '=?base64?ZXU?='], { region: 'eu' }],
    ['not Base64', ['mcp-param-region', '=?base64?Z!U=?='], { region: 'eu' }],
    ['not UTF-8', ['mcp-param-region', '=?base64?/w==?='], { region: '\ufffd' }],
    ['the wrapper instead of a text that looks like it', ['mcp-param-region', '=?base64?ZXU=?='], { region: '=?base64?ZXU=?=' }],
    ['another number', ['mcp-param-count', '42.5'], { count: 42 }],
    ['a hexadecimal number', ['mcp-param-count', '0x2a'], { count: 42 }],
    ['another word for a truth value', ['mcp-param-dry-run', '1'], { dry: true }],
    ['missing in depth', [], { nested: { tenant: 't' } }],
  ])('are refused when one is %s', (_, headers, args) => {
    expect(refusal(headers, args)).toMatch(/^The header mcp-param-/);
  });

  test('made by the gateway are always good, and nothing in them can end a header', () => {
    const scalar = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constantFrom(null, '=?base64??=', ' x ', '\r\n', '\ud800'),
    );
    const names = fc.uniqueArray(fc.string({ unit: 'binary', minLength: 1 }), { maxLength: 4 });
    fc.assert(
      fc.property(names, fc.array(scalar, { minLength: 4, maxLength: 4 }), (keys, values) => {
        const path = (key: string, at: number): string[] => (at % 2 === 0 ? [key] : ['in', key]);
        const params = keys.map((key, at) => ({ header: `mcp-param-h${at}`, path: path(key, at) }));
        const inner = Object.fromEntries(keys.flatMap((key, at) => (at % 2 === 0 ? [] : [[key, values[at]]])));
        const args = Object.fromEntries([['in', inner], ...keys.flatMap((key, at) => (at % 2 === 0 ? [[key, values[at]]] : []))]);
        const made = paramHeaders(params, body(args));
        for (const text of made) expect(text).toMatch(/^[\x21-\x7e][\x20-\x7e]*$/);
        checkParamHeaders(params, made, body(args));
      }),
    );
  });
});

test('every text comes out of a header as it went in', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(headerText(headerValue(text))).toBe(text.toWellFormed());
    }),
  );
});
