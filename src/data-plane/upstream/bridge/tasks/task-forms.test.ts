import { describe, expect, test } from 'vitest';
import {
  inlinedResult,
  legacyCreation,
  legacyTask,
  modernCreation,
  modernDetails,
  modernState,
  modernTask,
  relatedTo,
  taskIdIn,
} from './task-forms.ts';

const DAY_MS = 86_400_000;
const LEGACY = '{"taskId":"t","status":"working","createdAt":"a","lastUpdatedAt":"b","ttl":5000,"pollInterval":1.0e2,"x":9007199254740993}';

describe('a task of 2025-11-25 as the extension says it', () => {
  test('a creation result is flat, has durations with their unit, and keeps what nobody knows as it was written', () => {
    const flat =
      modernCreation(`{"task":${LEGACY},"_meta":{"vendor":1.0,"io.modelcontextprotocol/related-task":{"taskId":"t"}},"y":[ ]}`, DAY_MS) ?? '';
    expect(JSON.parse(flat)).toEqual({
      resultType: 'task',
      taskId: 't',
      status: 'working',
      createdAt: 'a',
      lastUpdatedAt: 'b',
      ttlMs: 5000,
      pollIntervalMs: 100,
      x: 9007199254740992,
      y: [],
      _meta: { vendor: 1 },
    });
    expect(flat).toContain('"x":9007199254740993');
    expect(flat).toContain('"vendor":1.0');
    expect(flat).toContain('"y":[ ]');
  });

  test('a result that promises no task is none', () => {
    expect(modernCreation('{"content":[]}', DAY_MS)).toBeUndefined();
    expect(modernCreation('{"task":{"status":"working"}}', DAY_MS)).toBeUndefined();
    expect(modernCreation('{"task":7}', DAY_MS)).toBeUndefined();
  });

  test('durations are whole and positive: an unlimited or longer life is said to be as long as the gateway keeps it', () => {
    const ttl = (text: string): unknown => JSON.parse(modernTask(`{"taskId":"t",${text}"status":"working"}`, 1000));
    expect(ttl('"ttl":null,')).toMatchObject({ ttlMs: 1000 });
    expect(ttl('"ttl":5000,')).toMatchObject({ ttlMs: 1000 });
    expect(ttl('"ttl":10.7,"pollInterval":0,')).toEqual({ taskId: 't', status: 'working', ttlMs: 10 });
    expect(ttl('"ttl":"long","pollInterval":-1,')).toEqual({ taskId: 't', status: 'working', ttlMs: 1000 });
  });

  test('what an upstream puts where the outcome goes is not taken for it', () => {
    const task = modernTask('{"taskId":"t","status":"working","result":{"forged":1},"error":{},"inputRequests":{},"requestState":"s"}', 1000);
    expect(JSON.parse(modernDetails(modernState(task, { status: 'working' })))).toEqual({
      resultType: 'complete',
      taskId: 't',
      status: 'working',
      ttlMs: 1000,
    });
  });

  test('tasks/get has the outcome inside, which does not name the task again', () => {
    const result = inlinedResult('{"content":[],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}');
    expect(result).toBe('{"content":[]}');
    expect(JSON.parse(modernDetails(modernState(modernTask(LEGACY, DAY_MS), { status: 'completed', result })))).toMatchObject({
      resultType: 'complete',
      status: 'completed',
      result: { content: [] },
    });
    const asking = modernState(modernTask(LEGACY, DAY_MS), { status: 'input_required', inputRequests: '{"q":{"method":"roots/list"}}' });
    expect(JSON.parse(asking)).toMatchObject({ status: 'input_required', inputRequests: { q: { method: 'roots/list' } } });
    expect(asking).not.toContain('resultType');
  });
});

describe('a task of the extension as 2025-11-25 says it', () => {
  const created =
    '{"resultType":"task","taskId":"t","status":"working","createdAt":"a","lastUpdatedAt":"b","ttlMs":60000,"pollIntervalMs":100,"x":1.0,"_meta":{"v":1,"io.modelcontextprotocol/serverInfo":{}}}';

  test('a creation result is nested, and keeps what nobody knows', () => {
    expect(legacyCreation(created)).toBe(
      '{"task":{"taskId":"t","status":"working","createdAt":"a","lastUpdatedAt":"b","x":1.0,"ttl":60000,"pollInterval":100},"_meta":{"v":1}}',
    );
    expect(legacyCreation('{"resultType":"complete","content":[]}')).toBeUndefined();
  });

  test('a task is shown without its outcome; no limit is said as null; a tool that failed makes its task a failed one', () => {
    const details = '{"resultType":"complete","taskId":"t","status":"completed","result":{"isError":true},"inputRequests":{},"error":{}}';
    expect(JSON.parse(legacyTask(details))).toEqual({ taskId: 't', status: 'failed', ttl: null });
    expect(JSON.parse(legacyTask('{"taskId":"t","status":"completed","result":{"isError":false}}'))).toMatchObject({ status: 'completed' });
    expect(JSON.parse(legacyTask('{"taskId":"t","status":"input_required","inputRequests":{}}'))).toMatchObject({ status: 'input_required' });
  });
});

test('a message says which task it belongs to, and that is found again', () => {
  const params = relatedTo('{"message":"?","_meta":{"v":1}}', 'a "b"');
  expect(JSON.parse(params)).toEqual({ message: '?', _meta: { v: 1, 'io.modelcontextprotocol/related-task': { taskId: 'a "b"' } } });
  expect(taskIdIn(`{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":${params}}`)).toBe('a "b"');
  expect(taskIdIn('{"jsonrpc":"2.0","id":1,"method":"roots/list"}')).toBeUndefined();
});
