// Runs one suite of an official runner against a URL and reads what it wrote: the checks of each scenario.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Suite } from './suites.ts';

export interface Check {
  readonly id: string;
  readonly name: string;
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  readonly errorMessage?: string;
}

/** The checks of each scenario, by its name, in the order of the run. */
export type SuiteResult = ReadonlyMap<string, readonly Check[]>;

const RESULT_FOLDER = /^server-(.+)-(\d{4}-\d{2}-\d{2}T[\d-]+Z)$/;
const SUITE_LIMIT_MS = 10 * 60 * 1000;

async function runnerOutput(suite: Suite, url: string, folder: string): Promise<string> {
  const args = [suite.runner, 'server', '--url', url, ...suite.args, '--output-dir', folder];
  const runner = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: SUITE_LIMIT_MS });
  let output = '';
  runner.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  runner.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    runner.once('error', reject);
    runner.once('close', () => resolve());
  });
  return output;
}

async function readResults(folder: string): Promise<Map<string, readonly Check[]>> {
  const entries = (await readdir(folder)).flatMap((entry) => {
    const [, scenario, time] = RESULT_FOLDER.exec(entry) ?? [];
    return scenario === undefined || time === undefined ? [] : [{ scenario, time, entry }];
  });
  entries.sort((a, b) => a.time.localeCompare(b.time));
  const results = new Map<string, readonly Check[]>();
  for (const { scenario, entry } of entries) {
    const text = await readFile(join(folder, entry, 'checks.json'), 'utf8').catch(() => '[]');
    results.set(scenario, JSON.parse(text) as Check[]);
  }
  return results;
}

/**
 * Runs the suite; the runner's exit code is not used, since it forgives what is not scored.
 * @throws Error with the runner's last words when it wrote no result at all
 */
export async function runSuite(suite: Suite, url: string): Promise<SuiteResult> {
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'));
  try {
    const output = await runnerOutput(suite, url, folder);
    const results = await readResults(folder);
    if (results.size === 0) throw new Error(`${suite.title} gave no results:\n${output.slice(-2000)}`);
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
