// The three official suites and what the fixture must reach in each when nothing stands in between.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export interface Suite {
  readonly title: string;
  /** The runner's command line file. */
  readonly runner: string;
  readonly args: readonly string[];
  /** Scenarios that must pass directly, as a count. */
  readonly goal: number;
  /** Scenarios that must pass directly, by name. */
  readonly required: readonly string[];
}

const packages = new URL('../../node_modules/', import.meta.url);
const runnerOf = (name: string) => fileURLToPath(new URL(`${name}/dist/index.js`, packages));

function requiredServerScenarios(revision: string): string[] {
  const text = readFileSync(new URL(`conformance-next/requirements/${revision}.yaml`, packages), 'utf8');
  return (parse(text) as { server: string[] }).server;
}

export const suites: readonly Suite[] = [
  {
    title: '0.1.16 --suite all',
    runner: runnerOf('conformance-legacy'),
    args: ['--suite', 'all'],
    goal: 32,
    required: [],
  },
  {
    title: '0.2.0-alpha.12 --requirements 2025-11-25',
    runner: runnerOf('conformance-next'),
    args: ['--requirements', '2025-11-25'],
    goal: 33,
    required: requiredServerScenarios('2025-11-25'),
  },
  {
    title: '0.2.0-alpha.12 --requirements 2026-07-28',
    runner: runnerOf('conformance-next'),
    args: ['--requirements', '2026-07-28'],
    goal: 41,
    required: requiredServerScenarios('2026-07-28'),
  },
];
