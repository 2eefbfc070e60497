import { expect, test } from 'vitest';
import { answerOf, batchAnswer, type RpcAnswer } from './rpc-answer.ts';

function answer(text: string, status = 200): RpcAnswer {
  return answerOf({ status, headers: [], body: Buffer.from(text) }, '7', false);
}

const said = ({ body }: RpcAnswer): unknown => JSON.parse(body?.toString() ?? '');
const BAD_ANSWER = { id: 7, error: { code: -31502, data: { code: 'upstream.bad_answer' } } };

test.each([
  ['an array', '[{"jsonrpc":"2.0","method":"notifications/x"},{"jsonrpc":"2.0","id":"ours","result":{"n":1.50}}]'],
  ['JSON lines', '{"jsonrpc":"2.0","method":"notifications/x"}\n{"jsonrpc":"2.0","id":"ours","result":{"n":1.50}}'],
])('of %s with notifications beside it the response is the answer', (_, text) => {
  expect(answer(text).body?.toString()).toBe('{"jsonrpc":"2.0","id":7,"result":{"n":1.50}}');
});

test.each([
  ['cut off', '{"jsonrpc":"2.0","id":7,"result":{"a":1'],
  ['followed by more', '{"jsonrpc":"2.0","id":7,"result":{}} more'],
  ['no message', '{"hello":"world"}'],
  ['a question', '{"jsonrpc":"2.0","id":7,"method":"ping"}'],
  ['nested without end', `{"jsonrpc":"2.0","id":"x","result":${'['.repeat(3000)}${']'.repeat(3000)}}`],
])('a document that is %s is the upstream’s fault, not the caller’s', (_, text) => {
  expect([answer(text).status, said(answer(text))]).toMatchObject([200, BAD_ANSWER]);
});

test('a refusal with an HTTP status is an answer if it is JSON-RPC, and else told as one', () => {
  expect(said(answer('{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"no"}}', 400))).toMatchObject({ id: 7, error: { code: -1 } });
  expect(said(answer('{"detail":"no"}', 400))).toMatchObject(BAD_ANSWER);
  expect(said(answer('{"jsonrpc":"2.0","id":7,"result":{}}', 502))).toMatchObject(BAD_ANSWER);
});

test('what one upstream spoils is not spoilt for the rest of a batch', () => {
  const batch = batchAnswer([answer('{"jsonrpc":"2.0","id":7,"result":{}}'), answer('{"jsonrpc":"2.0","id":7,"result":{}}],[')]);
  expect(said(batch)).toMatchObject([{ id: 7, result: {} }, BAD_ANSWER]);
});
