import { expect, test } from 'vitest';
import { downLevelAsk, type OlderAsk } from './down-level-ask.ts';

const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
const request = (method: string, params: string): string => latin1(`{"jsonrpc":"2.0","id":"ä", "method":"${method}","params":{${params},"x":1.0}}`);
const elicit = (params: string): string => request('elicitation/create', params);
const sample = (params: string): string => request('sampling/createMessage', params);
const form = (properties: string): string =>
  elicit(`"message":"?","requestedSchema":{"type":"object","properties":{${properties}},"required":["a"]}`);
const messages = (...all: string[]): string => sample(`"messages":[${all.join(',')}],"maxTokens":10`);

function asked(text: string, version: string): OlderAsk {
  const { method } = JSON.parse(text) as { method: string };
  return downLevelAsk(text, { method, id: latin1('"ä"') }, version);
}
function replyTo(text: string, version: string): unknown {
  const worded = asked(text, version);
  return 'reply' in worded ? JSON.parse(Buffer.from(worded.reply, 'latin1').toString()) : undefined;
}
const refused = (code: number): unknown => ({ jsonrpc: '2.0', id: 'ä', error: { code, message: expect.any(String) } });

test('titled choices become a plain enumeration with names', () => {
  const text = form(
    '"a":{"type":"string","oneOf":[{"const":"r","title":"Röd"},{"const":"g"}],"default":"r"},"b":{"type":"boolean"},"c":{"type":"string","enum":["x"]}',
  );
  const plain = form(
    '"a":{"type":"string","default":"r","enum":["r","g"],"enumNames":["Röd","g"]},"b":{"type":"boolean"},"c":{"type":"string","enum":["x"]}',
  );
  expect(asked(text, '2025-06-18')).toEqual({ ask: plain });
  expect(asked(text, '2025-11-25')).toEqual({ ask: text });
});

test('several choices at once cannot be asked of a client before 2025-11-25: declined', () => {
  const text = form('"a":{"type":"array","items":{"type":"string","enum":["x","y"]}},"b":{"type":"string"}');
  expect(replyTo(text, '2025-06-18')).toEqual({ jsonrpc: '2.0', id: 'ä', result: { action: 'decline' } });
  expect(asked(text, '2025-11-25')).toEqual({ ask: text });
});

test('forms that a client of 2025-06-18 knows are asked as they are', () => {
  for (const text of [
    form('"a":{"type":"integer","minimum":1.0},"b":{"oneOf":[{"type":"string"}]}'),
    form(''),
    elicit('"mode":"form","message":"?"'),
  ])
    expect(asked(text, '2025-06-18')).toEqual({ ask: text });
});

test('elicitation by URL is refused for a client before 2025-11-25, any elicitation for one before 2025-06-18', () => {
  expect(replyTo(elicit('"mode":"url","url":"https://example.com","message":"?","elicitationId":"1"'), '2025-06-18')).toEqual(refused(-32602));
  for (const version of ['2024-11-05', '2025-03-26']) expect(replyTo(form('"a":{"type":"string"}'), version)).toEqual(refused(-32601));
});

test('sampling with tools is refused for a client before 2025-11-25', () => {
  const text = { type: 'text', text: 'x' };
  for (const params of [
    '"messages":[],"tools":[]',
    '"messages":[],"toolChoice":{"mode":"auto"}',
    `"messages":[{"role":"assistant","content":{"type":"tool_use","id":"1","name":"n","input":{}}}]`,
    `"messages":[{"role":"user","content":[${JSON.stringify(text)},{"type":"tool_result","toolUseId":"1","content":[]}]}]`,
  ]) {
    expect(replyTo(sample(params), '2025-06-18')).toEqual(refused(-32602));
    expect(asked(sample(params), '2025-11-25')).toEqual({ ask: sample(params) });
  }
});

test('what is sampled is in blocks the client knows, one a message', () => {
  const one = (role: string, content: string): string => `{"role":"${role}","content":${content}}`;
  const text = '{"type":"text","text":"a\\u0062"}';
  const link = '{"type":"resource_link","uri":"a:b","name":"n"}';
  const audio = '{"type":"audio","data":"AA==","mimeType":"audio/wav"}';
  const several = messages(`{"role":"assistant","content":[${text},${link}],"_meta":{"m":1.0}}`, one('user', '[]'), one('user', audio));
  expect(asked(several, '2025-03-26')).toEqual({
    ask: messages(
      `{"role":"assistant","content":${text},"_meta":{"m":1.0}}`,
      one('assistant', '{"type":"text","text":"n: a:b"}'),
      one('user', '{"type":"text","text":""}'),
      one('user', audio),
    ),
  });
  expect(asked(messages(one('user', audio)), '2024-11-05')).toEqual({ ask: messages(one('user', '{"type":"text","text":"[audio: audio/wav]"}')) });
  const plain = messages(one('user', text));
  expect(asked(plain, '2024-11-05')).toEqual({ ask: plain });
});

test('other questions pass', () => {
  const ping = request('roots/list', '"a":{"type":"audio"}');
  expect(asked(ping, '2024-11-05')).toEqual({ ask: ping });
});
