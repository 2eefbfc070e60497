// The figures as a table for people. CPU per call first: it is what is judged; the rest explains it.
import type { Spread } from './spread.ts';
import type { RowSummary, VariantSummary } from './summary.ts';

const TITLES = {
  direct: 'direct',
  bare: 'bare proxy',
  gateway: 'gateway',
  session: 'gateway, session',
  'gateway-10k': 'gateway, 10,000',
  'session-10k': 'gateway, session, 10,000',
} as const;
const HEADINGS = ['', 'CPU us/call', 'x bare', 'calls/s', 'p50 ms', 'p99 ms', 'RSS MB', 'core', 'load core', ''];
/** Below this share of its core a proxy that should be busy was kept from it by somebody else. */
const CROWDED = 0.9;
const BUSY_CONNECTIONS = 8;

export function reportLines(summaries: readonly RowSummary[]): string[] {
  const table: string[][] = [HEADINGS];
  for (const { row, variants } of summaries) {
    table.push([row.title]);
    for (const summary of variants) table.push(cells(summary, row.connections));
  }
  const first = summaries.find(({ row }) => row.connections === 1);
  const added = first?.variants.filter((summary) => summary.addedP50Us !== undefined) ?? [];
  if (added.length > 0) table.push(['added latency, p50 over direct at 1 connection']);
  for (const { variant, addedP50Us } of added) table.push([`  ${TITLES[variant]}`, '', '', '', spread(addedP50Us, 3, 1 / 1000)]);
  return align(table);
}

function cells(summary: VariantSummary, connections: number): string[] {
  const isIdle = summary.variant !== 'direct' && connections >= BUSY_CONNECTIONS && summary.proxyShare.median < CROWDED;
  const notes = [
    summary.errors > 0 ? `${summary.errors} FAILED` : '',
    summary.mismatches > 0 ? `${summary.mismatches} CROSSED` : '',
    summary.voidRounds > 0 ? `${summary.voidRounds} rounds void (load saturated)` : '',
    isIdle ? 'had not all of its core' : '',
  ];
  return [
    `  ${TITLES[summary.variant]}`,
    spread(summary.cpuUsPerCall, 1),
    spread(summary.ratioToBare, 2),
    spread(summary.callsPerSecond, 0),
    spread(summary.p50Us, 3, 1 / 1000),
    fixed(summary.p99Us.median / 1000, 2),
    fixed(summary.residentBytes.median / 1048576, 0),
    summary.variant === 'direct' ? '' : fixed(summary.proxyShare.median * 100, 0, '%'),
    fixed(summary.loadShare.median * 100, 0, '%'),
    notes.filter((note) => note !== '').join(', '),
  ];
}

function spread(figures: Spread | undefined, digits: number, scale = 1): string {
  if (figures === undefined) return '';
  const text = (value: number): string => fixed(value * scale, digits);
  return `${text(figures.median)} (${text(figures.min)}-${text(figures.max)})`;
}

function fixed(value: number, digits: number, unit = ''): string {
  return Number.isNaN(value) ? '-' : `${value.toFixed(digits)}${unit}`;
}

/** Titles stand alone on their line; figures are aligned to the right. */
function align(table: readonly string[][]): string[] {
  const widths: number[] = [];
  for (const line of table) {
    if (line.length > 1) line.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  }
  const last = HEADINGS.length - 1;
  return table.map((line) =>
    line.length === 1
      ? `${line[0]}`
      : line
          .map((cell, column) => (column === 0 || column === last ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
          .join('  ')
          .trimEnd(),
  );
}
