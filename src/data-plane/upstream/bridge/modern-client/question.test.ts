import { describe, expect, it } from 'vitest';
import { scanMessage } from '#base/protocol';
import { answerText, missingFor, questionOf, unansweredText } from './question.ts';

function asked(method: string, params?: object) {
  const text = JSON.stringify({ jsonrpc: '2.0', id: 'q', method, ...(params === undefined ? {} : { params }) });
  return { text, envelope: scanMessage(text) };
}
const url = { mode: 'url', url: 'https://example.com', message: 'm', elicitationId: 'e' };

describe('what a client has to declare to be asked', () => {
  it.each([
    ['sampling/createMessage', {}, '{"sampling":{}}', undefined],
    ['sampling/createMessage', {}, '{}', { sampling: {} }],
    ['roots/list', undefined, '{"sampling":{}}', { roots: {} }],
    ['roots/list', undefined, '{"roots":{}}', undefined],
    ['elicitation/create', {}, '{"elicitation":{}}', undefined],
    ['elicitation/create', { mode: 'form' }, '{"elicitation":{"form":{}}}', undefined],
    ['elicitation/create', {}, '{"elicitation":{"url":{}}}', { elicitation: { form: {} } }],
    ['elicitation/create', url, '{"elicitation":{}}', { elicitation: { url: {} } }],
    ['elicitation/create', url, '{"elicitation":{"url":{}}}', undefined],
    ['elicitation/create', url, '{}', { elicitation: { url: {} } }],
    ['elicitation/create', {}, '{"elicitation":null}', { elicitation: {} }],
  ])('%s %j of a client that declares %s', (method, params, capabilities, missing) => {
    const { envelope, text } = asked(method, params);
    expect(missingFor(envelope, text, capabilities)).toEqual(missing);
  });
});

describe('a question', () => {
  it('keeps its params as they came, but for the id of a visit, which the modern era does not know', () => {
    const text = '{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"x":1.0,"elicitationId":"e","y":null}}';
    const question = questionOf(scanMessage(text), text, 'ask-1');
    expect(question).toMatchObject({ id: '7', key: 'ask-1', text: '{"method":"elicitation/create","params":{"x":1.0,"y":null}}' });
    const { envelope, text: roots } = asked('roots/list');
    expect(questionOf(envelope, roots, 'k').text).toBe('{"method":"roots/list"}');
  });

  it('is answered under the upstream’s own id; nobody there means cancelled to a form, and an error to anything else', () => {
    const { envelope, text } = asked('elicitation/create', {});
    const form = questionOf(envelope, text, 'k');
    expect(JSON.parse(answerText(form, '{"action":"accept"}'))).toEqual({ jsonrpc: '2.0', id: 'q', result: { action: 'accept' } });
    expect(JSON.parse(unansweredText(form, 'gone'))).toEqual({ jsonrpc: '2.0', id: 'q', result: { action: 'cancel' } });
    const sampling = asked('sampling/createMessage', {});
    expect(JSON.parse(unansweredText(questionOf(sampling.envelope, sampling.text, 'k'), 'gone'))).toMatchObject({
      id: 'q',
      error: { code: -32603, message: 'gone' },
    });
  });
});
