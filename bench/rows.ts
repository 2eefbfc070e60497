// The kinds of call that are measured, and by whom they are carried. Variants of a row are run one after the other in each round,
// so that a ratio is always between neighbours.
import type { Tool } from './call-request.ts';
import type { VariantName } from './variants.ts';

/**
 * The way of the calls: streamable HTTP on both sides; to a stdio upstream; from clients of HTTP+SSE; to an upstream of HTTP+SSE.
 * The other side is streamable HTTP. `combined` is streamable HTTP on both sides, to the endpoint of all that the gateway has. `across`
 * is streamable HTTP on both sides, to upstreams that speak the other era only.
 */
export type Way = 'http' | 'stdio' | 'sse-door' | 'sse-upstream' | 'combined' | 'across';

export interface Row {
  /** As given to --rows. */
  readonly name: string;
  readonly title: string;
  readonly way: Way;
  readonly tool: Tool;
  readonly connections: number;
  readonly variants: readonly VariantName[];
}

export const ROWS: readonly Row[] = [
  {
    name: 'small-1',
    title: 'small call, 1 connection',
    way: 'http',
    tool: 'bench_small',
    connections: 1,
    variants: ['direct', 'bare', 'gateway', 'session'],
  },
  {
    name: 'small-32',
    title: 'small call, 32 connections',
    way: 'http',
    tool: 'bench_small',
    connections: 32,
    variants: ['direct', 'bare', 'gateway', 'session'],
  },
  {
    name: 'stream-32',
    title: 'SSE answer of 3 events, 32 connections',
    way: 'http',
    tool: 'bench_stream',
    connections: 32,
    variants: ['bare', 'gateway'],
  },
  { name: 'large-8', title: '100 KB answer, 8 connections', way: 'http', tool: 'bench_large', connections: 8, variants: ['bare', 'gateway'] },
  {
    name: 'stdio-32',
    title: 'to a stdio upstream, 32 connections',
    way: 'stdio',
    tool: 'bench_small',
    connections: 32,
    variants: ['bare', 'gateway', 'session'],
  },
  { name: 'sse-32', title: 'from 32 clients of HTTP+SSE', way: 'sse-door', tool: 'bench_small', connections: 32, variants: ['bare', 'session'] },
  {
    name: 'sse-upstream-32',
    title: 'to an HTTP+SSE upstream, 32 connections',
    way: 'sse-upstream',
    tool: 'bench_small',
    connections: 32,
    variants: ['bare', 'session'],
  },
  {
    name: 'across-32',
    title: 'to an upstream of the other era, 32 connections',
    way: 'across',
    tool: 'bench_small',
    connections: 32,
    variants: ['bare', 'gateway', 'session'],
  },
  {
    name: 'combined-32',
    title: 'one of 10 and of 10,000 combined tools, 32 connections',
    way: 'combined',
    tool: 'bench_small',
    connections: 32,
    variants: ['bare', 'gateway', 'gateway-10k', 'session', 'session-10k'],
  },
  {
    name: 'list-32',
    title: 'a page of 10 of 10 and of 10,000 combined tools, 32 connections',
    way: 'combined',
    tool: 'list',
    connections: 32,
    variants: ['bare', 'gateway', 'gateway-10k', 'session', 'session-10k'],
  },
];
