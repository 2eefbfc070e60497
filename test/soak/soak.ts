// Does a scenario in rounds and looks at what the gateway holds after each: heap after a collection, descriptors, handles, timers, and
// the sessions left at its upstream. What a round leaves behind shows as growth from round to round.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../e2e/checklist/wire.ts';
import { startGateway, type StartedGateway } from '../kit/gateway.ts';
import { heldResources, resourceReportFlags, type HeldResources } from '../kit/held-resources.ts';
import { startAskingServer, type AskingServer } from '../crossing/asking-http.ts';
import type { Scenario } from './scenarios.ts';

export interface SoakOptions {
  readonly rounds: number;
  /** How often the scenario is done in a round. */
  readonly each: number;
  readonly warm: number;
  /** Told after the warm-up (round 0) and after each round. */
  readonly onRound?: (round: number, held: Held) => void;
}

export interface Held {
  readonly heapBytes: number;
  readonly descriptors: number;
  readonly children: number;
  /** What keeps the event loop alive. */
  readonly handles: number;
  readonly timers: number;
  readonly upstreamSessions: number;
  /** Calls that wait for their client, and how many were given up because it did not come, since the start. */
  readonly waiting: number;
  readonly expired: number;
}

const AT_ONCE = 16;
const SETTLE_MS = 90_000;
const LOOK_MS = 250;
/** So many looks in a row see the same. */
const CALM_LOOKS = 8;

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((all, count) => all + count, 0);

/** Waits until nothing comes or goes any more, then looks. */
async function settled(gateway: StartedGateway, upstream: AskingServer, reportPath: string): Promise<Held> {
  const look = async (): Promise<Held> => {
    const held: HeldResources = await heldResources(gateway.process.pid ?? 0, reportPath);
    const { waiting, expired } = ((await gateway.api('GET', '/version')).body as { mcp: { waiting_calls: { waiting: number; expired: number } } }).mcp
      .waiting_calls;
    const { heapBytes, children, timers, active, descriptors } = held;
    return {
      heapBytes,
      children,
      timers,
      handles: sum(active),
      descriptors: sum(descriptors),
      upstreamSessions: upstream.sessions.size,
      waiting,
      expired,
    };
  };
  let last = '';
  let calm = 0;
  let leastHeapBytes = Number.POSITIVE_INFINITY;
  return eventually(async () => {
    const held = await look();
    const { heapBytes, timers: _, ...counts } = held;
    const now = JSON.stringify(counts);
    if (now !== last) leastHeapBytes = Number.POSITIVE_INFINITY;
    leastHeapBytes = Math.min(leastHeapBytes, heapBytes);
    calm = now === last && held.waiting === 0 ? calm + 1 : 0;
    last = now;
    if (calm >= CALM_LOOKS) return { ...held, heapBytes: leastHeapBytes };
    await sleep(LOOK_MS);
    return undefined;
  }, SETTLE_MS);
}

/** @returns what was held after the warm-up and after each round. Rejects when the gateway does not answer as it should. */
export async function soak(scenario: Scenario, { rounds, each, warm, onRound }: SoakOptions): Promise<Held[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mcpgateway-soak-'));
  const reportPath = join(folder, 'report');
  const upstream = await startAskingServer(scenario.era);
  const gateway = await startGateway({ nodeFlags: resourceReportFlags(reportPath), env: { HEALTH_CHECK_INTERVAL: '3600', ...scenario.env } });
  try {
    const { door, tool } = await scenario.door(gateway, upstream);
    const repeat = async (times: number): Promise<Held> => {
      let left = times;
      const line = async (): Promise<void> => {
        while (left-- > 0) await scenario.once(door, tool);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, line));
      return settled(gateway, upstream, reportPath);
    };
    const held: Held[] = [];
    for (let round = 0; round <= rounds; round++) {
      const now = await repeat(round === 0 ? warm : each);
      held.push(now);
      onRound?.(round, now);
    }
    return held;
  } finally {
    await gateway.stop();
    await upstream.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
