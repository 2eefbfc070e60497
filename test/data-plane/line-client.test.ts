// A client on a line, with an upstream that does exactly what a test says: what forms an answer can take, and what becomes of each.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AppError } from '../../src/base/kernel/index.ts';
import type { Delivery } from '../../src/data-plane/transports/line/line-answer.ts';
import { LineClient } from '../../src/data-plane/transports/line/line-client.ts';
import { answerTo, news, startRig, type DataPlaneRig, type PlayedCall } from './data-plane-rig.ts';

const META = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}';
const INITIALIZE = '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}';
const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
const call = (id: number | string, name = 'x'): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"tools/call","params":{"name":"${name}"}}`;
const modern = (id: number, method: string, params: string): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{${params},${META}}}`;

let rig: DataPlaneRig;
let client: LineClient;
let sent: string[];
let lost: AppError[];
let isFull: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  rig = startRig();
  sent = [];
  lost = [];
  isFull = false;
  client = lineOf('ann');
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

function lineOf(token: string): LineClient {
  return new LineClient(
    rig.gateway,
    { serverId: 's', onlyFor: token.split('/')[0] as string, headers: { authorization: token }, clientAddress: 'here' },
    {
      send: (message) => {
        sent.push(message);
        return !isFull;
      },
      lost: (error) => lost.push(error),
    },
  );
}

function answers(asked: PlayedCall, body: string, { status = 200, session = false }: { status?: number; session?: boolean } = {}): void {
  const bytes = Buffer.from(body);
  if (session) asked.observer?.session({ remember() {}, forget() {} });
  asked.sink.head({
    status,
    kind: bytes.length === 0 ? 'empty' : 'json',
    headers: [],
    contentLength: bytes.length,
    ...(session ? { namesSession: true } : {}),
  });
  if (bytes.length > 0) asked.sink.chunk(bytes);
  asked.sink.end();
}

const WELCOME = '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18"}}';
const asked = (method: string): PlayedCall[] => rig.calls.filter(({ request }) => request.method === method);
const header = ({ request }: PlayedCall, name: string): string | undefined => {
  const at = request.headers.indexOf(name);
  return at === -1 ? undefined : request.headers[at + 1];
};
const parsed = (): { id?: unknown; result?: unknown; error?: { code: number; message: string; data?: { code?: string } } }[] =>
  sent.map((text) => JSON.parse(Buffer.from(text, 'latin1').toString()) as { id?: unknown });

/** After the handshake, listening; the standalone stream's GET is the latest call. */
function shakeHands(): PlayedCall {
  client.receive(INITIALIZE);
  answers(rig.last(), WELCOME, { session: true });
  client.receive(INITIALIZED);
  answers(rig.last(), '', { status: 202 });
  sent.length = 0;
  return rig.last();
}

describe('towards the pipeline', () => {
  test('the session and the revision that initialize brought are sent with everything after, and the stream is listened to', () => {
    const listening = shakeHands();
    expect(listening.request.method).toBe('GET');
    client.receive(call(1));
    for (const later of [listening, rig.last()]) {
      expect(later.request.session).toBeDefined();
      expect(header(later, 'mcp-protocol-version')).toBe('2025-06-18');
    }
    expect(header(rig.last(), 'accept')).toBe('application/json, text/event-stream');
    expect(header(rig.calls[0] as PlayedCall, 'mcp-protocol-version')).toBeUndefined();
  });

  test('nothing overtakes the handshake; answers to the upstream’s own questions do', () => {
    client.receive(INITIALIZE);
    client.receive(INITIALIZED);
    client.receive(call(1));
    client.receive('{"jsonrpc":"2.0","id":"q","result":{}}');
    expect(rig.calls.map(({ request }) => request.message?.method)).toEqual(['initialize', '']);
    answers(rig.calls[0] as PlayedCall, WELCOME, { session: true });
    expect(rig.last().request.message?.method).toBe('notifications/initialized');
    answers(rig.last(), '', { status: 202 });
    expect(rig.calls.slice(-2).map(({ request }) => request.message?.method)).toEqual([undefined, 'tools/call']);
  });

  test('a message that describes itself needs no session and gets the headers its body implies', () => {
    client.receive(Buffer.from(modern(1, 'tools/call', '"name":"grüße"')).toString('latin1'));
    expect(header(rig.last(), 'mcp-protocol-version')).toBe('2026-07-28');
    expect(header(rig.last(), 'mcp-method')).toBe('tools/call');
    expect(header(rig.last(), 'mcp-name')).toBe(`=?base64?${Buffer.from('grüße').toString('base64')}?=`);
    client.receive(modern(2, 'resources/read', '"uri":"file:///a"'));
    expect(header(rig.last(), 'mcp-name')).toBe('file:///a');
  });

  test('what a body says and no header can is left to the upstream to miss', () => {
    client.receive('{"jsonrpc":"2.0","id":1,"method":"x\\r\\ny: z","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"a\\nb"}}}');
    expect(rig.last().request.message?.method).toBe('x\r\ny: z');
    expect([header(rig.last(), 'mcp-method'), header(rig.last(), 'mcp-protocol-version')]).toEqual([undefined, undefined]);
  });

  test('a cancel that names a running modern request breaks it off, and nothing more is said', () => {
    client.receive(modern(1, 'tools/call', '"name":"x"'));
    const running = rig.last();
    const before = rig.calls.length;
    client.receive('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}');
    expect([running.isCancelled, rig.calls.length, sent]).toEqual([true, before, []]);
    shakeHands();
    client.receive('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}');
    expect(rig.last().request.message?.method).toBe('notifications/cancelled');
  });
});

describe('answers', () => {
  beforeEach(() => void shakeHands());

  test('a document is one message on one line, whatever line breaks it had', () => {
    client.receive(call(1));
    answers(rig.last(), '{"jsonrpc":"2.0",\r\n "id":1,\n"result":{}}');
    expect(sent).toEqual(['{"jsonrpc":"2.0",  "id":1, "result":{}}']);
  });

  test('events are messages in their order; comments and priming events are none', () => {
    client.receive(call(1));
    const stream = rig.last().opensStream();
    stream.sink.event({ id: 'a', event: undefined, retry: '5', data: '', comment: undefined });
    stream.sink.event({ id: undefined, event: undefined, retry: undefined, data: undefined, comment: 'alive' });
    stream.says(news(1)).says(news(2)).says(answerTo(1)).says(answerTo(1));
    expect(sent).toEqual([news(1), news(2), answerTo(1)]);
  });

  test('an answer to another request is not passed off as one', () => {
    client.receive(call(1));
    rig.last().opensStream().says(answerTo(2)).says(answerTo(1));
    expect(sent).toEqual([answerTo(1)]);
  });

  test.each<[string, string, number, unknown]>([
    [
      'a JSON-RPC error without an id',
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no","data":[1]}}',
      400,
      { code: -32000, message: 'no', data: [1] },
    ],
    ['an error of no protocol', '{"error":"invalid","error_description":"ä"}', 400, { code: -31502, message: expect.stringContaining('"ä"') }],
    ['nothing', '', 404, { code: -31502, message: expect.stringContaining('HTTP 404') }],
    ['an error at 200', '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}', 200, { code: -32600, message: 'no' }],
  ])('a refusal by %s is an error of the request', (_, body, status, error) => {
    client.receive(call('seven'));
    answers(rig.last(), body, { status });
    expect(parsed()).toEqual([{ jsonrpc: '2.0', id: 'seven', error: expect.objectContaining(error as object) as unknown }]);
  });

  test('what the gateway refuses is an error of the request; a notification is never answered', () => {
    rig.change({ servers: [] });
    client.receive(call(1));
    client.receive('{"jsonrpc":"2.0","method":"notifications/x"}');
    expect(parsed()).toEqual([
      {
        jsonrpc: '2.0',
        id: 1,
        error: expect.objectContaining({ data: expect.objectContaining({ code: 'server.not_found' }) as unknown }) as unknown,
      },
    ]);
  });

  test('a batch is so many messages, each answered by itself, the unreadable ones too', () => {
    client.receive(
      `[${call(1)},{"jsonrpc":"2.0","id":2},{"jsonrpc":"2.0","id":3,"method":""},${INITIALIZED.replace('initialized', 'x')},${call(4)}]`,
    );
    const [one, , four] = rig.calls.slice(-3) as [PlayedCall, PlayedCall, PlayedCall];
    answers(four, answerTo(4));
    answers(one, answerTo(1));
    expect(parsed().map(({ id }) => id)).toEqual([null, 3, 4, 1]);
  });

  test('a message that is no JSON, no message or an empty batch is refused to whoever sent it', () => {
    expect(() => client.receive('{')).toThrow(expect.objectContaining({ code: 'request.malformed_json' }));
    expect(() => client.receive('{"jsonrpc":"2.0"}')).toThrow(expect.objectContaining({ code: 'request.invalid' }));
    expect(() => client.receive('[]')).toThrow(expect.objectContaining({ code: 'request.invalid' }));
    expect(sent).toEqual([]);
  });

  test('a stream that ended with more to come is taken up again after its retry, where it was', () => {
    client.receive(call(1));
    const first = rig.last().opensStream();
    first.sink.event({ id: 'a', event: undefined, retry: '200', data: '', comment: undefined });
    first.says(news(1), 'b').sink.end();
    vi.advanceTimersByTime(250);
    const [resumed] = asked('GET').filter(({ request }) => request.lastEventId === 'b');
    resumed?.opensStream().says(answerTo(1), 'c').sink.end();
    vi.advanceTimersByTime(250);
    expect(sent).toEqual([news(1), answerTo(1)]);
  });

  test('a full line stops the upstream until it has room', () => {
    client.receive(call(1));
    const stream = rig.last().opensStream();
    isFull = true;
    stream.says(news(1));
    expect(stream.isPaused).toBe(true);
    isFull = false;
    client.hasRoom();
    expect(stream.isPaused).toBe(false);
  });
});

describe('the standalone stream', () => {
  test('is opened again when it ends, at first at once and then less often, and where it was', () => {
    const first = shakeHands().opensStream();
    first.says(news(1), 'a').sink.end();
    const before = asked('GET').length;
    vi.advanceTimersByTime(900);
    expect(asked('GET')).toHaveLength(before);
    vi.advanceTimersByTime(200);
    expect(asked('GET')).toHaveLength(before + 1);
    expect(rig.last().request.lastEventId).toBe('a');
    rig.last().opensStream().says(news(2), 'b');
    expect(sent).toEqual([news(1), news(2)]);
  });

  test('that ends at once and asks to be opened again at once is not opened without a pause', () => {
    let stream = shakeHands();
    const before = asked('GET').length;
    for (let passedMs = 0; passedMs < 1000; passedMs++) {
      if (rig.last() !== stream || passedMs === 0) {
        stream = rig.last().opensStream();
        stream.sink.event({ id: 'a', event: undefined, retry: '1', data: '', comment: undefined });
        stream.sink.end();
      }
      vi.advanceTimersByTime(1);
    }
    expect(asked('GET').length - before).toBeLessThanOrEqual(10);
  });

  test.each([405, 404, 400])('is not asked for again after %i', (status) => {
    answers(shakeHands(), '', { status });
    const before = rig.calls.length;
    vi.advanceTimersByTime(120_000);
    expect([rig.calls.length, lost]).toEqual([before, []]);
  });

  test('tells the line when its token is no longer good', () => {
    const stream = shakeHands().opensStream();
    rig.revoked.add('ann');
    stream.says(news(1));
    vi.advanceTimersByTime(1500);
    expect([lost.map(({ code }) => code), sent]).toEqual([['auth.invalid'], []]);
  });
});

describe('the session', () => {
  test('that has expired is opened anew with the client’s own initialize, and the message sent in it', () => {
    client.close();
    rig = startRig({ sessionIdleMs: 10_000 });
    client = lineOf('ann');
    answers(shakeHands(), '', { status: 405 });
    vi.advanceTimersByTime(60_000);
    client.receive(call(1));
    client.receive(call(2));
    expect(rig.last().request.message?.method).toBe('initialize');
    answers(rig.last(), WELCOME, { session: true });
    expect(rig.last().request.message?.method).toBe('notifications/initialized');
    answers(rig.last(), '', { status: 202 });
    const [one, two] = rig.calls.filter(({ request }) => request.message?.method === 'tools/call') as [PlayedCall, PlayedCall];
    expect(one.request.session).toBeDefined();
    answers(one, answerTo(1));
    answers(two, answerTo(2));
    expect(sent).toEqual([answerTo(1), answerTo(2)]);
  });

  test('ends with the line: the upstream is told, modern requests are cancelled, and nothing is said or asked any more', () => {
    const stream = shakeHands().opensStream();
    client.receive(modern(1, 'tools/call', '"name":"x"'));
    const running = rig.last();
    client.close();
    expect([running.isCancelled, rig.last().request.method]).toEqual([true, 'DELETE']);
    answers(rig.last(), '');
    stream.says(news(1));
    vi.advanceTimersByTime(120_000);
    expect([sent, rig.last().request.method]).toEqual([[], 'DELETE']);
  });
});

describe('who waits to hear that a message was let in', () => {
  const delivery = (): Delivery & { readonly heard: string[] } => {
    const heard: string[] = [];
    return {
      heard,
      accepted: () => void heard.push('accepted'),
      refused: (error) => {
        heard.push(error.code);
        return error.code.startsWith('session.') || error.code.startsWith('auth.');
      },
    };
  };
  const from = (token: string, to: Delivery) => ({ headers: { authorization: token }, clientAddress: 'here', delivery: to });

  test('hears it before the answer comes', () => {
    shakeHands();
    const mine = delivery();
    client.receive(call(1), from('ann', mine));
    expect(mine.heard).toEqual(['accepted']);
  });

  test('hears why not; a stranger has no session here, opens none, and the line hears nothing of it', () => {
    shakeHands();
    const before = rig.calls.length;
    const [stranger, nobody] = [delivery(), delivery()];
    rig.revoked.add('bad');
    client.receive(call(1), from('eve', stranger));
    client.receive(call(2), from('bad', nobody));
    expect([stranger.heard, nobody.heard]).toEqual([['session.not_found'], ['auth.invalid']]);
    expect([rig.calls.length, sent]).toEqual([before, []]);
  });

  test('hears nothing while the message waits for the handshake', () => {
    const mine = delivery();
    client.receive(INITIALIZE);
    client.receive(call(1), from('ann', mine));
    expect(mine.heard).toEqual([]);
    answers(rig.last(), WELCOME, { session: true });
    expect(mine.heard).toEqual(['accepted']);
  });

  test('hears that the line is gone, whether the message waits for the handshake or for its token to be looked at', () => {
    const [waiting, queued] = [delivery(), delivery()];
    client.receive(INITIALIZE, from('slow', waiting));
    client.receive(call(1), from('ann', queued));
    expect([waiting.heard, queued.heard]).toEqual([[], []]);
    client.close();
    expect([waiting.heard, queued.heard]).toEqual([['session.not_found'], ['session.not_found']]);
  });
});

describe('a stranger who knows the line', () => {
  const heard: string[] = [];
  const stranger = {
    headers: { authorization: 'eve' },
    clientAddress: 'there',
    delivery: { accepted: () => void heard.push('accepted'), refused: (error: AppError) => heard.push(error.code) > 0 },
  };
  beforeEach(() => {
    shakeHands();
    heard.length = 0;
  });

  test('cannot take back what its owner has asked', () => {
    client.receive(modern(1, 'tools/call', '"name":"x"'));
    const running = rig.last();
    client.receive('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}', stranger);
    expect([running.isCancelled, heard]).toEqual([false, ['session.not_found']]);
  });

  test('cannot put an error in place of an answer by a message that is none', () => {
    client.receive(call(1));
    client.receive('[{"id":1,"method":"x"}]', stranger);
    expect([sent, heard]).toEqual([[], ['session.not_found']]);
  });
});

test('of a batch that is too much for the handshake each message that finds no place is told so, and the others go on', () => {
  client.receive(INITIALIZE);
  for (let n = 0; n < 10; n++) client.receive(`[${Array.from({ length: 99 }, (_, i) => call(n * 100 + i)).join(',')}]`);
  client.receive(`[${Array.from({ length: 12 }, (_, i) => call(`late ${i}`)).join(',')}]`);
  expect(parsed().map(({ id }) => id)).toEqual(['late 10', 'late 11']);
  answers(rig.calls[0] as PlayedCall, WELCOME, { session: true });
  expect(asked('POST')).toHaveLength(1 + 1000);
});

test('whoever waits for the last answers waits for what is owed, and not longer than it said', async () => {
  shakeHands();
  client.receive(call(1));
  const over = vi.fn();
  const idle = client.idle(5000).then(over);
  await vi.advanceTimersByTimeAsync(100);
  expect(over).not.toHaveBeenCalled();
  answers(rig.last(), answerTo(1));
  await idle;
  client.receive(call(2));
  const tooLong = client.idle(5000).then(over);
  await vi.advanceTimersByTimeAsync(5000);
  await tooLong;
  expect(over).toHaveBeenCalledTimes(2);
});
