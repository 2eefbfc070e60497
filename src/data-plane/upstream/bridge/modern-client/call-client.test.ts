// What a client of 2026-07-28 gets when an upstream of the older era answers on a stream, as most of them do.
import { scanMessage } from '#base/protocol';
import type { AnswerHead, AnswerSink, UpstreamRequest } from '#data-plane/gateway';
import { expect, test, vi } from 'vitest';
import { CallClient } from './call-client.ts';

const TEXT = '{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{"name":"a"}}';

function clientWith(seen: unknown[]): CallClient {
  const sink: AnswerSink = {
    head: ({ status, kind, headers }: AnswerHead) => void seen.push({ status, kind, headers }),
    chunk: (bytes) => (seen.push(bytes.toString()), true),
    event: ({ data }) => (seen.push({ data }), true),
    end: () => void seen.push('end'),
    fail: (error) => void seen.push(error),
  };
  const request = { message: scanMessage(TEXT) } as unknown as UpstreamRequest;
  return new CallClient({ upstreamId: 'u', left: () => undefined, paused: () => undefined }, request, TEXT, sink);
}

test('an error that comes alone on a stream comes with the status it has in the newer era', () => {
  const seen: unknown[] = [];
  const client = clientWith(seen);
  client.startStream(['x-kept', '1']);
  client.answer('{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no"}}');
  const body = '{"jsonrpc":"2.0","id":"mine","error":{"code":-32601,"message":"no"}}';
  expect(seen).toEqual([{ status: 404, kind: 'json', headers: ['x-kept', '1'] }, body, 'end']);
});

test('what is said before the answer begins the stream', () => {
  const seen: unknown[] = [];
  const client = clientWith(seen);
  client.startStream([]);
  client.tell('{"said":1}');
  client.answer('{"jsonrpc":"2.0","id":7,"result":{}}');
  const answer = '{"jsonrpc":"2.0","id":"mine","result":{}}';
  expect(seen).toEqual([{ status: 200, kind: 'stream', headers: [] }, { data: '{"said":1}' }, { data: answer }, 'end']);
});

test('a stream on which nothing comes for a while begins all the same, and only once', () => {
  vi.useFakeTimers();
  try {
    const seen: unknown[] = [];
    const client = clientWith(seen);
    client.startStream([]);
    client.startStream([]);
    vi.advanceTimersByTime(1000);
    expect(seen).toEqual([{ status: 200, kind: 'stream', headers: [] }]);
    client.cancel();
    vi.advanceTimersByTime(1000);
    expect(seen).toHaveLength(1);
  } finally {
    vi.useRealTimers();
  }
});
