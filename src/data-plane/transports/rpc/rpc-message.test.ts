import { expect, test } from 'vitest';
import { modernisedName, readRpcMessage } from './rpc-message.ts';

const ID = '0123456789abcdef0123456789abcdef';
const hasTool = (name: string): boolean => ['greet', 'ping', 'tools/list', 'grüße', 'list_tools'].includes(name);

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function renamed(text: string): string | undefined {
  const message = modernisedName(readRpcMessage(latin1(text)), hasTool);
  return message === undefined ? undefined : Buffer.from(message.text, 'latin1').toString();
}

test('what names its server among the params goes on without the name, and otherwise as it came', () => {
  const { text, serverId, answerId } = readRpcMessage(
    `{ "id":1.0 ,"jsonrpc":"2.0","method":"tools/call","params":{"server_id":"01234567-89AB-cdef-0123-456789abcdef", "name":"x","arguments":{"server_id":"kept","n":1.50}} }`,
  );
  expect(text).toBe(`{ "id":1.0 ,"jsonrpc":"2.0","method":"tools/call","params":{"name":"x","arguments":{"server_id":"kept","n":1.50}} }`);
  expect([serverId, answerId]).toEqual([ID, '1.0']);
});

test.each(['null', '""'])('server_id %s names none, and does not go on', (value) => {
  const { text, serverId } = readRpcMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"server_id":${value}}}`);
  expect([text, serverId]).toEqual(['{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}', '']);
});

test.each(['7', '{}', '["a"]', 'true'])('server_id %s is refused', (value) => {
  expect(() => readRpcMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"server_id":${value}}}`)).toThrow('must be a string');
});

test('a request without an id gets one, so that it is carried out as a request', () => {
  const { text, answerId, envelope } = readRpcMessage('{"jsonrpc":"2.0","method":"tools/list"}');
  expect(envelope).toMatchObject({ kind: 'request', id: answerId });
  expect(JSON.parse(text)).toEqual({ jsonrpc: '2.0', method: 'tools/list', id: JSON.parse(answerId ?? '') });
});

test('a notification goes on as one, also when it has an id to be answered by', () => {
  const { text, answerId, envelope } = readRpcMessage('{"jsonrpc":"2.0","id":5,"method":"notifications/cancelled","params":{"requestId":1}}');
  expect([text, answerId, envelope.kind]).toEqual([
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
    '5',
    'notification',
  ]);
});

test('a method of the name of a tool is a call of it, its params being the arguments', () => {
  expect(renamed('{"jsonrpc":"2.0","id":1,"method":"greet","params":{"name":"Ada","n":1.0}}')).toBe(
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet","arguments":{"name":"Ada","n":1.0}}}',
  );
  expect(JSON.parse(renamed('{"jsonrpc":"2.0","id":1,"method":"grüße"}') ?? '')).toEqual({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'grüße', arguments: {} },
  });
});

test('what describes the request stays the protocol’s when the params become arguments', () => {
  const { params } = JSON.parse(renamed('{"jsonrpc":"2.0","id":1,"method":"greet","params":{"_meta":{"progressToken":3},"a":1}}') ?? '');
  expect(params).toEqual({ name: 'greet', arguments: { a: 1 }, _meta: { progressToken: 3 } });
});

test('the arguments of a tool are an object', () => {
  expect(() => renamed('{"jsonrpc":"2.0","id":1,"method":"greet","params":["Ada"]}')).toThrow('an object');
});

test('methods of MCP are no tools, whatever tools are called', () => {
  for (const method of ['ping', 'tools/list']) expect(renamed(`{"jsonrpc":"2.0","id":1,"method":"${method}"}`)).toBeUndefined();
});

test('list_tools is tools/list where it is not a tool, and other unknown methods stay what they are', () => {
  const message = readRpcMessage('{"jsonrpc":"2.0","id":1,"method":"list_tools","params":{"cursor":"c"}}');
  expect(modernisedName(message, () => false)?.text).toBe('{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"c"}}');
  expect(renamed('{"jsonrpc":"2.0","id":1,"method":"list_tools"}')).toContain('"method":"tools/call"');
  expect(renamed('{"jsonrpc":"2.0","id":1,"method":"vendor/thing"}')).toBeUndefined();
});
