// Clients on a line that ask and ask and do not read what they are answered.
import { once } from 'node:events';
import { createServer, get, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { beforeEach, expect, test, vi } from 'vitest';
import { silentLogger } from '../../src/base/kernel/index.ts';
import { createSseDoor, openStdioDoor } from '../../src/data-plane/transports/index.ts';
import { startRig, type DataPlaneRig } from './data-plane-rig.ts';

const ANSWER_BYTES = 8_000_000;
const ANSWERS_HELD_MAX = 9;
const patiently = (isSo: () => unknown): Promise<unknown> => vi.waitFor(isSo, { timeout: 20_000 });
const ask = (id: number): string => `{"jsonrpc":"2.0","id":${id},"method":"tools/list"}`;

let rig: DataPlaneRig;
beforeEach(() => {
  rig = startRig();
});

function answerLatest(): void {
  const { request: asked, sink } = rig.last();
  const text = Buffer.from(`{"jsonrpc":"2.0","id":${asked.message?.id},"result":{"text":"${'x'.repeat(ANSWER_BYTES)}"}}`);
  sink.head({ status: 200, kind: 'json', headers: [], contentLength: text.length });
  sink.chunk(text);
  sink.end();
}

test('stdio: nothing more is read from a client that does not read, until it does', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const door = await openStdioDoor(rig.gateway, { serverId: 's', authorization: 'ann', maxLineBytes: 1000 }, input, output);
  for (let id = 1; id <= ANSWERS_HELD_MAX; id++) {
    input.write(`${ask(id)}\n`);
    await patiently(() => expect(rig.calls).toHaveLength(id));
    answerLatest();
  }
  await patiently(() => expect(input.isPaused()).toBe(true));
  input.write(`${ask(100)}\n`);
  output.resume();
  await patiently(() => expect(rig.calls).toHaveLength(ANSWERS_HELD_MAX + 1));
  answerLatest();
  input.end();
  await door.ended;
  await door.stop();
});

test('HTTP+SSE: a stream that nobody reads is let go before its answers fill the memory', async () => {
  const door = createSseDoor(rig.gateway, { maxBodyBytes: 1000, rootPath: '', retryMs: 1, keepAliveMs: Number.POSITIVE_INFINITY }, silentLogger);
  const server = createServer((req, res) => (req.method === 'GET' ? door.stream : door.message)(req, res, 's', 'here')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const headers = { authorization: 'ann', 'content-type': 'application/json' };
  const [stream] = (await once(get(`${origin}/sse`, { headers }), 'response')) as [IncomingMessage];
  stream.on('error', () => {});
  const [first] = (await once(stream, 'data')) as [Buffer];
  stream.pause();
  const endpoint = /data: (\S+)/.exec(first.toString())?.[1] ?? '';
  const post = async (id: number): Promise<number | undefined> => {
    const sending = request(`${origin}${endpoint}`, { method: 'POST', headers, agent: false });
    sending.end(ask(id));
    const [response] = (await once(sending, 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };
  let status: number | undefined;
  for (let id = 1; id <= 3 * ANSWERS_HELD_MAX && status !== 404; id++) {
    const calls = rig.calls.length;
    // The upstream is asked before the POST is answered.
    status = await Promise.race([post(id), patiently(() => expect(rig.calls.length).toBeGreaterThan(calls)).then(() => 202)]);
    if (rig.calls.length > calls) answerLatest();
  }
  expect(status).toBe(404);
  stream.destroy();
  door.close();
  server.closeAllConnections();
  server.close();
});
