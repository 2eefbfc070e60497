// The HTTP+SSE door of 2024-11-05 from outside: the real SDK client, and raw requests for what no SDK would send.
import '../kit/event-source-build.ts';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { open, type OpenAnswer } from './checklist/wire.ts';

/** Waits for as long as a loaded machine may take. */
const patiently = (isSo: () => unknown): Promise<unknown> => vi.waitFor(isSo, { timeout: 30_000 });

let fixture: Fixture;
let gateway: StartedGateway;
let serverId: string;

beforeAll(async () => {
  fixture = await startFixture();
  gateway = await startGateway({ env: { APP_ROOT_PATH: '/gw', SSE_KEEPALIVE_INTERVAL: '1', SSE_RETRY_TIMEOUT: '4321' } });
  ({ serverId } = await gateway.registerMirror(fixture.url));
});
afterAll(async () => {
  await gateway.stop();
  await fixture.close();
});

const bearer = (token = gateway.token): Record<string, string> => ({ authorization: `Bearer ${token}` });
const json = (token?: string): Record<string, string> => ({ ...bearer(token), 'content-type': 'application/json' });

async function connect(path = `/servers/${serverId}/sse`): Promise<Client> {
  const client = new Client({ name: 'sse', version: '1' }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { username: 'ann', email: 'a@b.c' } }));
  await client.connect(new SSEClientTransport(new URL(`${gateway.url}/gw${path}`), { requestInit: { headers: bearer() } }));
  return client;
}

interface RawStream {
  readonly stream: OpenAnswer;
  /** Where it told us to post, as a whole URL. */
  readonly endpoint: string;
}

async function openStream(path = `/servers/${serverId}/sse`, token?: string): Promise<RawStream> {
  const stream = await open(`${gateway.url}/gw${path}`, { method: 'GET', headers: { ...bearer(token), accept: 'text/event-stream' } });
  const first = await stream.block();
  expect(first).toMatchObject({ event: 'endpoint', retry: '4321' });
  return { stream, endpoint: `${gateway.url}${first?.data}` };
}

async function post(url: string, body: unknown, headers = json()): Promise<OpenAnswer> {
  return open(url, { headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
}

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 'i',
  method: 'initialize',
  params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

describe('a client of the SDK', () => {
  test.each([
    ['a server’s own path', ''],
    ['the versioned path', '/v1'],
  ])('calls, lists and answers questions on %s', async (_, prefix) => {
    const client = await connect(`${prefix}/servers/${serverId}/sse`);
    expect(client.getServerVersion()?.name).toBeDefined();
    expect((await client.listTools()).tools.length).toBeGreaterThan(10);
    expect(await client.callTool({ name: 'test_simple_text' })).toMatchObject({ content: [{ type: 'text' }] });
    const asked = await client.callTool({ name: 'test_elicitation', arguments: { message: 'who?' } });
    expect(JSON.stringify(asked)).toContain('accept');
    await client.close();
  });

  test('hears what the server says on its own account', async () => {
    const client = await connect();
    const heard = vi.fn();
    client.setNotificationHandler(ToolListChangedNotificationSchema, heard);
    await patiently(async () => {
      await fetch(`${fixture.origin}/control/list-changed`, { method: 'POST', body: '{"kind":"tools"}' });
      expect(heard).toHaveBeenCalled();
    });
    await client.close();
  });

  test('is served at /sse when there is one server it may use', async () => {
    const client = await connect('/sse');
    expect((await client.listTools()).tools.length).toBeGreaterThan(10);
    await client.close();
  });

  test('gets an error as an error', async () => {
    const client = await connect();
    await expect(client.callTool({ name: 'rpc_error', arguments: { code: -32099, message: 'on purpose' } })).rejects.toThrow(/-32099: on purpose/);
    await expect(client.request({ method: 'no/such' }, ToolListChangedNotificationSchema)).rejects.toThrow(/-32601/);
    await client.close();
  });

  test('leaves no session behind, here or at the upstream', async () => {
    await patiently(() => expect(fixture.stats().sessions).toBe(0));
    const clients = await Promise.all(Array.from({ length: 5 }, () => connect()));
    expect(fixture.stats().sessions).toBe(5);
    await Promise.all(clients.map((client) => client.close()));
    await patiently(() => expect(fixture.stats().sessions).toBe(0));
  });
});

describe('the stream', () => {
  test('begins with where to post, below the prefix, and stays alive by comments', async () => {
    const { stream, endpoint } = await openStream();
    expect(endpoint).toMatch(new RegExp(`/gw/servers/${serverId}/message\\?session_id=[\\w-]{32}$`));
    expect(stream.headers).toMatchObject({ 'content-type': 'text/event-stream', 'x-mcp-sse': 'true', 'x-accel-buffering': 'no' });
    expect(stream.headers['cache-control']).toContain('no-cache');
    expect((await stream.block())?.comment).toBeDefined();
    stream.close();
  });

  test('says nothing after initialize that the server did not say', async () => {
    const { stream, endpoint } = await openStream();
    expect((await post(endpoint, INITIALIZE)).status).toBe(202);
    expect(await stream.message()).toContain('"id":"i"');
    await post(endpoint, { jsonrpc: '2.0', method: 'notifications/initialized' });
    await post(endpoint, { jsonrpc: '2.0', id: 2, method: 'ping' });
    expect(JSON.parse((await stream.message()) ?? '')).toMatchObject({ id: 2, result: {} });
    stream.close();
  });

  test.each([
    ['without a token', {}, 401],
    ['with a bad token', { authorization: 'Bearer x' }, 401],
    ['that wants something else', { accept: 'application/json' }, 406],
  ])('is not opened %s', async (_, headers, status) => {
    expect((await open(`${gateway.url}/servers/${serverId}/sse`, { method: 'GET', headers })).status).toBe(status);
  });

  test('is not opened for a server that does not exist, nor by POST', async () => {
    expect((await open(`${gateway.url}/servers/${'0'.repeat(32)}/sse`, { method: 'GET', headers: bearer() })).status).toBe(404);
    const posted = await post(`${gateway.url}/servers/${serverId}/sse`, INITIALIZE);
    expect([posted.status, posted.headers['allow']]).toEqual([405, 'GET']);
  });

  test('ends when the server is switched off under it', async () => {
    const { serverId: other } = await gateway.registerMirror(fixture.url, { gateway: { url: `${fixture.url}?other` } });
    const { stream, endpoint } = await openStream(`/servers/${other}/sse`);
    await post(endpoint, { ...INITIALIZE, params: { ...INITIALIZE.params, protocolVersion: '2025-11-25' } });
    await stream.message();
    await post(endpoint, { jsonrpc: '2.0', method: 'notifications/initialized' });
    await gateway.api('POST', `/servers/${other}/state?activate=false`);
    expect((await post(endpoint, { jsonrpc: '2.0', id: 2, method: 'ping' })).status).toBe(404);
    await patiently(async () => {
      await fetch(`${fixture.origin}/control/list-changed`, { method: 'POST', body: '{"kind":"tools"}' });
      expect((await post(endpoint, { jsonrpc: '2.0', method: 'x' })).headers['content-type']).toBe('application/json');
      expect(await (await post(endpoint, { jsonrpc: '2.0', id: 3, method: 'ping' })).answerText()).toContain('There is no such session');
    });
    await gateway.api('DELETE', `/servers/${other}`);
  });
});

describe('a message', () => {
  test('is taken with 202 and the contract’s words', async () => {
    const { stream, endpoint } = await openStream();
    const taken = await post(endpoint, INITIALIZE);
    expect([taken.status, await taken.answerText()]).toEqual([202, '{"status":"success"}']);
    stream.close();
  });

  test.each([
    ['no session', `/message`, 400],
    ['an unknown session', `/message?session_id=x`, 404],
  ])('with %s is refused', async (_, path, status) => {
    expect((await post(`${gateway.url}${path}`, INITIALIZE)).status).toBe(status);
  });

  test('of somebody else is refused as if there were no such session, and the owner hears nothing of it', async () => {
    const { stream, endpoint } = await openStream();
    const stranger = await gateway.tokenFor({ sub: 'eve@example.com', is_admin: true, teams: null });
    expect((await post(endpoint, INITIALIZE, json(stranger))).status).toBe(404);
    expect((await post(endpoint, INITIALIZE, { 'content-type': 'application/json' })).status).toBe(401);
    await post(endpoint, INITIALIZE);
    expect(JSON.parse((await stream.message()) ?? '')).toHaveProperty('result');
    expect((await post(endpoint, { jsonrpc: '2.0', id: 9, method: 'ping' }, json(stranger))).status).toBe(404);
    await post(endpoint.replace('session_id', 'sessionId'), { jsonrpc: '2.0', id: 1, method: 'ping' });
    expect(JSON.parse((await stream.message()) ?? '')).toMatchObject({ id: 1 });
    stream.close();
  });

  test('that is not JSON, not one message, too large or of another type is refused by the status', async () => {
    const { stream, endpoint } = await openStream();
    expect((await post(endpoint, '{')).status).toBe(400);
    expect((await post(endpoint, '{"jsonrpc":"2.0"}')).status).toBe(400);
    expect((await post(endpoint, '{}', { ...bearer(), 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post(endpoint, ' '.repeat(11_000_000))).status).toBe(413);
    const got = await open(endpoint, { method: 'GET', headers: bearer() });
    expect([got.status, got.headers['allow']]).toEqual([405, 'POST']);
    stream.close();
  });

  test('of a stream that has ended is refused', async () => {
    const { stream, endpoint } = await openStream();
    stream.close();
    await patiently(async () => expect((await post(endpoint, { jsonrpc: '2.0', method: 'x' })).status).toBe(404));
  });

  test('of a batch is answered one by one', async () => {
    const { stream, endpoint } = await openStream();
    await post(endpoint, INITIALIZE);
    await stream.message();
    await post(endpoint, { jsonrpc: '2.0', method: 'notifications/initialized' });
    const sent = [
      { jsonrpc: '2.0', id: 1, method: 'ping' },
      { jsonrpc: '2.0', id: 2 },
      { jsonrpc: '2.0', id: 3, method: 'ping' },
    ];
    expect((await post(endpoint, sent)).status).toBe(202);
    const answers = [await stream.message(), await stream.message(), await stream.message()].map((text) => JSON.parse(text ?? '') as { id: unknown });
    expect(answers.map(({ id }) => id).toSorted()).toEqual([1, 3, null].toSorted());
    stream.close();
  });
});

// Checklist 38.
test('two clients are isolated: each stream carries the answers to its own requests and no others', async () => {
  const [one, two] = [await openStream(), await openStream()];
  for (const { endpoint, stream } of [one, two]) {
    await post(endpoint, INITIALIZE);
    await stream.message();
    await post(endpoint, { jsonrpc: '2.0', method: 'notifications/initialized' });
  }
  const call = (text: string) => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo_arguments', arguments: { text } } });
  await Promise.all([post(one.endpoint, call('for one')), post(two.endpoint, call('for two'))]);
  expect(await one.stream.message()).toContain('for one');
  expect(await two.stream.message()).toContain('for two');
  one.stream.close();
  two.stream.close();
});

test('a gateway that stops answers what is running and ends the streams', async () => {
  const other = await startGateway();
  const { serverId: id } = await other.registerMirror(fixture.url);
  const stream = await open(`${other.url}/servers/${id}/sse`, { method: 'GET', headers: bearer(other.token) });
  const endpoint = `${other.url}${(await stream.block())?.data}`;
  await post(endpoint, INITIALIZE, json(other.token));
  await stream.message();
  await post(endpoint, { jsonrpc: '2.0', method: 'notifications/initialized' }, json(other.token));
  const sleeping = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait_for_release', arguments: { key: 'sse-stop' } } };
  await post(endpoint, sleeping, json(other.token));
  await patiently(async () => {
    const state = (await (await fetch(`${fixture.origin}/control/state`)).json()) as { waiting: string[] };
    expect(state.waiting).toContain('sse-stop');
  });
  const stopped = other.stop();
  await fetch(`${fixture.origin}/control/release`, { method: 'POST', body: '{"key":"sse-stop"}' });
  expect(await stream.message()).toContain('"id":1');
  expect(await stream.message()).toBeUndefined();
  expect(await stopped).toBe(0);
});

test('TRANSPORT_TYPE closes the other doors, and says so', async () => {
  const other = await startGateway({ env: { TRANSPORT_TYPE: 'http' } });
  const { serverId: id, mcpUrl } = await other.registerMirror(fixture.url);
  const refused = await open(`${other.url}/servers/${id}/sse`, { method: 'GET', headers: bearer(other.token) });
  expect([refused.status, await refused.answerText()]).toEqual([404, expect.stringContaining('TRANSPORT_TYPE')]);
  expect((await post(mcpUrl, INITIALIZE, { ...json(other.token), accept: 'application/json, text/event-stream' })).status).toBe(200);
  await other.stop();
});
