import { describe, expect, test } from 'vitest';
import { normalise } from './normalise.ts';
import type { RecordedExchange, Recording } from './recording.ts';

const SESSION = '0f8fad5b-d9cb-469f-a165-70867728950e';
const OTHER_SESSION = '7c9e6679-7425-40de-944b-e07fc1f90ae7';

function call(changes: Partial<RecordedExchange> = {}): RecordedExchange {
  return {
    method: 'POST',
    requestHeaders: { 'content-type': 'application/json', 'mcp-session-id': SESSION },
    requestBody: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } },
    status: 200,
    responseHeaders: { 'content-type': 'text/event-stream', 'mcp-session-id': SESSION },
    responseBody: undefined,
    events: [
      { id: 'e1', data: '' },
      { id: 'e2', event: 'message', data: { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 1 } } },
      { id: 'e3', event: 'message', data: { jsonrpc: '2.0', id: 1, result: { content: [], extra: { number: '1.0' } } } },
    ],
    end: 'server',
    outlivedSession: false,
    ...changes,
  };
}

const of = (...exchanges: RecordedExchange[]): Recording => ({ exchanges });
const changed = (change: (exchange: RecordedExchange) => unknown): Recording => {
  const exchange = structuredClone(call());
  change(exchange);
  return of(exchange);
};

/** Both views the comparison uses: the values, and their spelling with the order of keys. */
function isEqual(a: Recording, b: Recording): boolean {
  return JSON.stringify(normalise(a)) === JSON.stringify(normalise(b));
}

describe('the normaliser still sees', () => {
  const differences: Record<string, Recording> = {
    'a changed field': changed(
      (exchange) =>
        (exchange.events[2] = { ...exchange.events[2]!, data: { jsonrpc: '2.0', id: 1, result: { content: [], extra: { number: '2.0' } } } }),
    ),
    'a dropped field': changed(
      (exchange) => (exchange.events[2] = { ...exchange.events[2]!, data: { jsonrpc: '2.0', id: 1, result: { content: [] } } }),
    ),
    'an added field': changed(
      (exchange) =>
        (exchange.events[2] = {
          ...exchange.events[2]!,
          data: { jsonrpc: '2.0', id: 1, result: { content: [], extra: { number: '1.0' }, more: null } },
        }),
    ),
    'an id of another type': changed(
      (exchange) =>
        (exchange.events[2] = { ...exchange.events[2]!, data: { jsonrpc: '2.0', id: '1', result: { content: [], extra: { number: '1.0' } } } }),
    ),
    'a number spelled differently': changed(
      (exchange) => (exchange.events[2] = { ...exchange.events[2]!, data: { jsonrpc: '2.0', id: 1, result: { content: [], extra: 1 } } }),
    ),
    'reordered keys': changed(
      (exchange) =>
        (exchange.events[2] = { ...exchange.events[2]!, data: { id: 1, jsonrpc: '2.0', result: { content: [], extra: { number: '1.0' } } } }),
    ),
    'a dropped message': changed((exchange) => exchange.events.splice(1, 1)),
    'a repeated message': changed((exchange) => exchange.events.push(exchange.events[1]!)),
    'messages in another order': changed((exchange) => exchange.events.reverse()),
    'a missing event id': changed((exchange) => (exchange.events[1] = { event: 'message', data: exchange.events[1]!.data })),
    'an event id used twice': changed((exchange) => (exchange.events[1] = { ...exchange.events[1]!, id: 'e1' })),
    'a missing priming event': changed((exchange) => exchange.events.shift()),
    'an added retry hint': changed((exchange) => (exchange.events[0] = { ...exchange.events[0]!, retry: '1000' })),
    'another status': of(call({ status: 202 })),
    'JSON in place of a stream': of(call({ responseHeaders: { 'content-type': 'application/json', 'mcp-session-id': SESSION } })),
    'a missing session header': of(call({ responseHeaders: { 'content-type': 'text/event-stream' } })),
    'a session id that is not the one given': of(call({ requestHeaders: { 'content-type': 'application/json', 'mcp-session-id': OTHER_SESSION } })),
    'an exchange too many': of(call(), call()),
    'a stream cut short by the server': of(call({ events: call().events.slice(0, 2) })),
  };
  test.each(Object.entries(differences))('%s', (_name, different) => {
    expect(isEqual(of(call()), of(call()))).toBe(true);
    expect(isEqual(of(call()), different)).toBe(false);
  });

  test('which of two tasks a message is about', () => {
    const about = (...ids: string[]): Recording =>
      of(...ids.map((taskId) => call({ requestBody: { jsonrpc: '2.0', id: 1, method: 'tasks/get', params: { taskId } } })));
    const [first, second, third] = ['a', 'b', 'c'].map((digit) => digit.repeat(32)) as [string, string, string];
    expect(isEqual(about(first, second, first), about(second, third, second))).toBe(true);
    expect(isEqual(about(first, second, first), about(second, third, third))).toBe(false);
  });
});

describe('the normaliser does not see', () => {
  test('the values of session and event ids', () => {
    const text = JSON.stringify(of(call())).replaceAll(SESSION, OTHER_SESSION).replaceAll('"e1"', '"x"').replaceAll('"e2"', '"y"');
    expect(isEqual(of(call()), JSON.parse(text) as Recording)).toBe(true);
  });

  test('the wall clock, in a text, a blob or a task', () => {
    const at = (clock: string, iso: string): Recording =>
      of(
        call({
          responseBody: {
            text: `Resource 1: This is a plaintext resource created at ${clock}`,
            blob: Buffer.from(`Resource 2: This is a base64 blob created at ${clock}`).toString('base64'),
            createdAt: iso,
          },
        }),
      );
    expect(isEqual(at('1:02:03 PM', '2026-01-01T00:00:00.000Z'), at('11:12:13 AM', '2026-11-21T01:02:03.456Z'))).toBe(true);
  });

  test('whether a client sends its answer before or after its next request', () => {
    const answer = call({ requestBody: { jsonrpc: '2.0', id: 0, result: {} }, status: 202, events: [] });
    expect(isEqual(of(answer, call()), of(call(), answer))).toBe(true);
  });
});
