import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '#base/kernel';
import { batchElements, isBatch, scanMessage, type Envelope } from './scan.ts';

const asBytes = (text: string): string => Buffer.from(text).toString('latin1');
const scan = (text: string): Envelope => scanMessage(asBytes(text));

function refusal(text: string): string | undefined {
  try {
    scan(text);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

const call = (params: string): string => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
const escaped = (key: string): string =>
  key
    .split('')
    .map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

describe('what is read', () => {
  test.each(['7', '-1', '1.5', '1e3', '"a"', '""', '"\\u0061"', '9007199254740993', '"é"'])('the id %s stays as it was written', (id) => {
    expect(scan(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`)).toMatchObject({ kind: 'request', id: asBytes(id), method: 'ping' });
  });

  test('the method decides which params are looked at, also when it is written behind them', () => {
    const params =
      '{"name":"a","arguments":{"name":"b"},"_meta":{"progressToken":"t","io.modelcontextprotocol/protocolVersion":"2026-07-28","traceparent":"00-1"}}';
    const expected = { kind: 'request', method: 'tools/call', name: 'a', progressToken: '"t"', protocolVersion: '2026-07-28', traceparent: '00-1' };
    expect(scan(call(params))).toMatchObject(expected);
    expect(scan(`{"params":${params},"method":"tools/call","id":1,"jsonrpc":"2.0"}`)).toMatchObject(expected);
  });

  test('requests, notifications and responses are told apart', () => {
    expect(scan('{"jsonrpc":"2.0","method":"notifications/initialized"}').kind).toBe('notification');
    expect(scan('{"jsonrpc":"2.0","id":1,"result":{}}')).toMatchObject({ kind: 'response', isError: false, isToolError: false });
    expect(scan('{"jsonrpc":"2.0","id":1,"error":{}}')).toMatchObject({ kind: 'response', isError: true });
    expect(scan('{"jsonrpc":"2.0","id":1,"result":{"isError":true}}').isToolError).toBe(true);
    expect(scan('{"jsonrpc":"2.0","id":1,"result":{"isError":false,"x":{"isError":true}}}').isToolError).toBe(false);
  });

  test('a key and a value written with escapes mean what they mean unescaped', () => {
    expect(
      scan(`{"jsonrpc":"2.0","id":1,"${escaped('method')}":"${escaped('tools/call')}","params":{"${escaped('name')}":"${escaped('héllo')}"}}`),
    ).toMatchObject({ method: 'tools/call', name: 'héllo' });
  });
});

describe('what is refused', () => {
  test.each([
    ['{"jsonrpc":"2.0","id":1,"method":"ping"', 'request.malformed_json'],
    ['{"jsonrpc":"2.0","id":1,"method":"ping"} x', 'request.malformed_json'],
    ['', 'request.malformed_json'],
    ['[1,2', 'request.malformed_json'],
    ['42', 'request.invalid'],
    ['null', 'request.invalid'],
    ['{}', 'request.invalid'],
    ['{"jsonrpc":"1.0","id":1,"method":"ping"}', 'request.invalid'],
    ['{"jsonrpc":2.0,"id":1,"method":"ping"}', 'request.invalid'],
    ['{"id":1,"method":"ping"}', 'request.invalid'],
    ['{"jsonrpc":"2.0","id":1}', 'request.invalid'],
    ['{"jsonrpc":"2.0","id":1,"method":""}', 'request.invalid'],
    ['{"jsonrpc":"2.0","id":1,"method":7}', 'request.invalid'],
    ['{"jsonrpc":"2.0","id":null,"method":"ping"}', 'request.invalid'],
    ['{"jsonrpc":"2.0","id":true,"method":"ping"}', 'request.invalid'],
    ['{"jsonrpc":"2.0","id":[1],"method":"ping"}', 'request.invalid'],
    ['{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}', 'request.invalid'],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', 'request.invalid'],
    ['{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', 'request.invalid'],
  ])('%s', (text, code) => {
    expect(refusal(text)).toBe(code);
  });

  const ENVELOPE = { jsonrpc: '"2.0"', id: '1', method: '"ping"', params: '{}', result: '{}', error: '{}' };
  const isAnswer = (key: string): boolean => key === 'result' || key === 'error';
  /** A good message that has this key. */
  const withKey = (key: string): string =>
    isAnswer(key) ? `"jsonrpc":"2.0","id":1,"${key}":{}` : '"jsonrpc":"2.0","id":1,"method":"ping","params":{}';

  describe.each(Object.entries(ENVELOPE))('the envelope key %s', (key, value) => {
    const spellings = [
      key,
      key.toUpperCase(),
      key[0]?.toUpperCase() + key.slice(1),
      escaped(key),
      escaped(key.toUpperCase()),
      key.replace('s', 'ſ'),
      key.replace('s', '\\u017f'),
    ];
    test.each(spellings)('a second one, spelled %s, wherever it stands', (spelling) => {
      if (spelling === key && !withKey(key).includes(`"${key}"`)) return;
      expect(refusal(`{${withKey(key)}}`)).toBeUndefined();
      expect(refusal(`{${withKey(key)},"${spelling}":${value}}`)).toBe('request.ambiguous');
      expect(refusal(`{"${spelling}":${value},${withKey(key)}}`)).toBe('request.ambiguous');
    });
  });

  const ROUTED: readonly [string, string][] = [
    ['tools/call', 'name'],
    ['tools/call', 'arguments'],
    ['tools/call', 'task'],
    ['tools/call', 'requestState'],
    ['tools/call', '_meta'],
    ['prompts/get', 'name'],
    ['resources/read', 'uri'],
    ['resources/subscribe', 'uri'],
    ['completion/complete', 'ref'],
    ['tasks/get', 'taskId'],
    ['tasks/result', 'taskId'],
    ['tasks/cancel', 'taskId'],
    ['notifications/cancelled', 'requestId'],
  ];
  test.each(ROUTED)('%s: a second or misspelled params.%s', (method, key) => {
    const message = (params: string): string => `{"jsonrpc":"2.0","id":1,"method":"${method}","params":{${params}}}`;
    expect(refusal(message(`"${key}":1,"other":2`))).toBeUndefined();
    expect(refusal(message(`"${key}":1,"${key}":1`))).toBe('request.ambiguous');
    expect(refusal(message(`"${key}":1,"${escaped(key)}":1`))).toBe('request.ambiguous');
    expect(refusal(message(`"${key.toUpperCase()}":1`))).toBe(key === key.toUpperCase() ? undefined : 'request.ambiguous');
    for (const [letter, lookAlike] of [
      ['s', 'ſ'],
      ['k', '\u212a'],
      ['k', '\\u212A'],
    ] as const) {
      if (key.includes(letter)) expect(refusal(message(`"${key.replace(letter, lookAlike)}":1`))).toBe('request.ambiguous');
    }
  });

  test.each([
    '"progressToken":1,"progressToken":2',
    '"progresstoken":1',
    '"progreſsToken":1',
    '"progressTo\u212aen":1',
    '"io.modelcontextprotocol/protocolVersion":"a","io.modelcontextprotocol/protocolVersion":"b"',
    '"io.modelcontextprotocol/protocolversion":"a"',
    '"IO.modelcontextprotocol/clientInfo":{}',
    '"io.modelcontextprotocol/clientInfo":{},"io.modelcontextprotocol/clientInfo":{}',
  ])('in _meta: %s', (members) => {
    expect(refusal(call(`{"name":"a","_meta":{${members}}}`))).toBe('request.ambiguous');
  });
});

describe('what is none of our business', () => {
  const DUPLICATES = '{"name":1,"name":2,"NAME":3,"_meta":{"progressToken":1,"progressToken":2},"id":1,"id":2}';

  test('arguments may hold any JSON, duplicates and look-alikes too', () => {
    expect(refusal(call(`{"name":"a","arguments":${DUPLICATES}}`))).toBeUndefined();
    fc.assert(
      fc.property(fc.json(), (value) => {
        expect(scan(call(`{"arguments":${value},"name":"a"}`))).toMatchObject({ name: 'a' });
      }),
    );
  });

  test('params of a method we do not know are not looked into', () => {
    const odd = [
      '{"name":1,"name":2,"NAME":3,"uri":1,"uri":1,"_META":1}',
      '{"_meta":{"progressToken":{},"progressToken":true}}',
      DUPLICATES,
      '[1,[2]]',
      '"text"',
      'null',
    ];
    for (const params of odd) expect(refusal(`{"jsonrpc":"2.0","id":1,"method":"vendor/unknown","params":${params}}`)).toBeUndefined();
  });

  test('other keys of the message and of known params may be there twice', () => {
    expect(refusal('{"jsonrpc":"2.0","id":1,"method":"ping","x":1,"x":2,"X":3}')).toBeUndefined();
    expect(refusal(call('{"name":"a","x":1,"x":2,"names":1,"Names":2}'))).toBeUndefined();
    expect(refusal(call('{"name":"a","_meta":{"vendor":1,"vendor":2,"Vendor":3}}'))).toBeUndefined();
  });
});

test('any text at all is read or refused with an error of ours', () => {
  const key = fc.constantFrom('jsonrpc', 'id', 'method', 'params', 'result', 'error', 'METHOD', 'x', '\\u0069d');
  const value = fc.oneof(fc.constantFrom('"2.0"', '"tools/call"', '1', 'null', '{}', '{"name":"a","_meta":{"progressToken":[]}}', '"'), fc.json());
  const message = fc
    .array(fc.tuple(key, value), { maxLength: 7 })
    .map((members) => `{${members.map(([name, text]) => `"${name}":${text}`).join(',')}}`);
  fc.assert(
    fc.property(fc.oneof(message, fc.string({ unit: 'binary' })), (text) => {
      const code = refusal(text);
      expect(code === undefined || code.startsWith('request.')).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('a batch is taken apart into the very texts it was put together from', () => {
  const space = fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r'), maxLength: 2 });
  fc.assert(
    fc.property(fc.array(fc.tuple(space, fc.json(), space), { maxLength: 6 }), space, (parts, before) => {
      const text = asBytes(`${before}[${parts.map((part) => part.join('')).join(',')}]${before}`);
      expect(isBatch(text)).toBe(true);
      expect(batchElements(text)).toEqual(parts.map(([, json]) => asBytes(json)));
    }),
  );
  expect(isBatch(' {"jsonrpc":"2.0"}')).toBe(false);
  for (const broken of ['[1,]', '[1', '[1] 2', '[{"a":1]']) expect(() => batchElements(broken)).toThrow(AppError);
});
