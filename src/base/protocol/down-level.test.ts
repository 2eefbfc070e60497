import { expect, test } from 'vitest';
import { downLevelResult, hasNewerContent, type OlderClient } from './down-level.ts';

const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
const client = (version: string): OlderClient => ({ version, wrappedTools: new Set() });
/** A result with spellings that parsing and writing anew would change. */
const answer = (result: string): string => latin1(`{"jsonrpc":"2.0", "id":1.0,"result":{${result},"x":1E2,"_meta":{"ü":"\\u00fc"}}}`);

function called(content: string, version: string, of: OlderClient = client(version)): string {
  return downLevelResult(answer(content), { method: 'tools/call', name: 't' }, of);
}
function prompted(content: string, version: string): string {
  return downLevelResult(answer(content), { method: 'prompts/get', name: 'p' }, client(version));
}

const AUDIO = '{"type":"audio","data":"UklGRg==","mimeType":"audio/wav","annotations":{"priority":1.0}}';
const EMBEDDED =
  '{"type":"resource","annotations":{"priority":1.0},"resource":{"uri":"urn:mcpgateway:audio","mimeType":"audio/wav","blob":"UklGRg=="}}';
const LINK =
  '{"type":"resource_link","uri":"file:///ä","name":"n","title":"Tïtle","description":"Says \\"x\\"","mimeType":"text/plain","size":1,"annotations":{"priority":0.50},"_meta":{"m":1.0}}';
const LINK_TEXT = '{"type":"text","text":"Tïtle: file:///ä (text/plain)\\nSays \\"x\\"","annotations":{"priority":0.50},"_meta":{"m":1.0}}';

test('audio is an embedded resource to clients before 2025-03-26, byte by byte the same around it', () => {
  const content = (block: string): string => `"content":[{"type":"text","text":"ä"}, ${block}],"isError":false`;
  for (const version of ['2024-10-07', '2024-11-05']) expect(called(content(AUDIO), version)).toBe(answer(content(EMBEDDED)));
  for (const version of ['2025-03-26', '2025-06-18']) expect(called(content(AUDIO), version)).toBe(answer(content(AUDIO)));
  const messages = (block: string): string => `"messages":[{"role":"user","content":${block}}]`;
  expect(prompted(messages(AUDIO), '2024-11-05')).toBe(answer(messages(EMBEDDED)));
});

test('a resource link is text to clients before 2025-06-18', () => {
  const content = (block: string): string => `"content":[${block},{"type":"text","text":"resource_link"}]`;
  for (const version of ['2024-11-05', '2025-03-26']) expect(called(content(LINK), version)).toBe(answer(content(LINK_TEXT)));
  expect(called(content(LINK), '2025-06-18')).toBe(answer(content(LINK)));
  const messages = (block: string): string => `"messages":[{"role":"user","content":{"type":"text","text":"a"}},{"role":"user","content":${block}}]`;
  expect(prompted(messages(LINK), '2025-03-26')).toBe(answer(messages(LINK_TEXT)));
  expect(called(content('{"type":"resource_link","uri":"a:b","name":"n"}'), '2025-03-26')).toBe(answer(content('{"type":"text","text":"n: a:b"}')));
});

test('blocks that no revision knows pass, and so do results that are no tool’s or prompt’s', () => {
  const content = `"content":[{"type":"hologram","data":"resource_link"},7,null,{"type":"text"}],"audio":{"type":"audio"}`;
  expect(called(content, '2024-11-05')).toBe(answer(content));
  const read = answer(`"contents":[${LINK}]`);
  expect(downLevelResult(read, { method: 'resources/read', name: undefined }, client('2024-11-05'))).toBe(read);
  expect(hasNewerContent('resources/read')).toBe(false);
  const error = latin1('{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"\\"resource_link\\"","data":{"type":"audio"}}}');
  expect(downLevelResult(error, { method: 'tools/call', name: 't' }, client('2024-11-05'))).toBe(error);
});

test('an output schema that is no object’s, and the values that belong to it, get an object around them', () => {
  const of = client('2025-06-18');
  const tools = (schema: string): string =>
    `"tools":[{"name":"o","outputSchema":{"type":"object"}},{"name":"t","outputSchema":${schema},"icons":[]},{"name":"n"}]`;
  const list = (schema: string): string => downLevelResult(answer(tools(schema)), { method: 'tools/list', name: undefined }, of);
  expect(list('{"anyOf":[{"type":"object"},{"$ref":"#/anyOf/0"}]}')).toBe(
    answer(
      tools('{"type":"object","properties":{"result":{"anyOf":[{"type":"object"},{"$ref":"#/properties/result/anyOf/0"}]}},"required":["result"]}'),
    ),
  );
  expect([...of.wrappedTools]).toEqual(['t']);
  // An object that its schema allows, but inside: the client knows the schema with the object around it.
  expect(called('"content":[],"structuredContent":{"a":1.0}', '', of)).toBe(answer('"content":[],"structuredContent":{"result":{"a":1.0}}'));
  list('{"type":"object"}');
  expect(of.wrappedTools.size).toBe(0);
  expect(called('"content":[],"structuredContent":{"a":1.0}', '', of)).toBe(answer('"content":[],"structuredContent":{"a":1.0}'));
  // Not listed yet.
  for (const value of ['[1.0]', '"ä"', 'null', '7'])
    expect(called(`"content":[],"structuredContent":${value}`, '2025-06-18')).toBe(answer(`"content":[],"structuredContent":{"result":${value}}`));
});

test('structured output is there as text for clients before 2025-06-18, and stays where it is', () => {
  const structured = '"structuredContent":{"a":1.0,"ü":[]}';
  const asText = '{"type":"text","text":"{\\"a\\":1.0,\\"ü\\":[]}"}';
  const other = '{"type":"text","text":"One thing"}';
  expect(called(`"content":[${other}],${structured}`, '2025-03-26')).toBe(answer(`"content":[${other},${asText}],${structured}`));
  expect(called(`"content":[],${structured}`, '2025-03-26')).toBe(answer(`"content":[${asText}],${structured}`));
  // It is there already, in another spelling.
  const said = `"content":[${other},{"type":"text","text":"{\\"ü\\": [], \\"a\\": 1}"}],${structured}`;
  expect(called(said, '2025-03-26')).toBe(answer(said));
  expect(called(`"content":[],${structured}`, '2025-06-18')).toBe(answer(`"content":[],${structured}`));
  const without = JSON.parse(called(structured, '2024-11-05')) as { result: { content: unknown } };
  expect(without.result.content).toHaveLength(1);
});

test('a tool whose name is no name does not keep the others from being worded', () => {
  const list = answer('"tools":[{"name":{"toString":1},"outputSchema":{"type":"string"}},{"name":"b","outputSchema":{"type":"array"}}]');
  const worded = downLevelResult(list, { method: 'tools/list', name: undefined }, client('2025-06-18'));
  expect(worded.split('"required":["result"]')).toHaveLength(3);
});
