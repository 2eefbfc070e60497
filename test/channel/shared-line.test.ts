import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { channelRig, type ChannelRig } from './channel-rig.ts';

let rig: ChannelRig;

afterEach(async () => {
  await rig.upstream.close();
});

describe('a line that several clients share', () => {
  it('is one for clients that can be asked nothing, and answers each initialize in the upstream’s words', async () => {
    rig = channelRig();
    await rig.open();
    const second = rig.post({ id: 'mine', method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {} } });
    await turn();
    expect(rig.lines).toHaveLength(1);
    expect(rig.line.messages.filter(({ method }) => method === 'initialize')).toHaveLength(1);
    expect(second.answer).toEqual({ jsonrpc: '2.0', id: 'mine', result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: {} } });
    expect(second.headSeen?.namesSession).toBe(true);
  });

  it('brings every answer and all progress to its own call, whatever ids and tokens the clients chose', async () => {
    rig = channelRig();
    const sessions = [await rig.open(), await rig.open(), await rig.open()];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ client: fc.nat(2), id: fc.oneof(fc.nat(3), fc.constantFrom('a', '1', '')), rank: fc.nat() }), {
          minLength: 1,
          maxLength: 60,
        }),
        async (plans) => {
          const calls = plans.map(({ client, id, rank }, index) => ({
            id,
            rank,
            index,
            told: rig.post({ id, method: 'tools/call', params: { name: String(index), _meta: { progressToken: id } } }, sessions[client]),
          }));
          await turn();
          const sent = rig.line.messages.slice(-plans.length);
          for (const { index } of calls.toSorted((a, b) => a.rank - b.rank)) {
            const request = sent.find(({ params }) => params?.['name'] === String(index));
            rig.line.say({ method: 'notifications/progress', params: { progressToken: request?.params?._meta?.['progressToken'], progress: index } });
            rig.line.say({ id: request?.id, result: { of: index } });
          }
          for (const { told, id, index } of calls) {
            expect(told.said).toEqual([
              { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: id, progress: index } },
              { jsonrpc: '2.0', id, result: { of: index } },
            ]);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('tells updates to whom they interest and unsubscribes when nobody is left', async () => {
    rig = channelRig();
    const [ann, bob] = [await rig.open(), await rig.open()];
    const [annHears, bobHears] = [rig.get(ann), rig.get(bob)];
    for (const session of [ann, bob]) {
      rig.post({ id: 1, method: 'resources/subscribe', params: { uri: 'x:1' } }, session);
      rig.line.answer('resources/subscribe');
    }
    rig.post({ id: 2, method: 'resources/subscribe', params: { uri: 'x:2' } }, bob);
    rig.line.answer('resources/subscribe');
    rig.line.say({ method: 'notifications/resources/updated', params: { uri: 'x:2' } });
    expect(annHears.said).toEqual([]);
    expect(bobHears.said).toHaveLength(1);
    expect(rig.post({ id: 3, method: 'resources/unsubscribe', params: { uri: 'x:1' } }, ann).answer).toMatchObject({ id: 3, result: {} });
    expect(rig.line.messages.some(({ method }) => method === 'resources/unsubscribe')).toBe(false);
    rig.end(bob);
    expect(rig.line.messages.filter(({ method }) => method === 'resources/unsubscribe').map(({ params }) => params?.['uri'])).toEqual(['x:1', 'x:2']);
  });

  it('logs to each client at the level it asked for', async () => {
    rig = channelRig();
    const [ann, bob] = [await rig.open(), await rig.open()];
    const [annHears, bobHears] = [rig.get(ann), rig.get(bob)];
    rig.post({ id: 1, method: 'logging/setLevel', params: { level: 'warning' } }, ann);
    rig.line.answer('logging/setLevel');
    rig.post({ id: 1, method: 'logging/setLevel', params: { level: 'error' } }, bob);
    expect(rig.line.last('logging/setLevel').params).toEqual({ level: 'warning' });
    rig.line.answer('logging/setLevel');
    rig.line.say({ method: 'notifications/message', params: { level: 'warning', data: 1 } });
    expect(annHears.said).toHaveLength(1);
    expect(bobHears.said).toEqual([]);
  });

  it('says that nobody can be asked, and answers pings', async () => {
    rig = channelRig();
    await rig.open();
    rig.line.say({ id: 5, method: 'elicitation/create', params: {} });
    expect(rig.line.messages.at(-1)).toMatchObject({ id: 5, error: { code: -32601 } });
    rig.line.say({ id: 6, method: 'ping' });
    expect(rig.line.messages.at(-1)).toMatchObject({ id: 6, result: {} });
  });

  it('cancels the call that was meant, and all of a client’s when it goes', async () => {
    rig = channelRig();
    const [ann, bob] = [await rig.open(), await rig.open()];
    rig.post({ id: 9, method: 'tools/call', params: { name: 'ann' } }, ann);
    rig.post({ id: 9, method: 'tools/call', params: { name: 'bob' } }, bob);
    const bobs = rig.line.last('tools/call').id;
    rig.post({ method: 'notifications/cancelled', params: { requestId: 9, reason: 'enough' } }, bob);
    expect(rig.line.messages.at(-1)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: bobs, reason: 'enough' } });
    rig.end(ann);
    expect(rig.line.messages.filter(({ method }) => method === 'notifications/cancelled')).toHaveLength(2);
  });

  it('is opened anew with what its clients had asked to stay', async () => {
    rig = channelRig();
    const ann = await rig.open();
    rig.post({ id: 1, method: 'resources/subscribe', params: { uri: 'x:ä' } }, ann);
    rig.line.answer('resources/subscribe');
    rig.line.breakDown();
    rig.post({ id: 2, method: 'tools/call', params: { name: 'x' } }, ann);
    await turn();
    expect(rig.lines).toHaveLength(2);
    rig.line.answer('initialize', { protocolVersion: '2025-11-25' });
    await turn();
    expect(rig.line.messages.map(({ method }) => method)).toEqual(['initialize', 'notifications/initialized', 'resources/subscribe', 'tools/call']);
    expect(rig.line.last('resources/subscribe').params).toEqual({ uri: 'x:ä' });
  });

  it('takes plain requests of clients without a session, and nothing else of them', async () => {
    rig = channelRig();
    const told = rig.post({ id: 4, method: 'tools/list' });
    await turn();
    rig.line.answer('initialize', { protocolVersion: '2025-11-25' });
    await turn();
    rig.line.answer('tools/list', { tools: [] });
    expect(told.answer).toMatchObject({ id: 4, result: { tools: [] } });
    expect(rig.post({ method: 'notifications/initialized' }).headSeen?.status).toBe(400);
    expect(rig.get().headSeen?.status).toBe(405);
  });

  it('refuses by headers as an HTTP server would', async () => {
    rig = channelRig();
    const session = await rig.open();
    expect(rig.get(session, ['accept', 'application/json']).headSeen?.status).toBe(406);
  });
});
