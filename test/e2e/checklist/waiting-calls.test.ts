// Checklist point 48: calls that wait for their client's answers wait a bounded time, free their upstream when nobody comes, and are
// counted; and there are no more of them than there may be.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { mirrorOf, modern, textOf, type Door } from './doors.ts';
import { eventually } from './wire.ts';

// eslint-disable-next-line -- tests look into messages of many shapes
type Json = Record<string, any>;

const ABLE = { sampling: {}, elicitation: {}, roots: {} };
const MAX = 3;

let fixture: Fixture;
/** Waits a moment only. */
let hasty: StartedGateway;
/** Waits as long as is usual, for few. */
let small: StartedGateway;
let toHasty: Door;
let toSmall: Door & { readonly gatewayId: string };

beforeAll(async () => {
  fixture = await startFixture({ eras: 'legacy' });
  hasty = await startGateway({ env: { MCPGATEWAY_ELICITATION_TIMEOUT: '1' } });
  small = await startGateway({ env: { MCPGATEWAY_ELICITATION_MAX_CONCURRENT: String(MAX) } });
  toHasty = await mirrorOf(hasty, fixture.url);
  toSmall = await mirrorOf(small, fixture.url);
});
afterAll(async () => {
  await hasty?.stop();
  await small?.stop();
  await fixture?.close();
});

async function counts(gateway: StartedGateway): Promise<{ waiting: number; parked: number; resumed: number; expired: number }> {
  return ((await gateway.api('GET', '/version')).body as Json)['mcp'].waiting_calls;
}

async function call(door: Door, name: string, args: Json, more: Json = {}, id = 1): Promise<Json> {
  return (await modern(door, 'tools/call', { name, arguments: args, ...more }, { id, capabilities: ABLE })).answer();
}

describe('a call that waits for its client', () => {
  test('point 48: is given up when nobody comes: the upstream has its question cancelled and its call too, and it is counted', async () => {
    const before = await counts(hasty);
    const cancelledBefore = fixture.stats().cancelled;
    const { result } = await call(toHasty, 'test_elicitation', { message: 'anybody?' });
    expect(result.resultType).toBe('input_required');
    expect(await counts(hasty)).toMatchObject({ waiting: 1, parked: before.parked + 1, expired: before.expired });
    const key = Object.keys(result.inputRequests)[0] as string;
    await eventually(async () => (await counts(hasty)).expired === before.expired + 1);
    expect((await counts(hasty)).waiting).toBe(0);
    // Whoever comes too late is told so.
    const late = await modern(
      toHasty,
      'tools/call',
      {
        name: 'test_elicitation',
        arguments: { message: 'anybody?' },
        inputResponses: { [key]: { action: 'accept', content: {} } },
        requestState: result.requestState,
      },
      { id: 2, capabilities: ABLE },
    );
    expect([late.status, await late.answer()]).toMatchObject([400, { id: 2, error: { code: -32602, data: { code: 'bridge.state_unknown' } } }]);
    await eventually(() => fixture.stats().cancelled > cancelledBefore);
    await eventually(() => [...fixture.hub.sessions.values()].every(({ inFlight }) => inFlight.size === 0));
    const trail = await eventually(async () => {
      const { body } = await hasty.api('GET', '/audit-trails?limit=100');
      const rows = JSON.stringify(body);
      return rows.includes('bridge.expired') ? rows : undefined;
    });
    expect(trail).toContain('elicitation/create');
  });

  test('point 48: there are no more of them than there may be; who comes beyond that is told at once', async () => {
    const waiting = await Promise.all(Array.from({ length: MAX }, (_, at) => call(toSmall, 'test_sampling', { prompt: `p${at}` }, {}, at)));
    expect(waiting.map(({ result }) => result.resultType)).toEqual(waiting.map(() => 'input_required'));
    const refused = await call(toSmall, 'test_sampling', { prompt: 'one more' }, {}, 99);
    expect(refused).toMatchObject({ id: 99, error: { code: -31503, data: { code: 'limit.waiting_calls', retryable: true } } });
    const done = await Promise.all(
      waiting.map(({ result }, at) => {
        const [[key, question]] = Object.entries(result.inputRequests) as [[string, Json]];
        const answer = { role: 'assistant', model: 'm', content: { type: 'text', text: question['params'].messages[0].content.text } };
        return call(
          toSmall,
          'test_sampling',
          { prompt: `p${at}` },
          { inputResponses: { [key]: answer }, requestState: result.requestState },
          100 + at,
        );
      }),
    );
    expect(done.map(textOf)).toEqual(Array.from({ length: MAX }, (_, at) => `LLM response: p${at}`));
    expect((await counts(small)).waiting).toBe(0);
  });

  test('point 48: is given up when its gateway is switched off', async () => {
    const { result } = await call(toSmall, 'test_sampling', { prompt: 'x' });
    expect(result.resultType).toBe('input_required');
    await small.api('POST', `/gateways/${toSmall.gatewayId}/state?activate=false`);
    await eventually(async () => (await counts(small)).waiting === 0);
    await eventually(() => [...fixture.hub.sessions.values()].every(({ inFlight }) => inFlight.size === 0));
  });
});
