import { beforeAll, describe, expect, test } from 'vitest';
import { startEverythingServer } from '../sessions/everything-server.ts';
import { normalise } from '../sessions/normalise.ts';
import type { NormalExchange, NormalRecording } from '../sessions/normalise.ts';
import { ensurePython } from '../sessions/python/setup.ts';
import { recordSession } from '../sessions/record-session.ts';
import type { Recording } from '../sessions/recording.ts';
import { playPythonSession, playV1Session, playV2Session } from '../sessions/scripted-sessions.ts';
import type { PlaySession } from '../sessions/scripted-sessions.ts';

/** A server of its own for each session: server-everything shares some of its state between sessions. */
async function recordDirect(play: PlaySession): Promise<Recording> {
  const server = await startEverythingServer();
  try {
    return await recordSession(play, server.url);
  } finally {
    await server.stop();
  }
}

function methodsSeen(recording: NormalRecording): Set<string> {
  const exchanges: NormalExchange[] = Object.values(recording).flat();
  const messages = exchanges.flatMap((exchange) => [exchange.request.body, exchange.body, ...exchange.events.map((event) => event.data)]);
  return new Set(messages.flatMap((message) => (typeof message === 'object' && message !== null && 'method' in message ? [String(message.method)] : [])));
}

const METHODS_OF_A_SESSION = [
  ...['initialize', 'notifications/initialized', 'ping', 'logging/setLevel', 'completion/complete', 'no/such-method'],
  ...['tools/list', 'tools/call', 'prompts/list', 'prompts/get', 'resources/list', 'resources/templates/list', 'resources/read'],
  ...['resources/subscribe', 'resources/unsubscribe', 'notifications/resources/updated', 'notifications/resources/list_changed'],
  ...['sampling/createMessage', 'elicitation/create', 'roots/list', 'notifications/roots/list_changed'],
  ...['notifications/progress', 'notifications/cancelled', 'notifications/message'],
  ...['tasks/get', 'tasks/result', 'tasks/list', 'tasks/cancel', 'notifications/tasks/status'],
];

beforeAll(async () => {
  await ensurePython();
});

describe.each<[string, PlaySession]>([
  ['TypeScript SDK v1', playV1Session],
  ['TypeScript SDK v2, negotiating by itself', playV2Session],
  ['Python SDK', playPythonSession],
])('a session of the %s with server-everything', (_name, play) => {
  let direct: NormalRecording;
  let again: NormalRecording;

  beforeAll(async () => {
    const recordings = await Promise.all([recordDirect(play), recordDirect(play)]);
    [direct, again] = recordings.map(normalise) as [NormalRecording, NormalRecording];
  });

  test('uses all that protocol and server offer', () => {
    expect([...methodsSeen(direct)]).toEqual(expect.arrayContaining(METHODS_OF_A_SESSION));
    expect(direct.terminations).toHaveLength(1);
  });

  test('is the same twice, message by message, when both are direct', () => {
    expect(again).toEqual(direct);
    expect(JSON.stringify(again)).toBe(JSON.stringify(direct));
  });
});
