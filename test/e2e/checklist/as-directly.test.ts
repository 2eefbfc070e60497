// Checklist points 1 and 4 once more: the same question asked of the upstream and of its mirror gets the same answer, byte for byte.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { mirrorOf, modern, openSession, post, request, type ClientSession, type Door } from './doors.ts';
import { startScriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts';

let gateway: StartedGateway;
let upstream: ScriptedUpstream;
let fixture: Fixture;
let door: Door;
let fixtureDoor: Door;

const ABOUT =
  '"capabilities":{"tools":{"listChanged":true,"x-tool":1.0},"extensions":{"example.com/v":{"deep":[1.10,null]}},"x-unknown":{"":""}},"instructions":"","x-result":[9007199254740993]';

beforeAll(async () => {
  gateway = await startGateway();
  upstream = await startScriptedUpstream({ about: ABOUT });
  fixture = await startFixture();
  door = await mirrorOf(gateway, upstream.url);
  fixtureDoor = await mirrorOf(gateway, fixture.url);
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([upstream?.close(), fixture?.close()]);
});

test('point 01: capabilities, serverInfo and unknown fields of server/discover and initialize arrive unchanged', async () => {
  upstream.play(() => false);
  const discovered = await (await modern(door, 'server/discover')).answerText();
  expect(discovered).toBe(await (await modern({ url: upstream.url, headers: {} }, 'server/discover')).answerText());
  expect(discovered).toContain(ABOUT);
  const capabilities = { roots: { 'x-roots': true }, 'x-client': { deep: [null] }, experimental: { 'example.com/e': { on: 1 } } };
  const initialized = (await openSession(door, '2025-06-18', capabilities, { 'x-params': 1 })).initialized;
  expect(initialized).toBe((await openSession({ url: upstream.url, headers: {} }, '2025-06-18', capabilities)).initialized);
  expect(initialized).toContain(ABOUT);
  const opening = upstream.seen.find(({ message }) => message.method === 'initialize');
  expect(opening?.message.params).toMatchObject({ capabilities, 'x-params': 1, clientInfo: { name: 'wire' } });
});

test('points 01 and 04: what the fixture sends with exact values is what the client gets, in both eras', async () => {
  const direct: Door = { url: fixture.url, headers: {} };
  const ask = async (at: Door) => (await modern(at, 'tools/call', { name: 'exact_values', arguments: {} })).answerText();
  expect(await ask(fixtureDoor)).toBe(await ask(direct));
  const legacy = async (at: Door) =>
    (await post(await openSession(at), request(9, 'tools/call', { name: 'exact_values', arguments: {} }))).answerText();
  const seen = await legacy(fixtureDoor);
  expect(seen).toBe(await legacy(direct));
  expect(seen).toContain('"big":9007199254740993,"float":1.0,"exponent":1E+2,"negativeZero":-0');
});

test('point 04: a paged list whose second cursor is the empty string gives every item once, as it does directly', async () => {
  const paged = await startFixture({ pageSize: 20 });
  try {
    const mirror = await mirrorOf(gateway, paged.url);
    const pages = async (at: Door): Promise<string[]> => {
      const session: ClientSession = await openSession(at);
      const texts: string[] = [];
      let params: object | undefined;
      do {
        const text = await (await post(session, request(texts.length, 'tools/list', params))).answerText();
        texts.push(text);
        const { nextCursor } = (JSON.parse(text) as { result: { nextCursor?: string } }).result;
        params = nextCursor === undefined ? undefined : { cursor: nextCursor };
      } while (params !== undefined);
      return texts;
    };
    const mirrored = await pages(mirror);
    expect(mirrored).toEqual(await pages({ url: paged.url, headers: {} }));
    expect(mirrored.length).toBeGreaterThan(2);
  } finally {
    await paged.close();
  }
});
