// The checklist itself: 60 points, and each has a test that bears its number. What a later step of the work brings is named here, so
// that a point can only be left out in the open.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const POINTS = 60;
/** Audiences and scopes, protected-resource metadata, challenges of upstreams: they come with identity. */
const LATER: ReadonlySet<number> = new Set([55, 56, 57]);
/** `point 07: …`, `points 28, 41: …`, `47 · …`, at the beginning of a title. */
const TITLE = /['"`](?:points? )?(\d{2}(?:(?:, | and )\d{2})*)(?::| ·) /g;

/** Which files have a test that bears this number. */
function filesByPoint(): Map<number, Set<string>> {
  const files = new Map<number, Set<string>>();
  for (const path of globSync('{src,test}/**/*.test.ts', { cwd: ROOT })) {
    for (const [, numbers = ''] of readFileSync(join(ROOT, path), 'utf8').matchAll(TITLE)) {
      for (const number of numbers.split(/, | and /).map(Number)) files.set(number, (files.get(number) ?? new Set()).add(path));
    }
  }
  return files;
}

test('every point of the checklist but those of identity has a test that bears its number, and no number is made up', () => {
  const files = filesByPoint();
  const all = Array.from({ length: POINTS }, (_, i) => i + 1);
  expect(all.filter((point) => !files.has(point) && !LATER.has(point))).toEqual([]);
  expect([...files.keys()].filter((point) => point > POINTS || LATER.has(point))).toEqual([]);
});

test('no test of the checklist is left out when it runs', () => {
  for (const path of new Set([...filesByPoint().values()].flatMap((paths) => [...paths]))) {
    expect(readFileSync(join(ROOT, path), 'utf8'), path).not.toMatch(/\b(test|describe|it)\.(skip|only|todo|fails)\b/);
  }
});
