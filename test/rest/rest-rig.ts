// The REST front with real services on SQLite in memory, and an upstream that answers what a test says. Every answer is checked
// against the route's own schema and its documented statuses, whatever the test is about.
import { expect } from 'vitest';
import type { Principal } from '../../src/base/access/index.ts';
import { AppError, Secret, silentLogger } from '../../src/base/kernel/index.ts';
import type {
  ItemKind,
  ReadItem,
  UpstreamDescription,
  UpstreamHealth,
  UpstreamReader,
  UpstreamTarget,
  UpstreamTransport,
} from '../../src/base/protocol/index.ts';
import { createCatalog } from '../../src/control-plane/catalog/index.ts';
import { createColumnCipher, openDatabase } from '../../src/control-plane/db/index.ts';
import type { ChangeFact, RouteSpec } from '../../src/control-plane/http-contract/index.ts';
import {
  createItemServices,
  type CallContext,
  type ItemCalls,
  type NameRules,
  promptRoutes,
  resourceRoutes,
  toolRoutes,
} from '../../src/control-plane/items/index.ts';
import { createServerService, serverRoutes } from '../../src/control-plane/servers/index.ts';
import { systemRoutes } from '../../src/control-plane/system/index.ts';
import { createUpstreamService, upstreamRoutes } from '../../src/control-plane/upstreams/index.ts';
import { errorStatuses } from '../../src/front/rest/openapi.ts';
import { buildRestApp } from '../../src/front/rest/rest-app.ts';

const CIPHER = createColumnCipher(new Secret('a secret of the tests'));
const PAGE_SIZES = { defaultSize: 50, maxSize: 500 };

export interface Answer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- bodies of every shape, each compared with what a test expects
  readonly body: any;
  readonly headers: Record<string, unknown>;
}

export type Send = (
  method: string,
  path: string,
  body?: unknown,
  options?: { readonly as?: string | null; readonly headers?: Record<string, string>; readonly raw?: string },
) => Promise<Answer>;

const principal = (email: string, rest: Partial<Principal> = {}): Principal => ({
  key: `test:${email}`,
  subject: email,
  email,
  isAdmin: false,
  reach: { teams: [] },
  scopes: undefined,
  audience: undefined,
  tokenId: `jti-${email}`,
  via: 'jwt',
  ...rest,
});

/** Tokens are the names of these people. */
const PEOPLE: Record<string, Principal> = {
  admin: principal('admin@example.com', { isAdmin: true, reach: 'everything' }),
  ann: principal('ann@example.com', { reach: { teams: ['red'] } }),
  bob: principal('bob@example.com', { reach: { teams: ['blue'] } }),
  guest: principal('guest@example.com', { reach: 'public' }),
  reader: principal('admin@example.com', {
    isAdmin: true,
    reach: 'everything',
    scopes: { permissions: ['gateways.read', 'servers.read', 'tools.read'] },
  }),
};

/** One entry of an upstream's lists. `entry` is added to what it says of itself. */
export function readItem(kind: ItemKind, key: string, entry: Record<string, unknown> = {}, rest: Partial<ReadItem> = {}): ReadItem {
  const member = kind === 'resource' ? 'uri' : kind === 'template' ? 'uriTemplate' : 'name';
  const told = { [member]: key, description: `What ${key} does`, ...entry };
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  const name = text((told as Record<string, unknown>)['name']) ?? '';
  return { kind, key, name, title: text(entry['title']), description: text(told.description), json: JSON.stringify(told), needs: [], ...rest };
}

export const readTool = (name: string, entry: Record<string, unknown> = {}): ReadItem =>
  readItem('tool', name, { inputSchema: { type: 'object' }, ...entry });

/** An upstream in the hands of the test: set `tools`, or `failure` to have every reading fail. */
class FakeUpstream implements UpstreamReader {
  tools: readonly ReadItem[] = [readTool('get_time'), readTool('convert')];
  /** Of other kinds. */
  others: readonly ReadItem[] = [];
  skipped: UpstreamDescription['skipped'] = [];
  failure: Error | undefined;
  /** What it speaks, for who asks without saying. */
  transport: UpstreamTransport = 'STREAMABLEHTTP';
  readonly targets: UpstreamTarget[] = [];
  /** Awaited by every reading, so that a test can hold one. */
  gate: Promise<void> = Promise.resolve();

  async read(target: UpstreamTarget): Promise<UpstreamDescription> {
    this.targets.push(target);
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    return {
      protocolVersion: '2025-11-25',
      modern: false,
      transport: target.transport ?? this.transport,
      legacy: true,
      serverInfo: { name: 'clock', version: '1' },
      capabilities: { tools: {} },
      instructions: 'Ask for the time.',
      items: [...this.tools, ...this.others],
      skipped: this.skipped,
      steps: [{ step: 'connect', ok: true, detail: '' }],
    };
  }

  async check({ url, process }: Pick<UpstreamTarget, 'url' | 'process'>): Promise<void> {
    if (process?.command === 'rm') throw new AppError('upstream.command_refused', 'The gateway may not start rm.');
    if (url.includes('169.254.169.254')) throw new AppError('upstream.refused_by_guard', 'The gateway may not connect there.');
    if (url.includes('.invalid')) throw new AppError('upstream.unreachable', 'The host does not resolve.');
  }
}

/** The gateway's part of using an item, in the hands of the test: set `answer`, which gives a result or throws. */
class PlayedCalls implements ItemCalls {
  answer: (method: string, params: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>> = () => ({});
  /** What clients call an item, by its id. */
  readonly uris = new Map<string, string>();
  readonly made: { readonly method: string; readonly params: Readonly<Record<string, unknown>>; readonly authorization: string | undefined }[] = [];

  uriOf(id: string): string | undefined {
    return this.uris.get(id);
  }

  async call(method: string, params: Readonly<Record<string, unknown>>, { headers }: CallContext): Promise<Readonly<Record<string, unknown>>> {
    this.made.push({ method, params, authorization: headers.authorization });
    return this.answer(method, params);
  }
}

export async function openRig(
  options: {
    readonly docsAllowBasicAuth?: boolean;
    readonly bodyBytesMax?: number;
    readonly rootPath?: string;
    readonly maskedAuthValue?: string;
  } = {},
) {
  const database = await openDatabase({ url: 'sqlite:///:memory:', busyTimeoutMs: 1000 });
  const upstream = new FakeUpstream();
  const states = new Map<string, UpstreamHealth>();
  const health = {
    healthOf: (id: string): UpstreamHealth =>
      states.get(id) ?? { state: 'connecting', since: '2026-11-21T00:00:00.000Z', lastSeen: undefined, lastError: undefined },
    noteRead(id: string, outcome: 'ready' | Error): void {
      const at = new Date().toISOString();
      const code = outcome instanceof AppError ? outcome.code : 'internal';
      states.set(
        id,
        outcome === 'ready'
          ? { state: 'ready', since: at, lastSeen: at, lastError: undefined }
          : {
              state: code === 'upstream.needs_auth' ? 'needs_auth' : 'down',
              since: at,
              lastSeen: undefined,
              lastError: { code, message: outcome.message, remedy: 'Look.', at },
            },
      );
    },
  };
  const names = { separator: '-', charsMax: 64 } as const;
  const items = createItemServices({ database, health, names });
  const upstreams = createUpstreamService({
    database,
    cipher: CIPHER,
    reader: upstream,
    health,
    settings: { maskedAuthValue: options.maskedAuthValue ?? '*****', readTimeoutMs: 5000, names },
  });
  const servers = createServerService({ database, items });
  const calls = new PlayedCalls();
  let isReady = true;
  const routes = [
    ...upstreamRoutes(upstreams, PAGE_SIZES),
    ...toolRoutes(items.tools, PAGE_SIZES),
    ...resourceRoutes(items.resources, calls, PAGE_SIZES),
    ...promptRoutes(items.prompts, calls, PAGE_SIZES),
    ...serverRoutes(servers, PAGE_SIZES),
    ...systemRoutes({
      database,
      appName: 'Test gateway',
      appVersion: '0.0.0',
      databaseUrl: 'sqlite:///:memory:',
      protocolVersion: '2026-07-28',
      isReady: () => isReady,
      traffic: () => ({}),
    }),
  ].map(checkingOutput);
  const changes: ChangeFact[] = [];
  const errors: string[] = [];
  const app = await buildRestApp({
    routes,
    authenticator: {
      authenticate({ authorization }) {
        if (authorization === undefined) throw new AppError('auth.required', 'A credential is needed.');
        if (authorization === 'Basic good') return { ...(PEOPLE['admin'] as Principal), via: 'basic' };
        const person = PEOPLE[authorization.replace(/^Bearer /, '')];
        if (person === undefined) throw new AppError('auth.invalid', 'The credential is not valid.');
        return person;
      },
      isStillValid: () => true,
    },
    settings: {
      appName: 'Test gateway',
      appVersion: '0.0.0',
      bodyBytesMax: options.bodyBytesMax ?? 1_000_000,
      hasSecurityHeaders: true,
      docsAllowBasicAuth: options.docsAllowBasicAuth ?? false,
      rootPath: options.rootPath ?? '',
    },
    log: { ...silentLogger, error: (message, fields) => void errors.push(`${message} ${String(fields?.['internal'])}`) },
    recordChange: (change) => void changes.push(change),
  });

  const send: Send = async (method, path, body, { as = 'admin', headers = {}, raw } = {}) => {
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const answer = await app.inject({
      method: method as 'GET',
      url: path,
      headers: {
        ...(as === null ? {} : { authorization: as.includes(' ') ? as : `Bearer ${as}` }),
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(payload === undefined ? {} : { payload }),
    });
    expect(errors, 'nothing is logged as a defect').toEqual([]);
    const route = routes.find((candidate) => candidate.method === method && pattern(candidate).test(path.split('?', 1)[0] as string));
    if (route !== undefined)
      expect([route.successStatus, ...errorStatuses(route)], `${method} ${path} answers only what it documents`).toContain(answer.statusCode);
    return { status: answer.statusCode, body: answer.body === '' ? undefined : JSON.parse(answer.body), headers: answer.headers };
  };

  return {
    send,
    upstream,
    calls,
    upstreams,
    items,
    /** The same as after a start with other settings. */
    withNames: (other: NameRules) => createItemServices({ database, health, names: other }),
    database,
    changes,
    catalog: createCatalog({ database, cipher: CIPHER, listRevokedTokenIds: async () => ['gone'], log: silentLogger }),
    setReady: (value: boolean) => void (isReady = value),
    register: async (body: object = {}, as = 'admin') =>
      (await send('POST', '/gateways', { name: 'Clock', url: 'http://127.0.0.1:9/mcp', ...body }, { as })).body,
    async close() {
      await app.close();
      await database.close();
    },
  };
}

function checkingOutput(route: RouteSpec): RouteSpec {
  return {
    ...route,
    async handler(context) {
      const result = await route.handler(context);
      if (result?.constructor?.name === 'RouteReply') return result;
      // Exactly the documented keys: what a schema would drop is a difference as well.
      expect(route.output.parse(result)).toEqual(result);
      return result;
    },
  };
}

function pattern(route: RouteSpec): RegExp {
  return new RegExp(`^(/v1)?${route.path.replace(/\/$/, '').replace(/:[a-z]+/g, '[^/]+')}/?$`);
}

export function unreachable(): AppError {
  return new AppError('upstream.unreachable', 'Clock could not be reached: connection refused at 127.0.0.1:9.', {
    data: {
      steps: [
        { step: 'resolve', ok: true, detail: '127.0.0.1' },
        { step: 'connect', ok: false, detail: 'ECONNREFUSED' },
      ],
    },
  });
}
