import { describe, expect, test } from 'vitest';
import { withoutRefusedProbe } from './conversation.ts';
import type { Conversation, SeenMessage } from './conversation.ts';
import { normaliseConversation } from './normal-conversation.ts';

const client = (message: object): SeenMessage => ({ from: 'client', message: { jsonrpc: '2.0', ...message } });
const server = (message: object): SeenMessage => ({ from: 'server', message: { jsonrpc: '2.0', ...message } });

const TASK = 'a'.repeat(32);
const OTHER_TASK = 'b'.repeat(32);

const call = client({ id: 1, method: 'tools/call', params: { name: 'ask', _meta: { progressToken: 1 } } });
const progress = (at: number): SeenMessage => server({ method: 'notifications/progress', params: { progressToken: 1, progress: at } });
const question = server({ id: 0, method: 'elicitation/create', params: { message: 'Who?' } });
const reply = client({ id: 0, result: { action: 'accept' } });
const answer = server({ id: 1, result: { content: [], extra: { number: '1.0' } } });
const log = (data: string): SeenMessage => server({ method: 'notifications/message', params: { level: 'info', data } });
const updated = server({ method: 'notifications/resources/updated', params: { uri: 'x:y' } });
const get = (id: number, taskId: string): SeenMessage[] => [
  client({ id, method: 'tasks/get', params: { taskId } }),
  server({ id, result: { taskId, status: 'working' } }),
];

const whole: Conversation = [
  call,
  progress(1),
  question,
  reply,
  log('one'),
  updated,
  progress(2),
  answer,
  log('two'),
  ...get(2, TASK),
  ...get(3, OTHER_TASK),
];

const spelled = (conversation: Conversation): string => JSON.stringify(normaliseConversation(conversation));
const without = (...gone: SeenMessage[]): Conversation => whole.filter((seen) => !gone.includes(seen));
const instead = (old: SeenMessage, ...now: SeenMessage[]): Conversation => whole.flatMap((seen) => (seen === old ? now : [seen]));

describe('the normal form of a conversation still shows', () => {
  const differences: Record<string, Conversation> = {
    'a dropped answer': without(answer),
    'a repeated answer': instead(answer, answer, answer),
    'a dropped progress': whole.filter(({ message }) => JSON.stringify(message) !== JSON.stringify(progress(1).message)),
    'a repeated progress': instead(question, progress(1), question),
    'progress in another order': [call, progress(2), question, reply, log('one'), updated, progress(1), ...whole.slice(7)],
    'progress after the answer': [call, progress(1), question, reply, log('one'), updated, answer, progress(2), ...whole.slice(8)],
    'progress for another token': instead(
      question,
      server({ method: 'notifications/progress', params: { progressToken: '1', progress: 1 } }),
      question,
    ),
    'a question after the answer': [call, progress(1), log('one'), updated, progress(2), answer, question, reply, ...whole.slice(8)],
    'a question with another id': instead(question, server({ id: 9, method: 'elicitation/create', params: { message: 'Who?' } })),
    'a reply nobody asked for': instead(reply, client({ id: '0', result: { action: 'accept' } })),
    'a dropped log line': whole.filter(({ message }) => !JSON.stringify(message).includes('"one"')),
    'log lines in another order': [call, progress(1), question, reply, log('two'), updated, progress(2), answer, log('one'), ...whole.slice(9)],
    'a notification too many': [...whole, updated],
    'a request too many': [...whole, ...get(4, TASK)],
    'requests in another order': [...whole.slice(0, 9), ...get(3, OTHER_TASK), ...get(2, TASK)],
    'a changed field': instead(answer, server({ id: 1, result: { content: [], extra: { number: '2.0' } } })),
    'an added field': instead(answer, server({ id: 1, result: { content: [], extra: { number: '1.0' }, more: null } })),
    'a number spelled differently': instead(answer, server({ id: 1, result: { content: [], extra: 1 } })),
    'reordered keys': instead(answer, server({ result: { content: [], extra: { number: '1.0' } }, id: 1 })),
    'an error in place of a result': instead(answer, server({ id: 1, error: { code: -32603, message: 'no' } })),
    'an id of another type': instead(answer, server({ id: '1', result: { content: [], extra: { number: '1.0' } } })),
    'a cancellation': [...whole.slice(0, 2), client({ method: 'notifications/cancelled', params: { requestId: 1 } }), ...whole.slice(2)],
    'another task': [...whole.slice(0, 9), ...get(2, TASK), ...get(3, TASK)],
  };
  test.each(Object.entries(differences))('%s', (_name, different) => {
    expect(spelled(whole)).toBe(spelled([...whole]));
    expect(spelled(different)).not.toBe(spelled(whole));
  });
});

describe('the normal form of a conversation does not show', () => {
  test('on which side of an answer a log line arrived, since it may have come on another stream', () => {
    expect(spelled([call, progress(1), log('one'), question, reply, progress(2), answer, log('two'), updated, ...whole.slice(9)])).toBe(
      spelled(whole),
    );
  });

  test('the values of task ids', () => {
    expect(spelled(JSON.parse(JSON.stringify(whole).replaceAll(TASK, 'c'.repeat(32))) as Conversation)).toBe(spelled(whole));
  });
});

test('only a refused question for the era is left out, and with it only its refusal', () => {
  const probe = client({ id: 'era', method: 'server/discover', params: {} });
  const refusal = server({ id: 'era', error: { code: -32601, message: 'Method not found' } });
  const found = server({ id: 'era', result: { supportedVersions: [] } });
  const failure = server({ id: 1, error: { code: -32601, message: 'Method not found' } });
  expect(withoutRefusedProbe([probe, refusal, ...whole])).toEqual(whole);
  expect(withoutRefusedProbe([probe, found, call, failure])).toEqual([probe, found, call, failure]);
});
