// What one small call costs, counted: bytes allocated on the heap, and reads and writes of the process. Counts do not depend on how
// busy the machine is, so a change that makes calls dearer is seen at once and on any machine; times are for `npm run bench`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callRequest, type CallTarget, type Tool } from '../../bench/call-request.ts';
import { runLoad, type Child } from '../../bench/child.ts';
import { FEW, MANY, startBareProxy, startBenchGateway, startCombiningGateway, startUpstream, type BenchGateway } from '../../bench/variants.ts';
import { allocatedBytes, heapCounterFlags } from '../kit/allocated-bytes.ts';
import { countReadsAndWrites, hasStrace } from '../kit/system-calls.ts';
import budget from './cost-budget.json' with { type: 'json' };

const CONNECTIONS = 32;
/** Until the compiler has settled; before that, calls allocate more. */
const WARM_CALLS = 30_000;
const COUNTED_CALLS = 10_000;
const BATCHES = 3;
/** Under strace every call is ten times slower. */
const TRACED_CALLS = 5_000;
const TOLERANCE = 1.1;

const folder = mkdtempSync(join(tmpdir(), 'mcpgateway-cost-'));
const [bareCounter, gatewayCounter] = [join(folder, 'bare'), join(folder, 'gateway')];
let upstream: Child;
let bare: Child;
let gateway: BenchGateway;

beforeAll(async () => {
  upstream = await startUpstream();
  bare = await startBareProxy(upstream, heapCounterFlags(bareCounter), []);
  gateway = await startBenchGateway(upstream, heapCounterFlags(gatewayCounter), []);
});

afterAll(async () => {
  await gateway?.stop();
  await bare?.stop();
  await upstream?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** That many calls, every one of which must be answered and by its own answer. */
async function call(target: CallTarget, callsMax: number, tool: Tool = 'bench_small'): Promise<void> {
  const request = callRequest(tool, target);
  const result = await runLoad({ port: target.port, request, connections: CONNECTIONS, warmMs: 0, measureMs: 60_000, callsMax, watchedPids: [] });
  expect(result).toMatchObject({ calls: callsMax, errors: 0, mismatches: 0 });
}

/** The least of a few batches: now and then the compiler throws code away and a batch pays for that. */
async function heapBytesPerCall(target: CallTarget, pid: number, counterPath: string, tool: Tool = 'bench_small'): Promise<number> {
  await call(target, WARM_CALLS, tool);
  let least = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < BATCHES; batch++) {
    const before = await allocatedBytes(pid, counterPath);
    await call(target, COUNTED_CALLS, tool);
    least = Math.min(least, Math.round(((await allocatedBytes(pid, counterPath)) - before) / COUNTED_CALLS));
  }
  return least;
}

describe('a small call at 32 connections, everything on', () => {
  test('allocates no more on the heap than its budget', async () => {
    const bareBytes = await heapBytesPerCall({ port: bare.port, path: '/mcp', token: 'unread' }, bare.pid, bareCounter);
    const bytes = await heapBytesPerCall(gateway.modern, gateway.pid, gatewayCounter);
    const figures = `${bytes} heap bytes a call (budget ${budget.heapBytesPerCall}), bare proxy ${bareBytes} (${budget.bareHeapBytesPerCall} when the budget was made)`;
    process.stdout.write(`${figures}\n`);
    expect(bytes, figures).toBeLessThanOrEqual(budget.heapBytesPerCall * TOLERANCE);
    // A counter that counts nothing would never object.
    expect(bareBytes, figures).toBeGreaterThan(budget.bareHeapBytesPerCall / 2);
  });

  test('reads and writes about twice each', async () => {
    if (!hasStrace()) {
      const message = 'strace is not installed: reads and writes per call were not counted';
      if (process.env['CI'] === 'true') throw new Error(message);
      process.stdout.write(`${message}\n`);
      return;
    }
    await call(gateway.modern, 1_000);
    const count = await countReadsAndWrites(gateway.pid, join(folder, 'strace'), () => call(gateway.modern, TRACED_CALLS));
    const perCall = count / TRACED_CALLS;
    process.stdout.write(`${perCall.toFixed(3)} reads and writes a call (budget ${budget.readsAndWritesPerCall})\n`);
    expect(perCall).toBeLessThanOrEqual(budget.readsAndWritesPerCall);
    expect(perCall).toBeGreaterThanOrEqual(4);
  });
});

describe('a combined server at 32 connections, everything on', () => {
  const counters = { few: join(folder, 'few'), many: join(folder, 'many') };
  let few: Omit<BenchGateway, 'mirrors'>;
  let many: Omit<BenchGateway, 'mirrors'>;

  beforeAll(async () => {
    few = await startCombiningGateway(upstream, FEW, heapCounterFlags(counters.few), []);
    many = await startCombiningGateway(upstream, MANY, heapCounterFlags(counters.many), []);
  });

  afterAll(async () => {
    await few?.stop();
    await many?.stop();
  });

  test.each([
    ['a call', 'bench_small', 'modern', budget.combined.call],
    ['a call in a session', 'bench_small', 'legacy', budget.combined.sessionCall],
    ['a page of the list', 'list', 'modern', budget.combined.listPage],
  ] as const)('%s allocates no more with 10,000 tools of 50 upstreams than with ten of one', async (what, tool, era, budgetBytes) => {
    const fewBytes = await heapBytesPerCall(few[era], few.pid, counters.few, tool);
    const manyBytes = await heapBytesPerCall(many[era], many.pid, counters.many, tool);
    const figures = `${what}: ${manyBytes} heap bytes with 10,000 tools, ${fewBytes} with ten (budget ${budgetBytes})`;
    process.stdout.write(`${figures}\n`);
    expect(manyBytes, figures).toBeLessThanOrEqual(fewBytes * TOLERANCE);
    expect(manyBytes, figures).toBeLessThanOrEqual(budgetBytes * TOLERANCE);
  });
});
