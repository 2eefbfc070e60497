import { expect, test } from 'vitest';
import { AppError } from '#base/kernel';
import type { AnswerHead, AnswerListener, ClientAnswer, StreamEvent } from '#data-plane/gateway';
import { BatchAnswer } from './batch.ts';

class Client implements ClientAnswer {
  listener: AnswerListener | undefined;
  status = 0;
  readonly isGone = false;
  readonly sentBytes = 0;
  kind = '';
  text = '';
  readonly events: string[] = [];
  ends = 0;
  isFull = false;
  setHeader(): void {}
  head(head: AnswerHead): void {
    if (this.status !== 0) throw new Error('a second head');
    this.status = head.status;
    this.kind = head.kind;
  }
  reply(head: AnswerHead, document: Buffer): void {
    this.head(head);
    this.chunk(document);
    this.end();
  }
  chunk(bytes: Buffer): boolean {
    this.text += bytes.toString('latin1');
    return true;
  }
  event(event: StreamEvent): boolean {
    this.events.push(event.data ?? '');
    return !this.isFull;
  }
  end(): void {
    this.ends++;
  }
  fail(): void {
    this.ends++;
  }
}

const JSON_HEAD: AnswerHead = { status: 200, kind: 'json', headers: [], contentLength: undefined };
const STREAM_HEAD: AnswerHead = { ...JSON_HEAD, kind: 'stream' };
const EMPTY_HEAD: AnswerHead = { ...JSON_HEAD, status: 202, kind: 'empty' };
const message = (data: string): StreamEvent => ({ id: undefined, event: 'message', retry: undefined, data, comment: undefined });
const failed = new AppError('upstream.connection_lost', 'broke');

function answerJson(part: ClientAnswer, ...texts: string[]): void {
  part.head(JSON_HEAD);
  for (const text of texts) part.chunk(Buffer.from(text));
  part.end();
}

function batchOf(...ids: (string | undefined)[]): { client: Client; parts: ClientAnswer[] } {
  const client = new Client();
  const batch = new BatchAnswer(client, ids.length);
  return { client, parts: ids.map((id) => batch.part(id)) };
}

test('answers in JSON become one array, in the order in which they come, when the last is there', () => {
  const { client, parts } = batchOf('1', '2');
  answerJson(parts[1] as ClientAnswer, '{"id":', '2}');
  expect(client.status).toBe(0);
  answerJson(parts[0] as ClientAnswer, '{"id":1}');
  expect(client).toMatchObject({ status: 200, kind: 'json', text: '[{"id":2},{"id":1}]', ends: 1 });
});

test('notifications alone are acknowledged without a body, whatever became of them', () => {
  const { client, parts } = batchOf(undefined, undefined);
  parts[0]?.head(EMPTY_HEAD);
  parts[0]?.end();
  parts[1]?.fail(failed);
  expect(client).toMatchObject({ status: 202, kind: 'empty', text: '', ends: 1 });
});

test('one answer that is a stream makes the whole a stream, and nothing that came before is lost', () => {
  const { client, parts } = batchOf('1', '2', '3');
  answerJson(parts[0] as ClientAnswer, '{"id":1}');
  parts[1]?.head(STREAM_HEAD);
  parts[1]?.event(message('{"method":"notifications/progress"}'));
  parts[1]?.event(message('{"id":2}'));
  parts[1]?.end();
  answerJson(parts[2] as ClientAnswer, '{"id":3}');
  expect(client).toMatchObject({ kind: 'stream', ends: 1, events: ['{"id":1}', '{"method":"notifications/progress"}', '{"id":2}', '{"id":3}'] });
});

test('a part that fails is an error for its id, also when half its answer had come', () => {
  const { client, parts } = batchOf('1', '"b"');
  parts[0]?.head(JSON_HEAD);
  parts[0]?.chunk(Buffer.from('{"id":1,"result":{"cut'));
  parts[0]?.fail(failed);
  parts[0]?.fail(failed);
  answerJson(parts[1] as ClientAnswer, '{"id":"b"}');
  expect(JSON.parse(client.text)).toMatchObject([{ id: 1, error: { code: -31502 } }, { id: 'b' }]);
  expect(client.ends).toBe(1);
});

test('a request whose upstream says nothing at all still gets an answer', () => {
  const { client, parts } = batchOf('1', undefined);
  for (const part of parts) {
    part.head({ ...EMPTY_HEAD, status: 404 });
    part.end();
  }
  expect(JSON.parse(client.text)).toMatchObject([{ id: 1, error: { data: { code: 'upstream.bad_answer' } } }]);
});

test('parts that stopped for a full client go on when it takes more, and learn that it has gone', () => {
  const { client, parts } = batchOf('1', '2');
  client.isFull = true;
  const heard: string[] = [];
  for (const [index, part] of parts.entries()) {
    part.head(STREAM_HEAD);
    expect(part.event(message('x'))).toBe(false);
    part.listener = { clientHasRoom: () => heard.push(`room ${index}`), clientGone: () => heard.push(`gone ${index}`) };
  }
  client.listener?.clientHasRoom();
  client.listener?.clientGone();
  expect(heard).toEqual(['room 0', 'room 1', 'gone 0', 'gone 1']);
});

test('an answer without end is not collected without end', () => {
  const { parts } = batchOf('1', '2', '3');
  const megabyte = Buffer.alloc(1024 * 1024, 'x');
  for (const part of parts) part.head(JSON_HEAD);
  expect(() => {
    // None of them is too much alone.
    for (let i = 0; i < 90; i++) parts[i % 3]?.chunk(megabyte);
  }).toThrow(expect.objectContaining({ code: 'upstream.too_large' }));
});
