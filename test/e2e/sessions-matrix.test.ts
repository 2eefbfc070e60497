// The recorded sessions once more, message by message, for every transport of the upstream through every door of the gateway. What a
// client sees through a door is compared with what the same client sees directly over the upstream's own transport, and what the
// upstream sees with what it sees of that client.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startGateway } from '../kit/gateway.ts';
import type { StartedGateway } from '../kit/gateway.ts';
import { withoutRefusedProbe } from '../sessions/conversation.ts';
import type { Conversation } from '../sessions/conversation.ts';
import type { Transport } from '../sessions/endpoint.ts';
import { withEverythingServer } from '../sessions/everything-server.ts';
import { doorTo, mirrorOfEndpoint, NODE_FIRST } from '../sessions/gateway-cell.ts';
import { normaliseConversation } from '../sessions/normal-conversation.ts';
import { ensurePython } from '../sessions/python/setup.ts';
import { recordConversation } from '../sessions/record-conversation.ts';
import { playPythonSession, playV1Session, playV2Session } from '../sessions/scripted-sessions.ts';
import type { PlaySession } from '../sessions/scripted-sessions.ts';
import { tapEndpoint } from '../sessions/tap-endpoint.ts';

interface Player {
  readonly name: string;
  readonly play: PlaySession;
  /** Doors this client uses in front of an upstream of each transport. */
  readonly doors: Readonly<Record<Transport, readonly Transport[]>>;
}

const TRANSPORTS = ['streamableHttp', 'sse', 'stdio'] as const;
/** Each transport to itself, and the local client's door to all. */
const DIAGONAL_AND_STDIO = { streamableHttp: ['streamableHttp', 'stdio'], sse: ['sse', 'stdio'], stdio: ['stdio'] } as const;

const players: readonly Player[] = [
  { name: 'scripted-v1', play: playV1Session, doors: { streamableHttp: TRANSPORTS, sse: TRANSPORTS, stdio: TRANSPORTS } },
  { name: 'scripted-v2', play: playV2Session, doors: DIAGONAL_AND_STDIO },
  { name: 'scripted-python', play: playPythonSession, doors: DIAGONAL_AND_STDIO },
];

// A test may wait for its recording's turn.
vi.setConfig({ testTimeout: 600_000 });

/** Sessions are mostly waiting for server-everything's timers, so that some at a time take hardly longer than one. */
const AT_ONCE = 8;
/** Ends what nobody waits for any more, as when only some of these tests are run. */
const over = new AbortController();
const recordings = new Set<Promise<unknown>>();
const waiting: (() => void)[] = [];
let running = 0;

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    over.signal.throwIfAborted();
    return await work();
  } finally {
    running--;
    waiting.shift()?.();
  }
}

const recordDirect = ({ name, play }: Player, transport: Transport): Promise<Conversation> =>
  inTurn(() => withEverythingServer(transport, (endpoint) => recordConversation(play, name, endpoint, over.signal)));

interface Mirrored {
  readonly client: Conversation;
  readonly upstream: Conversation;
}

const recordMirrored = ({ name, play }: Player, transport: Transport, door: Transport): Promise<Mirrored> =>
  inTurn(() =>
    withEverythingServer(transport, async (endpoint) => {
      const tapped = await tapEndpoint(endpoint);
      try {
        const mirror = await mirrorOfEndpoint(gateway, tapped.endpoint);
        const client = await recordConversation(play, name, doorTo(gateway, mirror, door), over.signal);
        return { client, upstream: tapped.conversationOf(name) };
      } finally {
        await tapped.close();
      }
    }),
  );

/** Equal as values, which a failure shows field by field, and in spelling: the order of keys, and how numbers are written. */
function expectSame(actual: Conversation, expected: Conversation): void {
  const [a, b] = [normaliseConversation(actual), normaliseConversation(expected)];
  expect(a).toEqual(b);
  expect(JSON.stringify(a)).toBe(JSON.stringify(b));
}

let gateway: StartedGateway;
/** Begins what the tests wait for. */
const ready = Promise.withResolvers<void>();

beforeAll(async () => {
  [gateway] = await Promise.all([startGateway({ env: { PATH: NODE_FIRST } }), ensurePython()]);
  ready.resolve();
});

afterAll(async () => {
  over.abort();
  await Promise.allSettled(recordings);
  await gateway?.stop();
});

/** Queues a recording at once, whichever test waits for it; what goes wrong with it is that test's to report. */
function queued<T>(record: () => Promise<T>): Promise<T> {
  const recording = ready.promise.then(record);
  recordings.add(recording);
  recording.catch(() => undefined);
  return recording;
}

describe.each(players)('a session of $name', (player) => {
  describe.each(TRANSPORTS)('with server-everything over %s', (transport) => {
    const direct = queued(() => recordDirect(player, transport));
    const again = queued(() => recordDirect(player, transport));

    test('is the same twice, message by message, when both are direct', async () => {
      expect((await direct).length).toBeGreaterThan(200);
      expectSame(await again, await direct);
    });

    describe.each(player.doors[transport])('through the %s door', (door) => {
      const mirrored = queued(() => recordMirrored(player, transport, door));
      // A client's question for the era reaches an upstream over streamable HTTP; on a line the gateway answers it.
      const comparable = transport === 'streamableHttp' ? (all: Conversation) => all : withoutRefusedProbe;

      test('is for the client what it is directly', async () => {
        expectSame(comparable((await mirrored).client), comparable(await direct));
      });

      test('is for the upstream what it is directly', async () => {
        expectSame(comparable((await mirrored).upstream), comparable(await direct));
      });
    });
  });
});
