// When upstreams are read again, with a clock in the hands of the test and a port that answers what it says.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError, silentLogger } from '../../src/base/kernel/index.ts';
import type { AnswerSink, Snapshot, UpstreamObserver, UpstreamPort, UpstreamRequest, UpstreamRow } from '../../src/data-plane/gateway/index.ts';
import { startCatalogueWatch, type CatalogueWatch } from '../../src/data-plane/upstream/index.ts';
import { snapshotOf, upstreamRow } from '../combined/combined-rig.ts';

const SETTLE_MS = 500;
const PAUSE_MS = 5000;
const INTERVAL_MS = 300_000;
const LISTEN_AGAIN_MS = 30_000;

interface Opened {
  readonly request: UpstreamRequest;
  readonly sink: AnswerSink;
  readonly method: string;
  isCancelled: boolean;
}

/** Opens sessions, keeps streams open, and notes what came. */
class PlayedPort implements UpstreamPort {
  readonly opened: Opened[] = [];
  failure: AppError | undefined;
  open(request: UpstreamRequest, sink: AnswerSink, observer?: UpstreamObserver) {
    const method = request.message?.method ?? request.method;
    const one: Opened = { request, sink, method, isCancelled: false };
    this.opened.push(one);
    queueMicrotask(() => {
      if (this.failure !== undefined) sink.fail(this.failure);
      else if (method === 'GET' || method === 'subscriptions/listen')
        sink.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined });
      else {
        if (method === 'initialize') observer?.session({ remember() {}, forget() {} });
        sink.head({ status: 200, kind: 'json', headers: [], contentLength: undefined });
        sink.chunk(Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25"}}'));
        sink.end();
      }
    });
    return { cancel: () => (one.isCancelled = true), pause() {}, resume() {} };
  }
  of(method: string): Opened[] {
    return this.opened.filter((one) => one.method === method);
  }
}

const SAYS = { tools: { listChanged: true } };
const say = (one: Opened | undefined, message: object): boolean | undefined =>
  one?.sink.event({ id: undefined, event: 'message', retry: undefined, comment: undefined, data: JSON.stringify({ jsonrpc: '2.0', ...message }) });
const CHANGED = { method: 'notifications/tools/list_changed' };

let port: PlayedPort;
let snapshot: Snapshot;
let read: string[];
/** What a reading does; by default it succeeds at once. */
let reading: (id: string) => Promise<{ success: boolean }>;
let watch: CatalogueWatch;

beforeEach(() => {
  vi.useFakeTimers();
  port = new PlayedPort();
  snapshot = snapshotOf([], []);
  read = [];
  reading = () => Promise.resolve({ success: true });
  const parts = {
    port,
    snapshot: () => snapshot,
    refresh(id: string) {
      read.push(id);
      return reading(id);
    },
    logger: silentLogger,
  };
  watch = startCatalogueWatch({ settleMs: SETTLE_MS, pauseMs: PAUSE_MS, intervalMs: INTERVAL_MS, handshakeTimeoutMs: 1000 }, parts);
});
afterEach(async () => {
  await watch.close();
  expect(vi.getTimerCount(), 'timers left behind').toBe(0);
  vi.useRealTimers();
});

async function hold(...rows: UpstreamRow[]): Promise<void> {
  snapshot = snapshotOf(rows, []);
  watch.snapshotChanged();
  await vi.advanceTimersByTimeAsync(0);
}
const pass = async (ms: number): Promise<void> => void (await vi.advanceTimersByTimeAsync(ms));

describe('a change', () => {
  it('a burst of them is one reading, after it has settled', async () => {
    await hold(upstreamRow('a'));
    for (let i = 0; i < 100; i++) watch.changed('a');
    await pass(SETTLE_MS - 1);
    expect(read).toEqual([]);
    await pass(1);
    expect(read).toEqual(['a']);
    await pass(PAUSE_MS * 3);
    expect(read).toEqual(['a']);
  });

  it('every second is read at the pace of the pause, and never put off for ever', async () => {
    await hold(upstreamRow('a'));
    for (let second = 0; second < 60; second++) {
      watch.changed('a');
      await pass(1000);
    }
    expect(read.length).toBeGreaterThanOrEqual(60_000 / (PAUSE_MS + 1000));
    expect(read.length).toBeLessThanOrEqual(60_000 / PAUSE_MS + 1);
  });

  it('told while the upstream is being read is read after the pause', async () => {
    const { promise, resolve } = Promise.withResolvers<{ success: boolean }>();
    reading = () => promise;
    await hold(upstreamRow('a'));
    watch.changed('a');
    await pass(SETTLE_MS);
    watch.changed('a');
    await pass(60_000);
    expect(read).toEqual(['a']);
    resolve({ success: true });
    await pass(PAUSE_MS);
    expect(read).toEqual(['a', 'a']);
  });

  it('is not lost when somebody else was reading at that moment', async () => {
    reading = () => Promise.reject(new AppError('gateway.conflict', 'A refresh of this gateway is running.'));
    await hold(upstreamRow('a'));
    watch.changed('a');
    await pass(SETTLE_MS);
    reading = () => Promise.resolve({ success: true });
    await pass(PAUSE_MS);
    expect(read).toEqual(['a', 'a']);
    await pass(PAUSE_MS * 3);
    expect(read).toHaveLength(2);
  });

  it('of one that cannot be read is tried less and less often, and at the old pace when it can', async () => {
    reading = () => Promise.resolve({ success: false });
    await hold(upstreamRow('a'));
    for (let second = 0; second < 240; second++) {
      watch.changed('a');
      await pass(1000);
    }
    expect(read.length).toBeLessThan(10);
    reading = () => Promise.resolve({ success: true });
    await pass(60_000);
    read.length = 0;
    for (let second = 0; second < 30; second++) {
      watch.changed('a');
      await pass(1000);
    }
    expect(read.length).toBeGreaterThanOrEqual(4);
  });

  it('of one that is being read for ever holds up none of the others', async () => {
    reading = (id) => (id === 'hung' ? new Promise(() => {}) : Promise.resolve({ success: true }));
    await hold(upstreamRow('hung'), upstreamRow('a'), upstreamRow('b'));
    for (const id of ['hung', 'a', 'b']) watch.changed(id);
    await pass(SETTLE_MS);
    expect(read).toEqual(['hung', 'a', 'b']);
    watch.changed('a');
    await pass(PAUSE_MS);
    expect(read).toEqual(['hung', 'a', 'b', 'a']);
  });

  it('of what is unknown, switched off or deleted is nothing', async () => {
    await hold(upstreamRow('off', { enabled: false }), upstreamRow('gone'));
    watch.changed('gone');
    watch.changed('off');
    watch.changed('unknown');
    await hold();
    await pass(INTERVAL_MS * 2);
    expect(read).toEqual([]);
  });

  it('survives that the upstream’s row becomes another one', async () => {
    await hold(upstreamRow('a'));
    watch.changed('a');
    await hold(upstreamRow('a', { url: 'http://127.0.0.1/other' }));
    await pass(SETTLE_MS);
    expect(read).toEqual(['a']);
  });
});

describe('the interval', () => {
  it('reads those that say nothing, not all at once, and programs not at all', async () => {
    const rows = Array.from({ length: 20 }, (_, i) => upstreamRow(`u${i}`));
    await hold(...rows, upstreamRow('program', { transport: 'STDIO' }));
    await pass(INTERVAL_MS);
    expect(read).toEqual([]);
    await pass(3000);
    expect(read.length).toBeGreaterThan(0);
    expect(read.length).toBeLessThan(10);
    await pass(20_000);
    expect(read.toSorted()).toEqual(rows.map(({ id }) => id).toSorted());
  });

  it('is the upstream’s own where it has one', async () => {
    await hold(upstreamRow('a', { refreshIntervalSeconds: 60 }), upstreamRow('b'));
    await pass(65_000);
    expect(read).toEqual(['a']);
  });

  it('begins when a reading ends, however long that took', async () => {
    const { promise, resolve } = Promise.withResolvers<{ success: boolean }>();
    reading = () => promise;
    await hold(upstreamRow('a'));
    await pass(INTERVAL_MS * 2);
    resolve({ success: true });
    await pass(INTERVAL_MS - 2000);
    expect(read).toEqual(['a']);
    await pass(5000);
    expect(read).toEqual(['a', 'a']);
  });
});

describe('an ear', () => {
  it('of the modern era asks for news of lists, and hears them', async () => {
    await hold(upstreamRow('a', { capabilities: SAYS, legacy: false }));
    expect(port.opened.map(({ method }) => method)).toEqual(['subscriptions/listen']);
    expect(port.opened[0]?.request.headers).toContain('subscriptions/listen');
    say(port.opened[0], { method: 'notifications/subscriptions/acknowledged' });
    say(port.opened[0], { method: 'notifications/resources/updated', params: { uri: 'x:y' } });
    port.opened[0]?.sink.event({ id: undefined, event: 'message', retry: undefined, comment: undefined, data: 'no JSON' });
    await pass(10_000);
    expect(read).toEqual([]);
    say(port.opened[0], CHANGED);
    await pass(SETTLE_MS);
    expect(read).toEqual(['a']);
  });

  it('of the session era hears them on the stream of a session of its own, which ends with it', async () => {
    await hold(upstreamRow('a', { capabilities: SAYS, modern: false }));
    expect(port.opened.map(({ method }) => method)).toEqual(['initialize', 'notifications/initialized', 'GET']);
    say(port.of('GET')[0], CHANGED);
    await pass(SETTLE_MS);
    expect(read).toEqual(['a']);
    await hold();
    expect(port.of('GET')[0]?.isCancelled).toBe(true);
    expect(port.of('DELETE')).toHaveLength(1);
  });

  it('answers what it is asked: a ping well, all else with an error', async () => {
    await hold(upstreamRow('a', { capabilities: SAYS, modern: false }));
    say(port.of('GET')[0], { id: 7, method: 'ping' });
    say(port.of('GET')[0], { id: 'x', method: 'sampling/createMessage', params: {} });
    await pass(0);
    const answers = port.opened.slice(3).map(({ request }) => JSON.parse(request.body?.toString() ?? '') as object);
    expect(answers).toEqual([
      { jsonrpc: '2.0', id: 7, result: {} },
      { jsonrpc: '2.0', id: 'x', error: { code: -32601, message: expect.any(String) as string } },
    ]);
    expect(read).toEqual([]);
  });

  it.each(['modern', 'legacy'])('that cannot be opened is tried again after a pause (%s)', async (era) => {
    port.failure = new AppError('upstream.unreachable', 'refused');
    await hold(upstreamRow('a', { capabilities: SAYS, modern: era === 'modern', legacy: era !== 'modern' }));
    await pass(LISTEN_AGAIN_MS - 1000);
    expect(port.opened).toHaveLength(1);
    await pass(2000);
    expect(port.opened).toHaveLength(2);
    port.failure = undefined;
    await pass(LISTEN_AGAIN_MS);
    expect(port.of(era === 'modern' ? 'subscriptions/listen' : 'GET').at(-1)?.isCancelled).toBe(false);
    expect(read, 'nothing was missed that was never heard').toEqual([]);
  });

  it.each(['modern', 'legacy'])('whose stream broke takes it that something was said meanwhile (%s)', async (era) => {
    await hold(upstreamRow('a', { capabilities: SAYS, modern: era === 'modern', legacy: era !== 'modern' }));
    port.opened.at(-1)?.sink.end();
    await pass(LISTEN_AGAIN_MS + SETTLE_MS);
    expect(read).toEqual(['a']);
  });

  it('does not read a refusal without end', async () => {
    await hold(upstreamRow('a', { capabilities: SAYS, legacy: false }));
    port.opened[0]?.sink.chunk(Buffer.from('{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"'));
    expect(port.opened[0]?.isCancelled).toBe(true);
    await pass(LISTEN_AGAIN_MS);
    expect(port.opened).toHaveLength(2);
  });

  it('stays as it is while rows change in what does not matter to it, and is another one with another address', async () => {
    await hold(upstreamRow('a', { capabilities: SAYS, legacy: false }));
    for (let i = 0; i < 50; i++) await hold(upstreamRow('a', { capabilities: SAYS, legacy: false, name: `name ${i}` }));
    expect(port.opened).toHaveLength(1);
    await hold(upstreamRow('a', { capabilities: SAYS, legacy: false, headers: [['authorization', 'other']] }));
    expect(port.opened).toHaveLength(2);
    expect(port.opened[0]?.isCancelled).toBe(true);
  });

  it('is not opened to programs, nor to upstreams that say nothing of their lists', async () => {
    await hold(upstreamRow('program', { transport: 'STDIO', capabilities: SAYS }), upstreamRow('silent', { capabilities: { tools: {} } }));
    await pass(INTERVAL_MS / 2);
    expect(port.opened).toEqual([]);
  });

  it('does not come to life again after the end', async () => {
    port.failure = new AppError('upstream.unreachable', 'refused');
    await hold(upstreamRow('a', { capabilities: SAYS, legacy: false }), upstreamRow('b', { capabilities: SAYS, modern: false }));
    await watch.close();
    const opened = port.opened.length;
    watch.changed('a');
    watch.snapshotChanged();
    await pass(INTERVAL_MS * 2);
    expect(port.opened).toHaveLength(opened);
    expect(read).toEqual([]);
  });
});

describe('what is known of an upstream', () => {
  it('is good until it is read again, and not at all once it is said to be old', async () => {
    await hold(upstreamRow('a'));
    expect(watch.freshUntilMs('a')).toBe(Date.now() + INTERVAL_MS);
    await pass(60_000);
    expect(watch.freshUntilMs('a')).toBe(Date.now() + INTERVAL_MS - 60_000);
    watch.changed('a');
    expect(watch.freshUntilMs('a')).toBe(0);
    await pass(SETTLE_MS);
    expect(watch.freshUntilMs('a')).toBe(Date.now() + INTERVAL_MS);
  });

  it('is good for as long as the upstream’s own interval, and of a program as long as it says nothing', async () => {
    await hold(upstreamRow('a', { refreshIntervalSeconds: 60 }), upstreamRow('p', { transport: 'STDIO' }));
    expect(watch.freshUntilMs('a')).toBe(Date.now() + 60_000);
    expect(watch.freshUntilMs('p')).toBe(Number.POSITIVE_INFINITY);
  });

  it('is not good of one that could not be read last, nor of one nobody has heard of', async () => {
    reading = () => Promise.resolve({ success: false });
    await hold(upstreamRow('a'));
    watch.changed('a');
    await pass(SETTLE_MS);
    expect(watch.freshUntilMs('a')).toBe(0);
    expect(watch.freshUntilMs('z')).toBe(0);
  });
});
