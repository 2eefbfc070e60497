// docs/reference/conformance.md: the matrix and the official suites as they came out. The same run gives the same text: no times, no dates.
import type { SuiteRun } from './report.ts';
import { tally } from './verdict.ts';
import type { JudgedCell, Judgement } from './matrix/judge.ts';
import { exists, REVISIONS, SERVER_KINDS, TRANSPORTS } from './matrix/revisions.ts';
import type { Cell } from './matrix/revisions.ts';
import { scenarios } from './matrix/scenarios/index.ts';
import type { Needs } from './matrix/scenario.ts';

const HEAD = `# Conformance

Written by \`npm run conformance\` (see [how to run it](../how-to/run-conformance-and-bench.md)); do not edit. Every client of every revision
works with every upstream of every revision, over every transport, through a mirror and through a combined server. A cell says how many
scenarios passed of those that mean something there: a client that does not know forms is not asked to fill one in. Clients of 2024-11-05
use HTTP+SSE, all others streamable HTTP. No upstream of 2026-07-28 is reached over HTTP+SSE, which ended before it.
`;

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

function cellText(cell: JudgedCell | undefined, notes: readonly string[]): string {
  if (cell === undefined) return 'not played';
  const { played, passed, failed, excused } = cell;
  const marks = [...new Set(excused.map(({ excuse }) => notes.indexOf(excuse.because) + 1))].toSorted((a, b) => a - b);
  return `${failed.length > 0 ? '**FAILED** ' : ''}${passed}/${played}${marks.map((mark) => ` [${mark}]`).join('')}`;
}

function matrixText({ cells }: Judgement): string {
  const notes = [...new Set(cells.flatMap(({ excused }) => excused.map(({ excuse }) => excuse.because)))];
  const find = (wanted: Cell) => cells.find(({ cell }) => (Object.keys(wanted) as (keyof Cell)[]).every((axis) => cell[axis] === wanted[axis]));
  const parts = TRANSPORTS.flatMap((transport) =>
    SERVER_KINDS.map((kind) => {
      const upstreams = REVISIONS.filter((upstream) => exists({ upstream, transport }));
      const rows = REVISIONS.map((client) => [client, ...upstreams.map((upstream) => cellText(find({ client, upstream, transport, kind }), notes))]);
      return `### Upstream over ${transport}, ${kind === 'mirror' ? 'a mirror' : 'a combined server'}\n\n${table(['client \\ upstream', ...upstreams], rows)}`;
    }),
  );
  const reasons = notes.length === 0 ? 'Nothing failed.' : notes.map((because, i) => `- [${i + 1}] ${because}`).join('\n');
  return `${parts.join('\n\n')}\n\n### What cannot be\n\n${reasons}`;
}

function needsText({ client, upstream, clientEra, upstreamEra, kind, isOverStreamableHttp }: Needs = {}): string {
  const era = { legacy: 'of a revision with sessions', modern: 'of 2026-07-28' };
  return [
    ...(client === undefined ? [] : [`client from ${client} on`]),
    ...(upstream === undefined ? [] : [`upstream from ${upstream} on`]),
    ...(clientEra === undefined ? [] : [`client ${era[clientEra]}`]),
    ...(upstreamEra === undefined ? [] : [`upstream ${era[upstreamEra]}`]),
    ...(kind === undefined ? [] : [kind === 'mirror' ? 'mirrors' : 'combined servers']),
    ...(isOverStreamableHttp === undefined ? [] : ['client over streamable HTTP']),
  ].join(', ');
}

function scenariosText(): string {
  const topics = [...new Set(scenarios.map(({ topic }) => topic))];
  const rows = topics.flatMap((topic) =>
    scenarios.filter((each) => each.topic === topic).map(({ id, says, needs }, i) => [i === 0 ? topic : '', `\`${id}\``, says, needsText(needs)]),
  );
  return table(['', 'scenario', 'what must be so', 'where'], rows);
}

/** What may fail for a reason may also pass by chance: it is left out of the counts. */
function officialText(runs: readonly SuiteRun[]): string {
  const rows = runs.flatMap(({ suite, direct, mirrors }) => {
    const passes = (checks: readonly { status: string }[] | undefined) => checks !== undefined && !checks.some(({ status }) => status === 'FAILURE');
    const judged = [...direct].filter(([, checks]) => tally(checks).passed > 0).map(([name]) => name);
    const directRow = [suite.title, 'directly', `${judged.filter((name) => passes(direct.get(name))).length}/${judged.length}`, ''];
    return [
      directRow,
      ...mirrors.map(({ title, result, excused }) => {
        const counted = judged.filter((name) => excused[name] === undefined);
        const left = judged.filter((name) => excused[name] !== undefined);
        const why = left.map((name) => `\`${name}\`: ${excused[name] ?? ''}`).join('; ');
        return ['', title, `${counted.filter((name) => passes(result.get(name))).length}/${counted.length}`, why];
      }),
    ];
  });
  return table(['suite', 'upstream', 'scenarios', 'left out, and why'], rows);
}

/** The whole document. */
export function conformanceDocument(judgement: Judgement, runs: readonly SuiteRun[]): string {
  return `${HEAD}
## Client and upstream revisions

${matrixText(judgement)}

## The official suites through a mirror

The official runners of the conformance project, against the test server of this repository directly and through a mirror of it. A scenario
passes when no check of it fails.

${officialText(runs)}

## What is played in a cell

${scenariosText()}
`;
}
