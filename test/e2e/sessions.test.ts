import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFixture } from '../fixture/server.ts';
import { startGateway } from '../kit/gateway.ts';
import type { StartedGateway } from '../kit/gateway.ts';
import { startEverythingServer } from '../sessions/everything-server.ts';
import { normalise } from '../sessions/normalise.ts';
import type { NormalExchange, NormalRecording } from '../sessions/normalise.ts';
import { ensurePython } from '../sessions/python/setup.ts';
import { recordSession } from '../sessions/record-session.ts';
import { exchangesOf } from '../sessions/recording.ts';
import type { Recording } from '../sessions/recording.ts';
import { playModernSession, playPythonSession, playV1Session, playV2Session } from '../sessions/scripted-sessions.ts';
import type { PlaySession } from '../sessions/scripted-sessions.ts';
import { startTap } from '../sessions/tap.ts';
import type { Tap } from '../sessions/tap.ts';

/** Plays one session with an upstream that is there for it alone, since upstreams keep state that sessions share. */
type RecordUpstream = (reach: Reach) => Promise<Recording>;

/** How a client comes to an upstream's URL: the endpoint to use and the credentials it takes. */
type Reach = (upstreamUrl: string) => Promise<{ url: string; headers: Record<string, string> }>;

const directly: Reach = async (url) => ({ url, headers: {} });

const withEverything =
  (play: PlaySession): RecordUpstream =>
  async (reach) => {
    const server = await startEverythingServer();
    try {
      const { url, headers } = await reach(server.url);
      return await recordSession(play, url, headers);
    } finally {
      await server.stop();
    }
  };

const withFixture: RecordUpstream = async (reach) => {
  const fixture = await startFixture();
  try {
    const { url, headers } = await reach(fixture.url);
    return await recordSession(playModernSession(fixture.origin), url, headers);
  } finally {
    await fixture.close();
  }
};

interface Mirrored {
  /** What the client saw of the gateway. */
  readonly client: Recording;
  /** What the upstream saw of the gateway, as far as it was on this client's behalf. */
  readonly upstream: Recording;
}

async function recordMirrored(record: RecordUpstream, gateway: StartedGateway, clientName: string): Promise<Mirrored> {
  let tap: Tap | undefined;
  try {
    const client = await record(async (upstreamUrl) => {
      tap = await startTap(upstreamUrl);
      const { mcpUrl } = await gateway.registerMirror(tap.url);
      return { url: mcpUrl, headers: { authorization: `Bearer ${gateway.token}` } };
    });
    return { client, upstream: exchangesOf(clientName, tap?.recording ?? { exchanges: [] }) };
  } finally {
    await tap?.close();
  }
}

/** Equal as values, which a failure shows field by field, and in spelling: the order of keys, and how numbers are written. */
function expectSame(actual: NormalRecording, expected: NormalRecording): void {
  expect(actual).toEqual(expected);
  expect(JSON.stringify(actual)).toBe(JSON.stringify(expected));
}

function methodsSeen(recording: NormalRecording): Set<string> {
  const exchanges: NormalExchange[] = Object.values(recording).flat();
  const messages = exchanges.flatMap((exchange) => [exchange.request.body, exchange.body, ...exchange.events.map((event) => event.data)]);
  return new Set(
    messages.flatMap((message) => (typeof message === 'object' && message !== null && 'method' in message ? [String(message.method)] : [])),
  );
}

const METHODS_OF_A_SESSION = [
  'initialize',
  'notifications/initialized',
  'ping',
  'logging/setLevel',
  'completion/complete',
  'no/such-method',
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'notifications/resources/updated',
  'notifications/resources/list_changed',
  'sampling/createMessage',
  'elicitation/create',
  'roots/list',
  'notifications/roots/list_changed',
  'notifications/progress',
  'notifications/cancelled',
  'notifications/message',
  'tasks/get',
  'tasks/result',
  'tasks/list',
  'tasks/cancel',
  'notifications/tasks/status',
];

const METHODS_OF_THE_STATELESS_ERA = [
  'server/discover',
  'completion/complete',
  'vendor/echo',
  'no/such-method',
  'subscriptions/listen',
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'notifications/subscriptions/acknowledged',
  'notifications/resources/updated',
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/progress',
  'notifications/message',
];

const sessions: { name: string; client: string; record: RecordUpstream; methods: string[] }[] = [
  {
    name: 'the TypeScript SDK v1 with server-everything',
    client: 'scripted-v1',
    record: withEverything(playV1Session),
    methods: METHODS_OF_A_SESSION,
  },
  {
    name: 'the TypeScript SDK v2 (legacy) with server-everything',
    client: 'scripted-v2',
    record: withEverything(playV2Session),
    methods: METHODS_OF_A_SESSION,
  },
  {
    name: 'the Python SDK with server-everything',
    client: 'scripted-python',
    record: withEverything(playPythonSession),
    methods: METHODS_OF_A_SESSION,
  },
  {
    name: 'the TypeScript SDK v2 (2026-07-28) with the fixture',
    client: 'scripted-modern',
    record: withFixture,
    methods: METHODS_OF_THE_STATELESS_ERA,
  },
];

let gateway: StartedGateway;

beforeAll(async () => {
  [gateway] = await Promise.all([startGateway(), ensurePython()]);
});

afterAll(async () => {
  await gateway.stop();
});

describe.each(sessions)('a session of $name', ({ client, record, methods }) => {
  let direct: NormalRecording;
  let again: NormalRecording;
  let mirrored: PromiseSettledResult<Mirrored>;

  function mirror(): Mirrored {
    if (mirrored.status === 'rejected') throw mirrored.reason;
    return mirrored.value;
  }

  beforeAll(async () => {
    // Together, because a session is mostly waiting for server-everything's timers.
    const [settled, ...recordings] = await Promise.all([
      Promise.allSettled([recordMirrored(record, gateway, client)]),
      record(directly),
      record(directly),
    ]);
    [mirrored] = settled;
    [direct, again] = recordings.map(normalise) as [NormalRecording, NormalRecording];
  });

  test('uses all that protocol and server offer', () => {
    expect([...methodsSeen(direct)]).toEqual(expect.arrayContaining(methods));
  });

  test('is the same twice, message by message, when both are direct', () => {
    expectSame(again, direct);
  });

  test('is for the client the same through a mirror as directly', () => {
    expectSame(normalise(mirror().client), direct);
  });

  test('is for the upstream the same through a mirror as directly', () => {
    expectSame(normalise(mirror().upstream), direct);
  });
});
