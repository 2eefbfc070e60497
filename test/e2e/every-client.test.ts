// What people's clients see of server-everything behind the gateway, through a mirror and through a combined server, field by field as
// when they are connected to it directly. A client that speaks only the era without sessions cannot be: what it sees is compared with
// what the same SDK sees in a session.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inTheSameWords, ofTheUpstream } from '../every-client/alike.ts';
import type { ClientKind } from '../every-client/client-words.ts';
import { GATEWAY, startDoors } from '../every-client/doors.ts';
import type { Doors, Way } from '../every-client/doors.ts';
import { AS_UPSTREAM, playScript } from '../every-client/play-script.ts';
import type { Manners } from '../every-client/play-script.ts';
import { sightOf } from '../every-client/sight.ts';
import type { Sight } from '../every-client/sight.ts';
import { programOf, startClient } from '../every-client/start-client.ts';
import { UNLIKE } from '../every-client/unlike.ts';
import type { Front } from '../every-client/unlike.ts';

interface Client {
  readonly kind: ClientKind;
  /** Whose sight is compared with, of those that can connect directly. */
  readonly directly: ClientKind;
  /** It speaks the era without sessions when there is one. */
  readonly isModern: boolean;
}
const inSession = (kind: ClientKind): Client => ({ kind, directly: kind, isModern: false });
const modern = (kind: ClientKind, directly: ClientKind): Client => ({ kind, directly, isModern: true });

const CLIENTS: readonly Client[] = [
  inSession('v1'),
  inSession('v2 legacy'),
  modern('v2 auto', 'v2 auto'),
  modern('v2 modern', 'v2 legacy'),
  inSession('python 1'),
  inSession('python 2 legacy'),
  modern('python 2 auto', 'python 2 auto'),
  inSession('fastmcp legacy'),
  modern('fastmcp', 'fastmcp'),
  inSession('2024 over SSE'),
];

const COMBINED: Manners = { naming: (name) => `${GATEWAY}-${name}`, hasOwnLists: true };
/** Far beyond the length of any; a message that is lost makes the script wait for ever. */
const DEADLINE_MS = 60_000;

let doors: Doors;
const directSights = new Map<ClientKind, Promise<Sight>>();

beforeAll(async () => {
  doors = await startDoors();
});
afterAll(async () => {
  await doors?.stop();
});

async function look(kind: ClientKind, way: Way): Promise<Sight> {
  const client = await startClient({ kind, endpoint: await doors.open(kind, way) });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${kind} ${way} waited in vain for ${client.lastCall()}`)), DEADLINE_MS);
  });
  try {
    return sightOf(await Promise.race([playScript(client, way === 'through a combined server' ? COMBINED : AS_UPSTREAM), late]));
  } catch (cause) {
    throw new Error(`${kind} ${way}: ${String(cause)}\n${doors.printed()}`, { cause });
  } finally {
    clearTimeout(timer);
    await client.stop();
  }
}

function lookDirectly(kind: ClientKind): Promise<Sight> {
  const sight = directSights.get(kind) ?? look(kind, 'directly');
  directSights.set(kind, sight);
  return sight;
}

describe.each(CLIENTS)('the client $kind', ({ kind, directly, isModern }) => {
  const sights: Partial<Record<Way, PromiseSettledResult<Sight>>> = {};
  const sight = (way: Way): Sight => {
    const settled = sights[way];
    if (settled?.status !== 'fulfilled') throw settled?.reason;
    return settled.value;
  };

  beforeAll(async () => {
    await programOf(kind);
    // Together, because a session is mostly waiting for the server's timers.
    [sights['directly'], sights['through a mirror'], sights['through a combined server']] = await Promise.allSettled([
      lookDirectly(directly),
      look(kind, 'through a mirror'),
      look(kind, 'through a combined server'),
    ]);
  });

  test('uses all that server-everything offers it', () => {
    const { steps, told } = sight('directly');
    const asked = new Set(Object.values(steps).flatMap((step) => step.asked.map(({ method }) => method)));
    expect(asked).toEqual(new Set(['sampling/createMessage', ...(kind === '2024 over SSE' ? [] : ['elicitation/create'])]));
    expect(steps['list tools (1)']?.value).toHaveLength(kind === '2024 over SSE' ? 15 : 17);
    expect(steps['trigger-long-running-operation {"duration":0.2,"steps":4} (1)']?.progress).toHaveLength(4);
    expect(told['notifications/message']?.length).toBeGreaterThan(4);
    expect(told['notifications/resources/updated']).toHaveLength(2);
  });

  test.each(['through a mirror', 'through a combined server'] as const)('sees %s what it sees directly', (way) => {
    const front: Front = {
      isCombined: way === 'through a combined server',
      isAcrossEras: isModern,
      is2024: kind === '2024 over SSE',
      cannotListen: kind === 'fastmcp',
    };
    expect(sight(way).about.isModern).toBe(isModern);
    const [seen, expected] = [front.isCombined ? ofTheUpstream(sight(way), GATEWAY) : sight(way), sight('directly')].map((one) =>
      inTheSameWords(one, front),
    ) as [Sight, Sight];
    const unlike = UNLIKE.filter(({ step, where }) => where(front) && step in expected.steps);
    for (const { step, why, instead } of unlike) expect(seen.steps[step], `${step}: ${why}`).toMatchObject(instead(expected));
    for (const { step } of unlike) {
      delete seen.steps[step];
      delete expected.steps[step];
    }
    expect(seen).toEqual(expected);
  });
});
