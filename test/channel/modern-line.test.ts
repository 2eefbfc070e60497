import { afterEach, describe, expect, it } from 'vitest';
import { channelRig, modernParams, type ChannelRig } from './channel-rig.ts';

const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
let rig: ChannelRig;

afterEach(async () => {
  await rig.upstream.close();
});

describe('a line for requests that describe themselves', () => {
  it('keeps calls of different clients with the same ids and tokens apart', () => {
    rig = channelRig();
    const first = rig.post({ id: 'a', method: 'tools/call', params: modernParams({ name: 'x' }, { progressToken: 't' }) });
    const second = rig.post({ id: 'a', method: 'tools/call', params: modernParams({ name: 'y' }, { progressToken: 't' }) });
    expect(rig.lines).toHaveLength(1);
    const [x, y] = rig.line.messages;
    rig.line.say({ method: 'notifications/progress', params: { progressToken: y?.params?._meta?.['progressToken'], progress: 1 } });
    rig.line.say({ id: y?.id, result: { y: 1 } });
    rig.line.say({ id: x?.id, result: { x: 1 } });
    expect(first.answer).toMatchObject({ id: 'a', result: { x: 1 } });
    expect(second.said).toMatchObject([{ params: { progressToken: 't' } }, { id: 'a', result: { y: 1 } }]);
  });

  it('tells listen streams apart and gives each its own id back', () => {
    rig = channelRig();
    const [first, second] = [7, 'seven'].map((id) => rig.post({ id, method: 'subscriptions/listen', params: modernParams({ notifications: {} }) }));
    const [a, b] = rig.line.messages.map(({ id }) => id);
    rig.line.say({ method: 'notifications/subscriptions/acknowledged', params: { _meta: { [SUBSCRIPTION]: a } } });
    rig.line.say({ method: 'notifications/tools/list_changed', params: { _meta: { [SUBSCRIPTION]: b } } });
    rig.line.say({ id: a, result: { resultType: 'complete', _meta: { [SUBSCRIPTION]: a } } });
    expect(first?.said.map(({ params, result }) => params?._meta ?? (result as { _meta: unknown })._meta)).toEqual([
      { [SUBSCRIPTION]: 7 },
      { [SUBSCRIPTION]: 7 },
    ]);
    expect(second?.said).toMatchObject([{ method: 'notifications/tools/list_changed', params: { _meta: { [SUBSCRIPTION]: 'seven' } } }]);
    expect(first?.isEnded).toBe(true);
    expect(second?.isEnded).toBe(false);
  });

  it('tells the upstream when a client goes away', () => {
    rig = channelRig();
    const told = rig.post({ id: 'a', method: 'tools/call', params: modernParams({ name: 'x' }) });
    const { id } = rig.line.last('tools/call');
    told.call?.cancel();
    expect(rig.line.messages.at(-1)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: id } });
  });

  it('gives errors of the transport the status they have over HTTP', () => {
    rig = channelRig();
    for (const [code, status] of [
      [-32601, 404],
      [-32021, 400],
      [-32602, 200],
    ] as const) {
      const told = rig.post({ id: 'a', method: 'no/such', params: modernParams() });
      rig.line.say({ id: rig.line.last('no/such').id, error: { code, message: 'no' } });
      expect(told.headSeen?.status).toBe(status);
    }
  });

  it('refuses a request that does not describe itself as it must, without troubling the upstream', () => {
    rig = channelRig();
    const told = rig.post({ id: 3, method: 'tools/list', params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } } });
    expect(told.headSeen?.status).toBe(400);
    expect(told.answer).toMatchObject({ id: 3, error: { code: -32602 } });
    const other = rig.post({ id: 3, method: 'tools/list', params: modernParams({}, { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' }) });
    expect(other.answer).toMatchObject({ error: { code: -32022, data: { supported: ['2026-07-28'], requested: '2099-01-01' } } });
    expect(rig.lines).toHaveLength(0);
  });

  it('says at once when an upstream does not speak the era', () => {
    rig = channelRig({ modern: false });
    expect(rig.post({ id: 3, method: 'tools/list', params: modernParams() }).error?.code).toBe('upstream.wrong_era');
    rig = channelRig({ legacy: false });
    expect(rig.post({ id: 3, method: 'initialize', params: { protocolVersion: '2025-11-25' } }).error).toMatchObject({
      code: 'upstream.wrong_era',
      data: { supported: ['2026-07-28'], requested: '2025-11-25' },
    });
  });

  it('fails all calls when the line breaks, and opens another for the next', () => {
    rig = channelRig();
    const told = rig.post({ id: 'a', method: 'tools/call', params: modernParams({ name: 'x' }) });
    rig.line.breakDown();
    expect(told.error?.code).toBe('upstream.exited');
    rig.post({ id: 'b', method: 'tools/call', params: modernParams({ name: 'x' }) });
    expect(rig.lines).toHaveLength(2);
  });

  it('hears for the gateway what changes while a program runs for others, and keeps none running for it', async () => {
    const changed: string[] = [];
    rig = channelRig({ capabilities: { tools: { listChanged: true }, prompts: {} } }, { idleMs: 0, onListChanged: (id) => changed.push(id) });
    const told = rig.post({ id: 'a', method: 'tools/call', params: modernParams({ name: 'x' }) });
    const listen = rig.line.last('subscriptions/listen');
    expect(listen.params).toMatchObject({ notifications: { toolsListChanged: true } });
    rig.line.say({ method: 'notifications/subscriptions/acknowledged', params: { _meta: { [SUBSCRIPTION]: listen.id } } });
    expect(changed).toEqual([]);
    rig.line.say({ method: 'notifications/tools/list_changed', params: { _meta: { [SUBSCRIPTION]: listen.id } } });
    expect(changed).toEqual(['u']);
    rig.line.say({ id: rig.line.last('tools/call').id, result: {} });
    expect(told.answer).toMatchObject({ id: 'a' });
    await expect.poll(() => rig.line.isClosed, { timeout: 5000 }).toBe(true);
  });

  it('asks an upstream whose lists never change for nothing', () => {
    rig = channelRig({ capabilities: { tools: {} } }, { onListChanged: () => undefined });
    rig.post({ id: 'a', method: 'tools/call', params: modernParams({ name: 'x' }) });
    expect(rig.line.messages.map(({ method }) => method)).toEqual(['tools/call']);
  });
});
