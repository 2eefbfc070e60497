// Everything that is wrong with the configuration is told at once: one start, one list, not one mistake per attempt.
import { AppError } from '#base/kernel';
import type { Setting } from './schema.ts';

export interface Fault {
  /** Environment name, or the key in the file. */
  readonly name: string;
  /** Where the value came from, in words. */
  readonly from: string;
  readonly problem: string;
  /** What may be written instead. */
  readonly allowed?: string;
}

/** @param hints what may be the cause but is no fault by itself, e.g. misspelt names */
export function faultsError(faults: readonly Fault[], hints: readonly string[] = []): AppError {
  const lines = faults.map((fault) => {
    const allowed = fault.allowed === undefined ? '' : ` Allowed: ${fault.allowed}.`;
    return `  ${fault.name} (${fault.from}): ${sentence(fault.problem)}${allowed}`;
  });
  const count = faults.length === 1 ? 'The configuration has a fault' : `The configuration has ${faults.length} faults`;
  return new AppError('config.invalid', [`${count}:`, ...lines, ...hints.map((hint) => `  ${hint}`)].join('\n'), { data: { faults } });
}

function sentence(text: string): string {
  return text.endsWith('?') ? text : `${text}.`;
}

const SHOWN_MAX = 60;

/** The value as it may be printed: never a secret, never credentials inside a URL. */
export function shown(setting: Setting, value: unknown): string {
  if (setting.isSecret) return 'the value (not shown)';
  const text = (typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value))).replace(/\/\/[^/@\s"]*@/g, '//***@');
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
