// Checklist point 11: what the gateway adds to a call's latency is a figure of the bench, taken against the direct path in the same round.
// How large it may be is no matter for a test; that it is measured, paired and shown is.
import { expect, test } from 'vitest';
import type { Measurement } from '../../bench/measure.ts';
import { reportLines } from '../../bench/report.ts';
import { ROWS } from '../../bench/rows.ts';
import { summarise } from '../../bench/summary.ts';

const measured = (p50Us: number, isVoid = false): Measurement => ({
  calls: 1000,
  callsPerSecond: 1000,
  p50Us,
  p99Us: p50Us * 2,
  cpuUsPerCall: 100,
  residentBytes: 1,
  proxyShare: 0.5,
  loadShare: 0.5,
  errors: 0,
  mismatches: 0,
  isVoid,
});

test('point 11: the bench measures the latency of single calls of both eras against the direct path, round by round', () => {
  const [row] = ROWS.filter(({ connections, variants }) => connections === 1 && variants.includes('direct'));
  if (row === undefined) throw new Error('no row measures single calls directly');
  expect(row.variants).toEqual(expect.arrayContaining(['direct', 'bare', 'gateway', 'session']));
  const round = (directUs: number, gatewayUs: number, isVoid = false) =>
    new Map(row.variants.map((name) => [name, name === 'direct' ? measured(directUs) : measured(gatewayUs, isVoid)]));
  // Slow rounds are slow for all of them: pairs keep their distance. A void round has none.
  const summary = summarise(row, [round(100, 300), round(1000, 1210), round(50, 270), round(1, 9000, true)]);
  for (const name of ['gateway', 'session'] as const)
    expect(summary.variants.find(({ variant }) => variant === name)?.addedP50Us).toEqual({ median: 210, min: 200, max: 220 });
  expect(summary.variants.find(({ variant }) => variant === 'direct')?.addedP50Us).toBeUndefined();
  const lines = reportLines([summary]);
  const from = lines.findIndex((line) => line.startsWith('added latency'));
  expect(lines.slice(from + 1).map((line) => line.trim().replaceAll(/\s+/g, ' '))).toEqual([
    'bare proxy 0.210 (0.200-0.220)',
    'gateway 0.210 (0.200-0.220)',
    'gateway, session 0.210 (0.200-0.220)',
  ]);
});
