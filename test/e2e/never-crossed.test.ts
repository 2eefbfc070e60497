// No answer ever reaches another call than its own, nor a question another client than the one whose call asks it: any number of calls and
// sessions, all asking at once, answered in any order, in each era and across the eras, through every door, to servers over HTTP and
// stdio, mirrored and combined. Questions and answers bear the name of their call and their client, so that a crossing shows as itself;
// what is asked, when and in which order it is answered comes from a seed, which a failure prints.
import fc from 'fast-check';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ModernClient, SessionClient, StreamClient, type AskedClient } from '../crossing/asked-clients.ts';
import { startAskingServer, type AskingServer } from '../crossing/asking-http.ts';
import { ASKING_TOOL } from '../crossing/asking-server.ts';
import { AnswerGate, randomFrom, randomPlan } from '../crossing/interleaving.ts';
import { expectedEchoes, type Plan } from '../crossing/question.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { NODE_FIRST } from '../sessions/gateway-cell.ts';
import { combinedOf } from './checklist/combined-doors.ts';
import { as, mirrorOf, type Door } from './checklist/doors.ts';

type Era = 'legacy' | 'modern';
type Wire = 'HTTP' | 'stdio';
type Front = 'mirror' | 'combined';

const LINE = join(import.meta.dirname, '../crossing/asking-line.ts');
const PRINCIPALS = 5;

let gateway: StartedGateway;
let servers: Record<Era, AskingServer>;
let tokens: string[];

beforeAll(async () => {
  gateway = await startGateway({
    env: { PATH: NODE_FIRST, MCPGATEWAY_ELICITATION_MAX_CONCURRENT: '5000', MCPGATEWAY_STDIO_IDLE_SECONDS: '1', DB_POOL_SIZE: '5' },
  });
  servers = { legacy: await startAskingServer('legacy'), modern: await startAskingServer('modern') };
  const subjects = Array.from({ length: PRINCIPALS }, (_, i) => `caller-${i}@example.com`);
  tokens = await Promise.all(subjects.map((sub) => gateway.tokenFor({ sub, teams: [] })));
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([servers?.legacy.close(), servers?.modern.close()]);
});

/** A door to the asking server and the name its tool has there. */
async function doorTo(front: Front, era: Era, wire: Wire): Promise<{ door: Door; tool: string }> {
  const name = `asking ${randomUUID().slice(0, 8)}`;
  const url = `${servers[era].url}?${name.slice(-8)}`;
  const upstream = wire === 'HTTP' ? { url } : { url: undefined, transport: 'STDIO', command: 'node', args: [LINE, era] };
  if (front === 'mirror') return { door: await mirrorOf(gateway, '', { gateway: upstream }), tool: ASKING_TOOL };
  return { door: await combinedOf(gateway, [{ name, url, more: upstream }]), tool: `${name.replace(' ', '-')}-${ASKING_TOOL}` };
}

type Way = 'streamable HTTP' | 'HTTP+SSE' | 'no session';

function connect(way: Way, door: Door, who: string, tool: string): Promise<AskedClient> {
  if (way === 'streamable HTTP') return SessionClient.open(door, who, tool);
  if (way === 'HTTP+SSE') return StreamClient.open(door, who, tool);
  return Promise.resolve(new ModernClient(door, who, tool));
}

/** So many clients, each with so many calls, all of them waiting for answers at once. */
async function interleaved(way: Way, at: { door: Door; tool: string }, seed: number, clients: number, callsEach: number): Promise<void> {
  const random = randomFrom(seed);
  const gate = new AnswerGate(random, clients * callsEach);
  const connected = await Promise.all(
    Array.from({ length: clients }, (_, i) => connect(way, as(at.door, tokens[i % PRINCIPALS] ?? ''), `client ${i}`, at.tool)),
  );
  const calls = connected.flatMap((client, i) =>
    Array.from({ length: callsEach }, async (_, n): Promise<[Plan, string[], string]> => {
      const plan = randomPlan(random, `nonce-${i}-${n}`);
      try {
        return [plan, await client.call(n, plan, gate), `client ${i}`];
      } catch (error) {
        gate.fail(error);
        throw error;
      }
    }),
  );
  try {
    for (const [plan, echoes, who] of await Promise.all(calls)) expect(echoes).toEqual(expectedEchoes(plan, who));
  } finally {
    await Promise.allSettled(calls);
    await Promise.all(connected.map((client) => client.close()));
  }
}

const SEED = fc.integer({ min: 0, max: 2 ** 31 - 1 });

/** For any seed. Nothing is learnt from a smaller one, so none is looked for. */
function holds(numRuns: number, property: (seed: number) => Promise<void>): Promise<void> {
  return fc.assert(fc.asyncProperty(SEED, property), { numRuns, endOnFailure: true });
}

const SAME_ERA: readonly (readonly [way: Way, front: Front, era: Era, wire: Wire])[] = [
  ['streamable HTTP', 'mirror', 'legacy', 'HTTP'],
  ['streamable HTTP', 'mirror', 'legacy', 'stdio'],
  ['streamable HTTP', 'combined', 'legacy', 'HTTP'],
  ['HTTP+SSE', 'mirror', 'legacy', 'HTTP'],
  ['HTTP+SSE', 'combined', 'legacy', 'stdio'],
  ['no session', 'mirror', 'modern', 'HTTP'],
  ['no session', 'combined', 'modern', 'stdio'],
];

describe('calls that ask, all at once over one session', () => {
  test.each(SAME_ERA)('point 34: 1,000 of them through %s to a %s of a %s server over %s never cross', async (way, front, era, wire) => {
    const at = await doorTo(front, era, wire);
    await holds(1, (seed) => interleaved(way, at, seed, 1, 1000));
  });
});

describe('sessions with calls that ask, all at once', () => {
  test.each(SAME_ERA.filter(([, , , wire]) => wire === 'HTTP'))(
    'point 34: 200 of them through %s to a %s of a %s server over %s never cross',
    async (way, front, era, wire) => {
      const at = await doorTo(front, era, wire);
      await holds(2, (seed) => interleaved(way, at, seed, 200, 3));
    },
  );
});
