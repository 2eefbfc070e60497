// Whatever is sent, the answer is never an error of ours: the rig fails the test when anything is logged as a defect, or when a
// status is not one that the route documents.
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRig, readItem } from './rest-rig.ts';

let rig: Awaited<ReturnType<typeof openRig>>;
let gatewayId: string;
let serverId: string;
/** By noun. */
const itemIds: Record<string, string> = {};
beforeAll(async () => {
  rig = await openRig();
  rig.calls.answer = () => ({ messages: [], contents: [] });
  rig.upstream.others = [readItem('resource', 'file:///a', { name: 'A' }), readItem('prompt', 'p')];
  gatewayId = (await rig.register()).id;
  serverId = (await rig.send('POST', '/servers', { name: 'mix' })).body.id;
  for (const noun of ['tools', 'resources', 'prompts']) itemIds[noun] = (await rig.send('GET', `/${noun}`)).body[0].id;
});
afterAll(() => rig.close());

const FIELDS = [
  'name',
  'url',
  'description',
  'transport',
  'auth_type',
  'authType',
  'auth_token',
  'auth_username',
  'auth_password',
  'auth_headers',
  'auth_header_key',
  'tags',
  'visibility',
  'team_id',
  'limits',
  'calls_per_minute',
  'passthrough_headers',
  'deferred',
  'command',
  'args',
  'env',
  'cwd',
  'stdio_isolation',
  'id',
  'mirrorGatewayId',
  'mirror_gateway_id',
  'icon',
  'associated_tools',
  'associatedToolIds',
  'associated_resources',
  'associated_prompts',
  'custom_name',
  'displayName',
  'title',
  'annotations',
  'uri',
  'refresh_interval_seconds',
  'tool',
  'server',
  'gateway',
  '__proto__',
  'constructor',
];

const plausible = fc.constantFrom(
  'Clock',
  'http://h.example/mcp',
  'basic',
  'bearer',
  'authheaders',
  '*****',
  'team',
  'private',
  'STREAMABLEHTTP',
  'SSE',
  'STDIO',
  'node',
  '/srv',
  'session',
  ['-y', 'x'],
  { TOKEN: 'a', constructor: '*****', toString: 'x', ['__proto__']: 'y' },
  '',
  '0'.repeat(32),
);
const value = fc.oneof(plausible, fc.jsonValue({ maxDepth: 3 }));
const body = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .array(fc.tuple(fc.constantFrom(...FIELDS), value), { maxLength: 10 })
      .map((entries) => `{${entries.map(([key, held]) => `${JSON.stringify(key)}:${JSON.stringify(held)}`).join(',')}}`),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
);

describe('bodies of any kind', () => {
  it.each([
    ['POST', () => '/gateways'],
    ['PUT', () => `/gateways/${gatewayId}`],
    ['POST', () => '/servers'],
    ['PUT', () => '/servers/nope'],
    ['PUT', () => `/servers/${serverId}`],
    ['PUT', () => `/tools/${itemIds['tools']}`],
    ['PUT', () => `/resources/${itemIds['resources']}`],
    ['PUT', () => `/prompts/${itemIds['prompts']}`],
    ['POST', () => `/prompts/${itemIds['prompts']}`],
  ])('to %s are answered as documented', async (method, path) => {
    await fc.assert(
      fc.asyncProperty(body, async (raw) => {
        const { status } = await rig.send(method, path(), undefined, { raw });
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 150, seed: 3 },
    );
  });
});

describe('bodies that nearly fit a program', () => {
  it('are answered as documented, and start nothing for who is no administrator', async () => {
    const { id } = (await rig.send('POST', '/gateways', { name: 'Program', command: 'node' })).body;
    const field = fc.constantFrom('transport', 'url', 'command', 'args', 'env', 'cwd', 'stdioIsolation', 'auth_token', 'deferred', 'name');
    const change = fc.array(fc.tuple(field, value), { maxLength: 3 }).map((entries) => Object.fromEntries(entries) as object);
    const whole = { transport: 'STDIO', command: 'node', args: ['x'], env: { A: '*****' }, cwd: '/srv' };
    await fc.assert(
      fc.asyncProperty(change, fc.constantFrom('admin', 'ann'), fc.boolean(), async (changed, as, isNew) => {
        const startedBefore = rig.upstream.targets.filter(({ transport }) => transport === 'STDIO').length;
        const fields = { ...whole, name: `Program ${startedBefore}`, ...(isNew ? { env: {} } : {}), ...changed };
        const { status } = await rig.send(isNew ? 'POST' : 'PUT', isNew ? '/gateways' : `/gateways/${id}`, fields, { as });
        expect(status).toBeLessThan(500);
        if (as === 'admin') return;
        expect(rig.upstream.targets.filter(({ transport }) => transport === 'STDIO')).toHaveLength(startedBefore);
      }),
      { numRuns: 200, seed: 3 },
    );
  });
});

describe('paths and queries of any kind', () => {
  it('are answered as documented', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 }).map((raw) => encodeURIComponent(raw.toWellFormed()));
    const key = fc.oneof(
      fc.constantFrom('limit', 'cursor', 'tags', 'team_id', 'visibility', 'gateway_id', 'include_inactive', 'include_pagination'),
      text,
    );
    const query = fc.array(fc.tuple(key, text), { maxLength: 5 }).map((pairs) => pairs.map((pair) => pair.join('=')).join('&'));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('/tools', '/servers', '/gateways', '/resources', '/prompts', '/resources/templates/list'),
        fc.option(text, { nil: undefined }),
        query,
        async (noun, id, search) => {
          const { status } = await rig.send('GET', `${noun}${id === undefined || id === '' || id.startsWith('.') ? '' : `/${id}`}?${search}`);
          expect(status).toBeLessThan(500);
        },
      ),
      { numRuns: 200, seed: 3 },
    );
  });
});
