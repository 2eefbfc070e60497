// `npm run bench`: what a call costs through the gateway with everything on, against a bare proxy and the upstream itself in the
// same run. Proxies have core 0, load and upstream core 1. Variants take turns within a round; each round starts fresh processes.
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { canPin } from './child.ts';
import { measureRow, runSlice } from './measure.ts';
import { readOptions, USAGE, type BenchOptions } from './options.ts';
import { reportLines } from './report.ts';
import type { Row } from './rows.ts';
import { summarise, type RoundOfRow, type RowSummary } from './summary.ts';
import { startUpstream, startVariants, type RunningVariants } from './variants.ts';

type Upstream = Awaited<ReturnType<typeof startUpstream>>;

/** For code that no call has run through yet. */
const FIRST_WARM_MS = 2_000;
const WARM_MS = 500;

/** Compiles the hot paths: every kind of call of this run, by everyone who will carry it. */
async function warmUp(variants: RunningVariants, rows: readonly Row[]): Promise<void> {
  const isSameKind = (a: Row, b: Row) => a.tool === b.tool && a.way === b.way;
  const busiest = rows.filter((row) => !rows.some((other) => isSameKind(other, row) && other.connections > row.connections));
  for (const row of busiest) {
    for (const variant of variants.carriersOf(row)) await runSlice(variant, row, 0, row.tool === 'bench_small' ? FIRST_WARM_MS : WARM_MS);
  }
}

async function runRound(upstream: Upstream, { rows, measureMs }: BenchOptions): Promise<RoundOfRow[]> {
  const variants = await startVariants(upstream, rows);
  try {
    await warmUp(variants, rows);
    const round: RoundOfRow[] = [];
    for (const row of rows) round.push(await measureRow(row, variants.carriersOf(row), measureMs));
    return round;
  } finally {
    await variants.stop();
  }
}

async function run(options: BenchOptions): Promise<RowSummary[]> {
  const upstream = await startUpstream();
  try {
    const rounds: RoundOfRow[][] = [];
    for (let number = 1; number <= options.rounds; number++) {
      process.stderr.write(`round ${number} of ${options.rounds}\n`);
      rounds.push(await runRound(upstream, options));
    }
    return options.rows.map((row, index) =>
      summarise(
        row,
        rounds.flatMap((round) => round[index] ?? []),
      ),
    );
  } finally {
    await upstream.stop();
  }
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

function readOptionsOrExit(): BenchOptions {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    return fail(`${(error as Error).message}\n${USAGE}`);
  }
}

if (process.platform !== 'linux') fail("The bench reads CPU time from Linux's /proc; there is no such thing here.");
const options = readOptionsOrExit();
const summaries = await run(options);
const cores = canPin ? 'proxies on core 0, load and upstream on core 1' : 'nothing pinned (no taskset)';
console.log(`Node ${process.versions.node}, ${availableParallelism()} cores of ${cpus()[0]?.model ?? 'an unknown make'}, ${cores}`);
console.log(`${options.rounds} rounds of ${options.measureMs / 1000} s; medians (min-max); "x bare" is CPU per call within a round\n`);
for (const line of reportLines(summaries)) console.log(line);
if (options.jsonPath !== undefined)
  writeFileSync(options.jsonPath, `${JSON.stringify({ node: process.versions.node, rows: summaries }, undefined, 2)}\n`);
const hasFailed = summaries.some(({ variants }) => variants.some(({ errors, mismatches }) => errors + mismatches > 0));
process.exitCode = hasFailed ? 1 : 0;
