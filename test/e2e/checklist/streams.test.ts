// Checklist points 7 to 10: nothing is held back, nothing is cut off, nothing crosses.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture } from '../../fixture/server.ts';
import { mirrorOf, modern, modernBody, modernHeaders, openSession, post, request, textOf, toolCall, type Door, type Era } from './doors.ts';
import { event, json, startScriptedUpstream, stream, type ScriptedUpstream } from './scripted-upstream.ts';
import { eventually, type OpenAnswer } from './wire.ts';

const MEGABYTE = 1024 * 1024;

let gateway: StartedGateway;
let upstream: ScriptedUpstream;
let door: Door;
let session: Door;

beforeAll(async () => {
  gateway = await startGateway();
  upstream = await startScriptedUpstream();
  door = await mirrorOf(gateway, upstream.url);
  session = await openSession(door);
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.close();
});

function call(era: Era, id: unknown, args: object = {}): Promise<OpenAnswer> {
  return era === 'modern' ? modern(door, 'tools/call', { name: 'one', arguments: args }, { id }) : post(session, toolCall(id, 'one', args));
}

const result = (id: unknown, text: string) => JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } });
const progress = (at: number) => `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":${at}}}`;

describe.each(['modern', 'legacy'] as const)('%s traffic', (era) => {
  test('point 07: the head and the first event are delivered before the upstream says more', async () => {
    let goOn = (_text: string): void => undefined;
    upstream.play(({ res }) => {
      stream(res);
      goOn = (text) => void res.write(text);
    });
    const answer = await call(era, 7);
    expect([answer.status, answer.isStream]).toEqual([200, true]);
    goOn(event(progress(1)));
    expect(await answer.message()).toBe(progress(1));
    goOn(event(progress(2)));
    expect(await answer.message()).toBe(progress(2));
    goOn(event(result(7, 'last')));
    expect(await answer.message()).toBe(result(7, 'last'));
    answer.close();
  });

  test('point 07: an event cut into single bytes arrives whole, with CRLF, CR or LF between its lines', async () => {
    upstream.play(({ res }) => {
      stream(res);
      const bytes = Buffer.from(`: note\r\n\r\ndata: ${progress(1)}\r\r${event(result(7, 'é😀'))}`);
      let at = 0;
      const step = (): void => {
        if (at === bytes.length) return void res.end();
        res.write(bytes.subarray(at, ++at), () => setImmediate(step));
      };
      step();
    });
    const answer = await call(era, 7);
    expect(await answer.message()).toBe(progress(1));
    expect(await answer.message()).toBe(result(7, 'é😀'));
    expect(await answer.message()).toBeUndefined();
  });

  test('point 07: a JSON answer stays JSON, with its length told', async () => {
    const text = result(7, 'é😀');
    upstream.play(({ res }) => json(res, text));
    const answer = await call(era, 7);
    expect([answer.headers['content-type'], answer.headers['content-length']]).toEqual(['application/json', String(Buffer.byteLength(text))]);
    expect((await answer.bytes()).toString()).toBe(text);
  });

  test('point 07: a JSON answer of unknown length is not held back either', async () => {
    let goOn = (_text: string): void => undefined;
    upstream.play(({ res }) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.write('{"jsonrpc":"2.0","id":7,');
      goOn = (text) => void res.end(text);
    });
    const answer = await call(era, 7);
    expect(answer.status).toBe(200);
    goOn('"result":{}}');
    expect(await answer.answerText()).toBe('{"jsonrpc":"2.0","id":7,"result":{}}');
  });

  test('point 08: the order of events is kept, comments pass, and proxies are told not to buffer', async () => {
    const count = 2000;
    upstream.play(({ res }) => {
      stream(res);
      res.write(': from the upstream\n\n');
      for (let i = 1; i <= count; i++) res.write(event(progress(i)));
      res.end(event(result(8, 'end')));
    });
    const answer = await call(era, 8);
    expect(answer.headers['x-accel-buffering']).toBe('no');
    expect(answer.headers['cache-control']).toContain('no-cache');
    const blocks = await answer.blocks();
    expect(blocks[0]?.comment).toBe(' from the upstream');
    const expected = Array.from({ length: count }, (_, i) => progress(i + 1));
    expect(blocks.slice(1).map(({ data }) => data)).toEqual([...expected, result(8, 'end')]);
  });

  test('point 09: a result of 12 MB passes whole, as JSON and as an event', async () => {
    const text = result(9, 'é'.repeat(6 * MEGABYTE));
    for (const form of ['json', 'sse'] as const) {
      upstream.play(({ res }) => {
        if (form === 'json') return json(res, text);
        stream(res);
        res.end(event(text));
      });
      const received = await (await call(era, 9)).answerText();
      expect(received.length).toBe(text.length);
      expect(received === text).toBe(true);
    }
  });

  test('point 09: a client that does not read stops the upstream, so that memory stays bounded', async () => {
    const totalBytes = 192 * MEGABYTE;
    let written = 0;
    upstream.play(({ res }) => {
      const piece =
        era === 'modern'
          ? Buffer.alloc(64 * 1024, 'x')
          : Buffer.from(event(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 'x'.repeat(64 * 1024) } })));
      if (era === 'modern') res.writeHead(200, { 'content-type': 'application/json' }).write('{"jsonrpc":"2.0","id":9,"result":{"text":"');
      else stream(res);
      const fill = (): void => {
        while (written < totalBytes) {
          written += piece.length;
          if (!res.write(piece)) return void res.once('drain', fill);
        }
        res.end(era === 'modern' ? '"}}' : event(result(9, 'end')));
      };
      fill();
    });
    const answer = await call(era, 9);
    // Blocked: nothing more goes out although there is more to say.
    let before = -1;
    let still = 0;
    await eventually(() => {
      still = written === before ? still + 1 : 0;
      before = written;
      return still >= 50;
    });
    expect(written).toBeLessThan(totalBytes / 2);
    expect(residentBytes(gateway)).toBeLessThan(400 * MEGABYTE);
    if (era === 'modern') expect((await answer.bytes()).length).toBe('{"jsonrpc":"2.0","id":9,"result":{"text":"'.length + written + '"}}'.length);
    else {
      let count = 0;
      let last = '';
      for (let text = await answer.message(); text !== undefined; text = await answer.message()) {
        count++;
        last = text;
      }
      expect([count, last]).toEqual([
        written /
          Buffer.byteLength(event(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 'x'.repeat(64 * 1024) } }))) +
          1,
        result(9, 'end'),
      ]);
    }
  });

  test('point 09: a request of 9 MB reaches the upstream byte for byte, one of 11 MB gets 413 and does not', async () => {
    upstream.play(({ res, message }) => json(res, result(message.id, 'got it')));
    const body = (bytes: number) => {
      const args = { text: 'é'.repeat(bytes / 2) };
      return era === 'modern' ? modernBody('tools/call', { name: 'one', arguments: args }, { id: 9 }) : toolCall(9, 'one', args);
    };
    const headers = era === 'modern' ? modernHeaders('tools/call', 'one') : {};
    const fitting = body(9 * MEGABYTE);
    expect(textOf(await (await post(session, fitting, headers)).answer())).toBe('got it');
    expect(upstream.seen[0]?.text === fitting).toBe(true);
    const refused = await post(session, body(11 * MEGABYTE), headers);
    expect(refused.status).toBe(413);
    expect(await refused.answer()).toMatchObject({ jsonrpc: '2.0', error: { data: { code: 'request.too_large' } } });
    expect(upstream.seen).toHaveLength(1);
  });

  test('point 10: 1,000 calls at once, answered in another order, never cross', async () => {
    const count = 1000;
    const held: (() => void)[] = [];
    upstream.play(({ res, message }) => {
      const { nonce } = (message.params?.['arguments'] ?? {}) as { nonce: string };
      held.push(() => {
        if (held.length % 2 === 0) return json(res, result(message.id, nonce));
        stream(res);
        res.end(event(result(message.id, nonce)));
      });
      if (held.length < count) return;
      // All have arrived and none is answered: the last is answered first.
      while (held.length > 0) held.pop()?.();
    });
    const calls = Array.from({ length: count }, async (_, i) => {
      // Every tenth id is shared by ten calls, as ids of different clients are.
      const answer = await (await call(era, era === 'modern' ? i % 100 : i, { nonce: `nonce ${i}` })).answer();
      return [answer['id'], textOf(answer)];
    });
    const expected = Array.from({ length: count }, (_, i) => [era === 'modern' ? i % 100 : i, `nonce ${i}`]);
    expect(await Promise.all(calls)).toEqual(expected);
  });
});

test('point 08: a comment reaches the client while the upstream is silent', async () => {
  let end = (): void => undefined;
  upstream.play(({ res, message }) => {
    stream(res);
    end = () => void res.end(event(result(message.id, 'end')));
  });
  const answers = await Promise.all([call('modern', 8), call('legacy', 8)]);
  for (const answer of answers) expect((await answer.block())?.comment).toBeDefined();
  end();
  for (const answer of answers) answer.close();
});

test('point 09: a list of 500 tools and more is the upstream’s, byte for byte', async () => {
  const fixture = await startFixture({ extraTools: 500 });
  try {
    const mirror = await mirrorOf(gateway, fixture.url);
    const list = async (at: Door) => (await modern(at, 'tools/list')).answerText();
    const mirrored = await list(mirror);
    expect(mirrored).toBe(await list({ url: fixture.url, headers: {} }));
    expect((JSON.parse(mirrored) as { result: { tools: unknown[] } }).result.tools.length).toBeGreaterThan(500);
    const inSession = async (at: Door) => (await post(await openSession(at), request(1, 'tools/list'))).answerText();
    expect(await inSession(mirror)).toBe(await inSession({ url: fixture.url, headers: {} }));
  } finally {
    await fixture.close();
  }
});

function residentBytes({ process }: StartedGateway): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8'));
  return Number(line?.[1]) * 1024;
}
