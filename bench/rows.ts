// The kinds of call that are measured, and by whom they are carried. Variants of a row are run one after the other in each round,
// so that a ratio is always between neighbours.
import type { Tool } from './call-request.ts';
import type { VariantName } from './variants.ts';

export interface Row {
  /** As given to --rows. */
  readonly name: string;
  readonly title: string;
  readonly tool: Tool;
  readonly connections: number;
  readonly variants: readonly VariantName[];
}

export const ROWS: readonly Row[] = [
  { name: 'small-1', title: 'small call, 1 connection', tool: 'bench_small', connections: 1, variants: ['direct', 'bare', 'gateway', 'session'] },
  { name: 'small-32', title: 'small call, 32 connections', tool: 'bench_small', connections: 32, variants: ['direct', 'bare', 'gateway', 'session'] },
  { name: 'stream-32', title: 'SSE answer of 3 events, 32 connections', tool: 'bench_stream', connections: 32, variants: ['bare', 'gateway'] },
  { name: 'large-8', title: '100 KB answer, 8 connections', tool: 'bench_large', connections: 8, variants: ['bare', 'gateway'] },
];
