// Checklist point 59: the gateway ends as it should: what runs is finished, streams end with results, and nothing hangs.
import { connect } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { EventReader, openSession, post, postModern } from '../fixture/test-client.ts';
import { combinedOf } from './checklist/combined-doors.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { http, startLyingUpstream } from '../kit/lying-upstream.ts';

let folder: string;
let gateway: StartedGateway;
let fixture: Fixture;
let mcpUrl: string;
let auth: Record<string, string>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcpgateway-shutdown-'));
  fixture = await startFixture();
  gateway = await startGateway({ folder });
  ({ mcpUrl } = await gateway.registerMirror(fixture.url));
  auth = { authorization: `Bearer ${gateway.token}` };
});

afterEach(async () => {
  gateway.process.kill('SIGKILL');
  await fixture.close();
  rmSync(folder, { recursive: true, force: true });
});

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 10));
}

const isListening = (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(gateway.port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

/** Sends SIGTERM and waits until nobody new is let in. */
async function startStopping(): Promise<{ exit: Promise<number | null> }> {
  const exit = gateway.stop('SIGTERM');
  await until(async () => !(await isListening()));
  return { exit };
}

const callText = (name: string, args: object): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name, arguments: args } });

/** Opens a session without its id travelling any other way than the client's. */
async function legacySession(): Promise<Record<string, string>> {
  const response = await post(
    mcpUrl,
    '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}',
    auth,
  );
  await response.text();
  const headers = { ...auth, 'mcp-session-id': response.headers.get('mcp-session-id') ?? '', 'mcp-protocol-version': '2025-11-25' };
  await post(mcpUrl, '{"jsonrpc":"2.0","method":"notifications/initialized"}', headers);
  return headers;
}

test('point 59: calls that run when the signal comes are finished and answered, of both eras; then the process exits with 0', async () => {
  const session = await legacySession();
  const calls = [
    post(mcpUrl, callText('wait_silently', { key: 'legacy' }), session),
    postModern(mcpUrl, 'tools/call', { name: 'wait_silently', arguments: { key: 'modern' } }, { headers: auth }),
    postModern(mcpUrl, 'tools/call', { name: 'wait_for_release', arguments: { key: 'streamed' } }, { headers: auth }),
  ].map(async (response) => (await response).text());
  await until(() => fixture.hub.waiting.size === 3);
  const { exit } = await startStopping();
  for (const key of ['legacy', 'modern', 'streamed']) fixture.hub.release(key);
  const texts = await Promise.all(calls);
  expect(texts[0]).toContain('released legacy');
  expect(texts[1]).toContain('released modern');
  expect(texts[2]).toContain('released streamed');
  expect(await exit).toBe(0);
});

test('point 59: a call that comes after the signal on a connection kept open is refused with 503, behind the answer it waits for', async () => {
  const body = callText('wait_silently', { key: 'first' });
  const session = await legacySession();
  const request = (text: string): string =>
    `POST ${new URL(mcpUrl).pathname} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n${Object.entries(
      session,
    )
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}Content-Length: ${text.length}\r\n\r\n${text}`;
  let received = '';
  const socket = connect(gateway.port, '127.0.0.1', () => socket.write(request(body)));
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  await until(() => fixture.hub.waiting.size === 1);
  const seenBefore = fixture.hub.seen.length;
  const { exit } = await startStopping();
  socket.write(request(callText('echo_arguments', {})));
  // The gateway reads the second request while the first runs; its refusal waits in line.
  await new Promise((resolve) => setTimeout(resolve, 500));
  fixture.hub.release('first');
  await closed;
  expect(received).toMatch(/^HTTP\/1\.1 200 [^]*released first[^]*HTTP\/1\.1 503 [^]*gateway\.stopping/);
  expect(
    fixture.hub.seen
      .slice(seenBefore)
      .map((seen) => seen.body)
      .join(''),
  ).not.toContain('echo_arguments');
  expect(await exit).toBe(0);
});

test('point 59: streams end properly: a listening client gets its result, GET streams just end', async () => {
  const listening = new EventReader(
    await postModern(mcpUrl, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 'sub', headers: auth }),
  );
  const acknowledged = JSON.parse((await listening.next())?.data ?? '');
  expect(acknowledged.method).toBe('notifications/subscriptions/acknowledged');
  const session = await legacySession();
  const standalone = await fetch(mcpUrl, { headers: { ...session, accept: 'text/event-stream' } });
  expect(standalone.status).toBe(200);
  const liar = await startLyingUpstream();
  liar.get = (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n');
  const sessionless = await fetch((await gateway.registerMirror(liar.url)).mcpUrl, { headers: { ...auth, accept: 'text/event-stream' } });
  expect(sessionless.status).toBe(200);

  const exit = gateway.stop('SIGTERM');
  const rest = await listening.rest();
  expect(rest.map((event) => JSON.parse(event.data))).toEqual([
    { jsonrpc: '2.0', id: 'sub', result: { resultType: 'complete', _meta: { 'io.modelcontextprotocol/subscriptionId': 'sub' } } },
  ]);
  await standalone.text();
  expect(await sessionless.text()).toContain('hello');
  expect(await exit).toBe(0);
  await liar.close();
});

test('point 59: what is held across the eras ends too: listeners get their result, calls that wait are given up at their upstream, and no session stays', async () => {
  const legacy = await startFixture({ eras: 'legacy' });
  const modern = await startFixture({ eras: 'modern' });
  try {
    const bridged = await gateway.registerMirror(legacy.url);
    const combined = await combinedOf(gateway, [{ name: 'older', url: `${legacy.url}?combined` }]);
    const listens = [mcpUrl, bridged.mcpUrl, combined.url].map(async (url) => {
      const listening = new EventReader(
        await postModern(url, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: url, headers: auth }),
      );
      expect((await listening.message())['method']).toBe('notifications/subscriptions/acknowledged');
      return { url, listening };
    });
    const listeners = await Promise.all(listens);
    const asked = await postModern(
      bridged.mcpUrl,
      'tools/call',
      { name: 'test_elicitation', arguments: { message: 'who?' } },
      { headers: auth, capabilities: { elicitation: {} } },
    );
    expect(await asked.text()).toContain('"input_required"');
    // A client with a session waits for the answer of a server that knows none, and the server for its client.
    const toModern = (await gateway.registerMirror(modern.url)).mcpUrl;
    const session = await openSession(toModern, '2025-11-25', { elicitation: {} }, auth);
    const asking = new EventReader(await post(toModern, callText('test_elicitation', { message: 'who?' }), session));
    expect((await asking.message())['method']).toBe('elicitation/create');

    const exit = gateway.stop('SIGTERM');
    for (const { url, listening } of listeners) {
      const rest = await listening.rest();
      expect(rest.map((event) => JSON.parse(event.data))).toMatchObject([
        { id: url, result: { resultType: 'complete', _meta: { 'io.modelcontextprotocol/subscriptionId': url } } },
      ]);
    }
    const last = (await asking.rest()).map((event) => JSON.parse(event.data) as { id?: unknown; error?: { data: { code: string } } }).at(-1);
    expect(last).toMatchObject({ id: 7, error: { data: { code: 'gateway.stopping' } } });
    expect(await exit).toBe(0);
    expect(legacy.stats()).toMatchObject({ sessions: 0, listeners: 0 });
    expect(modern.stats()).toMatchObject({ listeners: 0 });
    expect(legacy.hub.cancelled.length).toBeGreaterThan(0);
  } finally {
    await Promise.all([legacy.close(), modern.close()]);
  }
});

test('point 59: a REST write under way is finished and answered, and is there after the restart', async () => {
  const liar = await startLyingUpstream();
  let isAsked = false;
  const answerNow = Promise.withResolvers<void>();
  liar.answer = (socket, request) => {
    isAsked = true;
    void answerNow.promise.then(() => socket.write(http(200, `{"jsonrpc":"2.0","id":${JSON.stringify(request.message?.id)},"result":{"tools":[]}}`)));
  };
  const registering = gateway.api('POST', '/gateways', { name: 'slow', url: liar.url });
  await until(() => isAsked);
  const { exit } = await startStopping();
  answerNow.resolve();
  const registered = await registering;
  expect(registered.status).toBe(200);
  expect(await exit).toBe(0);
  await liar.close();
  gateway = await startGateway({ folder });
  expect((await gateway.api('GET', `/gateways/${registered.body.id}`)).body).toMatchObject({ name: 'slow' });
});

test('the record of the last call is on disk', async () => {
  const names = Array.from({ length: 30 }, (_, i) => `last_${i}`);
  await Promise.all(names.map(async (name) => (await postModern(mcpUrl, 'tools/call', { name, arguments: {} }, { headers: auth })).text()));
  expect(await gateway.stop('SIGTERM')).toBe(0);
  gateway = await startGateway({ folder });
  const trail = JSON.stringify((await gateway.api('GET', '/audit-trails?limit=500')).body);
  for (const name of names) expect(trail).toContain(`"${name}"`);
});

test('point 59: a call that does not end is told so when the time to drain is over, and nothing hangs', async () => {
  const call = postModern(mcpUrl, 'tools/call', { name: 'wait_silently', arguments: { key: 'never' } }, { headers: auth });
  await until(() => fixture.hub.waiting.size === 1);
  const exit = gateway.stop('SIGTERM');
  const response = await call;
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ id: 1, error: { data: { code: 'gateway.stopping' } } });
  expect(await exit).toBe(0);
});

test('idle clients, connected and silent, do not hold the process', async () => {
  const idle = connect(gateway.port, '127.0.0.1');
  await new Promise((resolve) => idle.once('connect', resolve));
  await gateway.api('GET', '/health');
  const closed = new Promise((resolve) => idle.once('close', resolve));
  expect(await gateway.stop('SIGINT')).toBe(0);
  await closed;
});
