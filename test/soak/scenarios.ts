// What is done thousands of times over: sessions that come and go, of each kind a gateway holds, and calls whose client never comes back.
import type { AskingServer, Era } from '../crossing/asking-http.ts';
import { ASKING_TOOL } from '../crossing/asking-server.ts';
import type { Plan } from '../crossing/question.ts';
import { combinedOf } from '../e2e/checklist/combined-doors.ts';
import { mirrorOf, modern, openSession, post, toolCall, type Door } from '../e2e/checklist/doors.ts';
import { open } from '../e2e/checklist/wire.ts';
import type { StartedGateway } from '../kit/gateway.ts';

export interface Scenario {
  /** What one of it is, in the plural. */
  readonly title: string;
  readonly era: Era;
  /** Settings of the gateway beyond the usual. */
  readonly env: Readonly<Record<string, string>>;
  door(gateway: StartedGateway, upstream: AskingServer): Promise<{ readonly door: Door; readonly tool: string }>;
  /** Does it once. Throws when the gateway does not answer as it should. */
  once(door: Door, tool: string): Promise<void>;
}

const ABLE = { sampling: {}, elicitation: {}, roots: {} };
const UNASKED: Plan = { nonce: 'soak', leaves: false, rounds: [] };
const ASKED: Plan = { nonce: 'soak', leaves: false, rounds: [[{ kind: 'elicitation', afterMs: 0 }]] };

/** A session with a call in it, ended by its client. */
async function session(door: Door, tool: string): Promise<void> {
  const opened = await openSession(door, '2025-11-25', ABLE);
  const called = await post(opened, toolCall(1, tool, UNASKED));
  if (!(await called.answerText()).includes('"result"')) throw new Error(`A call got ${called.status}`);
  const ended = await open(opened.url, { method: 'DELETE', headers: opened.headers });
  await ended.bytes();
  if (ended.status !== 200) throw new Error(`The end of a session got ${ended.status}`);
}

/** A call that asks, and whose client does not come back. */
async function abandonedCall(door: Door, tool: string): Promise<void> {
  const answer = await (await modern(door, 'tools/call', { name: tool, arguments: ASKED }, { capabilities: ABLE })).answerText();
  if (!answer.includes('"input_required"')) throw new Error(`A call that asks got ${answer}`);
}

const mirrored: Scenario['door'] = async (gateway, { url }) => ({ door: await mirrorOf(gateway, url), tool: ASKING_TOOL });
const combined: Scenario['door'] = async (gateway, { url }) => ({
  door: await combinedOf(gateway, [{ name: 'soak', url }]),
  tool: `soak-${ASKING_TOOL}`,
});
/** A call waits a second for its client, and as many may wait as come in that time. */
const HASTY = { MCPGATEWAY_ELICITATION_TIMEOUT: '1', MCPGATEWAY_ELICITATION_MAX_CONCURRENT: '14000' };

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  sessions: { title: 'sessions of a mirror, opened and closed', era: 'legacy', env: {}, door: mirrored, once: session },
  'sessions-combined': { title: 'sessions of a combined server, opened and closed', era: 'legacy', env: {}, door: combined, once: session },
  'sessions-bridged': { title: 'sessions at a modern upstream, opened and closed', era: 'modern', env: {}, door: mirrored, once: session },
  parked: { title: 'calls parked and expired', era: 'legacy', env: HASTY, door: mirrored, once: abandonedCall },
  'parked-combined': { title: 'calls of a combined server parked and expired', era: 'legacy', env: HASTY, door: combined, once: abandonedCall },
};
