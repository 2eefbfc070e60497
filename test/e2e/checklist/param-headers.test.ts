// Checklist point 15: arguments that travel in headers too. Where the gateway is the HTTP server it checks them; where its client has no
// headers, or does not know of them, it makes them for the upstream; and a mirror of an HTTP upstream leaves them to the two of them.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { mirrorOf, modern, modernBody, modernHeaders, openSession, post, textOf, toolCall, type Door } from './doors.ts';
import { SseClient } from './sse-client.ts';

const FIXTURE_PROGRAM = fileURLToPath(new URL('../../fixture/main.ts', import.meta.url));
const TOOL = 'test_header_parameters';
const ARGUMENTS = { region: 'Zürich', count: 7, dryRun: true, nested: { tenant: ' t' } };
const MADE = {
  'mcp-param-region': '=?base64?WsO8cmljaA==?=',
  'mcp-param-count': '7',
  'mcp-param-dry-run': 'true',
  'mcp-param-tenant': '=?base64?IHQ=?=',
};

let gateway: StartedGateway;
let both: Fixture;
let modernOnly: Fixture;
/** Mirrors, and what combines them. */
const doors = new Map<'http' | 'modern' | 'stdio' | 'all', Door & { serverId: string }>();

function doorOf(name: 'http' | 'modern' | 'stdio' | 'all'): Door & { serverId: string } {
  const door = doors.get(name);
  if (door === undefined) throw new Error(`No door to ${name}`);
  return door;
}

beforeAll(async () => {
  [gateway, both, modernOnly] = await Promise.all([
    startGateway({ env: { MCPGATEWAY_STDIO_COMMANDS: 'node' } }),
    startFixture(),
    startFixture({ eras: 'modern' }),
  ]);
  const args = ['--conditions=source', FIXTURE_PROGRAM, '--stdio'];
  doors.set('http', await mirrorOf(gateway, both.url, { gateway: { name: 'http' } }));
  doors.set('modern', await mirrorOf(gateway, modernOnly.url, { gateway: { name: 'modern' } }));
  doors.set('stdio', await mirrorOf(gateway, '', { gateway: { name: 'stdio', transport: 'STDIO', url: undefined, command: 'node', args } }));
  doors.set('all', { url: `${gateway.url}/mcp`, headers: { authorization: `Bearer ${gateway.token}` }, serverId: '' });
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([both?.close(), modernOnly?.close()]);
});
beforeEach(() => {
  both.hub.seen.length = modernOnly.hub.seen.length = 0;
});

async function published(gatewayName: string): Promise<string> {
  const { body } = await gateway.api('GET', '/tools?limit=0');
  const row = (body as { name: string; originalName: string }[]).find(
    ({ name, originalName }) => originalName === TOOL && name.startsWith(gatewayName),
  );
  if (row === undefined) throw new Error(`No ${TOOL} of ${gatewayName}`);
  return row.name;
}

const seenBy = (fixture: Fixture): Record<string, unknown> => ({ ...fixture.hub.seen.at(-1)?.headers });

for (const [title, door, owner] of [
  ['a mirror of a program', 'stdio', undefined],
  ['a combined server, for a program', 'all', 'stdio'],
  ['a combined server, for an HTTP upstream', 'all', 'http'],
] as const) {
  test(`point 15: ${title} checks Mcp-Param headers against the tool’s schema`, async () => {
    const at = doorOf(door);
    const name = owner === undefined ? TOOL : await published(owner);
    const params = { name, arguments: { region: 'eu', count: 42, note: 'n' } };
    const good = { 'Mcp-Param-Region': '=?base64?ZXU=?=', 'mcp-param-count': '42.0', 'Mcp-Param-Unknown': 'x' };
    const answer = await modern(at, 'tools/call', params, { headers: good });
    expect([answer.status, textOf(await answer.answer())]).toEqual([200, '{"region":"eu","count":42,"note":"n"}']);
    const { 'mcp-param-count': _, ...missing } = good;
    for (const headers of [
      missing,
      { ...good, 'Mcp-Param-Region': 'us' },
      { ...good, 'Mcp-Param-Region': '=?base64?ZXU?=' },
      { ...good, 'mcp-param-tenant': 't' },
    ]) {
      both.hub.seen.length = 0;
      const refused = await modern(at, 'tools/call', params, { id: 15, headers });
      expect([refused.status, await refused.answer()], JSON.stringify(headers)).toMatchObject([400, { id: 15, error: { code: -32020 } }]);
      expect(both.hub.seen).toEqual([]);
    }
  });
}

test('point 15: through a combined server what a client said goes on as it was written, known and unknown, under the upstream’s name', async () => {
  const headers = { 'Mcp-Param-Region': '=?base64?ZXU=?=', 'mcp-param-count': '42.0', 'Mcp-Param-Unknown': '=?base64?w6k=?=' };
  const params = { name: await published('http'), arguments: { region: 'eu', count: 42 } };
  expect((await modern(doorOf('all'), 'tools/call', params, { headers })).status).toBe(200);
  expect(seenBy(both)).toMatchObject({
    'mcp-name': TOOL,
    'mcp-param-region': '=?base64?ZXU=?=',
    'mcp-param-count': '42.0',
    'mcp-param-unknown': '=?base64?w6k=?=',
  });
});

test('point 15: a legacy client’s call of a modern upstream gets the headers, whatever the client sent', async () => {
  const name = await published('modern');
  const session = await openSession(doorOf('all'));
  for (const door of [session, doorOf('all')]) {
    const answer = await post(door, toolCall(1, name, ARGUMENTS), { 'mcp-param-region': 'us', 'mcp-param-unknown': 'x' });
    expect([answer.status, JSON.parse(textOf(await answer.answer()))]).toMatchObject([200, ARGUMENTS]);
    expect(seenBy(modernOnly)).toMatchObject(MADE);
    expect(seenBy(modernOnly)).not.toHaveProperty('mcp-param-unknown');
  }
});

test('point 15: callers of /rpc need not know of the headers, and may not contradict the body with them', async () => {
  for (const [serverId, name] of [
    [doorOf('modern').serverId, TOOL],
    [undefined, await published('modern')],
  ] as const) {
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: ARGUMENTS, server_id: serverId } };
    const { status, body: answer } = await gateway.api('POST', '/rpc', body);
    expect([status, JSON.parse(textOf(answer))]).toMatchObject([200, ARGUMENTS]);
    expect(seenBy(modernOnly)).toMatchObject(MADE);
  }
  const body = modernBody('tools/call', { name: await published('modern'), arguments: ARGUMENTS });
  const contradicting = await gateway.api('POST', '/rpc', body, { headers: { ...modernHeaders('tools/call'), 'mcp-param-count': '8' } });
  expect(contradicting.body).toMatchObject({ error: { code: -32020 } });
});

test('point 15: for a modern client on a line the headers are made', async () => {
  for (const [door, name, upstream] of [
    ['modern', TOOL, modernOnly],
    ['http', TOOL, both],
    ['stdio', TOOL, undefined],
    ['all', await published('modern'), modernOnly],
    ['all', await published('stdio'), undefined],
  ] as const) {
    const { url, headers } = doorOf(door);
    const client = await SseClient.open(url.replace(/mcp$/, 'sse'), headers);
    await client.send(modernBody('tools/call', { name, arguments: ARGUMENTS }, { id: door }));
    const answer = await client.next();
    expect([answer['id'], JSON.parse(textOf(answer))]).toMatchObject([door, ARGUMENTS]);
    if (upstream !== undefined) expect(seenBy(upstream)).toMatchObject(MADE);
    client.stream.response.destroy();
  }
});
