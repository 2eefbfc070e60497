// Is what is held after the last round what was held before the first? Counts have to be the same; heap may differ by noise.
import type { Held } from './soak.ts';

export interface Verdict {
  readonly isBack: boolean;
  /** The figures in a few lines. */
  readonly text: string;
}

/** Caches, compiled code and statistics go up and down by this much by themselves. */
const HEAP_NOISE_BYTES = 1024 * 1024;
/** A connection kept open for the next call, a timer that is just between two ticks. */
const COUNT_NOISE = 8;

function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/**
 * @param held after the warm-up and after each round
 * @param each how often the scenario was done in a round
 */
export function verdictOn(held: readonly Held[], each: number): Verdict {
  const [start] = held;
  const last = held.at(-1);
  if (start === undefined || last === undefined || start === last) throw new Error('Nothing can be said of less than one round');
  const heaps = held.map(({ heapBytes }) => heapBytes);
  const spreadBytes = Math.max(...heaps) - Math.min(...heaps);
  const grownBytes = last.heapBytes - start.heapBytes;
  const grown = (key: 'descriptors' | 'handles' | 'timers' | 'children' | 'upstreamSessions'): number => last[key] - start[key];
  const counts = (['descriptors', 'handles', 'timers', 'children', 'upstreamSessions'] as const).filter((key) => grown(key) > COUNT_NOISE);
  const isBack = grownBytes <= HEAP_NOISE_BYTES && counts.length === 0 && last.waiting === 0;
  const megabytes = (bytes: number): string => `${(bytes / 1048576).toFixed(2)} MB`;
  const perOne = Math.round(grownBytes / (each * (held.length - 1)));
  const text = [
    `heap: median ${megabytes(median(heaps))}, spread ${megabytes(spreadBytes)}, last less first ${megabytes(grownBytes)} (${perOne} bytes each)`,
    isBack ? 'back at its start' : `NOT back at its start: ${[...counts, ...(grownBytes > HEAP_NOISE_BYTES ? ['heap'] : [])].join(', ')}`,
  ].join('\n');
  return { isBack, text };
}
