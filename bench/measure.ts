// One variant of one row, once: warmed up, measured, and judged whether the figure means anything.
import { pinnedTo, runLoad, type Child } from './child.ts';
import { residentBytes } from './process-cost.ts';
import type { Row } from './rows.ts';
import { LOAD_CORE, type Variant } from './variants.ts';

export interface Measurement {
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** CPU time of the proxy, all threads, per call; of the upstream when there is no proxy. */
  readonly cpuUsPerCall: number;
  readonly residentBytes: number;
  /** Shares (0-1) of a core that were used while measuring. */
  readonly proxyShare: number;
  readonly loadShare: number;
  readonly errors: number;
  readonly mismatches: number;
  /** The load, not the proxy, was the limit: the figure says nothing about the proxy (decisions.md 26). */
  readonly isVoid: boolean;
}

const SATURATED = 0.95;

export async function measure(variant: Variant, row: Row, upstream: Child, warmMs: number, measureMs: number): Promise<Measurement> {
  const watchedPids = variant.pid === undefined ? [upstream.pid] : [upstream.pid, variant.pid];
  const spec = { port: variant.port, request: variant.request(row.tool), connections: row.connections, warmMs, measureMs, watchedPids };
  const result = await runLoad(spec, pinnedTo(LOAD_CORE));
  const [upstreamCpuMs = 0, proxyCpuMs = 0] = result.watchedCpuMs;
  const loadShare = (result.loadCpuMs + upstreamCpuMs) / result.elapsedMs;
  const proxyShare = proxyCpuMs / result.elapsedMs;
  const isProxied = variant.pid !== undefined;
  return {
    calls: result.calls,
    callsPerSecond: (result.calls * 1000) / result.elapsedMs,
    p50Us: result.p50Us,
    p99Us: result.p99Us,
    cpuUsPerCall: ((isProxied ? proxyCpuMs : upstreamCpuMs) * 1000) / result.calls,
    residentBytes: residentBytes(variant.pid ?? upstream.pid),
    proxyShare,
    loadShare,
    errors: result.errors,
    mismatches: result.mismatches,
    isVoid: result.calls === 0 || (isProxied && loadShare > SATURATED && proxyShare < SATURATED),
  };
}
