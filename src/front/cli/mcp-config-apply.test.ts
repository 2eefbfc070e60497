import { describe, expect, it } from 'vitest';
import { AppError, Secret } from '#base/kernel';
import type { Caller } from '#control-plane/http-contract';
import { upstreamCreate, type UpstreamEntity } from '#control-plane/upstreams';
import { applyMcpConfig, type Upstreams } from './mcp-config-apply.ts';
import type { McpConfig } from './mcp-config.ts';

const OPTIONS = { email: 'admin@example.com', key: new Secret('k') };

/** Gateways in memory. What cannot be read is told by name, with the error it gives. */
function registry(failing: Record<string, AppError> = {}) {
  const rows = new Map<string, UpstreamEntity>();
  const log: string[] = [];
  const mirrored = new Set<string>();
  const read = (row: UpstreamEntity): UpstreamEntity => {
    const error = failing[row.name];
    const lastError = error === undefined ? null : { code: error.code, message: error.message, remedy: '', at: '' };
    return { ...row, state: error === undefined ? 'ready' : 'down', lastError, lastRefreshAt: error === undefined ? 'now' : null, toolCount: 3 };
  };
  const put = (row: UpstreamEntity): UpstreamEntity => {
    rows.set(row.id, row);
    return row;
  };
  const at = (id: string): UpstreamEntity => rows.get(id) as UpstreamEntity;
  const touch = (caller: Caller): Partial<UpstreamEntity> => ({ modifiedVia: caller.origin ?? 'api', modifiedUserAgent: caller.userAgent ?? null });
  const upstreams: Upstreams = {
    list: async () => ({ rows: [...rows.values()], nextCursor: null }),
    get: async (_caller, id) => at(id),
    async register(caller, input) {
      log.push(`register ${input.name}${input.deferred === true ? ' deferred' : ''}`);
      const error = failing[input.name];
      if (error !== undefined && (input.deferred !== true || error.code === 'upstream.refused_by_guard')) throw error;
      const base = {
        id: `id of ${input.name}`,
        name: input.name,
        enabled: true,
        transport: input.transport ?? 'STREAMABLEHTTP',
        modifiedVia: null,
        modifiedUserAgent: null,
      };
      return put(
        read({
          ...base,
          createdVia: caller.origin,
          createdUserAgent: caller.userAgent,
          promptCount: 1,
          resourceCount: 2,
        } as unknown as UpstreamEntity),
      );
    },
    async update(caller, id, input) {
      log.push(`update ${at(id).name}${input.deferred === true ? ' deferred' : ''}`);
      return put({ ...at(id), ...touch(caller) });
    },
    async setEnabled(caller, id, isEnabled) {
      log.push(`${isEnabled ? 'on' : 'off'} ${at(id).name}`);
      return put(read({ ...at(id), ...touch(caller), enabled: isEnabled }));
    },
    async remove(_caller, id) {
      if (mirrored.has(id)) throw new AppError('gateway.conflict', 'It is mirrored by the server "m".');
      log.push(`remove ${at(id).name}`);
      rows.delete(id);
    },
    async refresh(_caller, id) {
      log.push(`refresh ${at(id).name}`);
      put(read(at(id)));
      return {} as Awaited<ReturnType<Upstreams['refresh']>>;
    },
  };
  return { upstreams, rows, log, mirrored };
}

function configOf(servers: Record<string, object | undefined>, path = '/home/ann/mcp.json'): McpConfig {
  return {
    path,
    notes: [],
    servers: Object.entries(servers).map(([name, body]) => ({
      name,
      label: name,
      input: body === undefined ? undefined : upstreamCreate.parse({ name, ...body }),
    })),
  };
}

const A = { url: 'https://a.example/mcp' };

describe('the first start', () => {
  it('registers all servers; one that fails is saved for later and says why and what to do', async () => {
    const { upstreams, rows, log } = registry({
      down: new AppError('upstream.timeout', 'Gateway "down" did not answer in time.'),
      inner: new AppError('upstream.refused_by_guard', 'It is private.'),
    });
    const outcomes = await applyMcpConfig(configOf({ a: A, down: { command: 'node' }, inner: A, off: undefined }), upstreams, OPTIONS);
    expect(outcomes.map(({ label, state }) => `${label} ${state}`)).toEqual(['a ready', 'down failing', 'inner not_saved', 'off off']);
    expect(outcomes[0]).toMatchObject({ counts: { tools: 3, resources: 2, prompts: 1 }, transport: 'STREAMABLEHTTP' });
    expect(outcomes[1]).toMatchObject({
      reason: 'It did not answer in time.',
      remedy: expect.stringContaining('tried again') as string,
      counts: undefined,
    });
    expect(outcomes[2]?.remedy).toContain('SSRF_ALLOWED_NETWORKS');
    expect([...rows.values()].map(({ name }) => name).toSorted()).toEqual(['a', 'down']);
    expect(log).toContain('register down deferred');
  });

  it('one that hangs keeps the others from nothing', async () => {
    const { upstreams, rows } = registry();
    let release = (): void => {};
    const hung = new Promise<void>((resolve) => (release = resolve));
    const slow: Upstreams = {
      ...upstreams,
      async register(caller, input) {
        if (input.name === 'hung') await hung;
        return await upstreams.register(caller, input);
      },
    };
    const done = applyMcpConfig(configOf({ hung: A, a: A, b: A }), slow, OPTIONS);
    await expect.poll(() => rows.size).toBe(2);
    release();
    expect(await done).toHaveLength(3);
  });

  it('no secret can be told from what is remembered of a definition', async () => {
    const { upstreams, rows } = registry();
    await applyMcpConfig(configOf({ a: { ...A, authType: 'bearer', authToken: 'hidden' } }), upstreams, OPTIONS);
    const other = registry();
    await applyMcpConfig(configOf({ a: { ...A, authType: 'bearer', authToken: 'hidden' } }), other.upstreams, {
      ...OPTIONS,
      key: new Secret('other'),
    });
    const [first] = rows.values();
    const [second] = other.rows.values();
    expect(first?.createdUserAgent).not.toContain('hidden');
    expect(first?.createdUserAgent).not.toBe(second?.createdUserAgent);
  });
});

describe('the next start', () => {
  async function started(servers: Record<string, object | undefined>, failing: Record<string, AppError> = {}) {
    const known = registry(failing);
    await applyMcpConfig(configOf(servers), known.upstreams, OPTIONS);
    known.log.length = 0;
    return known;
  }

  it('reads what is unchanged and writes nothing', async () => {
    const { upstreams, log } = await started({ a: A });
    expect(await applyMcpConfig(configOf({ a: A }), upstreams, OPTIONS)).toMatchObject([{ state: 'ready' }]);
    expect(log).toEqual(['refresh a']);
  });

  it('updates what has changed, without waiting for it', async () => {
    const { upstreams, log } = await started({ a: A });
    await applyMcpConfig(configOf({ a: { command: 'node' } }), upstreams, OPTIONS);
    expect(log).toEqual(['update a deferred', 'refresh a']);
    log.length = 0;
    await applyMcpConfig(configOf({ a: { command: 'node' } }), upstreams, OPTIONS);
    expect(log).toEqual(['refresh a']);
  });

  it('removes what is gone from this file, and nothing that others made', async () => {
    const { upstreams, rows, log } = await started({ a: A, b: A });
    await applyMcpConfig(configOf({ c: A }, '/home/ann/other.json'), upstreams, OPTIONS);
    log.length = 0;
    expect(await applyMcpConfig(configOf({ a: A }), upstreams, OPTIONS)).toMatchObject([{ label: 'a' }, { label: 'b', state: 'removed' }]);
    expect(log).toEqual(['remove b', 'refresh a']);
    expect([...rows.values()].map(({ name }) => name)).toEqual(['a', 'c']);
  });

  it('switches off what is gone but still mirrored', async () => {
    const { upstreams, log, mirrored } = await started({ a: A });
    mirrored.add('id of a');
    expect(await applyMcpConfig(configOf({}), upstreams, OPTIONS)).toMatchObject([
      { state: 'off', reason: expect.stringContaining('mirrored') as string },
    ]);
    expect(log).toEqual(['off a']);
  });

  it('follows `disabled` both ways, and leaves alone what an administrator has switched off', async () => {
    const { upstreams, rows, log } = await started({ a: A, b: A });
    await applyMcpConfig(configOf({ a: undefined, b: A }), upstreams, OPTIONS);
    expect(log).toEqual(['off a', 'refresh b']);
    const b = rows.get('id of b') as UpstreamEntity;
    rows.set(b.id, { ...b, enabled: false, modifiedVia: 'api', modifiedUserAgent: 'curl' });
    log.length = 0;
    const outcomes = await applyMcpConfig(configOf({ a: A, b: A }), upstreams, OPTIONS);
    expect(log).toEqual(['update a deferred', 'on a']);
    expect(outcomes).toMatchObject([{ state: 'ready' }, { state: 'off', reason: 'It was switched off by an administrator.' }]);
  });
});
