import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/kernel/index.ts';
import { createRestFront } from '../../src/front/rest/index.ts';
import { openRig } from './rest-rig.ts';

let rig: Awaited<ReturnType<typeof openRig>>;
beforeEach(async () => void (rig = await openRig({ bodyBytesMax: 2000 })));
afterEach(() => rig.close());

const GATEWAY = { name: 'Clock', url: 'http://127.0.0.1:9/mcp' };
type Paths = Record<string, Record<string, { security: unknown[]; responses: Record<string, unknown>; requestBody?: unknown }>>;

async function openApi(): Promise<{ paths: Paths; components: { schemas: Record<string, unknown> } }> {
  return (await rig.send('GET', '/openapi.json')).body;
}

describe('credentials', () => {
  it('are asked for on every documented route but the open ones (401), before anything of the request is read', async () => {
    const { paths } = await openApi();
    const open: string[] = [];
    for (const [path, operations] of Object.entries(paths)) {
      for (const method of Object.keys(operations)) {
        const answer = await rig.send(method.toUpperCase(), path.replace('{id}', 'x'), undefined, {
          as: null,
          raw: method === 'get' ? undefined : 'not json',
          headers: { 'content-type': 'text/plain' },
        } as object);
        if (answer.status !== 401) open.push(`${method} ${path} ${answer.status}`);
        else expect(answer).toMatchObject({ body: { detail: 'A credential is needed.' }, headers: { 'www-authenticate': 'Bearer' } });
      }
    }
    expect(open).toEqual(['get / 200', 'get /health 200', 'get /ready 200']);
  });

  it('that are wrong are refused (401) even where anonymous callers would be let in', async () => {
    expect((await rig.send('GET', '/tools', undefined, { as: 'stranger' })).status).toBe(401);
  });

  it('of ordinary users do not open what is for administrators (403)', async () => {
    expect((await rig.send('GET', '/version', undefined, { as: 'ann' })).status).toBe(403);
    expect((await rig.send('GET', '/version')).status).toBe(200);
  });

  it('by Basic open the API description only where that is allowed', async () => {
    expect((await rig.send('GET', '/openapi.json', undefined, { as: 'Basic good' })).status).toBe(401);
    const allowing = await openRig({ docsAllowBasicAuth: true });
    expect((await allowing.send('GET', '/openapi.json', undefined, { as: 'Basic good' })).status).toBe(200);
    await allowing.close();
  });
});

describe('paths', () => {
  it('answer with and without a trailing slash, and under /v1', async () => {
    await rig.register();
    for (const path of ['/gateways', '/gateways/', '/v1/gateways', '/v1/gateways/']) expect((await rig.send('GET', path)).body).toHaveLength(1);
  });

  it('that lead nowhere are 404, and other methods 405 with the ones that work', async () => {
    expect(await rig.send('GET', '/nothing')).toMatchObject({ status: 404, body: { detail: 'Not Found' } });
    expect(await rig.send('PATCH', '/v1/servers')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD, POST' } });
    expect(await rig.send('DELETE', '/health/')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  });

  it('that are not valid are refused, never an error of ours', async () => {
    expect((await rig.send('GET', '/tools/%E0%A4%A')).status).toBe(400);
    expect((await rig.send('GET', `/tools/${'x'.repeat(3000)}`)).status).toBe(400);
    expect((await rig.send('GET', `/tools/${'x'.repeat(2000)}`)).status).toBe(422);
    expect((await rig.send('GET', '/tools/%00')).status).toBe(404);
  });
});

describe('bodies', () => {
  it.each([
    ['not JSON', '{"name":'],
    ['empty', ''],
    ['an array', '[]'],
    ['null', 'null'],
    ['a text', '"x"'],
    ['JSON and more', '{} {}'],
  ])('that are %s are 422 on routes with a schema', async (_, raw) => {
    const { status, body } = await rig.send('POST', '/gateways', undefined, { raw });
    expect(status).toBe(422);
    expect(body.detail[0].loc[0]).toBe('body');
  });

  it('of another type, or of none, or compressed, are 415', async () => {
    for (const headers of [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'application/json; charset=latin1' },
      { 'content-encoding': 'gzip' },
    ]) {
      expect((await rig.send('POST', '/gateways', GATEWAY, { headers })).status).toBe(415);
    }
  });

  it('over the limit are 413', async () => {
    expect((await rig.send('POST', '/gateways', { ...GATEWAY, description: 'x'.repeat(3000) })).status).toBe(413);
  });

  it('cannot reach the prototype of an object', async () => {
    const { status } = await rig.send('POST', '/gateways', undefined, {
      raw: '{"name":"p","url":"http://h.example/","__proto__":{"visibility":"private"},"constructor":{"prototype":{}}}',
    });
    expect(status).toBe(200);
    expect((await rig.send('GET', '/gateways')).body[0].visibility).toBe('public');
    expect(({} as Record<string, unknown>)['visibility']).toBeUndefined();
  });

  it('are ignored where a route takes none', async () => {
    const { id } = await rig.register();
    expect(
      (await rig.send('POST', `/gateways/${id}/state?activate=false`, undefined, { raw: 'whatever', headers: { 'content-type': 'text/plain' } }))
        .status,
    ).toBe(200);
  });
});

describe('errors', () => {
  it('come as RFC 9457 to those who ask for it', async () => {
    const { status, body, headers } = await rig.send('GET', '/gateways/nope', undefined, { headers: { accept: 'application/problem+json' } });
    expect([status, headers['content-type']]).toEqual([404, expect.stringMatching(/^application\/problem\+json/)]);
    expect(body).toMatchObject({
      type: 'urn:mcpgateway:error:gateway.not_found',
      status: 404,
      code: 'gateway.not_found',
      detail: 'Gateway not found: nope',
      instance: expect.stringMatching(/^urn:uuid:/),
    });
  });

  it('of gateway routes say `message`, of others `detail`', async () => {
    expect((await rig.send('GET', '/gateways/nope')).body).toEqual({ message: 'Gateway not found: nope' });
    expect((await rig.send('GET', '/servers/nope')).body).toEqual({ detail: 'Server not found: nope' });
  });
});

describe('headers', () => {
  it('carry ids that can be quoted, the client’s own where they are sane', async () => {
    const own = await rig.send('GET', '/health', undefined, { headers: { 'x-correlation-id': 'abc-1', 'x-request-id': 'r-1' } });
    expect(own.headers).toMatchObject({ 'x-correlation-id': 'abc-1', 'x-request-id': 'r-1' });
    const made = await rig.send('GET', '/nothing', undefined, { headers: { 'x-correlation-id': 'x'.repeat(500) } });
    expect(made.headers['x-correlation-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('keep answers out of caches and frames, errors included', async () => {
    for (const path of ['/tools', '/nothing']) {
      expect((await rig.send('GET', path)).headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      });
    }
  });
});

describe('the OpenAPI document', () => {
  it('has every route with its credential, its body and its errors, and refers only to what it holds', async () => {
    const { paths, components } = await openApi();
    expect(paths['/gateways']?.['post']?.responses).toHaveProperty('502');
    expect(paths['/gateways']?.['post']?.requestBody).toBeDefined();
    expect(paths['/health']?.['get']?.security).toEqual([]);
    expect(Object.keys(components.schemas).sort()).toEqual(['Gateway', 'Prompt', 'Resource', 'Server', 'Tool']);
    const referred = [...JSON.stringify(paths).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1] as string);
    expect(referred.length).toBeGreaterThan(0);
    for (const name of referred) expect(components.schemas).toHaveProperty(name);
  });

  it('names the path prefix that clients see, when there is one', async () => {
    expect(await openApi()).not.toHaveProperty('servers');
    const prefixed = await openRig({ rootPath: '/tools-gateway' });
    expect((await prefixed.send('GET', '/openapi.json')).body.servers).toEqual([{ url: '/tools-gateway' }]);
    await prefixed.close();
  });

  it('never announces 500', async () => {
    for (const operations of Object.values((await openApi()).paths))
      for (const { responses } of Object.values(operations)) expect(responses).not.toHaveProperty('500');
  });
});

describe('health', () => {
  it('is always 200 and says what is wrong; readiness is 503 while starting, stopping or without a database', async () => {
    expect((await rig.send('GET', '/health', undefined, { as: null })).body).toEqual({ status: 'healthy' });
    rig.setReady(false);
    expect(await rig.send('GET', '/ready', undefined, { as: null })).toMatchObject({ status: 503, body: { status: 'not ready' } });
    rig.setReady(true);
    expect((await rig.send('GET', '/ready', undefined, { as: null })).status).toBe(200);
    await rig.database.close();
    expect(await rig.send('GET', '/health', undefined, { as: null })).toMatchObject({
      status: 200,
      body: { status: 'unhealthy', error: expect.any(String) },
    });
    expect((await rig.send('GET', '/ready', undefined, { as: null })).status).toBe(503);
    expect((await rig.send('GET', '/tools')).status).toBe(503);
  });

  it('tells administrators versions, and no credentials', async () => {
    expect((await rig.send('GET', '/version')).body).toMatchObject({
      app: { name: 'Test gateway', mcp_protocol_version: '2026-07-28' },
      database: { dialect: 'sqlite', reachable: true },
    });
  });
});

describe('the front', () => {
  it('answers raw requests that another listener hands over', async () => {
    const front = await createRestFront({
      routes: [],
      authenticator: { authenticate: () => Promise.reject(new Error('unused')), isStillValid: () => true },
      settings: { appName: 'x', appVersion: '1', bodyBytesMax: 1000, hasSecurityHeaders: false, docsAllowBasicAuth: false, rootPath: '' },
      log: silentLogger,
      recordChange: () => {},
    });
    const server = createServer((request, response) => front.handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/nothing`);
    expect([answer.status, await answer.json()]).toEqual([404, { detail: 'Not Found' }]);
    expect(answer.headers.get('x-frame-options')).toBeNull();
    await new Promise((resolve) => server.close(resolve).closeAllConnections());
    await front.close();
  });
});
