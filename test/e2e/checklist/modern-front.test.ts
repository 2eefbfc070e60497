// Checklist points 13 to 19: requests of 2026-07-28 are checked and refused through a mirror as they are by the upstream itself.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { envelope, META, mirrorOf, MODERN, modern, modernBody, modernHeaders, post, textOf, type Door } from './doors.ts';
import { json, startScriptedUpstream } from './scripted-upstream.ts';
import { open } from './wire.ts';

let gateway: StartedGateway;
let fixture: Fixture;
let door: Door;
let direct: Door;

beforeAll(async () => {
  gateway = await startGateway();
  fixture = await startFixture();
  door = await mirrorOf(gateway, fixture.url);
  direct = { url: fixture.url, headers: {} };
});
afterAll(async () => {
  await gateway?.stop();
  await fixture?.close();
});
beforeEach(() => {
  fixture.hub.seen.length = 0;
});

interface Refusal {
  readonly status: number;
  readonly id: unknown;
  readonly code: number | undefined;
  readonly data: unknown;
}

async function refusal(at: Door, body: string, headers: Record<string, string>): Promise<Refusal> {
  const answer = await post(at, body, headers);
  const { id, error } = (await answer.answer()) as { id?: unknown; error?: { code: number; data?: unknown } };
  return { status: answer.status, id, code: error?.code, data: error?.data };
}

const listText = (meta: object, id: unknown = 13) => JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/list', params: { _meta: meta } });
const without = (key: string) => Object.fromEntries(Object.entries(envelope()).filter(([name]) => name !== `${META}${key}`));

test('point 13: a missing envelope or required key is 400 and -32602; an absent clientInfo is accepted', async () => {
  const headers = modernHeaders('tools/list');
  const bodies = [
    listText({}),
    listText(without('clientCapabilities')),
    listText({ ...envelope(), [`${META}clientCapabilities`]: 7 }),
    JSON.stringify({ jsonrpc: '2.0', id: 13, method: 'tools/list' }),
    JSON.stringify({ jsonrpc: '2.0', id: 13, method: 'tools/list', params: {} }),
    listText(without('protocolVersion')),
    listText({ ...envelope(), [`${META}protocolVersion`]: 7 }, 'text'),
    listText({ ...envelope(), [`${META}logLevel`]: 'shouting' }),
  ];
  for (const body of bodies) {
    expect(await refusal(door, body, headers), body).toMatchObject({ status: 400, code: -32602 });
    expect(await refusal(door, body, headers), body).toEqual(await refusal(direct, body, headers));
  }
  const accepted = await post(door, listText(without('clientInfo')), headers);
  expect([accepted.status, (await accepted.answer())['result']]).toMatchObject([200, { resultType: 'complete' }]);
});

describe('point 14', () => {
  const body = modernBody('tools/call', { name: 'greet', arguments: { name: 'x' } }, { id: 14 });
  const good = modernHeaders('tools/call', 'greet');

  test('point 14: headers that are missing or contradict the body are 400 and -32020', async () => {
    const wrong: Record<string, Record<string, string>> = {
      'another version': { ...good, 'mcp-protocol-version': '2025-11-25' },
      'no version': { 'mcp-method': 'tools/call', 'mcp-name': 'greet' },
      'another method': { ...good, 'mcp-method': 'tools/list' },
      'another case of the method': { ...good, 'mcp-method': 'Tools/Call' },
      'no method': { 'mcp-protocol-version': MODERN, 'mcp-name': 'greet' },
      'another name': { ...good, 'mcp-name': 'other' },
      'no name': modernHeaders('tools/call'),
      'broken Base64': { ...good, 'mcp-name': '=?base64?Z3JlZXQ?=' },
      'no Base64 at all': { ...good, 'mcp-name': '=?base64?***?=' },
      'Base64 of another name': { ...good, 'mcp-name': `=?base64?${Buffer.from('other').toString('base64')}?=` },
    };
    for (const [what, headers] of Object.entries(wrong)) {
      expect(await refusal(door, body, headers), what).toMatchObject({ status: 400, id: 14, code: -32020 });
      expect(await refusal(direct, body, headers), what).toMatchObject({ status: 400, id: 14, code: -32020 });
    }
  });

  test('point 14: headers that contradict the body are refused by the gateway itself, whatever the upstream would do', async () => {
    const upstream = await startScriptedUpstream();
    try {
      const mirror = await mirrorOf(gateway, upstream.url);
      upstream.play(({ res, message }) => json(res, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: {} })));
      expect((await post(mirror, body, good)).status).toBe(200);
      const contradictions = [
        { 'mcp-protocol-version': '2025-11-25' },
        { 'mcp-protocol-version': '2027-01-01' },
        { 'mcp-method': 'tools/list' },
        { 'mcp-name': 'other' },
        { 'mcp-name': '=?base64?Z3JlZXQ?=' },
      ];
      for (const headers of contradictions as Record<string, string>[]) {
        expect(await refusal(mirror, body, { ...good, ...headers }), JSON.stringify(headers)).toMatchObject({ status: 400, id: 14, code: -32020 });
      }
      expect(upstream.seen).toHaveLength(1);
    } finally {
      await upstream.close();
    }
  });

  test('point 14: header names in any case, values with space around them and encoded names are taken', async () => {
    const fine: Record<string, string>[] = [
      { 'MCP-PROTOCOL-VERSION': MODERN, 'mCp-MeThOd': 'tools/call', 'MCP-Name': 'greet' },
      { 'mcp-protocol-version': `  ${MODERN}\t`, 'mcp-method': ' tools/call ', 'mcp-name': '\tgreet ' },
      { ...good, 'mcp-name': `=?base64?${Buffer.from('greet').toString('base64')}?=` },
    ];
    for (const headers of fine) {
      const answer = await post(door, body, headers);
      expect(answer.status).toBe(200);
      expect(textOf(await answer.answer())).toContain('x');
    }
  });

  test('point 14: half a wrapper and an upper-case marker are literal', async () => {
    for (const name of ['=?base64?greet', '=?BASE64?Z3JlZXQ=?=', 'greet?=']) {
      const text = modernBody('tools/call', { name, arguments: {} });
      expect(await refusal(door, text, modernHeaders('tools/call', name))).toEqual(await refusal(direct, text, modernHeaders('tools/call', name)));
    }
    expect(fixture.hub.seen.filter(({ headers }) => headers['mcp-name'] === '=?BASE64?Z3JlZXQ=?=')).toHaveLength(2);
  });

  test('point 14: a name beyond ASCII is compared as what it stands for', async () => {
    const name = 'größe 😀';
    const encoded = `=?base64?${Buffer.from(name).toString('base64')}?=`;
    const text = modernBody('prompts/get', { name });
    expect(await refusal(door, text, modernHeaders('prompts/get', encoded))).toEqual(
      await refusal(direct, text, modernHeaders('prompts/get', encoded)),
    );
    expect(fixture.hub.seen.map(({ headers }) => headers['mcp-name'])).toEqual([encoded, encoded]);
    const other = `=?base64?${Buffer.from('größe').toString('base64')}?=`;
    expect(await refusal(door, text, modernHeaders('prompts/get', other))).toMatchObject({ status: 400, code: -32020 });
  });
});

test('point 15: Mcp-Param headers reach the upstream, known and unknown, and its verdict on them the client', async () => {
  const params = { name: 'test_header_parameters', arguments: { region: 'eu', count: 7, note: 'n' } };
  const headers = { 'Mcp-Param-Region': 'eu', 'mcp-param-count': '7', 'Mcp-Param-Unknown-One': '=?base64?w6k=?=' };
  const answer = await modern(door, 'tools/call', params, { headers });
  expect([answer.status, textOf(await answer.answer())]).toEqual([200, '{"region":"eu","count":7,"note":"n"}']);
  expect(fixture.hub.seen.at(-1)?.headers).toMatchObject({
    'mcp-param-region': 'eu',
    'mcp-param-count': '7',
    'mcp-param-unknown-one': '=?base64?w6k=?=',
  });
  const wrong = await modern(door, 'tools/call', params, { headers: { ...headers, 'Mcp-Param-Region': 'us' } });
  expect([wrong.status, await wrong.answer()]).toMatchObject([400, { error: { code: -32020 } }]);
});

test('point 16: an unsupported version is 400 and -32022 with what is supported and what was asked for', async () => {
  const discovered = (await (await modern(door, 'server/discover')).answer()) as { result: { supportedVersions: string[] } };
  for (const version of ['2027-01-01', '2099-12-31']) {
    const body = listText({ ...envelope(), [`${META}protocolVersion`]: version }, 'sixteen');
    const headers = { ...modernHeaders('tools/list'), 'mcp-protocol-version': version };
    const refused = await refusal(door, body, headers);
    expect(refused).toMatchObject({ status: 400, id: 'sixteen', code: -32022, data: { requested: version } });
    const { supported } = refused.data as { supported: string[] };
    expect(supported.length).toBeGreaterThan(0);
    expect(discovered.result.supportedVersions).toEqual(expect.arrayContaining(supported));
    expect(refused).toEqual(await refusal(direct, body, headers));
  }
});

test('point 17: an unknown or removed method is 404 and -32601 with the request’s id', async () => {
  const methods = [
    'vendor/unknown',
    'initialize',
    'ping',
    'logging/setLevel',
    'resources/subscribe',
    'resources/unsubscribe',
    'tasks/list',
    'tasks/result',
  ];
  for (const [index, method] of methods.entries()) {
    const id = index % 2 === 0 ? index : `id ${index}`;
    const body = modernBody(method, {}, { id });
    expect(await refusal(door, body, modernHeaders(method)), method).toMatchObject({ status: 404, id, code: -32601 });
    expect(await refusal(door, body, modernHeaders(method)), method).toEqual(await refusal(direct, body, modernHeaders(method)));
  }
});

test('point 18: a capability that is needed and was not declared is 400 and -32021 with an object', async () => {
  const body = modernBody('tools/call', { name: 'test_missing_capability', arguments: {} }, { id: 18 });
  const headers = modernHeaders('tools/call', 'test_missing_capability');
  const refused = await refusal(door, body, headers);
  expect(refused).toMatchObject({ status: 400, id: 18, code: -32021, data: { requiredCapabilities: { sampling: {} } } });
  expect(refused).toEqual(await refusal(direct, body, headers));
});

describe('point 19', () => {
  test('point 19: GET and DELETE are 405', async () => {
    for (const method of ['GET', 'DELETE'] as const) {
      const answer = await open(door.url, { method, headers: { accept: 'text/event-stream', ...door.headers, 'mcp-protocol-version': MODERN } });
      expect([answer.status, answer.headers['allow']]).toEqual([405, 'POST']);
      answer.close();
    }
  });

  test('point 19: session and Last-Event-ID headers are ignored, never minted and never passed on', async () => {
    const ignored = { 'mcp-session-id': 'made-up', 'last-event-id': 's0.1' };
    for (const name of ['test_simple_text', 'test_tool_with_progress']) {
      const answer = await modern(door, 'tools/call', { name, arguments: {} }, { headers: ignored, meta: { progressToken: 'p' } });
      expect(answer.status).toBe(200);
      expect(answer.headers['mcp-session-id']).toBeUndefined();
      if (answer.isStream) expect((await answer.blocks()).map(({ id }) => id)).toEqual([undefined, undefined, undefined, undefined]);
      else expect(textOf(await answer.answer())).not.toBe('');
    }
    expect(fixture.hub.seen).toHaveLength(2);
    for (const { headers } of fixture.hub.seen) expect([headers['mcp-session-id'], headers['last-event-id']]).toEqual([undefined, undefined]);
  });

  test('point 19: an upstream’s session and event ids in modern traffic go no further', async () => {
    const upstream = await startScriptedUpstream();
    try {
      const mirror = await mirrorOf(gateway, upstream.url);
      upstream.play(({ res, message }) =>
        json(res, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: {} }), 200, { 'mcp-session-id': 'secret' }),
      );
      const answer = await modern(mirror, 'tools/list');
      expect([answer.status, JSON.stringify(answer.response.rawHeaders).includes('secret')]).toEqual([200, false]);
      upstream.play(({ res, message }) => {
        res.writeHead(200, { 'content-type': 'text/event-stream', 'mcp-session-id': 'secret' });
        res.end(`id: secret-1\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: message.id, result: {} })}\n\n`);
      });
      const streamed = await modern(mirror, 'tools/list');
      expect(JSON.stringify(streamed.response.rawHeaders)).not.toContain('secret');
      expect((await streamed.blocks()).map(({ id, data }) => [id, data])).toEqual([[undefined, '{"jsonrpc":"2.0","id":1,"result":{}}']]);
    } finally {
      await upstream.close();
    }
  });
});
