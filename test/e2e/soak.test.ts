// A small soak (`npm run soak` is the large one): sessions that cross the eras and calls that nobody comes back for leave nothing behind,
// neither in the gateway nor at the upstream.
import { test } from 'vitest';
import { SCENARIOS } from '../soak/scenarios.ts';
import { soak, type Held } from '../soak/soak.ts';
import { verdictOn } from '../soak/verdict.ts';

const EACH = 300;
const ROUNDS = 1;

const NAMES = ['sessions-bridged', 'parked-combined'] as const;

// Each has a gateway of its own, and waits more than it works.
test.concurrent.for(NAMES)(`point 48: ${EACH * ROUNDS} times, %s leave nothing behind`, async (name, { expect }) => {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new Error('no such scenario');
  const held = await soak(scenario, { rounds: ROUNDS, each: EACH, warm: EACH });
  expect(verdictOn(held, EACH)).toMatchObject({ isBack: true });
  const last = held.at(-1) as Held;
  expect([last.upstreamSessions, last.waiting, last.children]).toEqual([0, 0, 0]);
  // They were parked indeed, and each was given up.
  expect(last.expired).toBe(name === 'sessions-bridged' ? 0 : EACH * (ROUNDS + 1));
  // A counter that counts nothing would never object.
  expect([last.heapBytes > 0, last.timers > 0, last.descriptors > 0]).toEqual([true, true, true]);
});
