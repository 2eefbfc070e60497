// The load of the bench, a process of its own: N connections in a closed loop, first unmeasured, then measured. CPU time of the
// others is read here, at the very moments the measuring starts and ends. Takes a LoadSpec, prints a LoadResult.
import { LatencyHistogram } from './latency-histogram.ts';
import { LoadConnection, type CallOutcome } from './load-connection.ts';
import { LoadSseConnection } from './load-sse-connection.ts';
import type { LoadResult, LoadSpec } from './load-spec.ts';
import { cpuTimeMs } from './process-cost.ts';

const IDS_PER_CONNECTION = 2_000_000;
/** The first id of all; keeps them at nine digits for up to 400 connections. */
const FIRST_ID = 100_000_000;
/** So many failures in a row of a whole run mean that there is nothing to measure. */
const ERRORS_MAX = 1_000;

const spec = JSON.parse(process.argv[2] ?? '') as LoadSpec;
const callsMax = spec.callsMax ?? Infinity;
const latencies = new LatencyHistogram();
const connections: (LoadConnection | LoadSseConnection)[] = [];
let isMeasuring = false;
let calls = 0;
let errors = 0;
let mismatches = 0;
let startedAtMs = 0;
let cpuBefore: number[] = [];
let isOver = false;

function onCall(outcome: CallOutcome, latencyMs: number): boolean {
  if (outcome === 'error' && ++errors > ERRORS_MAX) finish();
  if (isOver) return false;
  if (outcome === 'mismatch') mismatches++;
  if (outcome === 'answered' && isMeasuring) {
    latencies.add(latencyMs);
    if (++calls >= callsMax) finish();
  }
  return !isOver;
}

function cpuNow(): number[] {
  return [process.pid, ...spec.watchedPids].map(cpuTimeMs);
}

function measure(): void {
  cpuBefore = cpuNow();
  startedAtMs = performance.now();
  isMeasuring = true;
  timer = setTimeout(finish, spec.measureMs);
}

function finish(): void {
  if (isOver) return;
  isOver = true;
  clearTimeout(timer);
  const elapsedMs = performance.now() - startedAtMs;
  const [loadCpuMs = 0, ...watchedCpuMs] = cpuNow().map((after, index) => after - (cpuBefore[index] ?? after));
  const result: LoadResult = {
    calls,
    errors,
    mismatches,
    elapsedMs,
    p50Us: latencies.quantileUs(0.5),
    p99Us: latencies.quantileUs(0.99),
    loadCpuMs,
    watchedCpuMs,
  };
  console.log(JSON.stringify(result));
  for (const connection of connections) connection.close();
}

let timer: NodeJS.Timeout | undefined = spec.warmMs === 0 ? undefined : setTimeout(measure, spec.warmMs);
if (spec.warmMs === 0) measure();
for (let index = 0; index < spec.connections; index++) {
  const options = { port: spec.port, request: spec.request, firstId: FIRST_ID + index * IDS_PER_CONNECTION, onCall };
  const connection = spec.open === undefined ? new LoadConnection(options) : new LoadSseConnection({ ...options, open: spec.open });
  connections.push(connection);
  connection.open();
}
