// Counts of latencies in fixed buckets, so that measuring allocates nothing: 1 us wide up to 20 ms, 1 ms wide up to 10 s.
const FINE_MAX_US = 20_000;
const COARSE_US = 1_000;
const COARSE_COUNT = 9_980;

export class LatencyHistogram {
  readonly #counts = new Uint32Array(FINE_MAX_US + COARSE_COUNT + 1);
  #total = 0;

  add(latencyMs: number): void {
    const us = Math.round(latencyMs * 1000);
    const bucket = us < FINE_MAX_US ? us : FINE_MAX_US + Math.min(COARSE_COUNT, Math.floor((us - FINE_MAX_US) / COARSE_US));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total++;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /** The latency in microseconds below or at which this share (0-1) of all lie; 0 when there are none. */
  quantileUs(share: number): number {
    let left = Math.ceil(this.#total * share);
    if (left === 0) return 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      left -= this.#counts[bucket] ?? 0;
      if (left <= 0) return bucket < FINE_MAX_US ? bucket : FINE_MAX_US + (bucket - FINE_MAX_US) * COARSE_US;
    }
    return Infinity;
  }
}
