// Checklist point 41, within one era: the same client script gives the same visible results on copies of one server that speak
// 2025-11-25 or 2025-03-26 over streamable HTTP, HTTP+SSE or stdio; and on copies of 2026-07-28 over HTTP and stdio.
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { callTools } from '../../sessions/call-tools.ts';
import { doorTo, mirrorOfEndpoint, NODE_FIRST } from '../../sessions/gateway-cell.ts';
import { normaliseConversation } from '../../sessions/normal-conversation.ts';
import { recordConversation } from '../../sessions/record-conversation.ts';
import { playModernSession } from '../../sessions/scripted-sessions.ts';
import type { Endpoint } from '../../sessions/endpoint.ts';
import { startCopy, type Copy, type CopyKind } from './copies.ts';

const CALLS: readonly (readonly [string, Record<string, unknown>])[] = [
  ['test_simple_text', {}],
  ['test_image_content', {}],
  ['test_audio_content', {}],
  ['test_embedded_resource', {}],
  ['test_multiple_content_types', {}],
  ['test_error_handling', {}],
  ['test_resource_link', {}],
  ['test_structured_content', { a: 1.5, b: 2 }],
  ['exact_values', {}],
  ['unknown_content', {}],
  ['echo_arguments', { text: 'grüß 🌍 \u0000', number: 1.5, list: [null, true, {}], '': '' }],
  ['big_result', { bytes: 300_000 }],
  ['test_tool_with_logging', {}],
  ['test_tool_with_progress', {}],
  ['test_streaming_elicitation', {}],
  ['test_sampling', { prompt: 'Say hello' }],
  ['test_elicitation', { message: 'Who are you?' }],
  ['test_elicitation_sep1034_defaults', {}],
  ['test_list_roots', {}],
  ['test_questions_at_once', { count: 3 }],
  ['test_trigger_tool_change', {}],
  ['rpc_error', { code: 7, message: '', data: 'text' }],
  ['no_such_tool', {}],
];

let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGateway({ env: { PATH: NODE_FIRST } });
});
afterAll(async () => {
  await gateway?.stop();
});

/** In front of a copy, makes a server of it that knows no revision after 2025-03-26: that is what it is asked for, always. */
async function startOlder(target: string): Promise<{ endpoint: Endpoint; close(): Promise<void> }> {
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const text = Buffer.concat(parts).toString();
      const body = text.includes('"method":"initialize"') ? text.replace(/"protocolVersion":"[^"]*"/, '"protocolVersion":"2025-03-26"') : text;
      const headers = { ...req.headers, host: new URL(target).host, 'content-length': String(Buffer.byteLength(body)) };
      const outgoing = httpRequest(target, { method: req.method, headers });
      outgoing.on('response', (incoming) => {
        res.writeHead(incoming.statusCode ?? 0, incoming.headers);
        res.flushHeaders();
        incoming.pipe(res);
      });
      outgoing.on('error', () => res.destroy());
      res.on('close', () => outgoing.destroy());
      outgoing.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: { transport: 'streamableHttp', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp` },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Without what a server of 2025-03-26 cannot offer: tasks. */
function known(seen: readonly unknown[]): unknown {
  return JSON.parse(JSON.stringify(seen), (key, value: unknown) => (key === 'tasks' || key === 'execution' ? undefined : value)) as unknown;
}

const throughGateway = async (endpoint: Endpoint): Promise<unknown[]> =>
  callTools({ endpoint: doorTo(gateway, await mirrorOfEndpoint(gateway, endpoint), 'streamableHttp'), calls: CALLS, isAskable: true });

async function withCopy<T>(kind: CopyKind, eras: 'legacy' | 'modern', use: (copy: Copy) => Promise<T>): Promise<T> {
  const copy = await startCopy(kind, eras);
  try {
    return await use(copy);
  } finally {
    await copy.close();
  }
}

describe('point 41: a client of the session era', () => {
  let direct: unknown[];

  beforeAll(async () => {
    direct = await withCopy('streamable HTTP', 'legacy', ({ endpoint }) => callTools({ endpoint, calls: CALLS, isAskable: true }));
  });

  test('is asked, told and answered something worth comparing', () => {
    const text = JSON.stringify(direct);
    for (const method of [
      'sampling/createMessage',
      'elicitation/create',
      'roots/list',
      'notifications/message',
      'notifications/tools/list_changed',
    ]) {
      expect(text).toContain(method);
    }
    expect(text.match(/"refused"/g)?.length).toBe(2);
  });

  test.each(['streamable HTTP', 'SSE', 'stdio'] as const)('point 41: sees on the copy over %s what it sees directly', async (kind) => {
    const seen = await withCopy(kind, 'legacy', ({ endpoint }) => throughGateway(endpoint));
    expect(seen).toEqual(direct);
  });

  test('point 41: sees on a copy of 2025-03-26 what it sees directly, but for tasks', async () => {
    const seen = await withCopy('streamable HTTP', 'legacy', async ({ endpoint }) => {
      const older = await startOlder(endpoint.transport === 'stdio' ? '' : endpoint.url);
      try {
        return await throughGateway(older.endpoint);
      } finally {
        await older.close();
      }
    });
    expect(known(seen)).toEqual(known(direct));
  });
});

test('point 41: a client of 2026-07-28 sees the same over HTTP and stdio', async () => {
  const record = (kind: CopyKind) =>
    withCopy(kind, 'modern', async ({ endpoint, control }) => {
      const mirror = await mirrorOfEndpoint(gateway, endpoint);
      const conversation = await recordConversation(playModernSession(control), 'scripted-modern', doorTo(gateway, mirror, 'streamableHttp'));
      return normaliseConversation(conversation);
    });
  const [overHttp, overStdio] = await Promise.all([record('streamable HTTP'), record('stdio')]);
  expect(overStdio.requests.length).toBeGreaterThan(60);
  expect(overStdio).toEqual(overHttp);
});
