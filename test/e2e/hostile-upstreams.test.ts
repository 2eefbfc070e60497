import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, type RestAnswer, type StartedGateway } from '../kit/gateway.ts';
import { http, INITIALIZE, result, startLyingUpstream, type LyingUpstream } from '../kit/lying-upstream.ts';

const MEGABYTE = 1024 * 1024;

let gateway: StartedGateway;
let fixture: Fixture;
let honestUrl: string;

beforeAll(async () => {
  gateway = await startGateway({ env: { TOOL_TIMEOUT: '20', FEDERATION_TIMEOUT: '20', HEALTH_CHECK_INTERVAL: '3600' } });
  fixture = await startFixture();
  honestUrl = (await gateway.registerMirror(fixture.url)).mcpUrl;
});

afterAll(async () => {
  expect(gateway.output()).not.toMatch(/could not be handled|internal/);
  await gateway.stop();
  await fixture.close();
});

async function withLiar(use: (liar: LyingUpstream) => Promise<void>): Promise<void> {
  const liar = await startLyingUpstream();
  try {
    await use(liar);
    expect((await call(honestUrl, 'tools/call', { name: 'echo_arguments', arguments: {} })).status, 'the server next door').toBe(200);
  } finally {
    await liar.close();
  }
}

let names = 0;
const register = (liar: LyingUpstream): Promise<RestAnswer> => gateway.api('POST', '/gateways', { name: `hostile ${++names}`, url: liar.url });
const list = (tools: unknown[], nextCursor?: string): string => JSON.stringify({ tools, nextCursor });
const tool = (name: unknown, more: object = {}): object => ({ name, inputSchema: { type: 'object' }, ...more });

function call(url: string, method: string, params: Record<string, unknown>): Promise<Response> {
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
  return fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      'mcp-name': String(params['name']),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } }),
    signal: AbortSignal.timeout(30_000),
  });
}

async function toolNames(gatewayId: string): Promise<string[]> {
  const { body } = await gateway.api('GET', `/tools?gateway_id=${gatewayId}&limit=0`);
  return (body as { gatewayId: string; originalName: string }[]).filter((row) => row.gatewayId === gatewayId).map((row) => row.originalName);
}

describe('catalogues', () => {
  test('10,000 tools are taken, and 10,001 are a clear 502', async () => {
    await withLiar(async (liar) => {
      const many = (count: number): string => list(Array.from({ length: count }, (_, i) => tool(`tool_${i}`)));
      liar.list = () => many(10_001);
      expect(await register(liar)).toMatchObject({ status: 502, body: { message: expect.stringContaining('10000') } });
      liar.list = () => many(10_000);
      const registered = await register(liar);
      expect(registered.status).toBe(200);
      expect(registered.body.toolCount ?? (await toolNames(registered.body.id)).length).toBe(10_000);
      expect((await gateway.api('DELETE', `/gateways/${registered.body.id}`)).status).toBe(200);
    });
  });

  test.each<[string, LyingUpstream['list']]>([
    ['a cursor that leads back to itself', () => list([tool('a')], 'again')],
    ['cursors in a circle', (request) => list([], request.message?.params?.['cursor'] === 'a' ? 'b' : 'a')],
    ['cursors without end', () => list([], String(Math.random()))],
    ['JSON nested without end', () => `{"tools":[{"name":"a","inputSchema":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}]}`],
    ['JSON that breaks off', () => '{"tools":[{"name":"a"'],
  ])('%s is a 502 that says so', async (_what, answer) => {
    await withLiar(async (liar) => {
      liar.list = answer;
      const { status, body } = await register(liar);
      expect(status, JSON.stringify(body)).toBe(502);
      expect(body.message).toContain('hostile');
    });
  });

  test('tools that are none, names that hide something and names that come twice are left out, the others kept', async () => {
    const HIDDEN = ['a\u0000b', 'a\nb', 'a\u001b[31mb', 'a\u200bb', 'a\u202eb', 'a\u2066b', '\ufeffa', 'a\u2028b', 'a\u007fb', ''];
    await withLiar(async (liar) => {
      liar.list = () =>
        list([
          ...HIDDEN.map((name) => tool(name)),
          tool('x'.repeat(5000)),
          1,
          null,
          'text',
          [],
          {},
          tool(7),
          tool({ toString: 1 }),
          tool('good'),
          tool('good', { description: 'again' }),
          tool('h\u00e9llo'),
          tool('__proto__'),
          tool('constructor'),
        ]);
      const registered = await register(liar);
      expect(registered.status, JSON.stringify(registered.body)).toBe(200);
      const kept = await toolNames(registered.body.id);
      expect(kept).toContain('good');
      expect(kept.filter((name) => name === 'good')).toHaveLength(1);
      for (const name of HIDDEN) expect(kept).not.toContain(name);
    });
  });

  test('a description of 5 MB, and one full of control characters, register without harm', async () => {
    await withLiar(async (liar) => {
      liar.list = () =>
        list([
          tool('big', { description: 'x'.repeat(5 * MEGABYTE) }),
          tool('odd', { description: '\u0000\u001b[2J\u202eevil', title: { a: 1 }, annotations: 'x', outputSchema: 7, _meta: [] }),
          tool('schema', { inputSchema: 'none' }),
        ]);
      const registered = await register(liar);
      expect([200, 502]).toContain(registered.status);
      if (registered.status !== 200) return;
      const { status, body } = await gateway.api('GET', '/tools?limit=0');
      expect(status).toBe(200);
      expect(JSON.stringify(body)).not.toContain('\\u001b');
    });
  });

  test.each<[string, string]>([
    ['a version that is an object which is no text', '{"protocolVersion":{"toString":1,"valueOf":1},"capabilities":{"tools":{}}}'],
    ['a version with a line break', '{"protocolVersion":"2025\\r\\nx: y","capabilities":{"tools":{}}}'],
    ['capabilities that are nothing', '{"protocolVersion":"2025-06-18","capabilities":null}'],
    ['capabilities nested without end', `{"protocolVersion":"2025-06-18","capabilities":{"tools":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`],
    [
      'information nested without end',
      `{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`,
    ],
    ['instructions that are no text', '{"protocolVersion":"2025-06-18","capabilities":{},"instructions":{"a":1}}'],
    ['instructions of 5 MB', `{"protocolVersion":"2025-06-18","capabilities":{},"instructions":"${'x'.repeat(5 * MEGABYTE)}"}`],
    ['a list', '[]'],
    ['nothing', 'null'],
    ['prototype keys', '{"__proto__":{"tools":1},"protocolVersion":"2025-06-18","capabilities":{"__proto__":{"a":1},"constructor":{}}}'],
  ])('an initialize result with %s registers or is a 502', async (_what, initialize) => {
    await withLiar(async (liar) => {
      liar.initialize = initialize;
      const { status, body } = await register(liar);
      expect([200, 502], JSON.stringify(body).slice(0, 500)).toContain(status);
    });
  });

  test.each<[string, (id: unknown) => string]>([
    ['whose code is no number', (id) => JSON.stringify({ jsonrpc: '2.0', id, error: { code: { toString: 1, valueOf: 1 }, message: [{}] } })],
    ['that is a text', (id) => JSON.stringify({ jsonrpc: '2.0', id, error: 'no' })],
    ['with control characters', (id) => JSON.stringify({ jsonrpc: '2.0', id, error: { code: -1, message: '\u001b[31mred\u202e' } })],
  ])('an error %s is a 502', async (_what, answer) => {
    await withLiar(async (liar) => {
      liar.answer = (socket, request) => void socket.write(http(200, answer(request.message?.id)));
      expect((await register(liar)).status).toBe(502);
    });
  });

  test('an upstream that answers registration with silence is a 504', async () => {
    await withLiar(async (liar) => {
      const slow = await startGateway({ env: { FEDERATION_TIMEOUT: '1' } });
      liar.answer = () => {};
      expect((await slow.api('POST', '/gateways', { name: 'silent', url: liar.url })).status).toBe(504);
      expect((await slow.api('GET', '/gateways')).body).toEqual([]);
      await slow.stop();
    });
  });
});

describe('floods', () => {
  const residentBytes = (): number => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${gateway.process.pid}/status`, 'utf8'))?.[1]) * 1024;

  /** Writes as fast as it is read, until the connection ends; counts what was taken. */
  function pour(socket: Socket, chunk: Buffer, taken: { bytes: number }): void {
    const go = (): void => {
      while (!socket.destroyed && socket.write(chunk)) taken.bytes += chunk.length;
      taken.bytes += chunk.length;
    };
    socket.on('drain', go);
    go();
  }

  const event = Buffer.from(`data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"${'x'.repeat(1000)}"}}\n\n`.repeat(100));
  const document = Buffer.from(`"${'x'.repeat(100_000)}",`);
  test.runIf(process.platform === 'linux').each<[string, string, Buffer, string]>([
    ['events', 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n', event, ''],
    ['one JSON document', 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"jsonrpc":"2.0","id":1,"result":{"content":[', document, ''],
    ['events in a batch', 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n', event, '['],
  ])('%s without end for a client that does not read: the upstream is held back, memory stays bounded', async (_what, head, chunk, bracket) => {
    await withLiar(async (liar) => {
      const registered = await register(liar);
      const server = await gateway.api('POST', '/servers', { server: { name: `flood ${names}`, mirrorGatewayId: registered.body.id } });
      const taken = { bytes: 0 };
      liar.answer = (socket) => {
        socket.write(head);
        pour(socket, chunk, taken);
      };
      const before = residentBytes();
      const client = connect(gateway.port, '127.0.0.1');
      client.pause();
      const body = `${bracket}{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"answer"}}${bracket === '' ? '' : ']'}`;
      client.write(
        `POST /servers/${server.body.id}/mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${gateway.token}\r\nContent-Type: application/json\r\nAccept: text/event-stream, application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      // Held back: what the upstream could send does not grow any more.
      let last = -1;
      while (taken.bytes === 0 || taken.bytes !== last) {
        last = taken.bytes;
        expect(taken.bytes).toBeLessThan(100 * MEGABYTE);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      expect(residentBytes() - before).toBeLessThan(100 * MEGABYTE);
      client.destroy();
      await once(client, 'close');
    });
  });
});

test('a legacy version text in the initialize result reaches a client as it is', async () => {
  await withLiar(async (liar) => {
    liar.initialize = INITIALIZE.replace('2025-06-18', '2024-11-05');
    const registered = await register(liar);
    const server = await gateway.api('POST', '/servers', { server: { name: 'old', mirrorGatewayId: registered.body.id } });
    const response = await fetch(`${gateway.url}/servers/${server.body.id}/mcp`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: '{"jsonrpc":"2.0","id":"a","method":"initialize","params":{}}',
    });
    expect(await response.text()).toBe(result({ verb: '', headers: '', body: '', message: { id: 'a' } }, liar.initialize));
  });
});
