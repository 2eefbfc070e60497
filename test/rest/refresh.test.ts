// What a refresh writes when nothing is new, when items come and go, and when people change something while it runs.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Principal } from '../../src/base/access/index.ts';
import type { Db, Tx } from '../../src/control-plane/db/index.ts';
import { findDifference, isNone, syncItems } from '../../src/control-plane/items/index.ts';
import { openRig, readTool, unreachable } from './rest-rig.ts';

let rig: Awaited<ReturnType<typeof openRig>>;
let gatewayId: string;
beforeEach(async () => {
  rig = await openRig();
  gatewayId = (await rig.register()).id;
});
afterEach(() => rig.close());

const refresh = async () => (await rig.send('POST', `/gateways/${gatewayId}/refresh`)).body;
const gateway = async () => (await rig.send('GET', `/gateways/${gatewayId}`)).body;
// oxlint-disable-next-line typescript/no-explicit-any -- an entity, compared with what a test expects
const tools = async (): Promise<any[]> => (await rig.send('GET', '/tools?include_inactive=1')).body;
const tool = async (name: string) => (await tools()).find((row) => row.originalName === name);
const forDataPlane = async (name: string) => (await rig.catalog.load()).items.find((item) => item.key === name);

describe('a refresh that finds nothing new', () => {
  it('counts no change and tells nobody, but says when it was', async () => {
    const before = await gateway();
    const version = await rig.database.version();
    const told: number[] = [];
    rig.database.onChange((now) => void told.push(now));
    expect(await refresh()).toMatchObject({ success: true, toolsAdded: 0, toolsUpdated: 0, toolsRemoved: 0 });
    expect(await rig.database.version()).toBe(version);
    expect(told).toEqual([]);
    expect((await gateway()).lastRefreshAt > before.lastRefreshAt).toBe(true);
  });

  it('is a change when it ends that the items were old, or when something else than items is new', async () => {
    rig.upstream.failure = unreachable();
    await refresh();
    const version = await rig.database.version();
    await refresh();
    expect(await rig.database.version(), 'known to be old already').toBe(version);
    rig.upstream.failure = undefined;
    await refresh();
    expect(await rig.database.version()).toBe(version + 1);
    expect((await gateway()).staleSince).toBeNull();
    rig.upstream.skipped = [{ kind: 'tool', name: 'x', reason: 'it has no name' }];
    await refresh();
    expect(await rig.database.version()).toBe(version + 2);
    expect((await gateway()).skippedItems).toHaveLength(1);
  });
});

describe('items of an upstream that cannot be read', () => {
  it('stay, and say since when they are old', async () => {
    expect((await tool('get_time')).staleSince).toBeNull();
    rig.upstream.failure = unreachable();
    await refresh();
    const { staleSince } = await gateway();
    expect(Date.parse(staleSince)).not.toBeNaN();
    expect(await tools()).toMatchObject([{ staleSince }, { staleSince }]);
  });
});

describe('an item that the upstream does not list for a while', () => {
  const [, convert] = [readTool('get_time'), readTool('convert')];
  const vanish = async () => {
    rig.upstream.tools = [convert];
    expect(await refresh()).toMatchObject({ toolsRemoved: 1, toolsAdded: 0 });
    expect(await tool('get_time')).toBeUndefined();
    expect((await gateway()).toolCount).toBe(1);
  };
  const comeBack = async () => {
    rig.upstream.tools = [readTool('get_time', { description: 'new words' }), convert];
    expect(await refresh()).toMatchObject({ toolsRemoved: 0, toolsAdded: 1, toolsUpdated: 0 });
    return await tool('get_time');
  };

  it('is switched off as before when it is listed again', async () => {
    const { id } = await tool('get_time');
    await rig.send('POST', `/tools/${id}/state?activate=false`);
    await vanish();
    expect((await rig.send('GET', `/tools/${id}`)).status).toBe(404);
    expect((await rig.send('POST', `/tools/${id}/state?activate=true`)).status).toBe(404);
    expect(await forDataPlane('get_time'), 'calls of it are refused all the while').toMatchObject({ enabled: false });
    await refresh();
    expect(await comeBack()).toMatchObject({ id, enabled: false, description: 'new words' });
  });

  it.each([
    ['its own words', { description: 'Ours' }],
    ['its tags', { tags: ['mine'] }],
    ['its visibility', { visibility: 'private' }],
  ])('has %s again', async (_what, change) => {
    const { id } = await tool('get_time');
    const changed = (await rig.send('PUT', `/tools/${id}`, change)).body;
    await vanish();
    const { description, tags, visibility } = await comeBack();
    expect({ description, tags, visibility }).toEqual({
      description: 'description' in change ? 'Ours' : 'new words',
      tags: changed.tags,
      visibility: changed.visibility,
    });
  });

  it('is combined by the same servers when it is listed again', async () => {
    const { id } = await tool('get_time');
    const { body: server } = await rig.send('POST', '/servers', { server: { name: 's', associated_tools: [id, (await tool('convert')).id] } });
    await vanish();
    const shown = async () => (await rig.send('GET', `/servers/${server.id}`)).body.associatedTools;
    expect(await shown()).toEqual(['clock-convert']);
    expect((await rig.send('GET', `/servers/${server.id}/tools`)).body).toHaveLength(1);
    expect((await rig.send('POST', '/servers', { server: { name: 't', associated_tools: [id] } })).status).toBe(400);
    await comeBack();
    expect((await shown()).toSorted()).toEqual(['clock-convert', 'clock-get-time']);
  });

  it('of which nobody here made anything is forgotten', async () => {
    const { id } = await tool('get_time');
    await vanish();
    expect(await forDataPlane('get_time')).toBeUndefined();
    expect((await comeBack()).id).not.toBe(id);
  });
});

it('what people change after the comparison is not written over either', async () => {
  const { id } = await tool('get_time');
  const read = [readTool('get_time', { description: 'new words' }), readTool('convert')];
  const caller = { principal: { email: 'gateway' } as Principal, clientAddress: '', userAgent: undefined, correlationId: '' };
  const context = { caller, now: new Date().toISOString(), rules: { separator: '-', charsMax: 64 } as const };
  const row = async (db: Db | Tx) => await db.selectFrom('gateways').selectAll().where('id', '=', gatewayId).executeTakeFirstOrThrow();
  const difference = await findDifference(rig.database.db, await row(rig.database.db), read, context);
  expect(isNone(difference)).toBe(false);
  await rig.send('PUT', `/tools/${id}`, { title: 'Ours' });
  await rig.database.change(async (tx) => await syncItems(tx, await row(tx), read, context, difference));
  expect(await tool('get_time')).toMatchObject({ title: 'Ours', originalDescription: 'new words' });
});

it('what people change while an upstream is being read is not written over', async () => {
  const { id } = await tool('get_time');
  const { promise, resolve } = Promise.withResolvers<void>();
  rig.upstream.gate = promise;
  rig.upstream.tools = [readTool('get_time', { description: 'new words' })];
  const running = refresh();
  await expect.poll(() => rig.upstream.targets.length).toBe(2);
  await rig.send('PUT', `/tools/${id}`, { title: 'Ours' });
  await rig.send('POST', `/tools/${id}/state?activate=false`);
  resolve();
  expect(await running).toMatchObject({ success: true, toolsUpdated: 1, toolsRemoved: 1 });
  expect(await tool('get_time')).toMatchObject({ id, title: 'Ours', originalDescription: 'new words', enabled: false });
});
