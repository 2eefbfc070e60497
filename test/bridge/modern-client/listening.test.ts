// Listen streams of modern clients at an upstream that knows sessions only: what is acknowledged is what can come, and only that comes.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { scanMessage } from '../../../src/base/protocol/index.ts';
import type {
  AnswerSink,
  UpstreamCall,
  UpstreamObserver,
  UpstreamPort,
  UpstreamRequest,
  UpstreamRow,
} from '../../../src/data-plane/gateway/index.ts';
import { createBridge, type Bridge } from '../../../src/data-plane/upstream/bridge/bridge.ts';
import { principal, snapshotOf, upstreamRow } from '../../combined/combined-rig.ts';
import { bridgeRig, Heard, PlayedCall, type Message } from '../bridge-rig.ts';

const META = 'io.modelcontextprotocol/';
const TAG = `${META}subscriptionId`;
const HANDSHAKE_MS = 30_000;
const LINGER_MS = 5000;

/** An upstream with sessions, whose answers to subscriptions and to the listening request are the test's to choose. */
class ListenedUpstream implements UpstreamPort {
  capabilities: object = { tools: { listChanged: true }, prompts: {}, resources: { subscribe: true, listChanged: true } };
  listening: 'stream' | 'refused' | 'silent' = 'stream';
  /** Answers of subscriptions are held back. */
  isSlow = false;
  readonly calls: PlayedCall[] = [];
  readonly streams: PlayedCall[] = [];
  readonly log: string[] = [];
  readonly held: (() => void)[] = [];
  ended = 0;
  #sink: AnswerSink | undefined;

  open(request: UpstreamRequest, sink: AnswerSink, observer?: UpstreamObserver): UpstreamCall {
    const call = new PlayedCall(request, sink);
    const method = request.message?.method ?? '';
    if (request.method === 'DELETE') {
      this.ended++;
      call.document({ id: null, result: {} });
    } else if (request.method === 'GET') this.#listen(call, sink);
    else if (method === 'initialize') {
      this.calls.push(call);
      observer?.session({ remember: (key) => this.log.push(`remember ${key}`), forget: (key) => this.log.push(`forget ${key}`) });
      const serverInfo = { name: 'u', version: '1' };
      call.document({ id: call.message.id, result: { protocolVersion: '2025-11-25', capabilities: this.capabilities, serverInfo } });
    } else if (method.startsWith('resources/')) {
      const uri = String(call.message.params?.['uri']);
      this.log.push(`${method.slice('resources/'.length)} ${uri}`);
      const answer = (): void =>
        call.document(uri.includes('nowhere') ? { id: call.message.id, error: { code: -32002, message: '?' } } : { id: call.message.id, result: {} });
      if (this.isSlow) this.held.push(answer);
      else answer();
    } else {
      this.calls.push(call);
      sink.head({ status: 202, kind: 'empty', headers: [], contentLength: 0 });
      sink.end();
    }
    return call;
  }

  #listen(call: PlayedCall, sink: AnswerSink): void {
    this.streams.push(call);
    this.#sink = sink;
    if (this.listening === 'refused') {
      sink.head({ status: 405, kind: 'empty', headers: [], contentLength: 0 });
      sink.end();
    } else if (this.listening === 'stream') sink.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined });
  }

  /** Says something on the latest listening stream. */
  say(message: Message | string): void {
    const data = typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#sink?.event({ id: undefined, event: 'message', retry: undefined, data, comment: undefined });
  }

  /** Ends the latest listening stream. */
  hangUp(): void {
    this.#sink?.end();
  }

  get subscriptions(): string[] {
    return this.log.filter((entry) => /^(un)?subscribe/.test(entry));
  }
}

let upstream: ListenedUpstream;
let rig: ReturnType<typeof bridgeRig>;
let bridge: Bridge;

beforeEach(() => {
  vi.useFakeTimers();
  upstream = new ListenedUpstream();
  rig = bridgeRig({ legacy: true, modern: false }, [], { port: upstream, handshakeTimeoutMs: HANDSHAKE_MS });
  bridge = createBridge(rig.parts);
});
afterEach(async () => {
  const closed = bridge.close();
  await vi.advanceTimersByTimeAsync(2000);
  await closed;
  vi.useRealTimers();
});

const pass = async (ms = 0): Promise<void> => void (await vi.advanceTimersByTimeAsync(ms));

function listen(
  notifications: unknown,
  { id = 'l', caller = 'ann', capabilities = {} }: { id?: unknown; caller?: string; capabilities?: object } = {},
): Heard {
  const heard = new Heard();
  const _meta = { [`${META}protocolVersion`]: '2026-07-28', [`${META}clientCapabilities`]: capabilities };
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params: { notifications, _meta } }));
  const headers = ['accept', 'application/json, text/event-stream', 'mcp-protocol-version', '2026-07-28', 'mcp-method', 'subscriptions/listen'];
  const message = scanMessage(body.toString('latin1'));
  const request: UpstreamRequest = {
    upstream: rig.row,
    method: 'POST',
    lane: 'stream',
    headers,
    body,
    message,
    caller: principal({ key: caller }),
    session: undefined,
    lastEventId: undefined,
    isSafeToRepeat: true,
  };
  heard.call = bridge.open(request, heard);
  return heard;
}

async function listened(notifications: object, more: Parameters<typeof listen>[1] = {}): Promise<Heard> {
  const heard = listen(notifications, more);
  await pass();
  return heard;
}

const told = (heard: Heard): string[] => heard.messages.slice(1).map(({ method, params }) => [method, params?.['uri']].filter(Boolean).join(' '));
const honoured = (heard: Heard): unknown => heard.messages[0]?.params?.['notifications'];
const hold = (...rows: UpstreamRow[]): void => bridge.keepOnly(snapshotOf(rows, []).upstreams);

describe('the acknowledgement', () => {
  it('is of what the upstream declares and agrees to, and comes before all else', async () => {
    upstream.isSlow = true;
    const heard = await listened({ toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: ['x://a', 'x://nowhere', 7, 'x://a'] });
    upstream.say({ method: 'notifications/tools/list_changed' });
    expect(heard.messages).toEqual([]);
    for (const answer of upstream.held) answer();
    await pass();
    expect(heard.messages).toHaveLength(1);
    expect(heard.messages[0]).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { toolsListChanged: true, resourceSubscriptions: ['x://a'] }, _meta: { [TAG]: 'l' } },
    });
  });

  it('promises nothing when the upstream has no listening stream, or does not declare what is wanted', async () => {
    upstream.listening = 'refused';
    expect(honoured(await listened({ toolsListChanged: true, resourceSubscriptions: ['x://a'] }))).toEqual({});
    expect(upstream.subscriptions).toEqual([]);
    upstream.listening = 'stream';
    upstream.capabilities = { tools: {}, resources: {} };
    expect(honoured(await listened({ toolsListChanged: true, resourceSubscriptions: ['x://a'] }, { caller: 'bob' }))).toEqual({});
  });

  it('waits no longer for an upstream that does not say whether it can be listened to', async () => {
    upstream.listening = 'silent';
    const heard = await listened({ toolsListChanged: true });
    await pass(HANDSHAKE_MS - 1);
    expect(heard.messages).toEqual([]);
    await pass(1);
    expect(honoured(heard)).toEqual({});
  });

  it('leaves out what the upstream does not agree to in time', async () => {
    upstream.isSlow = true;
    const heard = await listened({ toolsListChanged: true, resourceSubscriptions: ['x://a'] });
    await pass(HANDSHAKE_MS);
    expect(honoured(heard)).toEqual({ toolsListChanged: true });
  });

  it('is refused for a request that names nothing', () => {
    expect(listen(undefined).failure?.code).toBe('request.bad_params');
    expect(upstream.calls).toEqual([]);
  });
});

describe('a stream', () => {
  it('is told of nothing but what it asked for, in the upstream’s own words and with its own id', async () => {
    const lists = await listened({ toolsListChanged: true }, { id: 7 });
    const resources = await listened({ resourceSubscriptions: ['x://a'] }, { id: '7' });
    upstream.say('{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"n":1.0,"_meta":{"k":9007199254740993}}}');
    upstream.say({ method: 'notifications/prompts/list_changed' });
    upstream.say({ method: 'notifications/resources/updated', params: { uri: 'x://a/part' } });
    upstream.say({ method: 'notifications/resources/updated', params: { uri: 'x://ab' } });
    upstream.say({ method: 'notifications/message', params: { level: 'error', data: 'x' } });
    expect(told(lists)).toEqual(['notifications/tools/list_changed']);
    expect(lists.events[1]?.data).toBe(
      `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"n":1.0,"_meta":{"k":9007199254740993,"${TAG}":7}}}`,
    );
    expect(told(resources)).toEqual(['notifications/resources/updated x://a/part']);
    expect(resources.messages[1]?.params?._meta).toEqual({ [TAG]: '7' });
    // The gateway itself reads the lists again, whether or not a client asked.
    expect(rig.changed).toEqual(['u', 'u']);
  });

  it('is told whatever the upstream wrote where an object should be', async () => {
    const heard = await listened({ toolsListChanged: true });
    for (const params of ['null', '[1]', '{"_meta":null,"a":1}'])
      upstream.say(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":${params}}`);
    expect(heard.messages.slice(1).map(({ params }) => params)).toEqual([
      { _meta: { [TAG]: 'l' } },
      { _meta: { [TAG]: 'l' } },
      { a: 1, _meta: { [TAG]: 'l' } },
    ]);
  });

  it('of a client that is full is told the same once, when there is room', async () => {
    const heard = await listened({ toolsListChanged: true, resourceSubscriptions: ['x://a'] });
    heard.call?.pause();
    for (let at = 0; at < 100; at++) {
      upstream.say({ method: 'notifications/tools/list_changed' });
      upstream.say({ method: 'notifications/resources/updated', params: { uri: 'x://a' } });
    }
    expect(told(heard)).toEqual([]);
    heard.call?.resume();
    expect(told(heard)).toEqual(['notifications/tools/list_changed', 'notifications/resources/updated x://a']);
  });

  it('of a client that is full keeps only so much of what it is told', async () => {
    const heard = await listened({ resourceSubscriptions: ['x://a'] });
    heard.call?.pause();
    const filling = 'x'.repeat(1_000_000);
    for (let n = 0; n < 10; n++) upstream.say({ method: 'notifications/resources/updated', params: { uri: 'x://a', n, filling } });
    heard.call?.resume();
    expect(told(heard)).toHaveLength(4);
    upstream.say({ method: 'notifications/resources/updated', params: { uri: 'x://a' } });
    expect(told(heard)).toHaveLength(5);
  });

  it('hears once what the upstream says in a session of the caller’s calls, whether or not it says it here too', async () => {
    const heard = await listened({ toolsListChanged: true });
    const call = new Heard();
    const body = Buffer.from(
      JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'x', _meta: { [`${META}protocolVersion`]: '2026-07-28', [`${META}clientCapabilities`]: {} } },
      }),
    );
    const headers = ['mcp-protocol-version', '2026-07-28', 'mcp-method', 'tools/call', 'mcp-name', 'x'];
    let streamed: AnswerSink | undefined;
    const before = upstream.open.bind(upstream);
    vi.spyOn(upstream, 'open').mockImplementation((request, sink, observer) => {
      if (request.message?.method !== 'tools/call') return before(request, sink, observer);
      streamed = sink;
      return { cancel() {}, pause() {}, resume() {} };
    });
    const request: UpstreamRequest = {
      upstream: rig.row,
      method: 'POST',
      lane: 'call',
      headers,
      body,
      message: scanMessage(body.toString('latin1')),
      caller: principal({ key: 'ann' }),
      session: undefined,
      lastEventId: undefined,
      isSafeToRepeat: false,
    };
    bridge.open(request, call);
    await pass();
    streamed?.head({ status: 200, kind: 'stream', headers: [], contentLength: undefined });
    const news = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';
    streamed?.event({ id: undefined, event: 'message', retry: undefined, data: news, comment: undefined });
    await pass(1000);
    expect(told(heard)).toEqual(['notifications/tools/list_changed']);
    expect(call.messages).toEqual([]);
    streamed?.event({ id: undefined, event: 'message', retry: undefined, data: news, comment: undefined });
    upstream.say(news);
    await pass(1000);
    expect(told(heard)).toHaveLength(2);
    // Heard here first, then there: that may be one change or two, and is told twice.
    upstream.say(news);
    streamed?.event({ id: undefined, event: 'message', retry: undefined, data: news, comment: undefined });
    await pass(1000);
    expect(told(heard)).toHaveLength(4);
  });
});

describe('the session with the upstream', () => {
  it('is one for the streams of a caller, and another for everybody else', async () => {
    for (const id of [1, 2, 3]) await listened({ resourceSubscriptions: ['x://a'] }, { id });
    expect(upstream.streams).toHaveLength(1);
    await listened({ resourceSubscriptions: ['x://a'] }, { caller: 'bob' });
    await listened({ resourceSubscriptions: ['x://a'] }, { capabilities: { sampling: {} } });
    expect(upstream.streams).toHaveLength(3);
    expect(upstream.calls.flatMap(({ message }) => (message.method === 'initialize' ? [message.params?.['capabilities']] : []))).toEqual([
      {},
      {},
      { sampling: {} },
    ]);
  });

  it('is subscribed once and unsubscribed with the last stream; one request never overtakes another', async () => {
    const streams = [await listened({ resourceSubscriptions: ['x://a'] }), await listened({ resourceSubscriptions: ['x://a'] })];
    expect(upstream.subscriptions).toEqual(['subscribe x://a']);
    expect(upstream.log).toContain('remember subscription x://a');
    streams[0]?.call?.cancel();
    await pass();
    expect(upstream.subscriptions).toHaveLength(1);
    upstream.isSlow = true;
    streams[1]?.call?.cancel();
    await pass();
    const again = listen({ resourceSubscriptions: ['x://a'] });
    await pass();
    expect(upstream.subscriptions).toEqual(['subscribe x://a', 'unsubscribe x://a']);
    upstream.isSlow = false;
    upstream.held.shift()?.();
    await pass();
    expect(upstream.subscriptions).toEqual(['subscribe x://a', 'unsubscribe x://a', 'subscribe x://a']);
    expect(honoured(again)).toEqual({ resourceSubscriptions: ['x://a'] });
  });

  it('ends a moment after the last stream, and not before', async () => {
    const first = await listened({ toolsListChanged: true });
    first.call?.cancel();
    await pass(LINGER_MS - 1);
    expect(upstream.ended).toBe(0);
    const second = await listened({ toolsListChanged: true });
    await pass(LINGER_MS * 2);
    expect(upstream.ended).toBe(0);
    second.call?.cancel();
    await pass(LINGER_MS);
    expect([upstream.ended, upstream.streams.length, upstream.streams[0]?.isCancelled]).toEqual([1, 1, true]);
    expect(bridge.upstreamSessionCount).toBe(0);
  });

  it('that is heard again after a break tells each stream once what may have changed', async () => {
    const lists = await listened({ toolsListChanged: true, resourcesListChanged: true });
    const resources = await listened({ resourceSubscriptions: ['x://a'] });
    upstream.streams[0]?.breakDown();
    await pass(999);
    expect(upstream.streams).toHaveLength(1);
    await pass(1);
    expect(upstream.streams).toHaveLength(2);
    expect(told(lists)).toEqual(['notifications/tools/list_changed', 'notifications/resources/list_changed']);
    expect(told(resources)).toEqual(['notifications/resources/updated x://a']);
  });

  it('is nobody to be asked: ping is answered, all else refused', async () => {
    await listened({ toolsListChanged: true }, { capabilities: { sampling: {} } });
    upstream.say({ id: 5, method: 'ping' });
    upstream.say({ id: 'q', method: 'sampling/createMessage', params: {} });
    await pass();
    expect(upstream.calls.map(({ message }) => message).filter(({ method }) => method === undefined)).toMatchObject([
      { id: 5, result: {} },
      { id: 'q', error: { code: -32601 } },
    ]);
  });

  it('ends with its streams, each with its result, when the gateway is switched off, changed or deleted', async () => {
    for (const rows of [[upstreamRow('u', { ...rig.row, enabled: false })], [upstreamRow('u', { ...rig.row, url: 'http://127.0.0.1/else' })], []]) {
      const heard = await listened({ toolsListChanged: true }, { id: 3 });
      hold(rig.row);
      expect(heard.isEnded).toBe(false);
      hold(...rows);
      expect(heard.messages.at(-1)).toEqual({ jsonrpc: '2.0', id: 3, result: { resultType: 'complete', _meta: { [TAG]: 3 } } });
      expect(heard.isEnded).toBe(true);
    }
    await pass();
    expect(upstream.ended).toBe(3);
  });

  it('that cannot be opened is an error of the stream, not an empty promise', async () => {
    vi.spyOn(upstream, 'open').mockImplementation((request, sink) => {
      const call = new PlayedCall(request, sink);
      call.breakDown();
      return call;
    });
    const heard = await listened({ toolsListChanged: true });
    expect([heard.messages, heard.failure?.code]).toEqual([[], 'upstream.connection_lost']);
  });

  it('says nothing more to its upstream once it has ended', async () => {
    await listened({ resourceSubscriptions: ['x://a'] });
    hold(upstreamRow('u', { ...rig.row, enabled: false }));
    await pass(10_000);
    expect([upstream.ended, upstream.subscriptions]).toEqual([1, ['subscribe x://a']]);
  });

  it('that can be heard no more is not used for who listens next', async () => {
    const heard = await listened({ toolsListChanged: true });
    upstream.listening = 'refused';
    upstream.hangUp();
    await pass(1000);
    expect(heard.failure?.code).toBe('upstream.connection_lost');
    upstream.listening = 'stream';
    const next = await listened({ toolsListChanged: true });
    upstream.say({ method: 'notifications/tools/list_changed' });
    expect([upstream.calls.filter(({ message }) => message.method === 'initialize').length, told(next)]).toEqual([
      2,
      ['notifications/tools/list_changed'],
    ]);
    expect(upstream.ended).toBe(1);
  });

  it('is one of so many that a single caller can have', async () => {
    const all = Array.from({ length: 550 }, (_, at) => listen({ toolsListChanged: true }, { capabilities: { [`x${at}`]: {} } }));
    const refused = all.filter(({ failure }) => failure?.code === 'limit.sessions');
    expect([all.length - refused.length, refused.length]).toEqual([500, 50]);
    await pass();
    expect(honoured(await listened({ toolsListChanged: true }, { caller: 'bob' }))).toEqual({ toolsListChanged: true });
  });
});
