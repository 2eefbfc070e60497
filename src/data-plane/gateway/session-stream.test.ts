import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AnswerListener, ClientAnswer, StreamEvent } from './seams.ts';
import { SessionStream } from './session-stream.ts';

/** A reader that keeps what it is given. */
class Reader implements ClientAnswer {
  listener: AnswerListener | undefined;
  readonly isGone = false;
  readonly status = 200;
  readonly sentBytes = 0;
  readonly events: StreamEvent[] = [];
  isEnded = false;
  isFull = false;
  setHeader(): void {}
  head(): void {}
  reply(): void {}
  chunk(): boolean {
    return true;
  }
  event(event: StreamEvent): boolean {
    if (this.isEnded) throw new Error('an event after the end');
    this.events.push(event);
    return !this.isFull;
  }
  end(): void {
    this.isEnded = true;
  }
  fail(): void {
    this.isEnded = true;
  }
  get data(): (string | undefined)[] {
    return this.events.map((event) => event.data);
  }
  /** What a client would send as Last-Event-ID. */
  get lastSequence(): number {
    const id = this.events.findLast((event) => event.id !== undefined)?.id;
    return id === undefined ? 0 : (SessionStream.parse(id)?.sequence ?? Number.NaN);
  }
}

const event = (data: string, id = 'theirs'): StreamEvent => ({ id, event: 'message', retry: undefined, data, comment: undefined });

test('a reader that loses its connection again and again, anywhere, has in the end read every event once and in order', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant('event' as const) },
    { weight: 1, arbitrary: fc.constantFrom('gone', 'back', 'released', 'replaced') },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 90 }), (steps) => {
      let reader = new Reader();
      const stream = new SessionStream(reader);
      const read: (string | undefined)[] = [];
      let isReading = true;
      let sent = 0;
      const leave = (): void => {
        read.push(...reader.data);
        isReading = false;
      };
      const comeBack = (): void => {
        const seen = reader.events.length > 0 ? reader.lastSequence : lastSeen;
        lastSeen = seen;
        reader = new Reader();
        stream.attach(reader, seen);
        isReading = true;
      };
      let lastSeen = 0;
      for (const what of steps) {
        if (what === 'event') stream.deliver(event(`event ${++sent}`), undefined);
        else if (what === 'back') {
          if (!isReading) comeBack();
        } else if (isReading) {
          if (what === 'gone') stream.detach();
          else if (what === 'released') stream.releaseReader();
          leave();
          if (what === 'replaced') comeBack();
        }
      }
      if (!isReading) comeBack();
      read.push(...reader.data);
      expect(read).toEqual(Array.from({ length: sent }, (_, i) => `event ${i + 1}`));
    }),
    { numRuns: 1000 },
  );
});

test('whoever asks for the same place twice gets the same events twice', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.nat(100), (count, from) => {
      const stream = new SessionStream(new Reader());
      for (let i = 1; i <= count; i++) stream.deliver(event(String(i)), undefined);
      const [first, second] = [new Reader(), new Reader()];
      stream.attach(first, from);
      stream.attach(second, from);
      expect(first.data).toEqual(Array.from({ length: Math.max(0, count - from) }, (_, i) => String(from + i + 1)));
      expect(second.events).toEqual(first.events);
      expect(first.isEnded).toBe(true);
    }),
  );
});

test('ids are our own and lead back to their stream; the upstream’s never reach a client', () => {
  const reader = new Reader();
  const stream = new SessionStream(reader);
  stream.deliver(event('a', 'upstream-secret-1'), undefined);
  stream.deliver({ ...event('b'), id: undefined }, undefined);
  const [first, second] = reader.events;
  expect(SessionStream.parse(first?.id ?? '')).toEqual({ token: stream.token, sequence: 1 });
  expect(second?.id).toBeUndefined();
  for (const bad of [
    '',
    'x',
    `${stream.token}.`,
    `${stream.token}.-1`,
    `${stream.token}.1x`,
    `${stream.token}.99999999999999999`,
    'upstream-secret-1',
  ])
    expect(SessionStream.parse(bad)).toBeUndefined();
});

test('what is kept is bounded in number and in bytes, but for one event alone', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 700_000 }), { maxLength: 150 }), (sizes) => {
      const stream = new SessionStream(new Reader());
      stream.detach();
      for (const size of sizes) stream.deliver(event('x'.repeat(size)), undefined);
      const reader = new Reader();
      stream.attach(reader, 0);
      // All of an event is kept, so all of it counts.
      const bytes = reader.events.reduce((sum, { data, event: name }) => sum + (data?.length ?? 0) + (name?.length ?? 0), 0);
      expect(reader.events.length).toBeLessThanOrEqual(100);
      expect(reader.events.length === 1 || bytes <= 1024 * 1024).toBe(true);
      expect(stream.keptBytes).toBe(bytes);
    }),
    { numRuns: 30 },
  );
  const stream = new SessionStream(new Reader());
  stream.detach();
  stream.deliver(event('x'.repeat(5_000_000)), undefined);
  const reader = new Reader();
  stream.attach(reader, 0);
  expect(reader.data[0]?.length).toBe(5_000_000);
});

test('an answer among dropped events becomes an error, once, and the stream ends', () => {
  const stream = new SessionStream(new Reader());
  stream.owed.add('7');
  stream.detach();
  stream.deliver(event('{"id":7,"result":{}}'), '7');
  for (let i = 0; i < 100; i++) stream.deliver(event(`later ${i}`), undefined);
  const reader = new Reader();
  stream.attach(reader, 0);
  expect(JSON.parse(reader.data[0] ?? '')).toMatchObject({ jsonrpc: '2.0', id: 7, error: { data: { code: 'upstream.connection_lost' } } });
  expect(reader.data.slice(1)).toEqual(Array.from({ length: 100 }, (_, i) => `later ${i}`));
  expect(reader.isEnded).toBe(true);
});

test('an answer still owed when events had to be dropped becomes an error too; one that had been seen does not', () => {
  const stream = new SessionStream(new Reader());
  stream.owed.add('"a"');
  for (let i = 0; i < 101; i++) stream.deliver(event(`event ${i}`), undefined);
  const late = new Reader();
  stream.attach(late, 0);
  expect(JSON.parse(late.data[0] ?? '')).toMatchObject({ id: 'a', error: {} });

  const seen = new SessionStream(new Reader());
  seen.owed.add('1');
  seen.deliver(event('{"id":1}'), '1');
  for (let i = 0; i < 100; i++) seen.deliver(event(`event ${i}`), undefined);
  const back = new Reader();
  seen.attach(back, 1);
  expect(back.data).toEqual(Array.from({ length: 100 }, (_, i) => `event ${i}`));
});

test('a reader who comes back after the end gets the rest and is told that it is over', () => {
  const reader = new Reader();
  const stream = new SessionStream(reader);
  stream.deliver(event('a'), undefined);
  stream.deliver(event('b'), undefined);
  stream.finish();
  expect(reader.isEnded).toBe(true);
  const back = new Reader();
  stream.attach(back, 1);
  expect(back.data).toEqual(['b']);
  expect(back.isEnded).toBe(true);
});

test.each<[string, (stream: SessionStream) => void]>([
  ['takes more', (stream) => stream.clientHasRoom()],
  ['goes away', (stream) => stream.detach()],
  ['is replaced by one that resumes', (stream) => stream.attach(new Reader(), 0)],
  ['is replaced by one that joins', (stream) => stream.attachLive(new Reader())],
  ['is let go', (stream) => stream.releaseReader()],
])('a stream that stopped for a full reader goes on when that reader %s', (_what, act) => {
  const reader = new Reader();
  reader.isFull = true;
  const stream = new SessionStream(reader);
  expect(stream.deliver(event('a'), undefined)).toBe(false);
  let hasResumed = false;
  stream.onDrain = () => {
    hasResumed = true;
  };
  act(stream);
  expect(hasResumed).toBe(true);
});

test('an upstream that goes on at once when it is resumed says nothing before what was missed', () => {
  const stream = new SessionStream(new Reader());
  for (const data of ['a', 'b', 'c']) stream.deliver(event(data), undefined);
  stream.onDrain = () => {
    stream.onDrain = undefined;
    stream.deliver(event('d'), undefined);
  };
  const back = new Reader();
  stream.attach(back, 1);
  expect(back.data).toEqual(['b', 'c', 'd']);
});
