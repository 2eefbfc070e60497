// Resources read and prompts rendered over REST: by the servers themselves, through the one way that all calls take.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { startEverythingServer, type EverythingServer } from '../sessions/everything-server.ts';

let gateway: StartedGateway;
let legacy: Fixture;
let modern: Fixture;
let everything: EverythingServer;
const gatewayIds: Record<string, string> = {};

beforeAll(async () => {
  [gateway, legacy, modern, everything] = await Promise.all([
    startGateway({ env: { HEALTH_CHECK_INTERVAL: '3600' } }),
    startFixture({ eras: 'legacy' }),
    startFixture({ eras: 'modern' }),
    startEverythingServer(),
  ]);
  for (const [name, { url }] of Object.entries({ old: legacy, new: modern, all: everything })) {
    const { status, body } = await gateway.api('POST', '/gateways', { name, url });
    expect(status, JSON.stringify(body)).toBe(200);
    gatewayIds[name] = body.id;
  }
});

afterAll(async () => {
  expect(gateway.output()).not.toMatch(/"code":"internal"/);
  await gateway.stop();
  await Promise.all([legacy.close(), modern.close(), everything.stop()]);
});

const STATIC = 'test://static-text';
const HELLO = 'This is the content of the static text resource.';

async function idOf(noun: 'resources' | 'prompts', gatewayName: string, key: string): Promise<string> {
  const { body } = await gateway.api('GET', `/${noun}?limit=0&gateway_id=${gatewayIds[gatewayName]}`);
  return body.find(({ uri, originalName }: { uri?: string; originalName: string }) => uri === key || originalName === key).id;
}

test.each(['old', 'new'])('a resource that two gateways have is read from the %s one by its id', async (name) => {
  const id = await idOf('resources', name, STATIC);
  const { status, body } = await gateway.api('GET', `/resources/${id}`);
  expect([status, body]).toEqual([200, { type: 'resource', id, uri: `${name}+${STATIC}`, mime_type: 'text/plain', text: HELLO }]);
  const published = await gateway.api('GET', `/resources/${name}+${STATIC}`);
  expect(published.body).toMatchObject({ id: null, text: HELLO });
  const both = await gateway.api('GET', `/resources/${encodeURIComponent(STATIC)}`);
  expect([both.status, both.body.detail]).toEqual([400, expect.stringContaining(id)]);
});

test('resources of server-everything are read by URI, as it is or encoded, and so is what its templates make', async () => {
  const { body: rows } = await gateway.api('GET', `/resources?limit=0&gateway_id=${gatewayIds['all']}`);
  const { id, uri } = rows.find((row: { uriTemplate: string | null }) => row.uriTemplate === null);
  for (const handle of [id, uri, encodeURIComponent(uri)])
    expect((await gateway.api('GET', `/resources/${handle}`)).body).toMatchObject({ id, uri, text: expect.stringMatching(/\S/) });
  const made = await gateway.api('GET', '/resources/demo://resource/dynamic/text/7');
  expect(made.body).toMatchObject({ type: 'resource', id: null, uri: 'demo://resource/dynamic/text/7', text: expect.stringContaining('7') });
  const bytes = await gateway.api('GET', '/resources/demo://resource/dynamic/blob/7');
  expect(bytes.body).toMatchObject({ blob: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/) });
  expect((await gateway.api('GET', '/resources/demo://nothing/here')).status).toBe(404);
});

test.each([
  ['old', 'test_prompt_with_arguments', { arg1: 'a', arg2: 'ü' }, "arg1='a', arg2='ü'"],
  ['new', 'test_prompt_with_arguments', { arg1: 'a', arg2: 'ü' }, "arg1='a', arg2='ü'"],
  ['all', 'args-prompt', { city: 'Porto' }, 'Porto'],
])('a prompt of the %s gateway is rendered by its upstream', async (name, prompt, args, words) => {
  const id = await idOf('prompts', name, prompt);
  const published = `${name}-${prompt.replaceAll('_', '-')}`;
  for (const handle of [id, published]) {
    const { status, body } = await gateway.api('POST', `/prompts/${handle}`, args);
    expect([status, body]).toMatchObject([200, { messages: [{ role: 'user', content: { type: 'text', text: expect.stringContaining(words) } }] }]);
  }
});

test('a prompt without arguments is rendered by GET; one whose required argument is missing is a 422 that names it', async () => {
  expect((await gateway.api('GET', '/prompts/old-test-simple-prompt')).body).toEqual({
    messages: [{ role: 'user', content: { type: 'text', text: 'This is a simple prompt for testing.' } }],
    description: 'A prompt without arguments',
  });
  const { status, body } = await gateway.api('POST', '/prompts/all-args-prompt', { state: 'x' });
  expect([status, body.message]).toEqual([422, expect.stringContaining('city')]);
  const unknown = await gateway.api('POST', '/prompts/nobodys', {});
  expect([unknown.status, unknown.body]).toEqual([404, { message: 'Unknown prompt: nobodys' }]);
});

test('a prompt that asks back is refused, since REST can be asked nothing', async () => {
  for (const name of ['old', 'new']) {
    const { status, body } = await gateway.api('GET', `/prompts/${name}-test-input-required-result-prompt`);
    expect([status, body]).toEqual([502, { message: expect.stringMatching(/elicitation/), rpcCode: name === 'old' ? -32_603 : -32_021 }]);
  }
});

test('visibility, scopes and limits hold, and the reading is in the audit trail', async () => {
  const id = await idOf('resources', 'new', STATIC);
  const stranger = await gateway.tokenFor({ sub: 'ann@example.com', teams: [] });
  const read = (token: string) => gateway.api('GET', `/resources/${id}`, undefined, { token });
  expect((await read(stranger)).status).toBe(200);
  await gateway.api('PUT', `/resources/${id}`, { visibility: 'private' });
  expect((await read(stranger)).status).toBe(404);
  await gateway.api('PUT', `/resources/${id}`, { visibility: 'public' });
  expect((await read(await gateway.tokenFor({ sub: 'ann@example.com', scopes: { permissions: ['tools.read'] } }))).status).toBe(403);

  await gateway.api('PUT', `/gateways/${gatewayIds['new']}`, { limits: { callsPerMinute: 1 } });
  const statuses = [(await read(stranger)).status, (await read(stranger)).status, (await read(stranger)).status];
  expect(statuses).toContain(429);
  const { body } = await gateway.api('GET', '/audit-trails?limit=500');
  const rows = JSON.stringify(body);
  expect(rows).toContain('resources/read');
  expect(rows).toContain('ann@example.com');
});

test('an upstream that is gone is the upstream’s fault', async () => {
  const id = await idOf('resources', 'old', STATIC);
  await legacy.close();
  const { status, body } = await gateway.api('GET', `/resources/${id}`);
  expect([502, 503], JSON.stringify(body)).toContain(status);
});
