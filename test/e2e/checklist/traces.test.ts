// Checklist points 27 and 60: every message is one span and one record, neither holds a secret, and a client's trace goes on to
// the upstream.
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startOtlpCollector, type CollectedSpan, type OtlpCollector } from '../../kit/otlp-collector.ts';
import type { AuditRow } from './audit.ts';
import { combinedOf } from './combined-doors.ts';
import { as, mirrorOf, modern, openSession, post, textOf, toolCall, type Door } from './doors.ts';
import { json, startScriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts';
import { eventually } from './wire.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const OTHER_TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = 'b7ad6b7169203331';
const COLLECTOR_KEY = 'key-of-the-collector';
const DELAY_MS = '50';

const tracing = (endpoint: string, more: Record<string, string> = {}): Record<string, string> => ({
  OTEL_ENABLE_OBSERVABILITY: 'true',
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_HEADERS: `x-key=${COLLECTOR_KEY}`,
  OTEL_BSP_SCHEDULE_DELAY: DELAY_MS,
  ...more,
});

const closing: (() => Promise<unknown>)[] = [];
async function started<T>(thing: Promise<T>, close: (one: T) => Promise<unknown>): Promise<T> {
  const one = await thing;
  closing.push(() => close(one));
  return one;
}
const gatewayWith = (env: Record<string, string>): Promise<StartedGateway> => started(startGateway({ env }), (gateway) => gateway.stop());
const fixture = (): Promise<Fixture> => started(startFixture(), (one) => one.close());
const collector = (): Promise<OtlpCollector> => started(startOtlpCollector(), (one) => one.close());
const scripted = (): Promise<ScriptedUpstream> => started(startScriptedUpstream(), (one) => one.close());
afterAll(async () => {
  for (const close of closing.toReversed()) await close();
});

/** What somebody's messages left behind, once there is as much of it as there should be. */
async function left(gateway: StartedGateway, at: OtlpCollector, email: string, count: number): Promise<{ rows: AuditRow[]; spans: CollectedSpan[] }> {
  return eventually(async () => {
    const rows = (await gateway.api('GET', `/audit-trails?limit=1000&user_id=${email}`)).body as AuditRow[];
    const spans = at.spans.filter(({ attributes }) => attributes['user.email'] === email);
    return rows.length >= count && spans.length >= count && { rows, spans };
  });
}

const kindsOfRows = (rows: readonly AuditRow[]): string[] =>
  rows.map((row) => [row.direction, row.method ?? '', row.outcome, row.trace_id].join(' '));
const kindsOfSpans = (spans: readonly CollectedSpan[]): string[] =>
  spans.map(({ attributes, traceId }) =>
    [attributes['mcpgateway.direction'], attributes['mcp.method.name'] ?? '', attributes['mcpgateway.outcome'], traceId].join(' '),
  );

describe('point 60: tracing on', () => {
  let gateway: StartedGateway;
  let collected: OtlpCollector;
  let mirror: Door;
  let combined: Door;

  beforeAll(async () => {
    collected = await collector();
    gateway = await gatewayWith(tracing(collected.url, { OTEL_CAPTURE_IDENTITY_ATTRIBUTES: 'true', OTEL_RESOURCE_ATTRIBUTES: 'team=blue%20one' }));
    const behind = await fixture();
    mirror = await mirrorOf(gateway, behind.url);
    combined = await combinedOf(gateway, [{ name: 'Traced', url: (await fixture()).url }]);
  });

  /** A session with calls, a question, its reply and notifications, and calls without a session; `secret` is in all payloads. */
  async function converse(door: Door, names: (name: string) => string, secret: string): Promise<void> {
    const session = await openSession(door, '2025-11-25', { sampling: {} });
    const call = await post(session, toolCall('c', names('test_sampling'), { prompt: secret }));
    const asked = JSON.parse((await call.message()) ?? '{}') as { id: unknown };
    const content = { type: 'text', text: secret };
    await (await post(session, JSON.stringify({ jsonrpc: '2.0', id: asked.id, result: { role: 'assistant', content, model: 'm' } }))).bytes();
    expect(textOf(await call.answer())).toContain(secret);
    await (await post(session, toolCall('p', names('test_tool_with_progress'), {}, { _meta: { progressToken: 1 } }))).messages();
    await (await post(session, toolCall('e', names('test_error_handling')))).messages();
    await (await modern(door, 'tools/call', { name: names('rpc_error'), arguments: { code: -32000, message: secret } })).answer();
    await (await modern(door, 'tools/list')).answer();
  }

  /** initialize, initialized, 3 session calls, ask, reply, 3 × progress, 2 modern calls. */
  const MESSAGES = 12;

  test.each([
    ['mirror', () => mirror, (name: string) => name],
    ['combined server', () => combined, (name: string) => `traced-${name.replaceAll('_', '-')}`],
  ] as const)('point 60: every message through a %s is one span and one record of the same trace, without its secrets', async (kind, door, names) => {
    const email = `${kind.replace(' ', '-')}@example.com`;
    const token = await gateway.tokenFor({ sub: email, is_admin: true, teams: null, jti: `id-of-a-token-${kind}` });
    const secret = `secret words for the ${kind}`;
    await converse(as(door(), token), names, secret);
    const { rows, spans } = await left(gateway, collected, email, MESSAGES);
    expect(rows).toHaveLength(MESSAGES);
    expect(kindsOfSpans(spans).toSorted()).toEqual(kindsOfRows(rows).toSorted());
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    expect(JSON.stringify(rows)).not.toContain(secret);
    const exported = Buffer.concat(collected.requests.map(({ body }) => body)).toString('latin1');
    for (const hidden of [secret, token, `id-of-a-token-${kind}`, COLLECTOR_KEY]) expect(exported).not.toContain(hidden);
  });

  test('point 60: what an upstream says on the stream of a call hangs below that call', async () => {
    const email = 'below@example.com';
    const door = as(mirror, await gateway.tokenFor({ sub: email, is_admin: true, teams: null }));
    await (await modern(door, 'tools/call', { name: 'test_tool_with_progress', arguments: {} }, { meta: { progressToken: 'p' } })).messages();
    const { spans } = await left(gateway, collected, email, 4);
    const call = spans.find(({ name }) => name === 'tools/call test_tool_with_progress');
    const progress = spans.filter(({ name }) => name === 'notifications/progress');
    expect(progress).toHaveLength(3);
    for (const span of progress) expect(span).toMatchObject({ traceId: call?.traceId, parentSpanId: call?.spanId, kind: 3 });
    expect(call).toMatchObject({ kind: 2, parentSpanId: '' });
  });

  test('point 60: a span says in OpenTelemetry’s words which tool of which server was called and how it ended', async () => {
    const email = 'words@example.com';
    const door = as(mirror, await gateway.tokenFor({ sub: email, is_admin: true, teams: null }));
    await (await modern(door, 'tools/call', { name: 'no_such_tool_here', arguments: {} }, { id: 'my-ïd' })).answer();
    await (await modern(door, 'resources/read', { uri: 'https://user:pass@host.test/a?key=hidden#part' })).answer();
    await (await modern(door, 'tools/list')).answer();
    const { spans, rows } = await left(gateway, collected, email, 3);
    expect(JSON.stringify(rows)).not.toMatch(/pass@|hidden/);
    const called = spans.find(({ name }) => name === 'tools/call no_such_tool_here');
    expect(called?.hasFailed).toBe(true);
    expect(called?.attributes).toMatchObject({
      'mcp.method.name': 'tools/call',
      'mcp.protocol.version': '2026-07-28',
      'gen_ai.tool.name': 'no_such_tool_here',
      'gen_ai.operation.name': 'execute_tool',
      'jsonrpc.request.id': '"my-ïd"',
      'error.type': 'rpc_error',
      'client.address': '127.0.0.1',
    });
    expect(called?.resource).toMatchObject({ 'service.name': 'mcp-gateway', 'deployment.environment.name': 'development', team: 'blue one' });
    expect(spans.find(({ name }) => name === 'resources/read')?.attributes['mcp.resource.uri']).toBe('https://host.test/a?…');
    expect(spans.find(({ name }) => name === 'tools/list')?.hasFailed).toBe(false);
  });

  test('point 60: a refused message is a span and a record too', async () => {
    const before = collected.spans.length;
    const refused = await modern({ ...mirror, headers: { authorization: 'Bearer of.a.lie' } }, 'tools/list', {}, { id: 'refused-one' });
    expect(refused.status).toBe(401);
    await refused.bytes();
    const span = await eventually(() => collected.spans.slice(before).find(({ attributes }) => attributes['jsonrpc.request.id'] === '"refused-one"'));
    expect(span).toMatchObject({ hasFailed: true, attributes: { 'error.type': 'auth.invalid', 'mcpgateway.outcome': 'refused' } });
    const rows = (await gateway.api('GET', '/audit-trails?limit=1000')).body as AuditRow[];
    expect(rows.filter(({ trace_id: id }) => id === span.traceId)).toMatchObject([{ error_code: 'auth.invalid' }]);
  });

  test('point 60: the collector’s own key reaches it, and its path is the standard one', () => {
    for (const { path, headers } of collected.requests) expect([path, headers['x-key']]).toEqual(['/v1/traces', COLLECTOR_KEY]);
  });
});

describe('point 27: trace context', () => {
  /** Answers every call and keeps what arrived. */
  async function listening(): Promise<ScriptedUpstream> {
    const upstream = await scripted();
    upstream.play(({ message, res }) => {
      if (message.method !== 'tools/call') return false;
      json(res, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', content: [] } }));
      return true;
    });
    return upstream;
  }

  const header = `00-${TRACE}-${CALLER}-01`;
  const inMeta = { traceparent: header, tracestate: 'vendor=1', baggage: 'a=b' };
  const call = (door: Door, name: string, meta: object, headers: Record<string, string>) =>
    modern(door, 'tools/call', { name, arguments: {} }, { meta, headers });
  const arrivedCall = (upstream: ScriptedUpstream) => {
    const arrived = upstream.seen.findLast(({ message }) => message.method === 'tools/call');
    return { headers: arrived?.headers ?? {}, meta: (arrived?.message.params?.['_meta'] ?? {}) as Record<string, unknown> };
  };

  test.each(['mirror', 'combined server'])(
    'point 27: passes unchanged through a %s, in `_meta` and in headers, while tracing is off',
    async (kind) => {
      const upstream = await listening();
      const gateway = await gatewayWith({});
      const door = kind === 'mirror' ? await mirrorOf(gateway, upstream.url) : await combinedOf(gateway, [{ name: 'Off', url: upstream.url }]);
      const sent = { traceparent: header, tracestate: 'vendor=2', baggage: 'c=d' };
      await (await call(door, kind === 'mirror' ? 'one' : 'off-one', inMeta, sent)).answer();
      const { headers, meta } = arrivedCall(upstream);
      expect(headers).toMatchObject(sent);
      expect(meta).toMatchObject(inMeta);
    },
  );

  test.each(['mirror', 'combined server'])(
    'point 27: continues through a %s with the gateway’s span as the caller, while tracing is on',
    async (kind) => {
      const upstream = await listening();
      const collected = await collector();
      const gateway = await gatewayWith(tracing(collected.url, { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }));
      const door = kind === 'mirror' ? await mirrorOf(gateway, upstream.url) : await combinedOf(gateway, [{ name: 'On', url: upstream.url }]);
      const name = kind === 'mirror' ? 'one' : 'on-one';
      const spanOf = (id: string): Promise<CollectedSpan> =>
        eventually(() => collected.spans.find(({ attributes, traceId }) => traceId === id && attributes['mcp.method.name'] === 'tools/call'));

      await (await call(door, name, inMeta, { traceparent: header, tracestate: 'vendor=2' })).answer();
      const span = await spanOf(TRACE);
      expect(span).toMatchObject({ parentSpanId: CALLER, attributes: { 'gen_ai.tool.name': name } });
      expect(span.attributes).not.toHaveProperty('user.email');
      const first = arrivedCall(upstream);
      expect(first.headers).toMatchObject({ traceparent: `00-${TRACE}-${span.spanId}-01`, tracestate: 'vendor=2' });
      expect(first.meta).toMatchObject(inMeta);

      // `_meta` alone, as clients on stdio send it; a header that is none is not continued.
      await (await call(door, name, { traceparent: `00-${OTHER_TRACE}-${CALLER}-01` }, { traceparent: 'nonsense', tracestate: 'vendor=3' })).answer();
      const other = await spanOf(OTHER_TRACE);
      const second = arrivedCall(upstream);
      expect(second.headers['traceparent']).toBe(`00-${OTHER_TRACE}-${other.spanId}-01`);
      expect(second.headers).not.toHaveProperty('tracestate');

      // A trace that its caller does not record is continued, and not recorded here either.
      const unrecorded = 'c'.repeat(32);
      await (await call(door, name, {}, { traceparent: `00-${unrecorded}-${CALLER}-00` })).answer();
      expect(arrivedCall(upstream).headers['traceparent']).toMatch(new RegExp(`^00-${unrecorded}-(?!${CALLER})[0-9a-f]{16}-00$`));
      await (await call(door, name, {}, {})).answer();
      const fresh = /^00-([0-9a-f]{32})-/.exec(String(arrivedCall(upstream).headers['traceparent']))?.[1] ?? '';
      expect((await spanOf(fresh)).parentSpanId).toBe('');
      expect(collected.spans.map(({ traceId }) => traceId)).not.toContain(unrecorded);
    },
  );
});

describe('points 27 and 60: across the eras', () => {
  const META = { traceparent: `00-${TRACE}-${CALLER}-01` };
  let gateway: StartedGateway;
  let collected: OtlpCollector;
  beforeAll(async () => {
    collected = await collector();
    gateway = await gatewayWith(tracing(collected.url, { OTEL_CAPTURE_IDENTITY_ATTRIBUTES: 'true' }));
  });

  test.each(['legacy', 'modern'] as const)(
    'points 27 and 60: a call to a %s upstream keeps its trace, and is one span and one record',
    async (eras) => {
      const behind = await started(startFixture({ eras }), (one) => one.close());
      const email = `to-${eras}@example.com`;
      const door = as(await mirrorOf(gateway, behind.url), await gateway.tokenFor({ sub: email, is_admin: true, teams: null }));
      const name = 'test_simple_text';
      const call =
        eras === 'legacy'
          ? await modern(door, 'tools/call', { name, arguments: {} }, { meta: META })
          : await post(await openSession(door), toolCall('c', name, {}, { _meta: META }));
      expect(await call.answer()).toHaveProperty('result.content');
      const { rows, spans } = await left(gateway, collected, email, eras === 'legacy' ? 1 : 3);
      expect(kindsOfSpans(spans).toSorted()).toEqual(kindsOfRows(rows).toSorted());
      const span = spans.find(({ traceId }) => traceId === TRACE);
      expect(span).toMatchObject({ name: `tools/call ${name}`, parentSpanId: CALLER });
      const arrived = behind.hub.seen.findLast(({ body }) => body.includes('"tools/call"'));
      expect(arrived?.headers['traceparent']).toBe(`00-${TRACE}-${span?.spanId}-01`);
      expect(JSON.parse(arrived?.body ?? '{}')).toMatchObject({ params: { _meta: META } });
    },
  );
});

describe('point 60: the collector', () => {
  test('point 60: gets what is left when the gateway stops', async () => {
    const collected = await collector();
    const gateway = await startGateway({ env: tracing(collected.url, { OTEL_BSP_SCHEDULE_DELAY: '3600000' }) });
    const door = await mirrorOf(gateway, (await fixture()).url);
    await (await modern(door, 'tools/list')).answer();
    expect(collected.spans).toEqual([]);
    expect(await gateway.stop()).toBe(0);
    expect(collected.spans.map(({ name }) => name)).toContain('tools/list');
  });

  test('point 60: that is away or refuses harms no call, and the log says so once', async () => {
    const refusing = await collector();
    refusing.answerWith(400);
    const gateway = await startGateway({ env: tracing(refusing.url) });
    const door = await mirrorOf(gateway, (await fixture()).url);
    for (let round = 0; round < 3; round++) {
      const before = refusing.requests.length;
      expect((await modern(door, 'tools/list')).status).toBe(200);
      await eventually(() => refusing.requests.length > before);
    }
    refusing.answerWith(200);
    await (await modern(door, 'tools/list')).answer();
    await eventually(() => gateway.output().includes('Traces are delivered again'));
    expect(gateway.output().match(/Traces cannot be delivered/g)).toHaveLength(1);
    expect(gateway.output()).not.toContain(COLLECTOR_KEY);
    expect(await gateway.stop()).toBe(0);
  });

  test('point 60: that never answers does not keep the gateway from stopping', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => silent.close(resolve)));
    const sockets: { destroy(): void }[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    const gateway = await startGateway({ env: tracing(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`) });
    const door = await mirrorOf(gateway, (await fixture()).url);
    expect((await modern(door, 'tools/list')).status).toBe(200);
    await eventually(() => sockets.length > 0);
    expect(await gateway.stop()).toBe(0);
    for (const socket of sockets) socket.destroy();
  });

  test('point 60: can be standard error, one JSON line a span', async () => {
    const gateway = await gatewayWith({ OTEL_ENABLE_OBSERVABILITY: 'true', OTEL_TRACES_EXPORTER: 'console', OTEL_BSP_SCHEDULE_DELAY: DELAY_MS });
    const door = await mirrorOf(gateway, (await fixture()).url);
    await (await modern(door, 'tools/list')).answer();
    const line = await eventually(() =>
      gateway
        .output()
        .split('\n')
        .find((text) => text.includes('"span":"tools/list"')),
    );
    expect(JSON.parse(line)).toMatchObject({ hasFailed: false, attributes: { 'mcp.method.name': 'tools/list' } });
  });
});
