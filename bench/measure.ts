// One row of one round: its variants take turns in short slices, forwards and backwards, so that whatever else the machine does
// falls on all of them alike. What the slices of a variant counted is added up and judged whether it means anything.
import { pinnedTo, runLoad } from './child.ts';
import { LOAD_CORE } from './cores.ts';
import type { LoadResult } from './load-spec.ts';
import { residentBytes } from './process-cost.ts';
import type { Row } from './rows.ts';
import { spreadOf } from './spread.ts';
import type { Variant, VariantName } from './variants.ts';

export interface Measurement {
  readonly calls: number;
  readonly callsPerSecond: number;
  /** Medians of the slices' own. */
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

const SLICE_MS = 500;
const SLICE_WARM_MS = 150;

type Slice = LoadResult & { readonly residentBytes: number; readonly proxyCpuMs: number; readonly upstreamCpuMs: number };

/** Every variant for `measureMs` in all. */
export async function measureRow(row: Row, variants: readonly Variant[], measureMs: number): Promise<Map<VariantName, Measurement>> {
  const slices = new Map<Variant, Slice[]>(variants.map((variant) => [variant, []]));
  const turns = Math.max(1, Math.round(measureMs / SLICE_MS));
  for (let turn = 0; turn < turns; turn++) {
    for (const variant of turn % 2 === 0 ? variants : variants.toReversed()) {
      slices.get(variant)?.push(await runSlice(variant, row, SLICE_WARM_MS, measureMs / turns));
    }
  }
  return new Map(variants.map((variant) => [variant.name, addUp(variant, slices.get(variant) ?? [])]));
}

export async function runSlice(variant: Variant, row: Row, warmMs: number, measureMs: number): Promise<Slice> {
  const upstreamPids = variant.upstreamPids();
  const watchedPids = variant.pid === undefined ? upstreamPids : [variant.pid, ...upstreamPids];
  const spec = { port: variant.port, ...variant.requests(row.tool), connections: row.connections, warmMs, measureMs, watchedPids };
  const result = await runLoad(spec, pinnedTo(LOAD_CORE));
  const [proxyCpuMs = 0, ...ofUpstream] = variant.pid === undefined ? [0, ...result.watchedCpuMs] : result.watchedCpuMs;
  const upstreamCpuMs = ofUpstream.reduce((sum, cpuMs) => sum + cpuMs, 0);
  return { ...result, proxyCpuMs, upstreamCpuMs, residentBytes: residentBytes(watchedPids[0] ?? 0) };
}

function addUp(variant: Variant, slices: readonly Slice[]): Measurement {
  const total = (figure: (slice: Slice) => number): number => slices.reduce((sum, slice) => sum + figure(slice), 0);
  const elapsedMs = total((slice) => slice.elapsedMs);
  const calls = total((slice) => slice.calls);
  const upstreamCpuMs = total((slice) => slice.upstreamCpuMs);
  const proxyCpuMs = total((slice) => slice.proxyCpuMs);
  const loadShare = (total((slice) => slice.loadCpuMs) + upstreamCpuMs) / elapsedMs;
  const proxyShare = proxyCpuMs / elapsedMs;
  const isProxied = variant.pid !== undefined;
  return {
    calls,
    callsPerSecond: (calls * 1000) / elapsedMs,
    p50Us: spreadOf(slices.map((slice) => slice.p50Us)).median,
    p99Us: spreadOf(slices.map((slice) => slice.p99Us)).median,
    cpuUsPerCall: ((isProxied ? proxyCpuMs : upstreamCpuMs) * 1000) / calls,
    residentBytes: slices.at(-1)?.residentBytes ?? 0,
    proxyShare,
    loadShare,
    errors: total((slice) => slice.errors),
    mismatches: total((slice) => slice.mismatches),
    isVoid: calls === 0 || (isProxied && loadShare > SATURATED && proxyShare < SATURATED),
  };
}
