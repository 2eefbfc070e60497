import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFixture, type Fixture } from '../fixture/server.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';

let gateway: StartedGateway;
let fixture: Fixture;
let gatewayId: string;
let serverId: string;
/** By noun. */
const itemIds: Record<string, string> = {};
let paths: Record<string, Record<string, Operation>>;
let schemas: Record<string, Schema>;

interface Schema {
  readonly $ref?: string;
  readonly properties?: Record<string, Schema>;
  readonly anyOf?: Schema[];
  readonly allOf?: Schema[];
  readonly items?: Schema;
  readonly additionalProperties?: unknown;
}
interface Operation {
  readonly parameters?: { readonly name: string; readonly in: 'path' | 'query' }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
  readonly responses: Record<string, unknown>;
}

beforeAll(async () => {
  gateway = await startGateway({ env: { FEDERATION_TIMEOUT: '2', HEALTH_CHECK_INTERVAL: '3600' } });
  fixture = await startFixture();
  ({ gatewayId, serverId } = await gateway.registerMirror(fixture.url));
  for (const noun of ['tools', 'resources', 'prompts']) itemIds[noun] = (await gateway.api('GET', `/${noun}`)).body[0].id;
  ({
    paths,
    components: { schemas },
  } = (await gateway.api('GET', '/openapi.json')).body);
});

afterAll(async () => {
  expect(gateway.output()).not.toMatch(/"code":"internal"/);
  await gateway.stop();
  await fixture.close();
});

const DEEP = JSON.parse('['.repeat(5000) + ']'.repeat(5000)) as unknown;
/** Values that a careless reader chokes on, of every JSON type. */
const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  9007199254740992,
  '',
  ' ',
  '\u0000',
  'a\r\nb: c',
  '\ud800',
  '\u202e',
  'x'.repeat(300_000),
  "'; DROP TABLE gateways; --",
  '%00',
  '../../etc/passwd',
  '${jndi:ldap://x}',
  '{{7*7}}',
  [],
  [[]],
  [null],
  [{}],
  {},
  { a: 1 },
  { __proto__: null, toString: 1, constructor: 1, length: -1 },
  DEEP,
];
const ODD_QUERIES = ['', '-1', '0', '1e9', 'NaN', 'true', 'null', '\u0000', '%', 'x'.repeat(3000), "' OR 1=1", '\u202e', '99999999999999999999'];

function propertiesOf(schema: Schema | undefined): string[] {
  if (schema === undefined) return [];
  if (schema.$ref !== undefined) return propertiesOf(schemas[schema.$ref.split('/').at(-1) as string]);
  return [...Object.keys(schema.properties ?? {}), ...[...(schema.anyOf ?? []), ...(schema.allOf ?? [])].flatMap(propertiesOf)];
}

/** A real path of this operation, so that what is tested is its body and not its id. */
function pathFor(
  template: string,
  id = template.startsWith('/gateways')
    ? gatewayId
    : template.startsWith('/servers')
      ? serverId
      : (itemIds[template.split('/')[1] as string] as string),
): string {
  return template.replace(/\{[a-z_]+\}/gi, id);
}

async function check(method: string, template: string, path: string, body: unknown, operation: Operation): Promise<void> {
  const answer = await gateway.api(method.toUpperCase(), path, body);
  const shown = `${method} ${path.slice(0, 200)} ${JSON.stringify(body)?.slice(0, 200)} → ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`;
  expect(answer.status, shown).not.toBe(500);
  expect(answer.status, shown).toBeGreaterThanOrEqual(200);
  const isDocumented = String(answer.status) in operation.responses || (template !== path && answer.status === 404) || answer.status === 405;
  expect(isDocumented, `undocumented status: ${shown}`).toBe(true);
}

async function each(use: (method: string, template: string, operation: Operation) => Promise<void>): Promise<void> {
  for (const [template, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) await use(method, template, operation);
  }
}

test('bodies of every wrong shape, on every route that takes one: a documented answer, never a 500', async () => {
  let count = 0;
  await each(async (method, template, operation) => {
    if (operation.requestBody === undefined) return;
    const path = pathFor(template);
    for (const body of [
      '',
      '{',
      '[',
      '{"a":}',
      '\u0000',
      '{"name":"a","name":"b"}',
      '"text"',
      '42',
      'null',
      '[]',
      '{}',
      '{"gateway":null}',
      '{"server":[]}',
      '{"server":{"server":{}}}',
      '{"__proto__":{"name":"x"}}',
    ]) {
      await check(method, template, path, body, operation);
      count++;
    }
    const { schema } = operation.requestBody.content['application/json'];
    // Of a map the keys are whatever anybody likes.
    const names = schema.additionalProperties === undefined ? propertiesOf(schema) : ['name', '__proto__', ''];
    expect(names.length).toBeGreaterThan(0);
    const wrapper = template.startsWith('/servers') ? 'server' : 'gateway';
    for (const name of new Set(names)) {
      for (const value of ODD) {
        // Nothing listens there, so what is otherwise good ends in a quick 502; deferred rows would collect.
        const good = { name: `odd ${count}`, url: `http://127.0.0.1:1/${count}`, mirrorGatewayId: gatewayId };
        await check(method, template, path, count % 2 === 0 ? { ...good, [name]: value } : { [wrapper]: { ...good, [name]: value } }, operation);
        count++;
      }
    }
  });
  expect(count).toBeGreaterThan(500);
}, 90_000);

test('ids and queries of every kind, on every route: a documented answer, never a 500', async () => {
  let count = 0;
  await each(async (method, template, operation) => {
    if (template.includes('{')) {
      for (const id of [
        'x',
        '0',
        '%00',
        '%20',
        '%2e%2e',
        '%F0%9F%98%80',
        '__proto__',
        'x'.repeat(290),
        "'%20OR%201=1",
        '00000000000000000000000000000000',
      ]) {
        await check(method, template, pathFor(template, id), operation.requestBody === undefined ? undefined : {}, operation);
        count++;
      }
    }
    if (method !== 'get') return;
    for (const { name } of operation.parameters?.filter((parameter) => parameter.in === 'query') ?? []) {
      for (const value of ODD_QUERIES) {
        const query = `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
        for (const part of [query, `${query}&${query}`, `${encodeURIComponent(`${name}[a]`)}=1`])
          await check(method, template, `${pathFor(template)}?${part}`, undefined, operation);
        count++;
      }
    }
  });
  expect(count).toBeGreaterThan(100);
}, 60_000);

test('the gateway and the server that were there are still there and unharmed', async () => {
  expect((await gateway.api('GET', `/gateways/${gatewayId}`)).status).toBe(200);
  expect((await gateway.api('GET', `/servers/${serverId}`)).status).toBe(200);
});
