// The options of `npm run bench`.
import { parseArgs } from 'node:util';
import { ROWS, type Row } from './rows.ts';

export interface BenchOptions {
  readonly rounds: number;
  /** How long each variant of a row is measured in a round. */
  readonly measureMs: number;
  readonly rows: readonly Row[];
  /** Where to write the figures as JSON. */
  readonly jsonPath: string | undefined;
}

export const USAGE = `npm run bench -- [--rounds 4] [--seconds 2] [--rows ${ROWS.map((row) => row.name).join(',')}] [--json FILE]`;

/** Throws an Error that says what is wrong with them. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '2' },
      rows: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const names = values.rows?.split(',') ?? ROWS.map((row) => row.name);
  const rows = names.map((name) => {
    const row = ROWS.find((known) => known.name === name);
    if (row === undefined) throw new Error(`There is no row "${name}".`);
    return row;
  });
  return { rounds: positive('rounds', values.rounds), measureMs: positive('seconds', values.seconds) * 1000, rows, jsonPath: values.json };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0, not "${text}".`);
  return value;
}
