// Whether what came is what was expected, with everything that only came left out: `{ a: 1 }` is found in `{ a: 1, b: 2 }`.

/** A condition in place of a value; `words` say what it asks for. */
export class Condition {
  readonly words: string;
  readonly holds: (value: unknown) => boolean;

  constructor(words: string, holds: (value: unknown) => boolean) {
    this.words = words;
    this.holds = holds;
  }
}

export const absent = new Condition('absent', (value) => value === undefined);
export const anyText = new Condition('a text', (value) => typeof value === 'string' && value !== '');
export const containing = (part: string): Condition =>
  new Condition(`a text with ${JSON.stringify(part)}`, (value) => typeof value === 'string' && value.includes(part));
/** An array in which each of these is found somewhere. */
export const including = (...parts: readonly unknown[]): Condition =>
  new Condition(`an array with ${JSON.stringify(parts)}`, (value) => {
    return Array.isArray(value) && parts.every((part) => value.some((each) => differences(part, each).length === 0));
  });

/** @returns each difference in words; empty when everything expected is there. Arrays are compared in full length. */
export function differences(expected: unknown, actual: unknown, path = ''): string[] {
  if (expected instanceof Condition) {
    return expected.holds(actual) ? [] : [`${path || 'it'} should be ${expected.words}, is ${shown(actual)}`];
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return [`${path || 'it'} should be ${shown(expected)}, is ${shown(actual)}`];
    return expected.flatMap((each, i) => differences(each, actual[i], `${path}[${i}]`));
  }
  if (typeof expected === 'object' && expected !== null) {
    if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) {
      return [`${path || 'it'} should be ${shown(expected)}, is ${shown(actual)}`];
    }
    const members = actual as Record<string, unknown>;
    return Object.entries(expected).flatMap(([key, value]) => differences(value, members[key], path === '' ? key : `${path}.${key}`));
  }
  return Object.is(expected, actual) ? [] : [`${path || 'it'} should be ${shown(expected)}, is ${shown(actual)}`];
}

const SHOWN_MAX = 300;

function shown(value: unknown): string {
  const text = JSON.stringify(value, (_key, each: unknown) => (each instanceof Condition ? `<${each.words}>` : each)) ?? String(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

/** Throws the differences. */
export function expectIn(actual: unknown, expected: unknown, what = ''): void {
  const found = differences(expected, actual, what);
  if (found.length > 0) throw new Error(found.join('; '));
}
